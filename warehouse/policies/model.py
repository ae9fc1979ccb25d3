"""The base of all policies."""

import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict


class PolicyModel(BaseModel):
    """A policy or a part of one: settings that are all known, and never changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def written(self) -> str:
        """The policy as a YAML document, which reads back as the same policy; what is not set is left out."""
        return str(yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True))
