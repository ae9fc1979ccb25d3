"""Heat of months made comparable by degree days."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import WeatherPolicy
from warehouse.queries.readings import among
from warehouse.queries.roles import CONSUMING
from warehouse.queries.weather import signatures_of_years
from warehouse.schemas import CONSUMPTION_MONTHLY, GROUP_MEMBERS, METERING_POINTS, OUTDOOR_TEMPERATURES
from warehouse.transforms import assignments
from warehouse.transforms.degree_days import without_small_gaps
from warehouse.transforms.normalisation import degree_days_of_months, normalised_months, references

_HEAT = "energy_kwh"
_A_YEAR = timedelta(days=366)
"""How far back months tell of a summer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is normalised.

    Attributes:
        first: A local day of the first month.
        last: A local day of the last month.
        zone: The utility's zone.
        reference_year: Year whose weather is the reference; ``None`` for the mean of all years that are known.
    """

    first: date
    last: date
    zone: ZoneInfo
    reference_year: int | None = None


def report(
    lake: Readable, organisation: str, policy: WeatherPolicy, asked: Asked, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Heat per metering point and month, as counted and as it would have been in the reference's weather.

    Args:
        lake: Where the tables are.
        organisation: Whose points; only those with the role ``consumption``. Cooling is not normalised.
        policy: Stations, rule of degree days, and how many of them a month needs.
        asked: Months and reference.
        points: ``metering_point`` of those that count, such as a group's members; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``month`` (its first day), ``consumption_kwh``, ``quality``, ``station``,
        ``degree_days``, ``reference_degree_days``, ``reference_years`` (that it is the mean of), ``base_kwh``,
        ``base_from``, ``normalised_kwh`` and ``reason`` (why that is null), by point and month. A point's station is
        that of its groups at the end of the period.
    """
    first, last = asked.first.replace(day=1), asked.last
    place = lake.scan(METERING_POINTS).filter(CONSUMING, organisation=organisation).select("metering_point")
    if points is not None:
        place = place.filter(among("metering_point", points["metering_point"]))
    back = (first - _A_YEAR).replace(day=1)
    months = (
        lake.scan(CONSUMPTION_MONTHLY)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("register") == _HEAT,
            # A month's partition is that of its start in UTC.
            pl.col("month").is_between(pl.lit(f"{back - timedelta(days=1):%Y-%m}"), pl.lit(f"{last:%Y-%m}")),
            pl.col("day").is_between(back, last),
        )
        .join(place.unique(), on="metering_point", how="semi")
        .select("metering_point", "meter_id", "register", "day", "period_start", "period_end", "consumption", "quality")
        .collect()
    )
    end = datetime.combine(last + timedelta(days=1), time(), asked.zone).astimezone(UTC)
    ours = lake.scan(GROUP_MEMBERS).filter(pl.col("organisation") == organisation).collect()
    stations = assignments.stations(
        months["metering_point"].unique(),
        assignments.members_at(ours, end - timedelta(microseconds=1)),
        of_points=policy.points,
        of_groups=policy.groups,
        default=policy.station,
    )
    weather = lake.scan(OUTDOOR_TEMPERATURES).filter(pl.col("organisation") == organisation)
    days = without_small_gaps(weather.select("station", "day", "mean_temp_c").collect(), policy.longest_gap_days)
    cold = degree_days_of_months(days, policy.degree_days, policy.base_c)
    known = (
        months.join(stations, on="metering_point", how="left")
        .join(cold, on=["station", "day"], how="left")
        .with_columns(month_of_year=pl.col("day").dt.month())
        .join(references(cold, asked.reference_year), on=["station", "month_of_year"], how="left")
    )
    fitted = signatures_of_years(lake, organisation)
    return (
        normalised_months(known, fitted, policy.least_degree_days)
        .filter(pl.col("day") >= first)
        .select(
            *("metering_point", "meter_id", pl.col("day").alias("month")),
            *(pl.col("consumption").alias("consumption_kwh"), "quality", "station", "degree_days"),
            *("reference_degree_days", "reference_years", "base_kwh", "base_from", "normalised_kwh", "reason"),
        )
        .with_columns(pl.col(pl.Float64).round(3))
        .sort("metering_point", "month")
    )


def by_month(found: pl.DataFrame) -> pl.DataFrame:
    """Sums of a report by month, of the points whose heat could be normalised.

    Args:
        found: From :func:`report`.

    Returns:
        ``month``, ``points`` (all), ``normalised`` (of them), ``consumption_kwh`` and ``normalised_kwh`` of these, by
        month.
    """
    known = pl.col("normalised_kwh").is_not_null()
    return (
        found.group_by("month")
        .agg(
            points=pl.len(),
            normalised=known.sum(),
            consumption_kwh=pl.col("consumption_kwh").cast(pl.Float64).filter(known).sum(),
            normalised_kwh=pl.col("normalised_kwh").sum(),
        )
        .sort("month")
    )
