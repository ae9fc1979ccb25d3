"""Reading performance and links: what the touched receptions say about meters and radio."""

from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.decoding import latest_outcomes
from assets.steps.erasing import without_erased
from assets.steps.frozen import keep_frozen
from assets.steps.touched import done, pending
from warehouse.schemas import (
    INSTALLATIONS,
    LINK_DAILY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
    Table,
)
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.links import link_daily
from warehouse.transforms.performance import reading_performance_daily
from warehouse.transforms.transmissions import cluster

DAYS_AT_ONCE = 31
"""Local days reckoned and committed together; bounds the memory of a back-fill."""


def reckon_performance(house: Installation, now: datetime) -> int:
    """Brings the reading performance of all installed meters up to date for the touched local days.

    Days between the newest day reckoned so far and the touched ones are reckoned, too: a day on which nothing was heard
    is a day on which everything is missing.

    Returns:
        Rows inserted or replaced.
    """
    with house.alone("performance"):
        spans, newest = pending(house, "performance")
        changed = 0
        installations = house.lake.scan(INSTALLATIONS).filter(pl.col("organisation") == house.organisation).collect()
        for first, last in _day_ranges(house, spans, READING_PERFORMANCE_DAILY):
            bounds = local_days(first, last, house.settings.zone)
            stretch = pl.col("measured_at").is_between(bounds["start"].min(), bounds["end"].max(), closed="left")
            # A reading that an earlier reception superseded had arrived in time all the same.
            readings = pl.concat(
                house.lake.scan(table)
                .filter((pl.col("organisation") == house.organisation) & stretch)
                .select("organisation", "meter_id", "measured_at", "landed_at", "quality")
                for table in (READINGS, READINGS_HISTORY)
            ).collect()
            rows = reading_performance_daily(
                readings,
                installations.select("organisation", "meter_id", "installed_at", "removed_at"),
                first,
                last,
                zone=house.settings.zone,
                deadline=house.settings.on_time_deadline,
                as_of=now,
            ).with_columns(known_from=pl.lit(now))
            rows = without_erased(house, READING_PERFORMANCE_DAILY, rows, around=0)
            rows = keep_frozen(house, READING_PERFORMANCE_DAILY, rows, first, last)
            stale = pl.DataFrame({"day": bounds["day"]}).with_columns(organisation=pl.lit(house.organisation))
            merged = house.lake.merge(READING_PERFORMANCE_DAILY, rows, stale=stale, superseded_at=now)
            changed += merged.inserted + merged.replaced
        done(house, "performance", newest, now)
    return changed


def reckon_links(house: Installation, now: datetime) -> int:
    """Brings the link quality up to date for the touched local days.

    Returns:
        Rows inserted or replaced.
    """
    with house.alone("links"):
        spans, newest = pending(house, "links")
        changed = 0
        for first, last in _day_ranges(house, spans, None):
            bounds = local_days(first, last, house.settings.zone)
            stretch = pl.col("received_at").is_between(bounds["start"].min(), bounds["end"].max(), closed="left")
            heard = (
                house.lake.scan(RECEPTIONS)
                .filter((pl.col("organisation") == house.organisation) & stretch)
                .select("organisation", "frame_id", "received_at", "collector", "rssi_dbm")
            )
            judged = latest_outcomes(house).filter(stretch & pl.col("meter_id").is_not_null())
            judged_columns = ("frame_id", "meter_id", "telegram_key", "access_no")
            receptions = heard.join(judged.select(judged_columns), on="frame_id").collect()
            rows = link_daily(cluster(receptions), zone=house.settings.zone).with_columns(known_from=pl.lit(now))
            rows = keep_frozen(house, LINK_DAILY, rows, first, last)
            stale = pl.DataFrame({"day": bounds["day"]}).with_columns(organisation=pl.lit(house.organisation))
            merged = house.lake.merge(LINK_DAILY, rows, stale=stale, superseded_at=now)
            changed += merged.inserted + merged.replaced
        done(house, "links", newest, now)
    return changed


def _day_ranges(house: Installation, spans: pl.DataFrame, filled: Table | None) -> list[tuple[date, date]]:
    """Runs of touched local days, at most ``DAYS_AT_ONCE`` long.

    Args:
        house: The installation.
        spans: ``meter_id``, ``first_at``, ``last_at``.
        filled: Table without holes: days after its newest day count as touched, too.
    """
    zone = house.settings.zone
    if spans.is_empty():
        return []
    ranges = spans.select(first=local_day(pl.col("first_at"), zone), last=local_day(pl.col("last_at"), zone)).unique()
    days = ranges.select(day=pl.date_ranges("first", "last")).explode("day").unique()
    if filled is not None:
        newest = house.lake.scan(filled).select(pl.col("day").max()).collect().item()
        latest = days.select(pl.col("day").max()).item()
        if newest is not None and newest < latest:
            between = pl.date_range(newest, latest, eager=True).alias("day").to_frame()
            days = pl.concat([days, between]).unique()
    table = days.sort("day").with_columns(run=(pl.col("day").diff() != timedelta(days=1)).cum_sum())
    table = table.with_columns(pl.col("run").fill_null(0), part=pl.int_range(pl.len()).over("run") // DAYS_AT_ONCE)
    bounds = table.group_by("run", "part").agg(first=pl.col("day").min(), last=pl.col("day").max()).sort("first")
    return list(bounds.select("first", "last").rows())
