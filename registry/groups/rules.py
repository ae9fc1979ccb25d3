"""Rules: which metering points belong to a group by what they are, as data.

A rule is JSON such as::

    {"match": "all", "conditions": [
        {"field": "medium", "test": "is", "values": ["water"]},
        {"field": "installed_at", "from": "2025-01-01", "before": "2026-01-01"}]}
"""

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from registry.groups.errors import GroupError
from warehouse.transforms.calendar import local_days

TextField = Literal[
    "medium",
    "manufacturer",
    "model",
    "device_type",
    "state",
    "role",
    "metering_point",
    "meter_id",
    "postal_code",
    "city",
]
PLACES = frozenset({"postal_code", "city"})
"""Fields of a customer's address: they are compared inside the registry, and their values stand nowhere else."""

_Value = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class TextCondition(_Strict):
    """Compares a text with any of several values, whatever their case.

    Attributes:
        field: What is compared.
        test: How; ``is_not`` holds where the text is none of the values or is missing, the others never hold then.
        values: What it is compared with.
    """

    field: TextField
    test: Literal["is", "is_not", "starts_with", "contains"] = "is"
    values: Annotated[tuple[_Value, ...], Field(min_length=1, max_length=1000)]

    def holds(self) -> pl.Expr:
        """The condition, on rows of the inventory."""
        text, values = pl.col(f"lower:{self.field}"), [value.lower() for value in self.values]
        match self.test:
            case "is":
                return text.is_in(values).fill_null(value=False)
            case "is_not":
                return ~text.is_in(values).fill_null(value=False)
            case "starts_with":
                found = [text.str.starts_with(value) for value in values]
            case _:
                found = [text.str.contains(value, literal=True) for value in values]
        return pl.any_horizontal(found).fill_null(value=False)


class InstalledCondition(_Strict):
    """The meter was installed in a period.

    Attributes:
        field: ``installed_at``.
        from_: First instant; a date means its start in the utility's zone.
        before: Instant that it was before; null for no end.
    """

    field: Literal["installed_at"]
    from_: Annotated[AwareDatetime | None, Field(alias="from")] = None
    before: AwareDatetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _dates_are_local(cls, values: Any, info: ValidationInfo) -> Any:
        zone = (info.context or {}).get("zone")
        if not isinstance(values, dict) or zone is None:
            return values
        return {name: _start_of_day(value, zone) if name != "field" else value for name, value in values.items()}

    @model_validator(mode="after")
    def _has_an_end(self) -> "InstalledCondition":
        if self.from_ is None and self.before is None:
            raise ValueError("give from, before or both")
        return self

    def holds(self) -> pl.Expr:
        """The condition, on rows of the inventory."""
        at = pl.col("installed_at")
        return pl.all_horizontal(
            *([at >= self.from_] if self.from_ else []), *([at < self.before] if self.before else [])
        )


Condition = Annotated[TextCondition | InstalledCondition, Field(discriminator="field")]


class Rule(_Strict):
    """Conditions on a point and its meter, of which all or any must hold.

    Attributes:
        match: ``all`` or ``any``.
        conditions: At least one.
    """

    match: Literal["all", "any"] = "all"
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=100)]

    def holds(self) -> pl.Expr:
        """The rule, on rows of the inventory."""
        each = [condition.holds() for condition in self.conditions]
        return pl.all_horizontal(each) if self.match == "all" else pl.any_horizontal(each)

    def stored(self) -> str:
        """The rule as the registry keeps it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def told(self) -> str:
        """The rule as the audit log tells it: of addresses only how many values are compared."""
        conditions = [
            {**condition.model_dump(mode="json", by_alias=True, exclude_none=True), **_hidden(condition)}
            for condition in self.conditions
        ]
        return f"{self.match} of {conditions}"


def read_rule(text: str | bytes, zone: ZoneInfo | None = None) -> Rule:
    """Reads a rule.

    Args:
        text: JSON.
        zone: Zone of dates; without it times must have an offset.

    Returns:
        The rule.

    Raises:
        GroupError: The text is no rule; the message names each place that is wrong, and no value.
    """
    try:
        return Rule.model_validate_json(text, context={"zone": zone})
    except ValidationError as exc:
        wrong = "; ".join(sorted({f"{_place(error['loc'])}: {error['msg']}" for error in exc.errors()}))
        raise GroupError(f"This is no rule of a group: {wrong}. See docs/groups.md.") from None


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "JSON"


def _start_of_day(value: Any, zone: ZoneInfo) -> Any:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    days = local_days(day, day, zone)
    return days["start"][0] if days.height else value


def _hidden(condition: TextCondition | InstalledCondition) -> dict[str, str]:
    if isinstance(condition, TextCondition) and condition.field in PLACES:
        return {"values": f"{len(condition.values)} not shown"}
    return {}
