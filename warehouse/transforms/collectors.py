"""How collectors work: contact, backlog, clock (§12)."""

from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import COLLECTOR_DAILY
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.figures import shape


def collector_daily(receptions: pl.DataFrame, links: pl.DataFrame, organisation: str, zone: ZoneInfo) -> pl.DataFrame:
    """Sums up receptions per collector and local day of reception.

    Args:
        receptions: ``collector`` (null where the source names none), ``received_at``, ``landed_at``; also those that no
            meter could be told from.
        links: Rows of ``link_daily`` of the same days.
        organisation: Whose.
        zone: The utility's zone.

    Returns:
        Rows of ``collector_daily`` without ``known_from``.
    """
    if receptions.is_empty():
        return shape(COLLECTOR_DAILY, COLLECTOR_DAILY.empty())
    at = pl.col("received_at")
    days = local_days(*_extent(receptions, zone), zone)
    numbers = days["start"].search_sorted(receptions["received_at"], side="right").cast(pl.Int64) - 1
    lag = (pl.col("landed_at") - at).dt.total_microseconds() / 1e6
    hour = (at - pl.lit(days["start"]).gather("day_no")).dt.total_hours()
    summed = (
        receptions.with_columns(pl.col("collector").fill_null(""), day_no=numbers)
        .with_columns(lag=lag, bit=pl.lit(1, pl.Int32) * 2 ** hour.cast(pl.Int32))
        .group_by("collector", "day_no")
        .agg(
            receptions=pl.len(),
            first_contact=at.min(),
            last_contact=at.max(),
            heard_hours=pl.col("bit").bitwise_or(),
            backlog_p50_s=pl.col("lag").median(),
            backlog_max_s=pl.col("lag").max(),
        )
        .with_columns(day=pl.lit(days["day"]).gather("day_no"))
    )
    heard = links.group_by("collector", "day").agg(meters=pl.len(), clock_offset_s=pl.col("clock_offset_s").median())
    rows = summed.join(heard, on=["collector", "day"], how="left").with_columns(pl.col("meters").fill_null(0))
    return shape(COLLECTOR_DAILY, rows.with_columns(organisation=pl.lit(organisation)))


def _extent(receptions: pl.DataFrame, zone: ZoneInfo) -> tuple[date, date]:
    ends = pl.DataFrame({"at": [receptions["received_at"].min(), receptions["received_at"].max()]})
    first, last = ends.select(local_day(pl.col("at"), zone)).to_series()
    return first, last
