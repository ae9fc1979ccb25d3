"""Flow by day: night use and its rise, peaks and what is usual."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.schemas import FLOW_DAILY
from warehouse.transforms.figures import shape
from warehouse.transforms.leaks.hours import POINT, TINY_L
from warehouse.transforms.leaks.limits import Limits
from warehouse.transforms.leaks.slow import periods_of_nights

MAD_TO_DEVIATION = 1.4826
PEAK_DAYS = 28
PEAKS = ("peak_lh", "second_peak_lh", "third_peak_lh")
"""Largest hours kept of a day; of 28 days, one in a hundred hours is the seventh largest."""

LEAST_PEAK_HOURS = 72
"""Measured hours before a day from which its usual peak is known."""

_DAY = timedelta(days=1)
Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


def reach(limits: Limits) -> int:
    """Days before a day that its figures rest on."""
    return max(PEAK_DAYS, limits.step_days + limits.step_reference_days)


def flow_daily(
    measured: pl.DataFrame, before: pl.DataFrame, limits: Limits, zone: ZoneInfo, *, first: date
) -> pl.DataFrame:
    """Reckons the days of water points.

    Args:
        measured: As :func:`warehouse.transforms.leaks.hours.flows` gives them.
        before: Rows of ``flow_daily`` of the same points from :func:`reach` days before ``first`` on.
        limits: Limits.
        zone: The utility's zone.
        first: First local day that is asked for; its hours and all later ones are given.

    Returns:
        Rows of ``flow_daily`` from ``first`` on, without ``known_from``.
    """
    fresh = _of_hours(measured.filter(pl.col("day") >= first), limits, zone)
    if fresh.is_empty():
        return shape(FLOW_DAILY, fresh.with_columns(usual_peak_lh=pl.lit(None), step_lh=pl.lit(None)))
    counts = measured.group_by(POINT).agg(pl.col("count_l").max())
    known = pl.concat([before.filter(pl.col("day") < first).select(fresh.columns), fresh])
    points = known.select(POINT).unique().sort(POINT).with_row_index("row").join(counts, on=POINT, how="left")
    rows = known.join(points.select(*POINT, "row"), on=POINT)
    start, last = first - reach(limits) * _DAY, rows["day"].max()
    assert isinstance(last, date)  # noqa: S101  there is a row
    rows = rows.filter(pl.col("day") >= start)
    shape_ = points.height, (last - start).days + 1
    place = rows["row"].to_numpy(), ((rows["day"] - start).dt.total_days()).to_numpy()
    night, volume, hours = (_matrix(shape_, place, rows[name]) for name in ("night_lh", "night_l", "measured_hours"))
    peaks = np.stack([_matrix(shape_, place, rows[name]) for name in PEAKS], axis=2)
    count_l = points["count_l"].fill_null(1.0).to_numpy()
    offset = (first - start).days
    found = [
        points.select(
            *POINT,
            day=pl.lit(start + at * _DAY),
            usual_peak_lh=pl.Series(_usual_peak(peaks[:, at - PEAK_DAYS : at], hours[:, at - PEAK_DAYS : at])),
            step_lh=pl.Series(_step(night[:, : at + 1], volume[:, : at + 1], count_l, limits)),
        )
        for at in range(offset, shape_[1])
    ]
    statistics = pl.concat(found).with_columns(pl.col("usual_peak_lh", "step_lh").fill_nan(None))
    return shape(FLOW_DAILY, fresh.join(statistics, on=[*POINT, "day"]))


def _of_hours(measured: pl.DataFrame, limits: Limits, zone: ZoneInfo) -> pl.DataFrame:
    """What the hours of each day tell by themselves."""
    hour = pl.col("start").dt.convert_time_zone(zone.key).dt.hour()
    night = (hour >= limits.night_from) & (hour < limits.night_to)
    rate = pl.col("rate_lh")
    top = rate.top_k(len(PEAKS)).sort(descending=True)
    keys = [*POINT, "day"]
    days = measured.group_by(keys).agg(
        pl.col("meter_id").sort_by("start").last(),
        measured_hours=pl.len().cast(pl.Int32),
        least_lh=rate.min(),
        night_lh=rate.filter(night).median(),
        night_l=pl.when(night.any()).then(pl.col("litres").filter(night).sum()),
        **{name: top.get(place, null_on_oob=True) for place, name in enumerate(PEAKS)},
        count_l=pl.col("count_l").max(),
    )
    nights = periods_of_nights(measured, limits, zone)
    return days.join(_ticks(measured), on=keys, how="left").join(nights, on=keys, how="left")


def _ticks(measured: pl.DataFrame) -> pl.DataFrame:
    """When the register moved on each day, and how long it rested in between; of days on which it did."""
    keys = [*POINT, "day"]
    start = pl.col("start")
    ticks = measured.with_row_index("place").filter(pl.col("litres") >= pl.col("count_l") - TINY_L)
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in keys)
    gap = pl.when(same).then(start.diff().dt.total_minutes() / 60)
    # Measured hours lie in a row where they are as many as time passed.
    in_a_row = pl.col("place").cast(pl.Int64).diff() == pl.col("gap")
    return (
        ticks.with_columns(gap=gap)
        .with_columns(measured_gap=pl.when(in_a_row).then("gap"))
        .group_by(keys)
        .agg(
            ticks=pl.len().cast(pl.Int32),
            first_tick_at=start.min(),
            last_tick_at=start.max(),
            longest_gap_h=pl.col("gap").max(),
            measured_gap_h=pl.col("measured_gap").max(),
        )
    )


def _matrix(shape_: tuple[int, int], place: tuple[NDArray[np.int64], NDArray[np.int64]], values: pl.Series) -> Matrix:
    filled = np.full(shape_, np.nan)
    filled[place] = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return filled


def _usual_peak(peaks: Matrix, hours: Matrix) -> Vector:
    """The 99th percentile of the hours of some days, from the largest ones of each day."""
    measured = np.nansum(hours, axis=1)
    rank = (measured // 100).astype(np.int64)
    deepest = PEAK_DAYS * 25 // 100
    lowest = np.partition(np.nan_to_num(-peaks.reshape(len(peaks), -1), nan=np.inf), deepest, axis=1)
    usual = -np.take_along_axis(np.sort(lowest[:, : deepest + 1], axis=1), rank[:, None], axis=1)[:, 0]
    return np.where((measured >= LEAST_PEAK_HOURS) & np.isfinite(usual), usual, np.nan)


def _step(night: Matrix, volume: Matrix, count_l: Vector, limits: Limits) -> Vector:
    """Rise of the last nights over those before them; not a number where it is no more than chance."""
    last = limits.step_days
    now, before = night[:, -last:], night[:, -last - limits.step_reference_days : -last]
    usual, risen = _median(before), _median(now)
    spread = _median(np.abs(before - usual[:, None]))
    rise = risen - usual
    is_risen = (
        (np.isfinite(now).sum(1) * 2 > last)
        & (np.isfinite(before).sum(1) * 2 >= limits.step_reference_days)
        & (rise > limits.step_deviations * MAD_TO_DEVIATION * spread)
        & (rise > limits.step_least_lh)
        & (np.nansum(volume[:, -last:], axis=1) >= limits.least_counts * count_l)
    )
    return np.where(is_risen, rise, np.nan)


def _median(rows: Matrix) -> Vector:
    """Median of the numbers of each row; not a number where there is none."""
    ordered = np.sort(rows, axis=1)  # what is no number comes last
    numbers = np.isfinite(rows).sum(1)
    upper = np.take_along_axis(ordered, (numbers // 2).clip(max=rows.shape[1] - 1)[:, None], axis=1)[:, 0]
    lower = np.take_along_axis(ordered, ((numbers - 1) // 2).clip(min=0)[:, None], axis=1)[:, 0]
    return np.where(numbers > 0, (lower + upper) / 2, np.nan)
