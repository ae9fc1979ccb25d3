"""ARGE HeiWaKo, known as DTA: records of 128 characters for companies that allocate heating costs.

Texts stand left, numbers right with zeros in front; a value that is wider than its field fails the file. Record A
begins the records of each metering point: whose it is and under which number the other side knows it. Places of the
records L, M, K, B, D and W are in the guide that the two sides have agreed on: they are configured as columns, as in
``fixed_width``.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from exports.base import Model
from exports.columns import register_of
from exports.errors import ExportError
from exports.facts import Facts
from exports.fixed_width import FixedColumn, check_places, placed, record
from exports.market import SkippingFormat, expressible, joined, only
from exports.naming import named
from exports.text_files import Encoding, cell
from exports.texts import Manner, refuse, text_of

LENGTH = 128

_END = "\r\n"


class Own(Model):
    """What stands in a field of record A: a variable, or the same text in every record.

    Attributes:
        variable: A variable of :mod:`exports.variables` or ``field:<name>``.
        constant: A text instead.
        numeric: Whether it stands right, with zeros in front.
    """

    variable: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    constant: Annotated[str, Field(max_length=20)] | None = None
    numeric: bool = False

    def at(self, start: int, width: int) -> FixedColumn:
        """The field at its place."""
        aligned = {"align": "right", "pad": "0"} if self.numeric else {"align": "left"}
        source = {"variable": self.variable, "constant": self.constant}
        return FixedColumn.model_validate({**source, **aligned, "start": start, "width": width})


_NOTHING = Own(constant="")


class Header(Model):
    """Record A.

    Attributes:
        version: Version of the data exchange, places 2 to 6.
        customer: The utility's number at the company, 7 to 16.
        company: The company's key, 17 and 18.
        provider: Number of the place at the company, 19 to 27.
        unit: Number of the unit there, 28 to 31.
        own: The utility's own number, 32 to 51.
    """

    version: Own = _NOTHING
    customer: Own = _NOTHING
    company: Own = _NOTHING
    provider: Own = _NOTHING
    unit: Own = _NOTHING
    own: Own = Own(variable="metering_point")

    @property
    def columns(self) -> tuple[FixedColumn, ...]:
        """The record's fields; what is not among them is blank."""
        kind = Own(constant="A")
        return (
            kind.at(1, 1),
            self.version.at(2, 5),
            self.customer.at(7, 10),
            self.company.at(17, 2),
            self.provider.at(19, 9),
            self.unit.at(28, 4),
            self.own.at(32, 20),
            kind.at(LENGTH, 1),
        )


class Record(Model):
    """A record beside A.

    Attributes:
        kind: Its letter, which stands in place 1.
        per: Whether every row has one, or every metering point.
        columns: Its other fields.
    """

    kind: Literal["L", "M", "K", "B", "D", "W"]
    per: Literal["row", "metering_point"] = "row"
    columns: Annotated[tuple[FixedColumn, ...], Field(min_length=1, max_length=100)]

    @property
    def fields(self) -> tuple[FixedColumn, ...]:
        """Its fields with the letter."""
        return (Own(constant=self.kind).at(1, 1), *self.columns)


class HeiwakoFormat(Manner, SkippingFormat):
    """Settings of DTA.

    Attributes:
        layout: This layout.
        encoding: Encoding of the file.
        header: What record A holds.
        records: The records that follow A, in their order.
    """

    layout: Literal["heiwako"]
    encoding: Encoding = "latin-1"
    header: Header = Header()
    records: Annotated[tuple[Record, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _has_places(self) -> Self:
        for columns in (self.header.columns, *(kind.fields for kind in self.records)):
            check_places(columns, LENGTH)
            wide = [column.variable for column in columns if column.variable and register_of(column.variable)]
            if wide:
                raise ValueError(f"{wide[0]}: a row is a single register here; use value, and registers to choose")
        return self


def write(form: HeiwakoFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        Records of each metering point.

    Raises:
        ExportError: A row belongs to no metering point, or a value does not fit its field or the encoding.
    """
    for piece in pieces:
        nowhere = {"it belongs to no metering point, which record A names": pl.col("metering_point").is_null()}
        rows = expressible(piece, nowhere, skip=form.skip_unmapped)
        is_first = pl.col("metering_point").is_first_distinct()
        records = [_records(form, rows, form.header.columns, is_first, facts)]
        for kind in form.records:
            whose = is_first if kind.per == "metering_point" else pl.lit(value=True)
            records.append(_records(form, rows, kind.fields, whose, facts))
        lines = pl.select(pl.concat_str(pl.lit(texts) for texts in records)).to_series()
        try:
            yield joined(lines).encode(form.encoding)
        except UnicodeEncodeError as exc:
            strange = exc.object[exc.start]
            row = named(rows.filter(lines.str.contains(strange, literal=True)))
            raise ExportError(f"{row}: {form.encoding} has no character U+{ord(strange):04X}.") from exc


def _records(
    form: HeiwakoFormat, rows: pl.DataFrame, columns: tuple[FixedColumn, ...], whose: pl.Expr, facts: Facts
) -> pl.Series:
    """A record for the rows that have one, nothing for the others."""
    absent = [column.variable for column in columns if column.variable and column.variable not in rows.columns]
    cells, faults = placed(columns, [text_of(column, form, facts.zone) for column in columns])
    full = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in absent).with_columns(
        text.alias(cell(place)) for place, text in enumerate(cells)
    )
    refuse(full, faults)
    return full.select(only(whose, record(columns, LENGTH, _END))).to_series()
