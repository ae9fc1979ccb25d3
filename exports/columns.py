"""Columns of formats that are texts: what stands in them, and how it is written."""

import re
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import AfterValidator, Field, StrictInt, model_validator

from exports.base import Model
from exports.variables import FIELD_PREFIX, SCHEMA
from warehouse.schemas.registers import UNITS
from warehouse.schemas.table import INSTANT, REGISTER

Kind = Literal["number", "time", "text"]
Rounding = Literal["half_up", "exact"]
DecimalMark = Literal[".", ",", ""]
ThousandsMark = Literal["", ".", ",", " ", "'"]
TimeZone = Literal["utility", "utc"]

OWN = (
    "register",
    "consumption_type",
    "obis",
    "unit",
    "value",
    "quality",
    "method",
    "source",
    "received_at",
    "known_from",
)
"""Variables that each register has for itself; the others are those of meter, place and instant."""

_KINDS: dict[pl.DataType | type[pl.DataType], Kind] = {REGISTER: "number", INSTANT: "time", pl.String: "text"}
_OF_KIND: dict[Kind, tuple[str, ...]] = {
    "number": ("power", "decimals", "rounding", "decimal_mark", "thousands_mark", "sign", "plus"),
    "time": ("time_format", "time_zone"),
    "text": ("case", "zero_pad", "map", "otherwise"),
}
_TIME = re.compile(r"(?:%(?:[YymdHMSjGVuIpsz%]|:z|[36]f)|[^%])+")
_ZERO = re.compile(r"[+-]?[0 .,']*0[0 .,']*[+-]?")


def _time_format(form: str) -> str:
    if not _TIME.fullmatch(form):
        raise ValueError(
            "it is made of %Y %y %m %d %H %M %S %3f %6f %z %:z %j %G %V %u %I %p %s %% and other characters"
        )
    return form


def _missing(token: str) -> str:
    if _ZERO.fullmatch(token):
        raise ValueError("what is missing is not zero; choose another text, or none")
    return token


TimeFormat = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_time_format)]
Missing = Annotated[str, Field(max_length=40), AfterValidator(_missing)]
"""What stands where there is no value."""


class Column(Model):
    """A column: a variable or a constant. What is ``None`` is as the format says.

    Attributes:
        variable: A variable of :mod:`exports.variables` or a field of the utility's own (``field:<name>``); where a row
            is a reading, a register (``volume_m3``) or what it has for itself (``volume_m3.quality``).
        constant: A text instead.
        missing: What stands where there is no value.
        power: Power of ten by which numbers are multiplied: -3 makes MWh of kWh, 3 litres of cubic metres.
        decimals: Decimals of numbers; ``None`` for as many as there are.
        rounding: ``half_up`` rounds half away from zero, ``exact`` refuses the file where digits would be lost.
        decimal_mark: Empty for none: the decimals are implied.
        thousands_mark: Between groups of three digits; empty for none.
        sign: Where the sign of numbers stands; ``none`` refuses negative ones.
        plus: What stands in place of the minus of numbers that are not negative.
        time_format: Form of instants, as of ``strftime``.
        time_zone: ``utility`` or ``utc``.
        case: Upper or lower case of texts.
        zero_pad: Texts get zeros in front until they are this long.
        map: The text that stands for each text.
        otherwise: The text that stands for those that ``map`` has not, called ``else`` in documents; without it they
            refuse the file.
    """

    variable: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    constant: Annotated[str, Field(max_length=200)] | None = None
    missing: Missing | None = None
    power: Annotated[StrictInt, Field(ge=-9, le=9)] | None = None
    decimals: Annotated[StrictInt, Field(ge=0, le=9)] | None = None
    rounding: Rounding | None = None
    decimal_mark: DecimalMark | None = None
    thousands_mark: ThousandsMark | None = None
    sign: Literal["leading", "trailing", "none"] | None = None
    plus: Literal["", " ", "+"] | None = None
    time_format: TimeFormat | None = None
    time_zone: TimeZone | None = None
    case: Literal["upper", "lower"] | None = None
    zero_pad: Annotated[StrictInt, Field(ge=1, le=40)] | None = None
    map: Annotated[dict[str, str], Field(min_length=1, max_length=500)] | None = None
    otherwise: Annotated[Annotated[str, Field(max_length=200)] | None, Field(alias="else")] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.variable is None) == (self.constant is None):
            raise ValueError("a column has either a variable or a constant")
        if self.variable is not None:
            _refuse_unknown(self.variable)
        kind = self.kind
        for other, names in _OF_KIND.items():
            wrong = [name for name in names if getattr(self, name) is not None and other != kind]
            if wrong:
                raise ValueError(f"{wrong[0]}: it is of a column with a {other}, this one has a {kind}")
        if self.otherwise is not None and self.map is None:
            raise ValueError("else: without map it does nothing")
        if self.constant is not None and (self.map or self.zero_pad or self.case or self.missing is not None):
            raise ValueError("constant: it stands as it is, without map, zero_pad, case and missing")
        return self

    @property
    def kind(self) -> Kind:
        """What the column holds."""
        return "text" if self.variable is None else kind_of(self.variable)

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"constant {self.constant!r}" if self.variable is None else self.variable


def register_of(variable: str) -> str | None:
    """The register whose own variable it is; ``None`` for the others."""
    register = variable.partition(".")[0]
    return register if register in UNITS else None


def own_of(variable: str) -> str:
    """Which of :data:`OWN` a register's own variable is: ``volume_m3`` itself is its value."""
    return variable.partition(".")[2] or "value"


def kind_of(variable: str) -> Kind:
    """What a variable holds."""
    if variable.startswith(FIELD_PREFIX):
        return "text"
    return _KINDS[SCHEMA[own_of(variable) if register_of(variable) else variable]]


def _refuse_unknown(variable: str) -> None:
    known = variable in SCHEMA or (variable.startswith(FIELD_PREFIX) and variable != FIELD_PREFIX)
    if not known and (register_of(variable) is None or own_of(variable) not in OWN):
        raise ValueError(
            f"variable: there is no {variable!r}; there are {', '.join(SCHEMA)}, {FIELD_PREFIX}<name>, "
            "<register> and <register>.<variable>"
        )
