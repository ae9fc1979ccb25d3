"""Formats: YAML documents that say what a file for billing looks like.

Each layout has a model of its own, told apart by ``layout``; :mod:`exports.writing` calls its writer.
"""

from typing import Annotated, Literal

import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field

Content = Literal["readings", "hourly", "daily", "monthly", "yearly"]
"""Registers at their reading times, or consumption per local period."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Model(BaseModel):
    """A part of a format or a job: settings that are all known, and never changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def written(self) -> str:
        """The same as a YAML document, which reads back as the same; what is not set is left out."""
        return str(yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True))


class BaseFormat(Model):
    """What every layout has.

    Attributes:
        layout: Which layout.
        title: What people call it.
        content: What a row is.
        registers: Canonical registers that go out; ``None`` for all.
        file_name: Template, see :mod:`exports.file_names`.
    """

    layout: str
    title: Annotated[str, Field(min_length=1, max_length=100)]
    content: Content = "readings"
    registers: tuple[str, ...] | None = None
    file_name: Annotated[str, Field(min_length=1, max_length=200)]
