"""Like days: a gap spreads as the nearest day of the same kind did (LIKE_DAY)."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms import calendar
from warehouse.transforms.estimation.policy import EstimationPolicy

_OF_DAY = ("gap", "day")


def like_days(
    gaps: pl.DataFrame, slots: pl.DataFrame, hours: pl.DataFrame, policy: EstimationPolicy, zone: ZoneInfo
) -> pl.DataFrame:
    """What the point itself consumed in the hours of the like day of each day of a gap.

    That is a day of the same class before the gap of which all wanted hours are measured: one of the same weekday
    before others, and the latest of these.

    Args:
        gaps: ``gap``, ``course``, ``from_at``.
        slots: ``gap``, ``day``, ``day_class`` and ``hour`` that are wanted.
        hours: Measured hours, as ``profiles.own_profile`` takes them, with ``day``. Hours cut short do not count.
        policy: Reach.
        zone: The utility's zone.

    Returns:
        ``gap``, ``day``, ``hour`` and ``like``: millionths, not negative; of days without a like one nothing.
    """
    start, end = pl.col("period_start"), pl.col("period_end")
    wanted = slots.select("gap", "day", "day_class", "hour").unique()
    needed = wanted.group_by(_OF_DAY).agg(needed=pl.len())
    known = (
        hours.lazy()
        .with_columns(hour=start.dt.convert_time_zone(zone.key).dt.hour().cast(pl.Int8))
        .filter(end - start == calendar.HOUR, pl.col("hour").is_in(wanted["hour"].unique().implode()))
        .join(gaps.lazy().select("gap", "course", "from_at"), on="course")
        .filter(start >= pl.col("from_at") - policy.reach, end <= pl.col("from_at"))
        .sort("gap", "period_start")
        .unique(["gap", "day", "hour"], keep="first", maintain_order=True)
        .select(
            "gap", "day_class", "hour", like_day="day", like=pl.col("consumption").clip(lower_bound=0).cast(pl.Int64)
        )
    )
    found = known.join(wanted.lazy(), on=["gap", "day_class", "hour"])
    other_weekday = pl.col("like_day").dt.weekday() != pl.col("day").dt.weekday()
    chosen = (
        found.group_by(*_OF_DAY, "like_day")
        .agg(hours=pl.len())
        .join(needed.lazy(), on=_OF_DAY)
        .filter(pl.col("hours") == pl.col("needed"))
        .sort(other_weekday, "like_day", descending=[False, True])
        .unique(_OF_DAY, keep="first", maintain_order=True)
        .select(*_OF_DAY, "like_day")
    )
    return found.join(chosen, on=[*_OF_DAY, "like_day"], how="semi").select(*_OF_DAY, "hour", "like").collect()
