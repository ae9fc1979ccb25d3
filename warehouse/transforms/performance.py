"""How many of the expected readings there are, and why the others are missing (§6).

A slot is an hour, a local day, a poll of a schedule, or the time around the start of a billing day. It is expected when
it lies wholly inside the meter's active time and has ended; it is received when a measured reading lies in it, whenever
that arrived. Figures that were interpolated or estimated never count, and a slot counts once.

Meters times slots is a matrix of truth values: a day of 100,000 hourly meters takes 2.4 MB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.schemas import INSTANT, MISSING_CAUSES_DAILY, READING_PERFORMANCE_DAILY
from warehouse.transforms.figures import shape
from warehouse.transforms.numbers import codes_in
from warehouse.transforms.slots import (
    BILLING,
    DAILY,
    DAYS,
    HOURLY,
    HOURS,
    SCHEDULE,
    Schedule,
    billing_slots,
    calendar_of,
    stretches,
)

DEADLINE = time(7)
"""Local time of the next day by which readings are on time (Elhub)."""

CAUSES = ("rejected", "unknown_format", "wrong_key", "no_key", "corrupt", "no_frame")
"""Why a reading is missing, nearest to a reading first: of several frames in a slot the nearest counts."""

_HOUR_S = 3600
_COUNTS = ("expected", "received", "received_on_time")
_ACTIVE: dict[str, pl.DataType | type[pl.DataType]] = {
    "organisation": pl.String,
    "meter_id": pl.String,
    "installed_at": INSTANT,
    "removed_at": INSTANT,
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of meters besides hours and days.

    Attributes:
        deadline: Local time of the next day until which a delivery is on time.
        schedules: Schedules by name.
        scheduled: Which meter is read by which schedule when: ``schedule``, ``meter_id``, ``installed_at``,
            ``removed_at``.
        unscheduled: When nothing at all is expected of which meter (drive-by): ``meter_id``, ``installed_at``,
            ``removed_at``.
        configured: When which meter sends at an interval of its own, by which it is read in place of any schedule:
            ``interval_s``, ``meter_id``, ``installed_at``, ``removed_at``. Of an interval longer than an hour no hours
            are expected.
    """

    deadline: time = DEADLINE
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    scheduled: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"schedule": pl.String, **_ACTIVE}))
    unscheduled: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_ACTIVE))
    configured: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"interval_s": pl.Int64, **_ACTIVE}))


class Performance(NamedTuple):
    """Rows of ``reading_performance_daily`` and of ``missing_causes_daily``, both without ``known_from``."""

    daily: pl.DataFrame
    causes: pl.DataFrame


class _Grid(NamedTuple):
    """Slots as numbers: microseconds since 1970, shape (slots,) each, and the days with their first slot."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    due: NDArray[np.int64]
    days: pl.Series
    first_slot: NDArray[np.int64]


def reading_performance(
    readings: pl.DataFrame,
    unread: pl.DataFrame,
    active: pl.DataFrame,
    first: date,
    last: date,
    *,
    zone: ZoneInfo,
    as_of: datetime,
    expectation: Expectation | None = None,
) -> Performance:
    """Counts expected and received slots per meter, local day and criterion: hourly, daily, by schedule or interval.

    Args:
        readings: ``meter_id``, ``measured_at``, ``landed_at``, ``quality``; at least those of the days, others do no
            harm. A superseded version may stand beside the current one: the slot counts once, and as on time when
            either was.
        unread: Frames that gave no reading: ``meter_id``, ``received_at``, ``landed_at``, ``outcome``, ``collector``
            (null without a name).
        active: When meters are in use: ``organisation`` (one), ``meter_id``, ``installed_at``, ``removed_at`` (null
            while installed). A meter may have several rows; one without a row (in stock) has no figures.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.
        as_of: Instant (UTC) at which the count is made: later slots are not expected yet, later deliveries not known.
        expectation: What is expected besides hours and days.

    Returns:
        ``daily``: two rows for every meter and day that has begun and in which the meter is active at some time, one
        more where a schedule reads it or it has an interval of its own; ``performance`` (%, two decimals) is null
        where no slot is expected. ``causes``: the missing slots by cause and collector.
    """
    known = expectation or Expectation()
    calendar = _begun(first, last, zone, known.deadline, as_of)
    judge = _Judge(readings, unread, active, known.unscheduled, as_of)
    own = known.configured
    parts = [
        judge.rows(HOURLY, HOURS.slots(calendar, zone), active, without=own.filter(pl.col("interval_s") > _HOUR_S)),
        judge.rows(DAILY, DAYS.slots(calendar, zone), active),
    ]
    for name, schedule in known.schedules.items():
        theirs = known.scheduled.filter(pl.col("schedule") == name)
        if theirs.height:
            parts.append(judge.rows(SCHEDULE, schedule.slots(calendar, zone), theirs, without=own))
    for interval_s in own["interval_s"].unique().sort():
        slots = Schedule(every=timedelta(seconds=interval_s)).slots(calendar, zone)
        parts.append(judge.rows(SCHEDULE, slots, own.filter(pl.col("interval_s") == interval_s)))
    return _shaped(parts, active)


def billing_performance(
    readings: pl.DataFrame,
    unread: pl.DataFrame,
    active: pl.DataFrame,
    first: date,
    last: date,
    *,
    zone: ZoneInfo,
    as_of: datetime,
    day_of_month: int,
    within: timedelta,
    expectation: Expectation | None = None,
) -> Performance:
    """Counts the billing days whose boundary is measured within some hours.

    Args:
        readings: As for :func:`reading_performance`, also ``within`` before and after the starts of the days.
        unread: Likewise.
        active: Likewise.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.
        as_of: Instant of the count, UTC.
        day_of_month: Billing day.
        within: How far from the boundary a reading may be.
        expectation: What is expected else.

    Returns:
        As :func:`reading_performance`, of criterion ``billing`` and on billing days alone.
    """
    known = expectation or Expectation()
    slots = billing_slots(_begun(first, last, zone, known.deadline, as_of), day_of_month, within)
    judge = _Judge(readings, unread, active, known.unscheduled, as_of)
    return _shaped([judge.rows(BILLING, slots, active)], active)


def _begun(first: date, last: date, zone: ZoneInfo, deadline: time, as_of: datetime) -> pl.DataFrame:
    return calendar_of(first, last, zone, deadline).filter(pl.col("start") < as_of)


class _Judge:
    """Readings and frames as numbers, to be laid on slots."""

    def __init__(
        self,
        readings: pl.DataFrame,
        unread: pl.DataFrame,
        active: pl.DataFrame,
        unscheduled: pl.DataFrame,
        as_of: datetime,
    ) -> None:
        self._meters = active["meter_id"].unique().sort()
        self._as_of = _micros(pl.Series([as_of], dtype=INSTANT))[0]
        known = pl.col("landed_at") <= as_of
        measured = readings.filter(known & (pl.col("quality") == "M"))
        meter, kept = self._coded(measured)
        self._meter, self._at = meter, _micros(measured["measured_at"].filter(kept))
        self._landed = _micros(measured["landed_at"].filter(kept))
        frames = unread.filter(known)
        meter, kept = self._coded(frames)
        self._frames = frames.filter(kept).select(
            meter=pl.Series(meter),
            at=pl.col("received_at").dt.timestamp("us"),
            cause=pl.when(pl.col("outcome").is_in(CAUSES)).then("outcome").otherwise(pl.lit(CAUSES[0])),
            collector=pl.col("collector").fill_null(""),
        )
        self._pauses = stretches(unscheduled)

    def _coded(self, rows: pl.DataFrame) -> tuple[NDArray[np.int64], pl.Series]:
        codes = codes_in(rows["meter_id"], self._meters)
        kept = codes.is_not_null()
        return codes.filter(kept).to_numpy(), kept

    def rows(
        self, criterion: str, slots: pl.DataFrame, active: pl.DataFrame, *, without: pl.DataFrame | None = None
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Counts per meter and day, and missing slots by cause, both without organisation.

        ``without`` is when nothing of this criterion is expected of which meter, as ``active``.
        """
        grid = _grid(slots)
        days = pl.DataFrame({"day": grid.days})
        if slots.is_empty() or active.is_empty():
            return _NO_COUNTS, _NO_CAUSES
        times = stretches(active)
        expected = self._inside(times, grid.start, grid.end) & (grid.end <= self._as_of)
        for pauses in (self._pauses, *(() if without is None else (stretches(without),))):
            expected &= ~self._overlapping(pauses, grid.start, grid.end)
        heard, on_time = self._heard(grid)
        heard &= expected
        on_time &= expected
        first_of_day = np.minimum.reduceat(grid.start, grid.first_slot)
        end_of_day = np.minimum(np.maximum.reduceat(grid.end, grid.first_slot), self._as_of)
        present = self._overlapping(times, first_of_day, end_of_day)
        sums = [np.add.reduceat(one, grid.first_slot, axis=1, dtype=np.int32) for one in (expected, heard, on_time)]
        missing = expected & ~heard
        last = np.maximum.reduceat(missing * np.arange(1, len(grid.start) + 1, dtype=np.int32), grid.first_slot, axis=1)
        counts = self._counts(criterion, days, present, *sums).with_columns(
            last_missing=pl.Series(np.append(_NEVER, grid.start)[last[present]]).replace(_NEVER, None)
        )
        return counts.with_columns(pl.from_epoch("last_missing", "us").dt.replace_time_zone("UTC")), self._causes(
            criterion, grid, missing
        )

    def _heard(self, grid: _Grid) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Slots with a measured reading, and those with one that was on time; shape (meters, slots) each."""
        slot = np.searchsorted(grid.start, self._at, side="right") - 1
        inside = (slot >= 0) & (self._at < grid.end[slot])
        slot, meter = slot[inside], self._meter[inside]
        prompt = self._landed[inside] <= grid.due[slot]
        heard = np.zeros((len(self._meters), len(grid.start)), dtype=np.bool_)
        on_time = heard.copy()
        heard[meter, slot] = True
        on_time[meter[prompt], slot[prompt]] = True
        return heard, on_time

    def _inside(self, times: pl.DataFrame, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether slots lie wholly inside stretches of time, shape (meters, slots)."""
        begin, finish = _micros(times["begin"]), _micros(times["finish"])
        return self._between(
            times, np.searchsorted(start, begin, side="left"), np.searchsorted(end, finish, side="right"), len(start)
        )

    def _overlapping(self, times: pl.DataFrame, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether slots share an instant with stretches of time, shape (meters, slots)."""
        begin, finish = _micros(times["begin"]), _micros(times["finish"])
        return self._between(
            times, np.searchsorted(end, begin, side="right"), np.searchsorted(start, finish, side="left"), len(start)
        )

    def _between(
        self, times: pl.DataFrame, first: NDArray[np.int64], beyond: NDArray[np.int64], count: int
    ) -> NDArray[np.bool_]:
        meter, kept = self._coded(times)
        some = kept.to_numpy()
        first, beyond = first[some], np.maximum(beyond[some], first[some])
        steps = np.zeros((len(self._meters), count + 1), dtype=np.int8)
        np.add.at(steps, (meter, first), 1)
        np.add.at(steps, (meter, beyond), -1)
        return np.cumsum(steps, axis=1, dtype=np.int8)[:, :count] > 0

    def _counts(
        self,
        criterion: str,
        days: pl.DataFrame,
        present: NDArray[np.bool_],
        expected: NDArray[np.int32],
        received: NDArray[np.int32],
        on_time: NDArray[np.int32],
    ) -> pl.DataFrame:
        meter, day = np.nonzero(present)
        return pl.DataFrame(
            {
                "meter_id": self._meters.gather(meter),
                "day": days["day"].gather(day),
                "expected": expected[meter, day].astype(np.int32),
                "received": received[meter, day].astype(np.int32),
                "received_on_time": on_time[meter, day].astype(np.int32),
            }
        ).with_columns(criterion=pl.lit(criterion))

    def _causes(self, criterion: str, grid: _Grid, missing: NDArray[np.bool_]) -> pl.DataFrame:
        """Missing slots by meter, day, cause and collector."""
        meter, slot = np.nonzero(missing)
        lost = pl.DataFrame({"meter": meter.astype(np.int64), "slot": slot.astype(np.int64)})
        at = self._frames["at"].to_numpy()
        found = np.searchsorted(grid.start, at, side="right") - 1
        rank = pl.col("cause").replace_strict(list(CAUSES), list(range(len(CAUSES))), return_dtype=pl.Int8)
        nearest = (
            self._frames.with_columns(slot=pl.Series(found.astype(np.int64)))
            .filter(pl.Series((found >= 0) & (at < grid.end[found])))
            .sort(rank, "collector", "at")
            .unique(["meter", "slot"], keep="first", maintain_order=True)
        )
        day_of_slot = np.searchsorted(grid.first_slot, lost["slot"].to_numpy(), side="right") - 1
        return (
            lost.with_columns(day_no=pl.Series(day_of_slot.astype(np.int64)))
            .join(nearest.select("meter", "slot", "cause", "collector"), on=["meter", "slot"], how="left")
            .group_by("meter", "day_no", pl.col("cause").fill_null(CAUSES[-1]), pl.col("collector").fill_null(""))
            .agg(slots=pl.len().cast(pl.Int32))
            .select(
                meter_id=pl.lit(self._meters).gather(pl.col("meter")),
                day=pl.lit(grid.days).gather(pl.col("day_no")),
                criterion=pl.lit(criterion),
                cause="cause",
                collector="collector",
                slots="slots",
            )
        )


_NEVER = np.iinfo(np.int64).min
_NO_COUNTS = READING_PERFORMANCE_DAILY.empty().select(
    "meter_id", "day", "expected", "received", "received_on_time", "criterion", "last_missing"
)
_NO_CAUSES = MISSING_CAUSES_DAILY.empty().select("meter_id", "day", "criterion", "cause", "collector", "slots")


def _grid(slots: pl.DataFrame) -> _Grid:
    days = slots["day"]
    first = np.flatnonzero((days != days.shift(1)).fill_null(value=True).to_numpy())
    return _Grid(
        _micros(slots["start"]),
        _micros(slots["end"]),
        _micros(slots["due"]),
        days.gather(first),
        first.astype(np.int64),
    )


def _micros(instants: pl.Series) -> NDArray[np.int64]:
    return instants.dt.timestamp("us").to_numpy()


def _shaped(parts: Sequence[tuple[pl.DataFrame, pl.DataFrame]], active: pl.DataFrame) -> Performance:
    """Brings the rows of several criteria together; those of a meter that changed its schedule within a day are one."""
    organisation = pl.lit(active["organisation"].first(), pl.String).alias("organisation")
    grain = ["meter_id", "day", "criterion"]
    tables = [part[0].select(*grain, *_COUNTS, "last_missing") for part in parts]
    counts = pl.concat(tables)
    if len(parts) > 3:
        counts = counts.group_by(grain).agg(pl.col(_COUNTS).sum(), pl.col("last_missing").max())
    share = (100 * pl.col("received") / pl.col("expected")).round(2, mode="half_away_from_zero")
    daily = counts.with_columns(organisation, performance=pl.when(pl.col("expected") > 0).then(share))
    causes = pl.concat([part[1] for part in parts]).group_by(*grain, "cause", "collector").agg(pl.col("slots").sum())
    return Performance(
        shape(READING_PERFORMANCE_DAILY, daily),
        shape(MISSING_CAUSES_DAILY, causes.with_columns(organisation)),
    )
