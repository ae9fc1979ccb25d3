"""``dictionary``: what the tables and their columns mean; needs no installation."""

import sys
from enum import StrEnum
from typing import Annotated, Literal

import typer

from warehouse.dictionary import dictionary as read_dictionary
from warehouse.dictionary import markdown
from warehouse.published import render


class Format(StrEnum):
    """How the dictionary is written."""

    markdown = "markdown"
    csv = "csv"
    json = "json"


def dictionary(
    format_: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.markdown,
) -> None:
    """Prints every published table and column: type, unit, meaning, key, what may be empty, what --as-of shows."""
    if format_ is Format.markdown:
        sys.stdout.write(markdown())
        return
    form: Literal["csv", "json"] = "csv" if format_ is Format.csv else "json"
    sys.stdout.buffer.write(render(read_dictionary(), form))
