"""The utility's calendar: local days, months and years as UTC intervals.

A period is ``[start, end)``. A local day begins at the first existing instant whose wall time has reached midnight, so
it has 23, 24 or 25 hours where clocks change by an hour, also where they change at midnight. Hours are steps of one
hour in UTC from the start of the day, never steps of wall time; where clocks change by half an hour the last step of
the day is the shorter one.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INSTANT

HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MONTHS = pl.Series([f"{year:04}-{month:02}" for year in range(10_000) for month in range(1, 13)])


def month(time: pl.Expr) -> pl.Expr:
    """The month of a day, or of an instant in UTC, as partitions are named: ``2026-01``.

    The texts are looked up: to write one for each row takes three times as long.
    """
    return pl.lit(_MONTHS).gather(time.dt.year() * 12 + (time.dt.month().cast(pl.Int32) - 1))


def local_days(first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
    """Lists the local days from ``first`` to ``last``, both inclusive.

    Args:
        first: First local day.
        last: Last local day; before ``first`` there are none.
        zone: The utility's zone.

    Returns:
        ``day`` (date), ``start`` and ``end`` (UTC, half-open), in order. A date that the zone skipped (Apia,
        2011-12-30) has no row.
    """
    dates = pl.date_range(first, last + _DAY, "1d", eager=True)
    return _periods(dates.alias("day"), zone)


def local_months(first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
    """Lists the local months that hold the days from ``first`` to ``last``.

    Returns:
        ``day`` (first day of the month), ``start`` and ``end`` (UTC, half-open), in order.
    """
    beyond = (last.replace(day=1) + timedelta(days=32)).replace(day=1)
    return _periods(pl.date_range(first.replace(day=1), beyond, "1mo", eager=True).alias("day"), zone)


def local_years(first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
    """Lists the local years that hold the days from ``first`` to ``last``.

    Returns:
        ``day`` (first day of the year), ``start`` and ``end`` (UTC, half-open), in order.
    """
    years = pl.date_range(date(first.year, 1, 1), date(last.year + 1, 1, 1), "1y", eager=True)
    return _periods(years.alias("day"), zone)


def hours(days: pl.DataFrame) -> pl.DataFrame:
    """Cuts local days into hours.

    Args:
        days: ``day``, ``start`` and ``end`` as :func:`local_days` gives them.

    Returns:
        ``day``, ``start`` and ``end`` (UTC, half-open), in order. The last hour of a day ends with the day and may be
        shorter.
    """
    start, end = pl.col("start"), pl.col("end")
    steps = pl.datetime_ranges(start, end, "1h", closed="left")
    cut = days.select("day", steps.alias("start"), end.alias("day_end")).explode("start", empty_as_null=False)
    return cut.select("day", "start", pl.min_horizontal(start + HOUR, "day_end").alias("end"))


def local_day(instant: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """Gives the local day an instant lies in, by the same rule as :func:`local_days`.

    Args:
        instant: UTC instants; null gives null.
        zone: The utility's zone.
    """
    wall = instant.dt.convert_time_zone(zone.key).dt.date()
    following = _midnight(wall.dt.offset_by("1d"), zone)
    # Clocks set back across midnight show the old date again, though the new day has begun.
    return pl.when(instant >= following).then(wall.dt.offset_by("1d")).otherwise(wall)


def _periods(dates: pl.Series, zone: ZoneInfo) -> pl.DataFrame:
    """Intervals between consecutive dates' midnights."""
    midnights = dates.to_frame().with_columns(start=_midnight(pl.col("day"), zone))
    skipped = midnights.filter(pl.col("start").is_null())["day"].to_list()
    if skipped:
        firsts = pl.DataFrame({"day": skipped, "first": [_end_of_gap(day, zone) for day in skipped]})
        midnights = midnights.join(firsts, on="day", how="left", maintain_order="left").select(
            "day", pl.coalesce("start", "first").alias("start")
        )
    periods = midnights.with_columns(end=pl.col("start").shift(-1)).head(-1)
    return periods.filter(pl.col("start") < pl.col("end"))


def _midnight(day: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """First instant at which clocks show midnight of the day; null where they never do."""
    wall = day.cast(pl.Datetime("us"))
    return wall.dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _end_of_gap(day: date, zone: ZoneInfo) -> datetime:
    """First instant whose wall time has passed the midnight that clocks left out; clocks change at whole minutes."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall time
    reach = timedelta(hours=27)
    minutes = pl.datetime_range(midnight - reach, midnight + reach, "1m", time_zone="UTC", eager=True)
    wall = minutes.dt.convert_time_zone(zone.key).dt.replace_time_zone(None)
    first = minutes.filter(wall >= midnight).cast(INSTANT).min()
    assert isinstance(first, datetime)  # noqa: S101 - the reach is wider than any offset
    return first
