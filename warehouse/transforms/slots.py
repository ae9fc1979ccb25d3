"""The slots in which readings are expected: hours, days, polls of a schedule, billing days (§6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.calendar import local_days

HOURLY, DAILY, SCHEDULE, BILLING = "hourly", "daily", "schedule", "billing"
CRITERIA = (HOURLY, DAILY, SCHEDULE, BILLING)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When somebody reads meters, or meters send.

    Attributes:
        every: Time between two readings, counted in UTC from the start of the local day; a slot is as long. A day or
            more is one slot per local day. ``None`` where there are fixed times.
        at: Local times at which reading begins.
        within: How long it may take from there.
    """

    every: timedelta | None = None
    at: Sequence[time] = ()
    within: timedelta = timedelta(hours=1)

    def slots(self, calendar: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
        """Slots of days.

        Args:
            calendar: From :func:`calendar_of`.
            zone: The utility's zone.

        Returns:
            ``day``, ``start``, ``end`` (UTC, half-open), ``due``, in order. A time of day that a day leaves out has no
            slot, one that comes twice has its first.
        """
        if self.every is None:
            return self._polls(calendar, zone)
        if self.every >= _DAY:
            return calendar.select("day", "start", "end", "due")
        steps = pl.datetime_ranges("start", "end", self.every, closed="left")
        cut = calendar.select("day", "due", steps.alias("start"), pl.col("end").alias("day_end"))
        return cut.explode("start", empty_as_null=False).select(
            "day", "start", pl.min_horizontal(pl.col("start") + self.every, "day_end").alias("end"), "due"
        )

    def _polls(self, calendar: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
        since_midnight = [pl.duration(hours=one.hour, minutes=one.minute, seconds=one.second) for one in self.at]
        midnight = pl.col("day").cast(pl.Datetime("us"))
        times = pl.concat_list([midnight + passed for passed in since_midnight])
        local = calendar.select("day", "due", start=times).explode("start", empty_as_null=False)
        begin = pl.col("start").dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
        return (
            local.with_columns(start=begin.dt.convert_time_zone("UTC"))
            .drop_nulls("start")
            .sort("start")
            .select("day", "start", (pl.col("start") + self.within).alias("end"), "due")
        )


HOURS = Schedule(every=timedelta(hours=1))
DAYS = Schedule(every=_DAY)


def calendar_of(first: date, last: date, zone: ZoneInfo, deadline: time) -> pl.DataFrame:
    """Local days with their deadlines.

    Args:
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.
        deadline: Local time of the next day until which a delivery is on time.

    Returns:
        ``day``, ``start``, ``end`` (UTC, half-open) and ``due``.
    """
    since_midnight = timedelta(hours=deadline.hour, minutes=deadline.minute, seconds=deadline.second)
    wall = pl.col("end").dt.convert_time_zone(zone.key).dt.date().cast(pl.Datetime("us")) + since_midnight
    due = wall.dt.replace_time_zone(zone.key, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    return local_days(first, last, zone).with_columns(due=due.fill_null(pl.col("end") + since_midnight))


def billing_slots(calendar: pl.DataFrame, day_of_month: int, within: timedelta) -> pl.DataFrame:
    """Slots around the starts of billing days.

    Args:
        calendar: From :func:`calendar_of`.
        day_of_month: Billing day, 1 to 28.
        within: How far before and after its start a reading measures the boundary.

    Returns:
        ``day``, ``start``, ``end`` and ``due``, in order.
    """
    boundary = pl.col("start")
    return calendar.filter(pl.col("day").dt.day() == day_of_month).select(
        "day", (boundary - within).alias("start"), (boundary + within).alias("end"), "due"
    )


def stretches(active: pl.DataFrame) -> pl.DataFrame:
    """Active time with adjoining and overlapping rows of a meter joined into one.

    Args:
        active: ``meter_id``, ``installed_at``, ``removed_at`` (null while installed).

    Returns:
        ``meter_id``, ``begin``, ``finish`` (UTC, half-open), by meter and time.
    """
    spans = active.select("meter_id", begin="installed_at", finish=pl.col("removed_at").fill_null(FOREVER))
    spans = spans.filter(pl.col("begin") < pl.col("finish")).sort("meter_id", "begin")
    if not (spans["meter_id"] == spans["meter_id"].shift(1)).any():
        return spans  # one row a meter, as nearly always
    return (
        spans.with_columns(reached=pl.col("finish").cum_max().shift(1).over("meter_id"))
        .with_columns(stretch=(pl.col("begin") > pl.col("reached")).fill_null(value=True).cum_sum())
        .group_by("meter_id", "stretch")
        .agg(pl.col("begin").min(), pl.col("finish").max())
        .drop("stretch")
        .sort("meter_id", "begin")
    )
