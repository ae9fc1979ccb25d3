"""Pressure sensors one by one and against each other, and the priority meters that they are read as."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies.districts import DistrictsPolicy
from warehouse.queries.readings import among
from warehouse.queries.water import Asked, pressure_events, samples_of
from warehouse.schemas import GROUP_MEMBERS, INSTALLATIONS, METERING_POINTS, READINGS
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.pressure import head_losses, head_of_a_bar, sensors_of

_POINT = "metering_point"
_HOUR = timedelta(hours=1)
_NO_FLOWS = pl.DataFrame(
    schema={
        _POINT: pl.String,
        "period_start": pl.Datetime("us", "UTC"),
        "period_end": pl.Datetime("us", "UTC"),
        "flow_m3h": pl.Float64,
    }
)
_KINDS = ("low", "high", "surge", "drop")


def extent(lake: Readable, organisation: str, policy: DistrictsPolicy, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day that any sensor of the districts sampled on; ``None`` where there is none."""
    points = sensors_of(policy)[_POINT].unique()
    meters = (
        lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == organisation, among(_POINT, points))
        .select("meter_id")
        .unique()
        .collect()["meter_id"]
    )
    day = local_day(pl.col("measured_at"), zone)
    first, last = (
        lake.scan(READINGS)
        .filter(pl.col("organisation") == organisation, among("meter_id", meters), pl.col("pressure_bar").is_not_null())
        .select(first=day.min(), last=day.max())
        .collect()
        .row(0)
    )
    return None if first is None else (first, last)


def sensors(lake: Readable, organisation: str, policy: DistrictsPolicy, asked: Asked) -> pl.DataFrame:
    """What each sensor of the districts said on local days.

    Args:
        lake: Where the tables are.
        organisation: Whose sensors.
        policy: The districts.
        asked: Days and district.

    Returns:
        ``district``, ``metering_point``, ``last_at`` (UTC), ``level_bar`` (the last sample), ``gradient_bar_h`` (from
        the first to the last sample of its last hour), ``head_m`` (null without an elevation), ``min_bar``,
        ``mean_bar``, ``max_bar``, ``samples``, and the counts ``low``, ``high``, ``surge`` and ``drop`` of episodes;
        sensors without a sample have nulls.
    """
    wanted = sensors_of(policy).filter((pl.col("district") == asked.district) | (pl.lit(asked.district) == ""))
    # The policy may name points that who asks may not see.
    seen = lake.scan(METERING_POINTS).filter(pl.col("organisation") == organisation).select(_POINT).collect()
    wanted = wanted.join(seen, on=_POINT, how="semi")
    days = local_days(asked.first, asked.last, asked.zone)
    samples = samples_of(lake, organisation, wanted[_POINT].unique(), days["start"][0], days["end"][-1])
    at, bar = pl.col("at"), pl.col("pressure_bar")
    recent = at >= at.max() - _HOUR
    length = (at.filter(recent).last() - at.filter(recent).first()) / _HOUR
    told = samples.group_by(_POINT).agg(
        last_at=at.last(),
        level_bar=bar.last(),
        gradient_bar_h=pl.when(length > 0).then((bar.last() - bar.filter(recent).first()) / length),
        min_bar=bar.min(),
        mean_bar=bar.mean(),
        max_bar=bar.max(),
        samples=pl.len(),
    )
    events = pressure_events(lake, organisation, asked)
    counts = events.group_by("district", _POINT).agg(
        (pl.col("kind") == kind).sum().cast(pl.Int64).alias(kind) for kind in _KINDS
    )
    head = pl.col("elevation_m") + pl.col("level_bar") * head_of_a_bar(policy.pressure.water_temp_c)
    return (
        wanted.join(told, on=_POINT, how="left")
        .join(counts, on=["district", _POINT], how="left")
        .with_columns(pl.col(_KINDS).fill_null(0), head_m=head)
        .select(
            *("district", _POINT, "last_at", "level_bar", "gradient_bar_h", "head_m"),
            *("min_bar", "mean_bar", "max_bar", "samples", *_KINDS),
        )
        .sort("district", _POINT)
    )


def difference(
    lake: Readable, organisation: str, policy: DistrictsPolicy, asked: Asked, upstream: str, downstream: str
) -> pl.DataFrame:
    """Head of one sensor above that of another at the same instant.

    Args:
        lake: Where the tables are.
        organisation: Whose sensors.
        policy: The districts, with the elevations of the sensors.
        asked: Days.
        upstream: Point of the first sensor.
        downstream: Point of the second one.

    Returns:
        ``at`` (UTC, of the second sensor), ``difference_m`` (metres of head; where an elevation is not known, that of
        the pressures alone) and ``downstream_bar``, by time; instants at which both sampled.
    """
    days = local_days(asked.first, asked.last, asked.zone)
    chosen = pl.Series([upstream, downstream], dtype=pl.String)
    samples = samples_of(lake, organisation, chosen, days["start"][0], days["end"][-1])
    heights = {row[0]: row[1] for row in sensors_of(policy).select(_POINT, "elevation_m").iter_rows()}
    known = heights.get(upstream) is not None and heights.get(downstream) is not None
    stretch = pl.DataFrame(
        {
            "district": [""],
            "upstream": [upstream],
            "downstream": [downstream],
            "flow": [""],
            "upstream_z": [heights[upstream] if known else 0.0],
            "downstream_z": [heights[downstream] if known else 0.0],
        },
        schema_overrides={"upstream_z": pl.Float64, "downstream_z": pl.Float64},
    )
    found = head_losses(samples, stretch, _NO_FLOWS, policy.pressure)
    return found.select("at", "downstream_bar", difference_m="loss_m").sort("at")


def priority(lake: Readable, organisation: str, group: str, at: datetime) -> pl.DataFrame:
    """The priority meters of an instant, and how they were read in the 24 hours up to their newest reading.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        group: The group that they are in.
        at: The instant, UTC.

    Returns:
        ``metering_point``, ``meter_id`` (null where none is installed), ``last_at`` (UTC), ``readings_24h``,
        ``longest_gap_min``, and of the newest reading ``pressure_bar``, ``flow_m3h``, ``flow_temp_c`` and
        ``return_temp_c``; those that were silent longest first, never read ones before all.
    """
    begun = (pl.col("valid_from") <= at).fill_null(value=True)
    lasts = (pl.col("valid_to") > at).fill_null(value=True)
    members = (
        lake.scan(GROUP_MEMBERS)
        .filter(begun, lasts, organisation=organisation, group=group)
        .select(_POINT)
        .unique()
        .drop_nulls()
        .collect()
    )
    present = (
        lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == organisation, pl.col("removed_at").is_null())
        .filter(among(_POINT, members[_POINT]))
        .select(_POINT, "meter_id")
        .collect()
    )
    gauges = ("pressure_bar", "flow_m3h", "flow_temp_c", "return_temp_c")
    rows = lake.scan(READINGS).filter(
        pl.col("organisation") == organisation,
        among("meter_id", present["meter_id"]),
        pl.col("quality") != "R",
    )
    measured = pl.col("measured_at")
    newest = rows.group_by("meter_id").agg(newest=measured.max()).collect()
    earliest = newest["newest"].min()
    if isinstance(earliest, datetime):
        rows = rows.filter(pl.col("month") >= f"{earliest - timedelta(days=1):%Y-%m}")
    told = (
        rows.join(newest.lazy(), on="meter_id")
        .filter(measured > pl.col("newest") - timedelta(days=1))
        .select("meter_id", "measured_at", *gauges)
        .sort("meter_id", "measured_at")
        .group_by("meter_id", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().last() for name in gauges),
            last_at=measured.last(),
            readings_24h=pl.len(),
            longest_gap_min=measured.diff().max().dt.total_seconds() / 60,
        )
        .collect()
    )
    return (
        members.join(present, on=_POINT, how="left")
        .join(told, on="meter_id", how="left")
        .select(_POINT, "meter_id", "last_at", "readings_24h", "longest_gap_min", *gauges)
        .sort("last_at", _POINT, nulls_last=False)
    )
