"""Written times to the instants of the tables (ALGORITHMS §0, imported local times)."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_OFFSET = r"([Zz]|[+-]\d\d(:?\d\d)?)$"

AMBIGUOUS = "ambiguous local time (AMBIGUOUS_TIME)"
SHIFTED = "shifted_forward"


def instants(times: pl.DataFrame, zone: ZoneInfo, *, repeats_are_later: bool = False) -> pl.DataFrame:
    """Reads ISO 8601 times, with or without offset.

    A time without offset is local time in ``zone``. In the ambiguous autumn hour it is the first occurrence until the
    file order of its source steps back, then the second; where it steps back more than once nobody can tell, and the
    row gets a fault. A time that the spring change skips is moved forward by the gap and flagged.

    Args:
        times: ``time`` (String, nullable) and ``source`` (String, nullable; a collector, a meter) in file order.
        zone: Zone of times without offset.
        repeats_are_later: Whether a source never names an instant twice, so that the same time again steps back, too.

    Returns:
        As many rows: ``instant`` (Datetime us UTC; null where missing or faulty), ``time_fault`` (String; null
        where the time is missing or good), ``time_flag`` (String; ``shifted_forward`` or null).
    """
    text = times["time"].str.strip_chars().str.replace(" ", "T", literal=True)
    with_offset = text.str.contains(_OFFSET).fill_null(value=False)
    absolute = _parsed(text.set(~with_offset, None), offset=True)
    wall = _parsed(text.set(with_offset, None), offset=False)
    local = _localised(times.select("source", wall=wall), zone, repeats_are_later=repeats_are_later)
    return local.select(
        instant=pl.coalesce(pl.lit(absolute), "instant"),
        time_fault=pl.when("ambiguous")
        .then(pl.lit(AMBIGUOUS))
        .when(pl.lit(text.is_not_null() & absolute.is_null() & wall.is_null()))
        .then(pl.lit("bad time")),
        time_flag=pl.when("shifted").then(pl.lit(SHIFTED)),
    )


def names_offset(text: str) -> bool:
    """Whether a written time names its offset from UTC."""
    return re.search(_OFFSET, text.strip()) is not None


def is_twice(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in a zone show the local time of an instant twice, before and after they are put back."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _parsed(text: pl.Series, *, offset: bool) -> pl.Series:
    """The first format that fits; null where none does."""
    zone = "UTC" if offset else None
    parsed = pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("us", zone))
    for layout in _FORMATS:
        left = text.set(parsed.is_not_null(), None)
        if left.null_count() == len(left):
            break
        reading = pl.all().str.to_datetime(layout + "%#z" * offset, time_unit="us", time_zone=zone, strict=False)
        middle = len(left) // 2  # a column is read by one core
        halves = [half.to_frame().lazy().select(reading) for half in (left[:middle], left[middle:])]
        layout_read = pl.concat(pl.collect_all(halves)).to_series()
        parsed = parsed.zip_with(parsed.is_not_null(), layout_read)
    return parsed


def _localised(walls: pl.DataFrame, zone: ZoneInfo, *, repeats_are_later: bool) -> pl.DataFrame:
    """Local wall times to instants, with the columns ``ambiguous`` and ``shifted``."""
    if walls["wall"].null_count() == walls.height:
        nothing = pl.lit(None, pl.Datetime("us", "UTC"))
        return walls.with_columns(instant=nothing, ambiguous=pl.lit(value=False), shifted=pl.lit(value=False))
    wall = pl.col("wall")
    twice = pl.col("first") != pl.col("second")
    steps_back = (wall <= wall.shift(1)) if repeats_are_later else (wall < wall.shift(1))
    autumn = (twice, wall.dt.date(), "source")
    return (
        walls.with_columns(
            first=_utc(wall, zone, "earliest"),
            second=_utc(wall, zone, "latest"),
            # The offset before the gap is the one of the day before.
            moved=_utc(wall.dt.offset_by("-1d"), zone, "earliest") + pl.duration(days=1),
        )
        .with_columns(steps=steps_back.fill_null(value=False).cum_sum().over(*autumn))
        .with_columns(ambiguous=twice.fill_null(value=False) & (pl.col("steps").max().over(*autumn) > 1))
        .select(
            instant=pl.when("ambiguous")
            .then(None)
            .when(twice & (pl.col("steps") == 1))
            .then("second")
            .otherwise(pl.coalesce("first", "moved")),
            ambiguous="ambiguous",
            shifted=wall.is_not_null() & pl.col("first").is_null(),
        )
    )


def _utc(wall: pl.Expr, zone: ZoneInfo, ambiguous: str) -> pl.Expr:
    local = wall.dt.replace_time_zone(zone.key, ambiguous=ambiguous, non_existent="null")  # type: ignore[arg-type]
    return local.dt.convert_time_zone("UTC")
