"""Outdoor temperatures, degree days and signatures, as reports and estimates use them."""

from datetime import date, datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import WeatherPolicy
from warehouse.schemas import ENERGY_SIGNATURES, OUTDOOR_TEMPERATURES
from warehouse.transforms.degree_days import degree_days, without_small_gaps
from warehouse.transforms.signature_rows import POWER


def temperatures(lake: Readable, organisation: str, policy: WeatherPolicy, station: str = "") -> pl.DataFrame:
    """Daily outdoor temperatures of a station, small gaps filled; what estimates take as evidence.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        policy: Longest gap that is filled, and the default station.
        station: Which; empty for the default.

    Returns:
        ``day`` and ``temperature_c``, by day; days that are not known are left out.
    """
    return (
        _filled(lake, organisation, policy)
        .filter(station=station or policy.station)
        .drop_nulls("mean_temp_c")
        .select("day", temperature_c="mean_temp_c")
    )


def signatures(lake: Readable, organisation: str) -> pl.DataFrame:
    """The latest usable energy signature of each point; what estimates take as evidence.

    Returns:
        ``metering_point``, ``a_kw_per_k``, ``b_kw``, ``t0_c`` and ``station``, by point.
    """
    return (
        signatures_of_years(lake, organisation)
        .drop("period_start")
        .group_by("metering_point", maintain_order=True)
        .last()
    )


def signatures_of_years(lake: Readable, organisation: str) -> pl.DataFrame:
    """The usable energy signatures of all heating years.

    Returns:
        ``metering_point``, ``period_start`` (of the heating year, UTC), ``t0_c``, ``station``, ``a_kw_per_k`` and
        ``b_kw``, by point and year.
    """
    return (
        lake.scan(ENERGY_SIGNATURES)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("quantity") == POWER,
            ~pl.col("quality").is_in(["few_heating_days", "weak"]),
        )
        .select("metering_point", "period_start", "t0_c", "station", a_kw_per_k="slope", b_kw="base")
        .sort("metering_point", "period_start")
        .collect()
    )


def signature_years(lake: Readable, organisation: str) -> pl.DataFrame:
    """The heating years that have signatures: ``period_start`` and ``period_end`` (UTC), the latest first."""
    rows = lake.scan(ENERGY_SIGNATURES).filter(pl.col("organisation") == organisation)
    return rows.select("period_start", "period_end").unique().sort("period_start", descending=True).collect()


def signature_report(lake: Readable, organisation: str, period_start: datetime) -> pl.DataFrame:
    """The signatures of power of a heating year, usable or not, the steepest first.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        period_start: Start of the heating year, UTC.

    Returns:
        ``metering_point``, ``meter_id``, ``slope_kw_per_k``, ``base_kw``, ``t0_c``, ``r2``, ``days``, ``heating_days``,
        ``fit`` (as ``quality`` of the table), ``station`` and ``period_start``.
    """
    return (
        lake.scan(ENERGY_SIGNATURES)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("quantity") == POWER,
            pl.col("period_start") == period_start,
        )
        .select(
            *("metering_point", "meter_id", pl.col("slope").alias("slope_kw_per_k"), pl.col("base").alias("base_kw")),
            *("t0_c", "r2", "days", "heating_days", pl.col("quality").alias("fit"), "station", "period_start"),
        )
        .sort("slope_kw_per_k", "metering_point", descending=[True, False], nulls_last=True)
        .collect()
    )


def sums(lake: Readable, organisation: str, policy: WeatherPolicy, *, first: date, last: date) -> pl.DataFrame:
    """Degree days of a period by station.

    Returns:
        ``station``, ``degree_days``, ``days``, ``filled_days`` and ``missing_days`` (of the period; with any of these
        the sum is too small), by station.
    """
    whole = (last - first).days + 1
    known = pl.col("mean_temp_c")
    return (
        _filled(lake, organisation, policy)
        .filter(pl.col("day").is_between(first, last))
        .group_by("station")
        .agg(
            degree_days=degree_days(known, policy.degree_days, policy.base_c).sum(),
            days=known.count().cast(pl.Int64),
            filled_days=pl.col("is_filled").sum().cast(pl.Int64),
        )
        .with_columns(missing_days=whole - pl.col("days"))
        .sort("station")
    )


def _filled(lake: Readable, organisation: str, policy: WeatherPolicy) -> pl.DataFrame:
    rows = lake.scan(OUTDOOR_TEMPERATURES).filter(pl.col("organisation") == organisation)
    return without_small_gaps(rows.select("station", "day", "mean_temp_c").collect(), policy.longest_gap_days)
