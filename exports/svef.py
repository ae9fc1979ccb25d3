"""SVEF/24: hourly series of energy as the Nordic markets exchange them, a line per hour with a status.

Stamps are starts of hours in standard time all year, so that each day has 24 of them: the hour that clocks leave out
in spring is there, and the one that they show twice in autumn is there once. A local day in summer therefore begins
at 23:00 of the day before. Every hour of the file's period has a line in every series of the file; one without a row
is missing (status 7), unless ``complete`` says that only what is there goes out, as jobs need that send what is new.

Values are MWh with three decimals, which is whole kWh: where that is too coarse for a household, ``decimals`` has
more.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from exports.columns import Missing
from exports.facts import Facts
from exports.local_time import local_time
from exports.market import coded, expressible, joined, written
from exports.series import ENCODING, SeriesFormat, in_series, rules

STATUSES = {"M": "2", "A": "2", "I": "5", "E": "3", "F": "5", "X": "0", "R": "9", "N": "7"}
"""0 manual, 2 normal, 3 temporary, 5 estimated, 7 missing, 9 invalid."""


class SvefFormat(SeriesFormat):
    """Settings of SVEF/24.

    Attributes:
        layout: This layout.
        missing: What stands for a missing value.
        decimals: Decimals of MWh.
        complete: Whether hours of the period without a row have a line, too.
    """

    layout: Literal["svef"]
    missing: Annotated[Missing, Field(pattern=r"^[!-~]*$")] = ""
    decimals: Annotated[int, Field(ge=3, le=6)] = 3
    complete: bool = True


def write(form: SvefFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        The first line, then the hours of each series.

    Raises:
        ExportError: A row cannot be expressed.
    """
    standard = timedelta(seconds=local_time(facts.zone, facts.period_from.astimezone(facts.zone).year).offset_s)
    yield f"SVEF/24:1/{facts.as_of.astimezone(UTC) + standard:%Y-%m-%d %H:%M:%S}\r\n".encode(ENCODING)
    for piece in pieces:
        rows = expressible(in_series(form, piece, form.decimals), rules(form), skip=form.skip_unmapped)
        if form.complete:
            rows = _completed(rows, facts)
        yield joined(_lines(form, rows, standard)).encode(ENCODING)


def _completed(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """A row per series and hour of the period."""
    hours = pl.datetime_range(
        facts.period_from, facts.period_to, "1h", closed="left", time_unit="us", time_zone="UTC", eager=True
    )
    series = rows.select("series").unique(maintain_order=True)
    grid = series.join(hours.alias("period_start").to_frame(), how="cross", maintain_order="left_right")
    return grid.join(rows, on=["series", "period_start"], how="left", maintain_order="left")


def _lines(form: SvefFormat, rows: pl.DataFrame, standard: timedelta) -> pl.Series:
    missing = {**STATUSES, **form.qualities}["N"]
    held = pl.col("text").is_not_null()
    return (
        rows.select(
            "series",
            at=(pl.col("period_start") + standard).dt.strftime("%Y-%m-%d %H:%M"),
            status=pl.when(held).then(coded(form, STATUSES)).otherwise(pl.lit(missing)),
            text=pl.col("text").fill_null(form.missing),
        )
        .select(written("{series}\t{at}\t{status}\t{text}\r\n"))
        .to_series()
    )
