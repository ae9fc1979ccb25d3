"""The layouts that formats may have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exports import (
    delimited,
    dg10s,
    espi,
    fixed_width,
    heiwako,
    meter_readings,
    mscons,
    nem12,
    nem13,
    parquet,
    svef,
)
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
    "mscons": Layout(mscons.MsconsFormat, mscons.write),
    "espi": Layout(espi.EspiFormat, espi.write),
    "meter_readings": Layout(meter_readings.MeterReadingsFormat, meter_readings.write),
    "nem12": Layout(nem12.Nem12Format, nem12.write),
    "nem13": Layout(nem13.Nem13Format, nem13.write),
    "svef": Layout(svef.SvefFormat, svef.write),
    "dg10s": Layout(dg10s.Dg10sFormat, dg10s.write),
    "heiwako": Layout(heiwako.HeiwakoFormat, heiwako.write),
}
"""By what documents call them."""
