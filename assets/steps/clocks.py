"""Clocks of touched meters, day by day (V04)."""

from datetime import timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.judging import Judging
from warehouse.schemas import INSTALLATIONS, READINGS, VEE_EXCEPTIONS
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.validation.catalogue import DAY_KINDS
from warehouse.transforms.validation.clocks import clock_drift, judge_clocks
from warehouse.transforms.validation.inputs import placed
from warehouse.transforms.validation.rules import findings

_METERS_AT_ONCE = 20_000
_DAY = timedelta(days=1)


def find_clocks(house: Installation, judging: Judging, spans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What V04 finds about days of touched meters, and about the days after that are judged by these.

    Args:
        house: The installation.
        judging: What is judged by.
        spans: ``meter_id``, ``first_at``, ``last_at`` (UTC, both inclusive).

    Returns:
        Findings, and the exceptions in the place of which they stand.
    """
    zone, reach = house.settings.zone, timedelta(days=int(max(judging.rules.values("V04", "slope_d"))))
    judged = spans.select(
        "meter_id", first=local_day(pl.col("first_at"), zone), last=local_day(pl.col("last_at"), zone) + reach
    ).sort("first", "last", "meter_id")
    on = local_day(pl.col("at"), zone)
    found, before = [findings()], [VEE_EXCEPTIONS.empty()]
    for some in judged.iter_slices(_METERS_AT_ONCE):
        found.append(judge_clocks(_days(house, judging, some, reach), some, judging.rules))
        stored = judging.stored(some.select("meter_id")).filter(pl.col("kind").is_in(DAY_KINDS))
        theirs = stored.join(some, on="meter_id").filter(on.is_between(pl.col("first"), pl.col("last")))
        before.append(theirs.select(stored.columns))
    return pl.concat(found), pl.concat(before)


def _days(house: Installation, judging: Judging, judged: pl.DataFrame, reach: timedelta) -> pl.DataFrame:
    """Median drift of each meter and local day, with what scopes ask about."""
    zone = house.settings.zone
    first, last = judged.select(pl.col("first").min() - reach - _DAY, pl.col("last").max()).row(0)
    bounds = local_days(first, last, zone)
    start, end = bounds["start"][0], bounds["end"][-1]
    own = pl.col("organisation") == house.organisation
    drift = clock_drift(pl.col("device_time"), pl.col("received_at"), zone)
    daily = (
        house.lake.scan(READINGS)
        .filter(
            own
            & pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}"))
            & pl.col("measured_at").is_between(start, end, closed="left")
            & pl.col("device_time").is_not_null()
            & (pl.col("quality") != "R")
        )
        .join(judged.select("meter_id").lazy(), on="meter_id", how="semi")
        .select("meter_id", "measured_at", "source", drift=drift, day=local_day(pl.col("measured_at"), zone))
        .group_by("meter_id", "day")
        .agg(
            pl.col("measured_at").max(),
            pl.col("source").sort_by("measured_at").last(),
            drift_min=pl.col("drift").median(),
        )
        .collect(engine="streaming")
    )
    rows = placed(
        daily.with_columns(organisation=pl.lit(house.organisation), quality=pl.lit("M")),
        house.lake.scan(INSTALLATIONS).filter(own).collect(),
        judging.media,
        judging.members,
        judging.rules.groups,
    )
    return rows.drop("at").join(bounds.select("day", at="start"), on="day")
