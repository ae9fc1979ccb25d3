"""Files of lines: lines before the rows, the rows, lines after them, in an encoding."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from exports.base import BaseFormat
from exports.columns import OWN, Column, register_of
from exports.errors import ExportError
from exports.facts import Facts
from exports.naming import named
from exports.templates import SPECIMEN, Value, fill, values_of
from exports.texts import NOTHING, Fault, Manner, Number, Text, refuse
from exports.totals import Totals, summed
from exports.variables import FIELD_PREFIX
from exports.wide import side_by_side
from warehouse.schemas.registers import UNITS

Encoding = Literal[
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "ascii",
    "latin-1",
    "iso-8859-15",
    "cp1250",
    "cp1252",
    "cp850",
    "cp865",
]
Lines = Annotated[tuple[Annotated[str, Field(max_length=500, pattern=r"^[^\r\n]*$")], ...], Field(max_length=20)]

_ENDS = {"lf": "\n", "crlf": "\r\n"}
_TIME_FORM = "%Y-%m-%dT%H:%M:%S"


class TextFormat(Manner, BaseFormat):
    """What files of lines have in common.

    Attributes:
        rows: What a line is: a ``register`` of a reading or period, or the whole ``reading`` with its registers side by
            side.
        encoding: Encoding of the file.
        unencodable: What becomes of characters that the encoding has not: ``fail`` refuses the file, ``replace`` writes
            a question mark.
        end_of_line: Stands after every line.
        header: Lines before the rows, templates of :mod:`exports.templates`.
        footer: Lines after them; they know ``{rows}`` and ``{sum.<register>}``, too, the sum of a register's numbers as
            they stand in the file.
        columns: In their order.
    """

    rows: Literal["register", "reading"] = "register"
    encoding: Encoding = "utf-8"
    unencodable: Literal["fail", "replace"] = "fail"
    end_of_line: Literal["lf", "crlf"] = "lf"
    header: Lines = ()
    footer: Lines = ()
    columns: Annotated[tuple[Column, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        for place, column in enumerate(self.columns):
            variable = column.variable or ""
            is_own = register_of(variable) is not None
            if self.rows == "register" and is_own:
                raise ValueError(f"columns.{place}.variable: {variable!r} needs rows: reading")
            if self.rows == "reading" and variable in OWN:
                hint = f"say of which register, as volume_m3.{variable}"
                raise ValueError(f"columns.{place}.variable: each register has its own {variable!r}; {hint}")
            mark, thousands = self.marks(column)
            if column.kind == "number" and not mark and (column.decimals is None or thousands):
                raise ValueError(f"columns.{place}: implied decimals need decimals, and take no thousands_mark")
            if mark and mark == thousands:
                raise ValueError(f"columns.{place}: decimal_mark and thousands_mark are the same")
        return self

    @model_validator(mode="after")
    def _lines_fit(self) -> Self:
        before = _before(SPECIMEN)
        after = {**before, **Totals(dict.fromkeys(UNITS, NOTHING)).values()}
        for name, lines, values in (("header", self.header, before), ("footer", self.footer, after)):
            for place, line in enumerate(lines):
                try:
                    fill(line, values, time_form=_TIME_FORM, decimal_mark=self.decimal_mark)
                except ValueError as exc:
                    raise ValueError(f"{name}.{place}: {exc}") from exc
        try:
            summed(self.footer, self.columns)
        except ValueError as exc:
            raise ValueError(f"footer: {exc}") from exc
        return self

    def line(self, text: str) -> str:
        """A line before or after the rows as the layout has it, without its end."""
        return text

    @property
    def end(self) -> str:
        """What stands after every line."""
        return _ENDS[self.end_of_line]


@dataclass(frozen=True, slots=True)
class LineLayout:
    """How a layout turns rows into lines.

    Attributes:
        texts: The columns.
        cells: A text per column and row, as expressions over the variables.
        faults: What must not be, over variables and cells; the cells are called as :func:`cell` says.
        lines: Cells to lines, each with its end.
        headings: The line of headings with its end; empty for none.
    """

    texts: Sequence[Text]
    cells: Sequence[pl.Expr]
    faults: Sequence[Fault]
    lines: Callable[[pl.DataFrame], str]
    headings: str = ""


def cell(place: int) -> str:
    """What the cells of a column are called, by its place from 0."""
    return f"cell:{place}"


def write_lines(form: TextFormat, pieces: Iterable[pl.DataFrame], facts: Facts, layout: LineLayout) -> Iterator[bytes]:
    """Writes a file of lines; parameters and errors as :func:`exports.writing.write`, with the layout's own part."""
    encoder = codecs.getincrementalencoder(form.encoding)("strict" if form.unencodable == "fail" else "replace")
    yield _encoded(encoder, form, _filled(form, form.header, _before(facts)) + layout.headings)
    totals = _totals(form, [text.number for text in layout.texts])

    def content(piece: pl.DataFrame) -> bytes:
        rows = _rows(form, piece)
        full = rows.lazy().with_columns(text.alias(cell(place)) for place, text in enumerate(layout.cells)).collect()
        refuse(full, layout.faults)
        totals.add(full)
        lines = layout.lines(full.select(cell(place) for place in range(len(layout.cells))))
        try:
            return encoder.encode(lines)
        except UnicodeEncodeError as exc:
            raise ExportError(_unencodable(form, full, exc)) from exc

    yield from map(content, pieces)  # a loop would hold its piece while the next one is made
    yield _encoded(encoder, form, _filled(form, form.footer, {**_before(facts), **totals.values()}))


def _totals(form: TextFormat, numbers: Sequence[Number | None]) -> Totals:
    places = summed(form.footer, form.columns)
    return Totals({name: number for name, place in places.items() if (number := numbers[place]) is not None})


def _rows(form: TextFormat, piece: pl.DataFrame) -> pl.DataFrame:
    variables = [column.variable for column in form.columns if column.variable is not None]
    absent = [name for name in variables if name.startswith(FIELD_PREFIX) and name not in piece.columns]
    rows = piece.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    return side_by_side(rows, variables) if form.rows == "reading" else rows


def _before(facts: Facts) -> dict[str, Value]:
    return {**values_of(facts), "organisation": facts.organisation}


def _filled(form: TextFormat, lines: Sequence[str], values: dict[str, Value]) -> str:
    try:
        texts = [fill(line, values, time_form=_TIME_FORM, decimal_mark=form.decimal_mark) for line in lines]
    except ValueError as exc:
        raise ExportError(f"A line before or after the rows cannot be written: {exc}.") from exc
    return "".join(form.line(text) + form.end for text in texts)


def _encoded(encoder: codecs.IncrementalEncoder, form: TextFormat, lines: str) -> bytes:
    try:
        return encoder.encode(lines)
    except UnicodeEncodeError as exc:
        raise ExportError(f"A line before or after the rows has {_character(form, exc)}.") from exc


def _unencodable(form: TextFormat, full: pl.DataFrame, exc: UnicodeEncodeError) -> str:
    """Names the first row with the character; only looked for once writing has failed."""
    for place, column in enumerate(form.columns):
        found = full.filter(pl.col(cell(place)).str.contains(exc.object[exc.start], literal=True))
        if found.height:
            return f"{named(found)}, column {column.label}: there is {_character(form, exc)}."
    return f"There is {_character(form, exc)}."


def _character(form: TextFormat, exc: UnicodeEncodeError) -> str:
    code = f"U+{ord(exc.object[exc.start]):04X}"
    return f"a character ({code}) that {form.encoding} has not; choose another encoding, or unencodable: replace"
