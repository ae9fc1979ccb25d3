"""``decode --explain``: the lines of an explanation as text in columns, 120 characters wide."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap

import polars as pl
import typer

from decoders.explain import Line, explain
from decoders.explain.lines import printable
from decoders.explain.link import BLOCK_CRC
from decoders.report import Secrets, read_lines

WIDTHS = (7, 23, 13, 34, 35)
"""Characters of the columns: bytes, hex, field, meaning, value; two blanks stand between them."""

_INSIDE = {1: "decrypted", 2: "decrypted twice"}


def explanations(rows: pl.DataFrame, secrets: Secrets, *, colour: bool) -> str:
    """Explains the telegrams of an input one after the other.

    Args:
        rows: Lines of frame files, as :func:`decoders.report.read_lines` takes them.
        secrets: Keys by meter, likewise.
        colour: Whether headings and damage are coloured.

    Returns:
        The text; each telegram has a title, its lines under headings of the layers, and a blank line at the end.
    """
    items, formats = read_lines(rows, secrets)
    pages = []
    for item in items:
        lines = explain(item.frame or b"", item.keys, formats, item.transport, item.telegram)
        title = f"line {item.line}" + (f"  {printable(item.case_id)}" if item.case_id else "")
        pages.append("\n".join([_styled(title, colour, bold=True), *_page(lines, colour=colour), "", ""]))
    return "".join(pages)


def _page(lines: Sequence[Line], *, colour: bool) -> Iterator[str]:
    heading = ""
    for line in lines:
        inside = _INSIDE.get(line.depth, "")
        above = ", ".join(part for part in (line.layer, inside) if part)
        # Checksums stand between the bytes of other layers: those go on without a new heading.
        if above != heading and line.field != BLOCK_CRC:
            heading = above
            yield _styled(f"  {heading}", colour, fg="cyan")
        for text in _rows(line):
            yield _styled(text, colour and line.damaged, fg="red")


def _rows(line: Line) -> Iterator[str]:
    """The line in columns; what is too long for its column goes on in the next row."""
    place = ""
    if line.raw:
        place = str(line.start) if line.stop == line.start + 1 else f"{line.start}-{line.stop - 1}"
    cells = (place, line.raw.hex(" "), line.field, line.meaning, line.value)
    columns = [wrap(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
    for row in zip_longest(*columns, fillvalue=""):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True)).rstrip()


def _styled(text: str, colour: bool, *, fg: str | None = None, bold: bool = False) -> str:
    return typer.style(text, fg=fg, bold=bold) if colour else text
