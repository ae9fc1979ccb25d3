"""Columns with separators between them, quoted as RFC 4180 does."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import polars as pl
from pydantic import BeforeValidator, Field, model_validator

from exports.columns import Column
from exports.facts import Facts
from exports.text_files import LineLayout, TextFormat, cell, write_lines
from exports.texts import Fault, text_of
from warehouse.formulas import shielded_texts

_QUOTE_STYLES: dict[str, Literal["necessary", "always", "never"]] = {
    "minimal": "necessary",
    "all": "always",
    "none": "never",
}


class DelimitedColumn(Column):
    """A column with its heading.

    Attributes:
        heading: What stands above it; the variable's name where it is ``None``.
    """

    heading: Annotated[str, Field(max_length=100)] | None = None


def _short(given: Any) -> Any:
    """A column that is nothing but a variable may be written as its name."""
    return {"variable": given} if isinstance(given, str) else given


class DelimitedFormat(TextFormat):
    """Columns with separators between them.

    Attributes:
        separator: Between columns.
        quote: ``minimal`` puts those values in quotes that need it, ``all`` every one; ``none`` refuses the file where
            a value would need it.
        headings: Whether a line before the rows names the columns.
        shield_formulas: Texts that a spreadsheet would take for a formula get an apostrophe in front.
        columns: In their order; a name alone is a variable as the format writes it.
    """

    layout: Literal["delimited"]
    separator: Literal[";", ",", "\t", "|", ":", "~", "^", "#", " "] = ";"
    quote: Literal["minimal", "all", "none"] = "minimal"
    headings: bool = True
    shield_formulas: bool = False
    columns: Annotated[
        tuple[Annotated[DelimitedColumn, BeforeValidator(_short)], ...], Field(min_length=1, max_length=200)
    ]

    @model_validator(mode="after")
    def _separates(self) -> Self:
        for place, column in enumerate(self.columns):
            if self.quote == "none" and column.kind == "number" and self.separator in self.marks(column):
                raise ValueError(f"columns.{place}: the separator is a mark of its numbers, and quote is none")
        return self


def write(form: DelimitedFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file; as :func:`exports.writing.write`."""
    texts = [text_of(column, form, facts.zone) for column in form.columns]
    labels = [column.label for column in form.columns]
    faults = [fault for text in texts for fault in text.faults]
    if form.quote == "none":
        special = f"[{re.escape(form.separator)}\r\n]"
        reason = "the value holds the separator or a line end, and quote is none"
        faults += [
            Fault(label, pl.col(cell(place)).str.contains(special), reason) for place, label in enumerate(labels)
        ]
    shielded = [cell(place) for place, column in enumerate(form.columns) if column.kind == "text"]

    def lines(cells: pl.DataFrame) -> str:
        safe = cells.with_columns(shielded_texts(cells.select(shielded))) if form.shield_formulas else cells
        return _joined(form, safe)

    headings = [column.label if column.heading is None else column.heading for column in form.columns]
    layout = LineLayout(
        texts=texts,
        cells=[
            text.whole.fill_null(text.missing) if text.missing or form.quote == "all" else text.whole for text in texts
        ],
        faults=faults,
        lines=lines,
        headings=_joined(form, _row(form, headings)) if form.headings else "",
    )
    return write_lines(form, pieces, facts, layout)


def _row(form: DelimitedFormat, texts: Sequence[str]) -> pl.DataFrame:
    schema = {cell(place): pl.String for place in range(len(texts))}
    return pl.DataFrame([[text or ("" if form.quote == "all" else None) for text in texts]], schema, orient="row")


def _joined(form: DelimitedFormat, cells: pl.DataFrame) -> str:
    return cells.write_csv(
        include_header=False,
        separator=form.separator,
        line_terminator=form.end,
        quote_style=_QUOTE_STYLES[form.quote],
    )
