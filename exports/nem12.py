"""NEM12: interval values of electricity, a line per metering point, register and day of market time.

A day's line has all of its intervals; those without a row, without a value or with a rejected one are null (``N``)
and hold the token for missing values. A day of one quality says it once; a mixed one says ``V`` and which intervals
have which in lines 400. Local days of places with daylight saving begin at another hour than days of market time, so
the first and the last day of a file may be filled in part.

The interval's length is that of the rows: AEMO's tables name 5, 15 and 30 minutes, and hours are written as 60.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from exports.columns import Missing
from exports.facts import Facts
from exports.market import expressible, joined, number, only, written
from exports.nem import ENCODING, END, NemFormat, header, known, named, rules

LENGTHS_MIN = (5, 15, 30, 60)

_SERIES = ["nmi", "meter_id", "register"]
_LINES = [*_SERIES, "meter", "suffix", "register_id", "stream", "uom", "length_min", "configuration"]
_DAY_MIN = 1440
_STREAM = "200,{nmi},{configuration},{register_id},{suffix},{stream},{meter},{uom},{length_min},\r\n"


class Nem12Format(NemFormat):
    """Settings of NEM12.

    Attributes:
        layout: This layout.
        missing: What stands for a missing value.
    """

    layout: Literal["nem12"]
    missing: Annotated[Missing, Field(pattern=r"^[A-Za-z0-9.-]*$")] = ""

    @model_validator(mode="after")
    def _has_intervals(self) -> Self:
        if self.content != "hourly":
            raise ValueError("content: NEM12 has intervals within a day, so it is hourly; readings go out as nem13")
        return self


def write(form: Nem12Format, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file.

    Args:
        form: The format.
        pieces: Export rows in pieces that hold whole metering points.
        facts: What else the file says.

    Yields:
        Lines 100 to 900.

    Raises:
        ExportError: Sender or receiver are not set, or a row cannot be expressed.
    """
    yield header(form, facts, "NEM12")
    for piece in pieces:
        yield joined(_lines(form, _intervals(form, piece))).encode(ENCODING)
    yield END


def _intervals(form: Nem12Format, piece: pl.DataFrame) -> pl.DataFrame:
    """Rows with their day of market time and their number in it, from 0."""
    begin = form.market_time("period_start")
    minutes = (begin - begin.dt.truncate("1d")).dt.total_minutes()
    rows = named(form, piece).with_columns(
        length_min=(pl.col("period_end") - pl.col("period_start")).dt.total_minutes(),
        day=begin.dt.date(),
        text=number(form.decimals),
        known=known(),
    )
    rows = expressible(
        rows.with_columns(slot=minutes // pl.col("length_min")),
        {
            **rules(form),
            "an interval has 5, 15, 30 or 60 minutes": pl.col("length_min").is_in(LENGTHS_MIN).not_(),
            "it does not begin on the grid of market time; see utc_offset_h": minutes % pl.col("length_min") != 0,
            "the metering point's other intervals have another length": (
                pl.col("length_min") != pl.col("length_min").first().over(_SERIES)
            ),
        },
        skip=form.skip_unmapped,
    )
    return rows.with_columns(configuration=pl.col("suffix").unique(maintain_order=True).str.join("").over("nmi"))


def _lines(form: Nem12Format, rows: pl.DataFrame) -> pl.Series:
    """Lines 200, 300 and 400 of series that are whole."""
    slots = pl.int_ranges(_DAY_MIN // pl.col("length_min"))
    days = rows.group_by(*_LINES, "day", maintain_order=True).agg(updated=form.date_time("known_from").max())
    missing = pl.col("known").fill_null(value=False).not_()
    grid = (
        days.with_columns(slot=slots)
        .explode("slot", empty_as_null=False)
        .join(
            rows.select(*_SERIES, "day", "slot", "text", "code", "known"),
            on=[*_SERIES, "day", "slot"],
            how="left",
            maintain_order="left",
            nulls_equal=True,
        )
        .with_columns(
            text=pl.when(missing).then(pl.lit(form.missing)).otherwise("text"),
            code=pl.when(missing).then(pl.lit("N")).otherwise("code"),
        )
        .with_columns(run=pl.col("code").rle_id().over(*_SERIES, "day"))
    )
    lines = grid.group_by(*_LINES, "day", "updated", maintain_order=True).agg(
        pl.col("text").str.join(",", ignore_nulls=False), pl.col("code").first(), varies=pl.col("run").max() > 0
    )
    events = (
        grid.group_by(*_SERIES, "day", "run", maintain_order=True)
        .agg(pl.col("code").first(), first=pl.col("slot").first() + 1, last=pl.col("slot").last() + 1)
        .group_by(*_SERIES, "day", maintain_order=True)
        .agg(written("400,{first},{last},{code},,\r\n").str.join("", ignore_nulls=False).alias("events"))
    )
    return (
        lines.join(events, on=[*_SERIES, "day"], how="left", maintain_order="left", nulls_equal=True)
        .with_columns(
            date=pl.col("day").dt.strftime("%Y%m%d"),
            code=pl.when("varies").then(pl.lit("V")).otherwise("code"),
        )
        .select(
            pl.concat_str(
                only(pl.struct(_SERIES).is_first_distinct(), written(_STREAM)),
                written("300,{date},{text},{code},,,{updated},\r\n"),
                only(pl.col("varies"), pl.col("events")),
            )
        )
        .to_series()
    )
