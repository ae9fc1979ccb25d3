"""How many of the expected readings there are (§6).

A slot is a local day (criterion ``daily``) or an hour of one (``hourly``). It is expected when it lies wholly inside
the meter's active time and has ended; it is received when a measured reading lies in it, whenever that arrived. Figures
that were interpolated or estimated never count, and a slot counts once.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import READING_PERFORMANCE_DAILY
from warehouse.transforms.calendar import HOUR, local_day, local_days
from warehouse.transforms.figures import shape

DEADLINE = time(7)
"""Local time of the next day by which readings are on time (Elhub)."""

_METER = ("organisation", "meter_id")
_FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


def reading_performance_daily(
    readings: pl.DataFrame,
    active: pl.DataFrame,
    first: date,
    last: date,
    *,
    zone: ZoneInfo,
    as_of: datetime,
    deadline: time = DEADLINE,
) -> pl.DataFrame:
    """Counts expected and received slots per meter, local day and criterion.

    Args:
        readings: ``organisation``, ``meter_id``, ``measured_at``, ``landed_at``, ``quality``; at least those of the
            days, others do no harm. A superseded version may stand beside the current one: the slot counts once, and
            as on time when either was.
        active: When meters are in use: ``organisation``, ``meter_id``, ``installed_at``, ``removed_at`` (null while
            installed). A meter may have several rows; one without a row (in stock) has no figures.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.
        as_of: Instant (UTC) at which the count is made: later slots are not expected yet, later deliveries not known.
        deadline: Local time of the next day until which a delivery is on time.

    Returns:
        Rows of ``reading_performance_daily`` without ``known_from``: two for every meter and day that has begun and in
        which the meter is active at some time. ``performance`` (%, two decimals) is null where no slot is expected.
    """
    calendar = _calendar(first, last, zone, as_of, deadline)
    slots = _slots(active, calendar)
    received = _received(readings.filter(pl.col("landed_at") <= as_of), slots, calendar, zone)
    return shape(
        READING_PERFORMANCE_DAILY,
        slots.group_by(*_METER, "day", "criterion")
        .agg(expected=(pl.col("to") - pl.col("from")).sum())
        .join(received, on=[*_METER, "day", "criterion"], how="left")
        .with_columns(pl.col("received", "received_on_time").fill_null(0))
        .with_columns(
            performance=pl.when(pl.col("expected") > 0).then(
                (100 * pl.col("received") / pl.col("expected")).round(2, mode="half_away_from_zero")
            )
        ),
    )


def _calendar(first: date, last: date, zone: ZoneInfo, as_of: datetime, deadline: time) -> pl.DataFrame:
    """Days that have begun: ``day``, ``start``, ``end``, ``ended`` (how far time has gone in it) and ``due``."""
    since_midnight = timedelta(hours=deadline.hour, minutes=deadline.minute, seconds=deadline.second)
    wall = pl.col("end").dt.convert_time_zone(zone.key).dt.date().cast(pl.Datetime("us")) + since_midnight
    due = wall.dt.replace_time_zone(zone.key, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    return (
        local_days(first, last, zone)
        .filter(pl.col("start") < as_of)
        .with_columns(ended=pl.min_horizontal("end", pl.lit(as_of)), due=due.fill_null(pl.col("end") + since_midnight))
    )


def _slots(active: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    """Slots ``from`` to ``to`` (numbers in the day, half-open) that are expected per stretch of active time."""
    stretches = _stretches(active).join(calendar, how="cross")
    overlapping = stretches.filter((pl.col("installed_at") < pl.col("end")) & (pl.col("removed_at") > pl.col("start")))
    begin = pl.max_horizontal("installed_at", "start")
    finish = pl.min_horizontal("removed_at", "ended")
    whole_day = (begin == pl.col("start")) & (finish == pl.col("end"))
    # The day's last hour is shorter where clocks change by half an hour; it ends with the day.
    hours_until = pl.when(finish == pl.col("end")).then(_ceil_hours(finish)).otherwise(_hours(finish))
    frames = (
        overlapping.select(*_METER, "day", pl.lit(criterion).alias("criterion"), since.alias("from"), until.alias("to"))
        for criterion, since, until in (
            ("hourly", _ceil_hours(begin), pl.max_horizontal(hours_until, _ceil_hours(begin))),
            ("daily", pl.lit(0, pl.Int64), whole_day.cast(pl.Int64)),
        )
    )
    return pl.concat(frames)


def _stretches(active: pl.DataFrame) -> pl.DataFrame:
    """Active time with adjoining and overlapping rows of a meter joined into one."""
    begin = pl.col("installed_at")
    end = pl.col("removed_at")
    return (
        active.select(*_METER, begin, end.fill_null(_FOREVER))
        .filter(begin < end)
        .sort(*_METER, "installed_at")
        .with_columns(reached=end.cum_max().shift(1).over(_METER))
        .with_columns(stretch=(begin > pl.col("reached")).fill_null(value=True).cum_sum())
        .group_by(*_METER, "stretch")
        .agg(begin.min(), end.max())
    )


def _received(readings: pl.DataFrame, slots: pl.DataFrame, calendar: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Counts the expected slots with a measured reading: ``received`` and, of these, ``received_on_time``."""
    measured = (
        readings.filter(pl.col("quality") == "M")
        .select(*_METER, "measured_at", "landed_at", day=local_day(pl.col("measured_at"), zone))
        .join(calendar.select("day", "start", "due"), on="day")
        .select(*_METER, "day", hourly=_hours(pl.col("measured_at")), on_time=pl.col("landed_at") <= pl.col("due"))
    )
    slots_of = {"hourly": pl.col("hourly"), "daily": pl.lit(0, pl.Int64)}
    heard = pl.concat(
        measured.select(*_METER, "day", "on_time", criterion=pl.lit(criterion), slot=slot)
        for criterion, slot in slots_of.items()
    )
    grain = [*_METER, "day", "criterion"]
    return (
        heard.group_by(*grain, "slot")
        .agg(pl.col("on_time").any())
        .join(slots, on=grain)
        .filter(pl.col("slot").is_between("from", "to", closed="left"))
        .group_by(grain)
        .agg(received=pl.len(), received_on_time=pl.col("on_time").sum())
    )


def _hours(instant: pl.Expr) -> pl.Expr:
    """Whole hours since the start of the day."""
    return (instant - pl.col("start")).dt.total_microseconds() // _MICROS


def _ceil_hours(instant: pl.Expr) -> pl.Expr:
    """Hours since the start of the day, a begun one counted whole."""
    return ((instant - pl.col("start")).dt.total_microseconds() + (_MICROS - 1)) // _MICROS


_MICROS = HOUR // timedelta(microseconds=1)
