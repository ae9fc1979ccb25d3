"""Days of heat points beside the weather, as charts show them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import WeatherPolicy
from warehouse.queries.extents import first_and_last_day
from warehouse.schemas import GROUP_MEMBERS, HEAT_DAILY, OUTDOOR_TEMPERATURES
from warehouse.transforms import assignments
from warehouse.transforms.calendar import HOUR, local_days
from warehouse.transforms.degree_days import without_small_gaps


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days of which point.

    Attributes:
        metering_point: The point.
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.
    """

    metering_point: str
    first: date
    last: date
    zone: ZoneInfo


def extent(lake: Readable, organisation: str) -> tuple[date, date] | None:
    """First and last local day of which heat is known of any point; ``None`` where there is none."""
    return first_and_last_day(lake, HEAT_DAILY, organisation)


def of_point(lake: Readable, organisation: str, policy: WeatherPolicy, asked: Asked) -> pl.DataFrame:
    """The days of a point with the outdoor temperatures of its station.

    Args:
        lake: Where the tables are.
        organisation: Whose point.
        policy: Stations, and the longest gap that is filled.
        asked: Point and days.

    Returns:
        ``metering_point``, ``meter_id``, ``day``, ``volume_m3``, ``energy_kwh``, ``power_kw`` (mean of the local day,
        which has 23 to 25 hours), ``flow_temp_c``, ``return_temp_c``, ``cooling_k``, ``night_energy_share``,
        ``hunting_share`` (of the hours counted, null without any), ``quality``, ``station`` and ``outdoor_temp_c``
        (null where unknown), by day.
    """
    inside = pl.col("day").is_between(asked.first, asked.last) & pl.col("month").is_between(
        pl.lit(f"{asked.first - timedelta(days=1):%Y-%m}"), pl.lit(f"{asked.last:%Y-%m}")
    )
    ours = pl.col("organisation") == organisation
    days = lake.scan(HEAT_DAILY).filter(ours, inside, metering_point=asked.metering_point).collect()
    calendar = local_days(asked.first, asked.last, asked.zone)
    hours = (pl.col("end") - pl.col("start")) / HOUR
    station = _station(lake, organisation, policy, asked)
    weather = lake.scan(OUTDOOR_TEMPERATURES).filter(ours, station=station).select("station", "day", "mean_temp_c")
    known = without_small_gaps(weather.collect(), policy.longest_gap_days).select("day", outdoor_temp_c="mean_temp_c")
    counted = pl.col("hours_counted")
    return (
        days.join(calendar.select("day", hours=hours), on="day", how="left")
        .join(known, on="day", how="left")
        .with_columns(
            power_kw=pl.col("energy_kwh").cast(pl.Float64) / pl.col("hours"),
            hunting_share=pl.when(counted > 0).then(pl.col("hunting_hours") / counted),
            station=pl.lit(station),
        )
        .select(
            *("metering_point", "meter_id", "day", "volume_m3", "energy_kwh", "power_kw", "flow_temp_c"),
            *("return_temp_c", "cooling_k", "night_energy_share", "hunting_share", "quality", "station"),
            "outdoor_temp_c",
        )
        .sort("day")
    )


def _station(lake: Readable, organisation: str, policy: WeatherPolicy, asked: Asked) -> str:
    """The weather station of the point by its groups at the end of the days."""
    end = datetime.combine(asked.last + timedelta(days=1), time(), asked.zone).astimezone(UTC)
    ours = lake.scan(GROUP_MEMBERS).filter(pl.col("organisation") == organisation).collect()
    found = assignments.stations(
        pl.Series("metering_point", [asked.metering_point]),
        assignments.members_at(ours, end - timedelta(microseconds=1)),
        of_points=policy.points,
        of_groups=policy.groups,
        default=policy.station,
    )
    return str(found["station"][0])
