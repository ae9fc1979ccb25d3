"""What the layouts of markets share: codes of qualities, identifiers, and rows that a layout cannot express."""

from collections.abc import Mapping
from string import Formatter
from typing import Annotated
from zoneinfo import ZoneInfo

import polars as pl
from pydantic import AfterValidator, Field

from exports.base import BaseFormat
from exports.columns import Column
from exports.errors import ExportError
from exports.naming import named
from exports.texts import Manner, text_of
from exports.variables import FIELD_PREFIX, VARIABLES
from warehouse.schemas.registers import UNITS

_IDENTIFIERS = frozenset(
    variable.name for variable in VARIABLES if variable.dtype == pl.String and not variable.is_personal
)


def _identifier(name: str) -> str:
    if name not in _IDENTIFIERS and not name.startswith(FIELD_PREFIX):
        raise ValueError(f"no text of a meter or metering point: {name}; a field of your own is written field:NAME")
    return name


def _register(name: str) -> str:
    if name not in UNITS:
        raise ValueError(f"there is no register {name!r}; there are {', '.join(UNITS)}")
    return name


Quality = Annotated[str, Field(pattern=r"^[MAXFIERN](:[A-Z_]+)?$")]
"""A quality letter, or a letter and a method: ``I:LIN``."""

Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z.]{1,20}$")]
"""A market's code of a quality."""

Register = Annotated[str, AfterValidator(_register)]
"""A canonical register."""

Identifier = Annotated[str, AfterValidator(_identifier)]
"""A variable that names a place, a meter or a series; never one of a person."""


class SkippingFormat(BaseFormat):
    """What layouts have that cannot express every row.

    Attributes:
        skip_unmapped: Rows that the layout cannot express are left out; otherwise the first of them fails the file.
    """

    skip_unmapped: bool = False


class MarketFormat(SkippingFormat):
    """What layouts have that say with a code of their own how good a value is.

    Attributes:
        qualities: The market's code by quality letter, or by letter and method as in ``I:LIN``, which goes first; what
            is not named stays as the layout has it.
    """

    qualities: Mapping[Quality, Code] = {}


def coded(form: MarketFormat, codes: Mapping[str, str]) -> pl.Expr:
    """The market's code of each row's quality; null where it has none.

    Args:
        form: The format, whose own codes go before the layout's.
        codes: The layout's.
    """
    kept = {quality: code for quality, code in codes.items() if quality.partition(":")[0] not in form.qualities}
    known = {**kept, **form.qualities}
    by_method = pl.concat_str("quality", pl.lit(":"), "method")
    return pl.coalesce(
        *(key.replace_strict(known, default=None, return_dtype=pl.String) for key in (by_method, pl.col("quality")))
    )


def mapped(column: str, values: Mapping[str, str]) -> pl.Expr:
    """What a column's texts stand for; null where nothing is said."""
    return pl.col(column).replace_strict(values, default=None, return_dtype=pl.String)


def number(decimals: int, power: int = 0) -> pl.Expr:
    """Values with a fixed number of decimals, rounded half away from zero; null where there is none.

    Args:
        decimals: How many.
        power: Power of ten by which the value is multiplied first: -3 makes MWh of kWh.
    """
    return text_of(Column(variable="value", decimals=decimals, power=power), Manner(), _ANYWHERE).whole


def local(instant: str, form: str, zone: str) -> pl.Expr:
    """A column of instants as texts in a zone."""
    return pl.col(instant).dt.convert_time_zone(zone).dt.strftime(form)


def identifier(rows: pl.DataFrame, name: str) -> pl.Expr:
    """An identifying variable of the rows; null of a field that none of them has."""
    return pl.col(name) if name in rows.columns else pl.lit(None, pl.String)


def expressible(rows: pl.DataFrame, rules: Mapping[str, pl.Expr], *, skip: bool) -> pl.DataFrame:
    """Rows that the layout can express.

    Args:
        rows: Export rows.
        rules: What is wrong with a row that meets the condition, and what to do; null is no.
        skip: Whether the others are left out.

    Raises:
        ExportError: There are others and they are not to be left out; names the first by its meter.
    """
    marks = rows.select(broken.fill_null(value=False).alias(reason) for reason, broken in rules.items())
    if not skip:
        for mark in marks.iter_columns():
            if mark.any():
                raise ExportError(f"{named(rows.filter(mark))}: {mark.name}.")
    return rows.filter(~marks.select(pl.any_horizontal(pl.all())).to_series())


def written(template: str) -> pl.Expr:
    """A text per row: a template with columns in the places that name them, ``{code}``; null where one of them is."""
    parts = [
        part
        for text, column, _, _ in Formatter().parse(template)
        for part in (pl.lit(text), *([pl.col(column)] if column else []))
    ]
    return pl.concat_str(parts)


def only(condition: pl.Expr, text: pl.Expr) -> pl.Expr:
    """The text in rows that meet a condition, nothing in the others."""
    return pl.when(condition).then(text).otherwise(pl.lit(""))


def joined(lines: pl.Series) -> str:
    """Texts one after the other.

    Raises:
        ValueError: A text is null, so that a row would go missing.
    """
    if lines.null_count():
        raise ValueError(f"{lines.null_count()} rows have no text")
    return str(lines.str.join("").item())


_ANYWHERE = ZoneInfo("UTC")
