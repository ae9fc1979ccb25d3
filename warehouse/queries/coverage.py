"""Radio coverage over days: links of meters, collectors, and what if one were missing (§12)."""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import CoveragePolicy
from warehouse.schemas import COLLECTOR_DAILY, LINK_DAILY, METER_LINKS, READING_PERFORMANCE_DAILY, Table
from warehouse.transforms.calendar import hours, local_days
from warehouse.transforms.links import REDUNDANT_SHARE
from warehouse.transforms.slots import HOURLY
from warehouse.transforms.trends import steps, theil_sen

_DAYS_PER_MONTH = 365.25 / 12
_LONGEST_DAILY = 31
"""Days up to which slopes are those of days; of longer periods they are those of weeks, which cost less."""
_WEEK = 7


def meters(lake: Readable, organisation: str, policy: CoveragePolicy, first: date, last: date) -> pl.DataFrame:
    """How well each meter is heard.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        policy: Sensitivity of collectors, size of steps.
        first: First local day.
        last: Last local day, inclusive.

    Returns:
        ``meter_id``, ``collector`` (that hears it best), ``redundancy`` (collectors with a tenth of its transmissions),
        ``fragile`` (only one), ``telegrams``, ``error_rate`` (% of the best link), ``transmit_interval_s`` and
        ``interval_since`` (first day of the period with the latest interval), ``rssi_p10_dbm`` and ``margin_db`` of the
        best link, ``trend_db_month`` (null with fewer than five values), ``step_db`` and ``step_day`` (null without a
        step); the weakest margin first.
    """
    links = _links(lake, organisation, first, last)
    own = _senders(lake, organisation, first, last)
    shares = _redundancy(links, own)
    best = (
        links.sort("telegrams", "collector", descending=[True, False])
        .unique("meter_id", keep="first", maintain_order=True)
        .select("meter_id", "collector", "error_rate", "rssi_p10_dbm", sensitivity=_sensitivity(policy))
    )
    changes = _changes(lake, organisation, best, policy, first, last)
    return (
        own.join(best, on="meter_id", how="left")
        .join(shares, on="meter_id", how="left")
        .join(changes, on="meter_id", how="left")
        .with_columns(
            pl.col("redundancy").fill_null(0),
            fragile=pl.col("redundancy") == 1,
            margin_db=pl.col("rssi_p10_dbm") - pl.col("sensitivity"),
        )
        .select(
            *("meter_id", "collector", "redundancy", "fragile", "telegrams", "error_rate", "transmit_interval_s"),
            *("interval_since", "rssi_p10_dbm", "margin_db", "trend_db_month", "step_db", "step_day"),
        )
        .sort("margin_db", "meter_id", nulls_last=True)
    )


def collectors(
    lake: Readable, organisation: str, policy: CoveragePolicy, first: date, last: date, *, zone: ZoneInfo
) -> pl.DataFrame:
    """How collectors work.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.
        policy: What they can carry, and what a gap is.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.

    Returns:
        ``collector``, ``last_contact`` (UTC), ``receptions``, ``meters`` (distinct in the period), ``only_for`` (meters
        of which no other hears a tenth of the transmissions: how critical it is), ``gaps`` and ``longest_gap_h``
        (stretches of whole hours without any reception), ``backlog_p50_s`` (median of the days), ``backlog_max_s``,
        ``clock_offset_s`` (median of the days), ``most_meters`` and ``used`` (% of that); the most critical first.
    """
    daily = _of(lake, COLLECTOR_DAILY, organisation, first, last).collect()
    links = _links(lake, organisation, first, last)
    heard = links.group_by("collector").agg(meters=pl.len().cast(pl.Int64))
    alone = _alone(links, _senders(lake, organisation, first, last))
    silent = (
        gaps(lake, organisation, policy, first, last, zone=zone)
        .group_by("collector")
        .agg(gaps=pl.len().cast(pl.Int64), longest_gap_h=pl.col("hours").max())
    )
    limits = {name: kind.most_meters for name, kind in policy.collectors.items()}
    most = pl.col("collector").replace_strict(
        list(limits), list(limits.values()), default=policy.collector.most_meters, return_dtype=pl.Int64
    )
    return (
        daily.group_by("collector")
        .agg(
            pl.col("last_contact").max(),
            pl.col("receptions").sum().cast(pl.Int64),
            backlog_p50_s=pl.col("backlog_p50_s").median(),
            backlog_max_s=pl.col("backlog_max_s").max(),
            clock_offset_s=pl.col("clock_offset_s").median(),
        )
        .join(heard, on="collector", how="left")
        .join(alone, on="collector", how="left")
        .join(silent, on="collector", how="left")
        .with_columns(pl.col("meters", "only_for", "gaps", "longest_gap_h").fill_null(0), most_meters=most)
        .with_columns(used=(100 * pl.col("meters") / pl.col("most_meters")).round(1))
        .select(
            *("collector", "last_contact", "receptions", "meters", "only_for", "gaps", "longest_gap_h"),
            *("backlog_p50_s", "backlog_max_s", "clock_offset_s", "most_meters", "used"),
        )
        .sort("only_for", "collector", descending=[True, False])
    )


def gaps(
    lake: Readable, organisation: str, policy: CoveragePolicy, first: date, last: date, *, zone: ZoneInfo
) -> pl.DataFrame:
    """Stretches of whole hours in which a collector heard nothing while the period lasted.

    The period of a collector begins with its first reception, and ends for all with the last one of any.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.
        policy: What a gap is.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone: a day has 23 hours in spring and 25 in autumn.

    Returns:
        ``collector``, ``gap_day`` and ``gap_hour`` (where it begins: hour of the local day, counted from 0), ``hours``
        and ``lasts`` (whether it had not ended), by collector and time.
    """
    daily = _of(lake, COLLECTOR_DAILY, organisation, first, last).select("collector", "day", "heard_hours").collect()
    first, last = _heard_days(daily, last)
    slots = hours(local_days(first, last, zone)).select("day", hour=pl.int_range(pl.len()).over("day"))
    slots = slots.with_row_index("slot")
    heard = daily.select("collector").unique().join(slots, how="cross").join(daily, on=["collector", "day"], how="left")
    bit = pl.col("heard_hours").fill_null(0) // 2 ** pl.col("hour").cast(pl.Int32) % 2 == 1
    grid = heard.with_columns(heard=bit).sort("collector", "slot")
    newest = pl.lit(grid.filter("heard")["slot"].max(), pl.UInt32)  # null, and so no gap, where none heard anything
    begun = pl.col("slot") >= pl.col("slot").filter("heard").min().over("collector")
    return (
        grid.filter(begun, pl.col("slot") <= newest)
        .with_columns(run=pl.struct("collector", "heard").rle_id())
        .filter(~pl.col("heard"))
        .group_by("collector", "run")
        .agg(
            gap_day=pl.col("day").first(),
            gap_hour=pl.col("hour").first(),
            hours=pl.len().cast(pl.Int64),
            lasts=pl.col("slot").max() == newest,
        )
        .filter(pl.col("hours") >= policy.gap_h)
        .sort("collector", "gap_day", "gap_hour")
        .drop("run")
    )


def what_if(lake: Readable, organisation: str, first: date, last: date, *, without: Sequence[str] = ()) -> pl.DataFrame:
    """Hourly reading performance as it would have been without collectors.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.
        first: First local day.
        last: Last local day, inclusive.
        without: Collectors that are taken away together; none: each one by itself.

    Returns:
        ``without``, ``meters`` (read by them), ``meters_lost`` (read by nobody else), ``performance`` and
        ``performance_without`` (% of all expected hours; null where nothing was expected), the greatest loss first.
    """
    links = (
        _of(lake, LINK_DAILY, organisation, first, last)
        .filter(pl.col("read_hours") > 0)
        .select("meter_id", "day", "collector", "read_hours")
        .collect()
    )
    if without:
        name = ", ".join(without)
        named = pl.col("collector").is_in(list(without))
        links = links.with_columns(collector=pl.when(named).then(pl.lit(name)).otherwise("collector"))
        links = links.group_by("meter_id", "day", "collector").agg(pl.col("read_hours").bitwise_or())
    day = ["meter_id", "day"]
    judged = (
        _of(lake, READING_PERFORMANCE_DAILY, organisation, first, last)
        .filter(pl.col("criterion") == HOURLY)
        .select(*day, "expected", "received")
        .collect()
    )
    expected, received = (int(judged[name].sum()) for name in ("expected", "received"))
    alone = _only_bits(links.sort(*day, "collector")).join(judged, on=day, how="left")
    lost_hours = pl.min_horizontal(pl.col("only").bitwise_count_ones(), pl.col("received").fill_null(0))
    by_meter = alone.group_by("collector", "meter_id").agg(
        lost=lost_hours.sum().cast(pl.Int64), needed=(pl.col("only") == pl.col("read_hours")).all(), days=pl.len()
    )
    days_read = links.group_by("meter_id").agg(all_days=pl.col("day").n_unique())
    found = (
        by_meter.join(days_read, on="meter_id")
        .group_by("collector")
        .agg(
            meters=pl.len().cast(pl.Int64),
            meters_lost=(pl.col("needed") & (pl.col("days") == pl.col("all_days"))).sum().cast(pl.Int64),
            lost=pl.col("lost").sum(),
        )
    )
    if without:
        found = found.filter(pl.col("collector") == ", ".join(without))
    share = 100 / expected if expected else None
    return found.select(
        pl.col("collector").alias("without"),
        "meters",
        "meters_lost",
        performance=(pl.lit(received) * pl.lit(share, pl.Float64)).round(2),
        performance_without=((received - pl.col("lost")) * pl.lit(share, pl.Float64)).round(2),
    ).sort("performance_without", "without", nulls_last=True)


def _only_bits(links: pl.DataFrame) -> pl.DataFrame:
    """Hours that one collector alone read of a meter, as bits ``only``.

    Args:
        links: ``meter_id``, ``day``, ``collector``, ``read_hours``, the rows of a meter and day one after the other.
    """
    group = links.select(pl.struct("meter_id", "day").rle_id()).to_series()
    bits = links["read_hours"]
    others = pl.zeros(len(links), dtype=pl.Int32, eager=True)
    most = max(group.value_counts()["count"].to_list(), default=1)
    for distance in range(1, most):  # once per further collector of a meter
        for shift in (distance, -distance):
            near = pl.select(pl.when(group == group.shift(shift)).then(bits.shift(shift)).otherwise(0)).to_series()
            others = others | near.fill_null(0)
    return links.with_columns(only=bits & ~others)


def _of(lake: Readable, table: Table, organisation: str, first: date, last: date) -> pl.LazyFrame:
    months = pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}"))
    return lake.scan(table).filter(organisation=organisation).filter(months & pl.col("day").is_between(first, last))


def _heard_days(daily: pl.DataFrame, last: date) -> tuple[date, date]:
    """First and last day of a period on which anything was heard: what is laid out by days must not grow with it."""
    heard = daily["day"]
    return (heard.min(), heard.max()) if heard.len() else (last, last)  # type: ignore[return-value]


def _links(lake: Readable, organisation: str, first: date, last: date) -> pl.DataFrame:
    """Links of the period: telegrams, medians of the daily figures."""
    return (
        _of(lake, LINK_DAILY, organisation, first, last)
        .group_by("meter_id", "collector")
        .agg(pl.col("telegrams").sum(), pl.col("error_rate", "rssi_p10_dbm").median())
        .collect()
    )


def _senders(lake: Readable, organisation: str, first: date, last: date) -> pl.DataFrame:
    """Meters of the period: transmissions, and the latest transmit interval with the day since when it holds."""
    daily = _of(lake, METER_LINKS, organisation, first, last).select(
        "meter_id", "day", "telegrams", "transmit_interval_s"
    )
    day, interval = pl.col("day"), pl.col("transmit_interval_s")
    known = daily.filter(interval.is_not_null()).collect()
    latest = known.group_by("meter_id").agg(latest=interval.sort_by("day").last())
    # Within a tenth it is the same interval: clocks of collectors and meters are not that exact.
    differs = (interval / pl.col("latest") - 1).abs() > REDUNDANT_SHARE
    others = known.join(latest, on="meter_id").filter(differs).group_by("meter_id").agg(until=day.max())
    since = (
        known.join(others, on="meter_id", how="left")
        .filter((day > pl.col("until")).fill_null(value=True))
        .group_by("meter_id")
        .agg(interval_since=day.min(), transmit_interval_s=interval.median())
    )
    summed = daily.group_by("meter_id").agg(telegrams=pl.col("telegrams").sum().cast(pl.Int64)).collect()
    return summed.join(since, on="meter_id", how="left")


def _heard(links: pl.DataFrame, senders: pl.DataFrame) -> pl.DataFrame:
    """Links that carry at least a tenth of the meter's transmissions."""
    shares = links.join(senders.select("meter_id", own="telegrams"), on="meter_id")
    return shares.filter(pl.col("telegrams") > 0, pl.col("telegrams") >= REDUNDANT_SHARE * pl.col("own"))


def _redundancy(links: pl.DataFrame, senders: pl.DataFrame) -> pl.DataFrame:
    return _heard(links, senders).group_by("meter_id").agg(redundancy=pl.len().cast(pl.Int64))


def _alone(links: pl.DataFrame, senders: pl.DataFrame) -> pl.DataFrame:
    """Per collector the meters that no other hears well enough."""
    single = _heard(links, senders).filter(pl.len().over("meter_id") == 1)
    return single.group_by("collector").agg(only_for=pl.len().cast(pl.Int64))


def _sensitivity(policy: CoveragePolicy) -> pl.Expr:
    named = {name: kind.sensitivity_dbm for name, kind in policy.collectors.items()}
    return pl.col("collector").replace_strict(
        list(named), list(named.values()), default=policy.collector.sensitivity_dbm, return_dtype=pl.Float64
    )


def _changes(
    lake: Readable, organisation: str, best: pl.DataFrame, policy: CoveragePolicy, first: date, last: date
) -> pl.DataFrame:
    """Slopes and steps of the best links' daily median signal."""
    by_days = (last - first).days < _LONGEST_DAILY
    daily = (
        _of(lake, LINK_DAILY, organisation, first, last)
        .filter(pl.col("rssi_p50_dbm").is_not_null())
        .select("meter_id", "collector", "day", "rssi_p50_dbm")
        .collect()
        .join(best.select("meter_id", "collector").sort("meter_id").with_row_index("row"), on=["meter_id", "collector"])
    )
    begun, last = _heard_days(daily, last)
    first += timedelta(days=(begun - first).days // _WEEK * _WEEK)  # whole weeks: those of the period stay the same
    length = (last - first).days + 1
    values = np.full((best.height, length), np.nan)
    values[daily["row"].to_numpy(), (daily["day"] - first).dt.total_days().to_numpy()] = daily[
        "rssi_p50_dbm"
    ].to_numpy()
    if by_days:
        slope = theil_sen(values) * _DAYS_PER_MONTH
    else:
        weeks = np.full((best.height, -(-length // _WEEK) * _WEEK), np.nan)
        weeks[:, :length] = values
        by_week = weeks.reshape(best.height, weeks.shape[1] // _WEEK, _WEEK)
        count = np.sum(~np.isnan(by_week), axis=2)
        means = np.where(count > 0, np.nansum(by_week, axis=2) / np.maximum(count, 1), np.nan)
        slope = theil_sen(means) * _DAYS_PER_MONTH / _WEEK
    place, size = steps(values, smallest=policy.step_db)
    found = pl.DataFrame(
        {
            "meter_id": best["meter_id"].sort(),
            "trend_db_month": pl.Series(slope.round(2)).fill_nan(None),
            "step_db": pl.Series(size.round(1)).fill_nan(None),
            "place": place,
        }
    )
    day = pl.lit(first) + pl.duration(days=pl.col("place"))
    return found.select(
        "meter_id", "trend_db_month", "step_db", step_day=pl.when(pl.col("place") >= 0).then(day).cast(pl.Date)
    )
