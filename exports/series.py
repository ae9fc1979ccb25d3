"""What the Nordic layouts have in common: hourly series of energy in MWh, each under an identifier of its own."""

from collections.abc import Mapping
from typing import Annotated, Self

import polars as pl
from pydantic import Field, model_validator

from exports.market import Identifier, MarketFormat, Register, identifier, mapped, number

ENCODING = "iso-8859-1"

_OUTSIDE = r"[^\x20-\x7e\xa0-\xff]"
_MEGA = -3

Suffix = Annotated[str, Field(max_length=20, pattern=r"^[0-9A-Za-z+_.-]*$")]


class SeriesFormat(MarketFormat):
    """Settings of both.

    Attributes:
        series: What names a metering point's series; often a field of the utility's own, as ``field:Series``.
        suffixes: What follows that name, by register; registers that are not here are not expressed.
    """

    series: Identifier = "metering_point"
    suffixes: Mapping[Register, Suffix] = {
        "energy_kwh": "",
        "cooling_energy_kwh": "-C",
        "energy_import_kwh": "",
        "energy_export_kwh": "-E",
    }

    @model_validator(mode="after")
    def _is_hourly(self) -> Self:
        if self.content != "hourly":
            raise ValueError(f"content: {self.layout} has a value per hour, so it is hourly")
        return self


def in_series(form: SeriesFormat, piece: pl.DataFrame, decimals: int) -> pl.DataFrame:
    """Rows with the name of their ``series`` and their ``text``: MWh, null where there is no value."""
    name = identifier(piece, form.series) + mapped("register", form.suffixes)
    return piece.with_columns(name.alias("series"), number(decimals, _MEGA).alias("text"))


def rules(form: SeriesFormat) -> dict[str, pl.Expr]:
    """Why a row cannot be expressed in either, over what :func:`in_series` adds."""
    return {
        "the register has no series; name its suffix under suffixes": mapped("register", form.suffixes).is_null(),
        f"{form.series} is not known, and it names the series": pl.col("series").is_null(),
        "the name of its series has characters that ISO 8859-1 has not": pl.col("series").str.contains(_OUTSIDE),
        "series are in MWh, and it is not an energy in kWh": pl.col("unit") != "kWh",
        "series have an hour per value, and its period is another one": (
            (pl.col("period_end") - pl.col("period_start")).dt.total_seconds() != 3600
        ),
    }
