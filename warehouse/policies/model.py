"""The base of all policies."""

from pydantic import BaseModel, ConfigDict


class PolicyModel(BaseModel):
    """A policy or a part of one: settings that are all known, and never changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
