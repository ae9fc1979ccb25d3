"""What every format has, and what formats and jobs are made of."""

from typing import Annotated, Any, Literal, Self

import polars as pl
import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from exports.file_names import FileName
from warehouse.schemas.registers import UNITS

Content = Literal["readings", "hourly", "daily", "monthly", "yearly"]
"""Registers at their reading times, or consumption per local period."""

ReadingKind = Literal["all", "current", "logged"]
"""Readings of any kind; those that were current when they came; those that a meter's logger kept."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Model(BaseModel):
    """A part of a format or a job: settings that are all known, and never changed once read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        strange = [str(name) for name in given if name not in known] if isinstance(given, dict) else []
        if strange:
            raise ValueError(f"{strange[0]!r} is no setting here; there are {', '.join(known)}")
        return given

    def written(self) -> str:
        """The same as a YAML document, which reads back as the same; what is not set is left out."""
        settings = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        return str(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))


class BaseFormat(Model):
    """What every layout has.

    Attributes:
        layout: Which layout.
        title: What people call it.
        content: What a row is.
        reading_kind: Which readings go out; of content ``readings`` only.
        registers: Canonical registers that go out; ``None`` for all.
        file_name: Template, see :mod:`exports.file_names`.
    """

    layout: str
    title: Annotated[str, Field(min_length=1, max_length=100)]
    content: Content = "readings"
    reading_kind: ReadingKind = "all"
    registers: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    file_name: FileName

    @field_validator("registers")
    @classmethod
    def _known_registers(cls, registers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        strange = sorted(set(registers or ()) - set(UNITS))
        if strange:
            raise ValueError(f"there is no register {strange[0]!r}; there are {', '.join(UNITS)}")
        return registers

    @model_validator(mode="after")
    def _readings_have_kinds(self) -> Self:
        if self.reading_kind != "all" and self.content != "readings":
            raise ValueError("reading_kind: only readings have kinds, consumption has none")
        return self

    def takes(self) -> pl.Expr:
        """Whether a row's kind of reading goes out, by ``source``."""
        logged = pl.col("source").eq_missing("logger")
        return {"all": pl.lit(value=True), "current": ~logged, "logged": logged}[self.reading_kind]
