"""Columns at fixed places of records. What does not fit its place refuses the file; nothing is ever cut off."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, StrictInt, model_validator

from exports.columns import Column
from exports.errors import ExportError
from exports.facts import Facts
from exports.text_files import LineLayout, TextFormat, cell, write_lines
from exports.texts import Fault, Text, text_of

_LONGEST = 2000

Place = Annotated[StrictInt, Field(ge=1, le=_LONGEST)]


class FixedColumn(Column):
    """A column with its place, counted in characters.

    Attributes:
        start: Its first character, from 1.
        width: Its characters.
        align: Side on which the text stands; numbers right and others left where it is ``None``.
        pad: What fills the rest; what is missing is filled with blanks.
    """

    start: Place
    width: Place
    align: Literal["left", "right"] | None = None
    pad: Literal[" ", "0", "*", "_", "#"] = " "

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        for name, text in (("constant", self.constant), ("missing", self.missing)):
            if len(text or "") > self.width:
                raise ValueError(f"{name}: it is wider than {self.width}")
        if self.pad == "0" and self.side == "left":
            raise ValueError("pad: zeros behind a value change it; choose align: right")
        return self

    @property
    def side(self) -> Literal["left", "right"]:
        """Side on which the text stands."""
        return self.align or ("right" if self.kind == "number" else "left")

    @property
    def last(self) -> int:
        """Its last character, from 1."""
        return self.start + self.width - 1


class FixedWidthFormat(TextFormat):
    """Columns at fixed places; what lies between them is blank.

    Attributes:
        length: Characters of every line, those before and after the rows, too; ``None`` for rows up to their last
            column and other lines as they are.
        columns: In any order.
    """

    layout: Literal["fixed_width"]
    length: Place | None = None
    columns: Annotated[tuple[FixedColumn, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _has_places(self) -> Self:
        check_places(self.columns, self.length or _LONGEST)
        for place, column in enumerate(self.columns):
            if len(self.missing) > column.width and column.missing is None and column.variable is not None:
                raise ValueError(f"columns.{place}.width: what is missing ({self.missing!r}) is wider")
        return self

    def line(self, text: str) -> str:
        """A line before or after the rows, filled with blanks."""
        if self.length is None:
            return text
        if len(text) > self.length:
            raise ExportError(f"A line before or after the rows has {len(text)} characters, more than {self.length}.")
        return text.ljust(self.length)


def write(form: FixedWidthFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file; as :func:`exports.writing.write`."""
    texts = [text_of(column, form, facts.zone) for column in form.columns]
    cells, faults = placed(form.columns, texts)
    line = record(form.columns, form.length, form.end)
    layout = LineLayout(
        texts=texts, cells=cells, faults=faults, lines=lambda cells: cells.select(line.str.join("")).item()
    )
    return write_lines(form, pieces, facts, layout)


def check_places(columns: Sequence[FixedColumn], length: int) -> None:
    """Checks that columns neither overlap nor reach beyond their record.

    Raises:
        ValueError: They do; says which.
    """
    for one, other in pairwise(sorted(enumerate(columns), key=lambda found: found[1].start)):
        if one[1].last >= other[1].start:
            taken = f"columns.{one[0]} reaches to {one[1].last}"
            raise ValueError(f"columns.{other[0]}.start: it begins at {other[1].start}, but {taken}")
    for place, column in enumerate(columns):
        if column.last > length:
            raise ValueError(f"columns.{place}.width: it reaches to {column.last}, beyond {length}")


def placed(columns: Sequence[FixedColumn], texts: Sequence[Text]) -> tuple[list[pl.Expr], list[Fault]]:
    """Texts of columns in their widths, and what must not be of them, over cells as :func:`cell` calls them."""
    faults = [fault for text in texts for fault in text.faults]
    for place, column in enumerate(columns):
        written = pl.col(cell(place))
        too_wide = f"the value is wider than {column.width} characters"
        faults.append(Fault(column.label, written.str.len_chars() > column.width, too_wide))
        if column.kind == "text":
            faults.append(Fault(column.label, written.str.contains("[\r\n]"), "the value holds a line end"))
    return [_filled(column, text) for column, text in zip(columns, texts, strict=True)], faults


def record(columns: Sequence[FixedColumn], length: int | None, end: str) -> pl.Expr:
    """A record per row from the cells of its columns, blank between them and up to its length."""
    parts, reached = [], 0
    for place, column in sorted(enumerate(columns), key=lambda found: found[1].start):
        parts += [pl.lit(" " * (column.start - 1 - reached)), pl.col(cell(place))]
        reached = column.last
    return pl.concat_str(*parts, pl.lit(" " * ((length or reached) - reached) + end))


def _filled(column: FixedColumn, text: Text) -> pl.Expr:
    """The text in its width; zeros stand between sign and digits."""
    if column.side == "left":
        filled = text.whole.str.pad_end(column.width, column.pad)
        missing = text.missing.ljust(column.width)
    else:
        missing = text.missing.rjust(column.width)
        filled = text.whole.str.pad_start(column.width, column.pad)
        sign = text.before if text.before is not None else text.after
        if column.pad == "0" and sign is not None:
            room = pl.lit(column.width) - sign.str.len_chars()
            filled = text.with_body(text.body.str.pad_start(room, "0")).whole
    return filled.fill_null(missing)
