"""Columns as texts: numbers by integer arithmetic, never through floats; instants in a zone; codes by tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import polars as pl

from exports.base import Model
from exports.columns import Column, DecimalMark, Missing, Rounding, ThousandsMark, TimeFormat, TimeZone
from exports.errors import ExportError
from exports.naming import named
from warehouse.transforms.exact import millionths

_PLACES = 6
"""Decimals that export rows have."""


class Manner(Model):
    """How columns are written that do not say it themselves; settings as of :class:`exports.columns.Column`."""

    missing: Missing = ""
    rounding: Rounding = "half_up"
    decimal_mark: DecimalMark = "."
    thousands_mark: ThousandsMark = ""
    time_format: TimeFormat = "%Y-%m-%dT%H:%M:%S%:z"
    time_zone: TimeZone = "utility"

    def marks(self, column: Column) -> tuple[str, str]:
        """Decimal and thousands mark of a column."""
        return (
            self.decimal_mark if column.decimal_mark is None else column.decimal_mark,
            self.thousands_mark if column.thousands_mark is None else column.thousands_mark,
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows that a column cannot be written for: they refuse the file.

    Attributes:
        column: What messages call the column.
        where: Which rows, as an expression over them.
        reason: What is wrong, as the end of a sentence.
    """

    column: str
    where: pl.Expr
    reason: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written.

    Attributes:
        whole: It as a whole number of ``10**-decimals``.
        decimals: Decimals.
        is_short: Whether zeros at its end go.
    """

    whole: pl.Expr
    decimals: int
    is_short: bool


NOTHING = Number(pl.lit(0), 0, is_short=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A column as text.

    Attributes:
        body: The text without sign, null where there is no value.
        before: Sign before it; ``None`` where it has none.
        after: Sign after it; ``None`` where it has none.
        missing: What stands where there is no value.
        faults: What must not be.
        number: What is written, as a number; ``None`` of what is none.
    """

    body: pl.Expr
    missing: str
    before: pl.Expr | None = None
    after: pl.Expr | None = None
    faults: tuple[Fault, ...] = ()
    number: Number | None = None

    @property
    def whole(self) -> pl.Expr:
        """Sign and text, null where there is no value."""
        parts = [part for part in (self.before, self.body, self.after) if part is not None]
        return self.body if len(parts) == 1 else pl.concat_str(parts)

    def with_body(self, body: pl.Expr) -> "Text":
        """The same sign around another text."""
        return replace(self, body=body)


def text_of(column: Column, manner: Manner, zone: ZoneInfo) -> Text:
    """A column as text.

    Args:
        column: The column.
        manner: How it is written where it does not say so.
        zone: The utility's zone.

    Returns:
        Expressions over export rows, or over readings with their registers side by side.
    """
    missing = column.missing if column.missing is not None else manner.missing
    if column.variable is None:
        return Text(pl.lit(column.constant or None, pl.String), missing="")
    if column.kind == "number":
        return _number(column, column.variable, manner, missing)
    if column.kind == "time":
        zoned = "UTC" if (column.time_zone or manner.time_zone) == "utc" else zone.key
        local = pl.col(column.variable).dt.convert_time_zone(zoned)
        return Text(local.dt.strftime(column.time_format or manner.time_format), missing)
    return _text(column, column.variable, missing)


def refuse(rows: pl.DataFrame, faults: Sequence[Fault]) -> None:
    """Refuses rows that cannot be written.

    Args:
        rows: Rows that the faults are about.
        faults: What must not be.

    Raises:
        ExportError: There is such a row; the message names the first one of the first fault, column and reason.
    """
    found = rows.select(fault.where.any().alias(str(number)) for number, fault in enumerate(faults))
    for number, fault in enumerate(faults):
        if found[str(number)].item():
            raise ExportError(f"{named(rows.filter(fault.where))}, column {fault.column}: {fault.reason}.")


def _number(column: Column, variable: str, manner: Manner, missing: str) -> Text:
    power = column.power or 0
    decimals = max(0, _PLACES - power) if column.decimals is None else column.decimals
    mark, thousands = manner.marks(column)
    given = millionths(variable)
    shift = power - _PLACES + decimals
    unit = 10 ** abs(shift)
    if shift < 0:
        digits = (given.abs() + unit // 2) // unit  # half away from zero
    elif shift > 0:
        digits = given.abs().cast(pl.Int128) * pl.lit(unit, pl.Int128)
    else:
        digits = given.abs()
    faults = []
    if shift < 0 and (column.rounding or manner.rounding) == "exact":
        lost = f"the value has more than {decimals} decimals, and rounding is exact"
        faults.append(Fault(column.label, given % unit != 0, lost))
    negative = (given < 0) & (digits != 0)
    sign = pl.when(negative).then(pl.lit("-")).otherwise(pl.lit(column.plus or ""))
    if column.sign == "none":
        faults.append(Fault(column.label, negative, "the value is negative, and sign is none"))
    body = _marked(digits, decimals, mark, thousands, is_short=column.decimals is None)
    return Text(
        body,
        missing,
        before=sign if column.sign in (None, "leading") else None,
        after=sign if column.sign == "trailing" else None,
        faults=tuple(faults),
        number=Number(pl.when(negative).then(-digits).otherwise(digits), decimals, column.decimals is None),
    )


def _marked(digits: pl.Expr, decimals: int, mark: str, thousands: str, *, is_short: bool) -> pl.Expr:
    """Whole numbers of ``10**-decimals`` with their marks; zeros at the end go where they need not stand."""
    if not mark or not decimals:
        return _grouped(digits.cast(pl.String), thousands)
    unit = pl.lit(10**decimals, pl.Int64)
    whole = _grouped((digits // unit).cast(pl.String), thousands)
    part = (digits % unit).cast(pl.String).str.pad_start(decimals, "0")
    if not is_short:
        return pl.concat_str(whole, pl.lit(mark), part)
    return pl.concat_str(whole, pl.concat_str(pl.lit(mark), part.str.strip_chars_end("0")).str.strip_suffix(mark))


def _grouped(whole: pl.Expr, mark: str) -> pl.Expr:
    if not mark:
        return whole
    return whole.str.reverse().str.replace_all(r"(\d{3})", "${1}" + mark).str.strip_suffix(mark).str.reverse()


def _text(column: Column, variable: str, missing: str) -> Text:
    given = pl.col(variable)
    body: pl.Expr = pl.when(given != "").then(given)
    faults: tuple[Fault, ...] = ()
    if column.map is not None:
        mapped = body.replace_strict(column.map, default=column.otherwise, return_dtype=pl.String)
        if column.otherwise is None:
            known = ", ".join(column.map)
            reason = f"map has no text for it; it has one for {known}, and else would be one for the others"
            faults = (Fault(column.label, (given != "") & mapped.is_null(), reason),)
        else:
            mapped = pl.when(body.is_not_null()).then(mapped)
        body = mapped
    if column.case is not None:
        body = body.str.to_uppercase() if column.case == "upper" else body.str.to_lowercase()
    if column.zero_pad is not None:
        body = body.str.pad_start(column.zero_pad, "0")
    return Text(body, missing, faults=faults)
