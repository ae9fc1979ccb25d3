"""The layouts that formats may have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exports import delimited, fixed_width, parquet
from exports.base import BaseFormat


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout.

    Attributes:
        model: Its settings.
        write: Its writer, called as :func:`exports.writing.write` with a format of this model.
    """

    model: type[BaseFormat]
    write: Callable[..., Iterator[bytes]]


LAYOUTS = {
    "delimited": Layout(delimited.DelimitedFormat, delimited.write),
    "fixed_width": Layout(fixed_width.FixedWidthFormat, fixed_width.write),
    "parquet": Layout(parquet.ParquetFormat, parquet.write),
}
"""By what documents call them."""
