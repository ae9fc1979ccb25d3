"""Water loss and pressure of districts, as reports show them."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies.districts import DistrictsPolicy
from warehouse.schemas import (
    CONSUMPTION_HOURLY,
    INSTALLATIONS,
    LOSS_ALARMS,
    NIGHT_FLOW_DAILY,
    PRESSURE_EVENTS,
    READINGS,
    WATER_BALANCE_DAILY,
    WATER_BALANCE_MONTHLY,
    Table,
)
from warehouse.transforms.calendar import local_days
from warehouse.transforms.pressure import (
    head_losses,
    pressure_5min,
    resistances,
    sensors_of,
    stretches_of,
)

_POINT = "metering_point"
BALANCES: dict[Literal["daily", "monthly"], Table] = {"daily": WATER_BALANCE_DAILY, "monthly": WATER_BALANCE_MONTHLY}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about.

    Attributes:
        zone: The utility's zone.
        first: First local day.
        last: Last local day, included.
        district: Only this district; empty for all.
    """

    zone: ZoneInfo
    first: date
    last: date
    district: str = ""


def balances(
    lake: Readable, organisation: str, asked: Asked, interval: Literal["daily", "monthly"] = "monthly"
) -> pl.DataFrame:
    """Water balances of districts, the indicators that tell most first (§10.3).

    Args:
        lake: Where the tables are.
        organisation: Whose districts.
        asked: Days and district; months that hold the first or the last day are shown whole.
        interval: Length of the periods.

    Returns:
        ``district``, ``day``, the state, losses per day, connection and km, the index with its warning, the loss with
        its bounds, then the terms of the balance and ``loss_percent`` of the input, which misleads where input changes.
    """
    begin = asked.first.replace(day=1) if interval == "monthly" else asked.first
    balanced = pl.lit(1) if interval == "daily" else pl.col("days_balanced")
    rows = _districts(lake, BALANCES[interval], organisation, asked)
    rows = rows.filter(pl.col("day").is_between(begin, asked.last))
    counted = ["days", "days_balanced"] if interval == "monthly" else []
    return (
        rows.with_columns(
            loss_m3_per_day=pl.col("loss_m3") / balanced,
            loss_percent=100 * pl.col("loss_m3") / (pl.col("input_m3") - pl.col("output_m3")),
        )
        .select(
            "district",
            "day",
            *counted,
            "state",
            "loss_m3_per_day",
            "loss_l_per_connection_day",
            "loss_l_per_km_day",
            "ili",
            "ili_warning",
            "loss_m3",
            "loss_low_m3",
            "loss_high_m3",
            "coverage",
            "members",
            "members_measured",
            "input_m3",
            "output_m3",
            "storage_change_m3",
            "consumption_measured_m3",
            "consumption_estimated_m3",
            "billed_unmetered_m3",
            "unbilled_m3",
            "apparent_loss_m3",
            "real_loss_m3",
            "nrw_m3",
            "nrw_cost",
            "uarl_m3",
            "loss_percent",
        )
        .sort("district", "day")
        .collect()
    )


def extent(lake: Readable, organisation: str) -> tuple[date, date] | None:
    """First and last local day that any district was balanced of; ``None`` where there is none."""
    rows = lake.scan(WATER_BALANCE_DAILY).filter(pl.col("organisation") == organisation)
    first, last = rows.select(first=pl.col("day").min(), last=pl.col("day").max()).collect().row(0)
    return None if first is None else (first, last)


def zone_pressures(lake: Readable, organisation: str, asked: Asked) -> pl.DataFrame:
    """Average pressure of districts by local day: ``district``, ``day``, ``pressure_m`` and ``pressure_method``."""
    return (
        _districts(lake, WATER_BALANCE_DAILY, organisation, asked)
        .filter(pl.col("day").is_between(asked.first, asked.last), pl.col("pressure_m").is_not_null())
        .select("district", "day", "pressure_m", "pressure_method")
        .sort("district", "day")
        .collect()
    )


def loss_alarms(lake: Readable, organisation: str, asked: Asked) -> pl.DataFrame:
    """Alarms on losses that reach into local days: ``district``, ``kind``, ``first_day`` to ``sigma``, by time."""
    rows = _districts(lake, LOSS_ALARMS, organisation, asked)
    return (
        rows.filter(pl.col("first_day") <= asked.last, pl.col("last_day") >= asked.first)
        .select("district", "kind", "first_day", "last_day", "days", "peak", "limit", "usual", "sigma")
        .sort("first_day", "district", "kind")
        .collect()
    )


def night_flows(lake: Readable, organisation: str, asked: Asked) -> pl.DataFrame:
    """Rows of ``night_flow_daily`` of local days, but ``organisation`` and ``known_from``, by district and day."""
    return (
        _districts(lake, NIGHT_FLOW_DAILY, organisation, asked)
        .filter(pl.col("day").is_between(asked.first, asked.last))
        .drop("organisation", "known_from")
        .sort("district", "day")
        .collect()
    )


def pressure_events(lake: Readable, organisation: str, asked: Asked) -> pl.DataFrame:
    """Episodes of pressure that begin on local days: ``district`` to ``extreme_bar``, by time."""
    start, end = _window(asked)
    return (
        _districts(lake, PRESSURE_EVENTS, organisation, asked)
        .filter(pl.col("at") >= start, pl.col("at") < end)
        .drop("organisation", "known_from")
        .sort("at", _POINT, "kind")
        .collect()
    )


def pressures(lake: Readable, organisation: str, policy: DistrictsPolicy, asked: Asked) -> pl.DataFrame:
    """Pressures of the sensors on a grid of five minutes, as :func:`warehouse.transforms.pressure.pressure_5min`."""
    return pressure_5min(_samples(lake, organisation, policy, asked))


def stretches(lake: Readable, organisation: str, policy: DistrictsPolicy, asked: Asked) -> pl.DataFrame:
    """Resistance of the stretches by day, as :func:`warehouse.transforms.pressure.resistances`.

    The week before the first day is read, too, since the usual resistance is that of the days before.
    """
    wider = replace(asked, first=asked.first - timedelta(days=7))
    samples = _samples(lake, organisation, policy, wider)
    start, end = _window(wider)
    length = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds() / 3600
    flows = (
        lake.scan(CONSUMPTION_HOURLY)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("register") == "volume_m3",
            pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}")),
            pl.col("period_start").is_between(start, end, closed="left"),
            pl.col(_POINT).is_in(stretches_of(policy)["flow"].unique().implode()),
        )
        .select(_POINT, "period_start", "period_end", flow_m3h=pl.col("consumption").cast(pl.Float64) / length)
        .drop_nulls()
        .collect()
    )
    losses = head_losses(samples, stretches_of(policy), flows, policy.pressure)
    return resistances(losses, asked.zone).filter(pl.col("day").is_between(asked.first, asked.last))


def _samples(lake: Readable, organisation: str, policy: DistrictsPolicy, asked: Asked) -> pl.DataFrame:
    """``metering_point``, ``at`` and ``pressure_bar`` of the sensors on local days."""
    wanted = sensors_of(policy).filter((pl.col("district") == asked.district) | (pl.lit(asked.district) == ""))
    return samples_of(lake, organisation, wanted[_POINT].unique(), *_window(asked))


def samples_of(lake: Readable, organisation: str, points: pl.Series, start: datetime, end: datetime) -> pl.DataFrame:
    """Pressures that the sensors at some points sampled, with whichever meters were there.

    Args:
        lake: Where the tables are.
        organisation: Whose points.
        points: Metering points of sensors.
        start: Start of the stretch (UTC), inclusive.
        end: End of the stretch (UTC), exclusive.

    Returns:
        ``metering_point``, ``at`` (UTC) and ``pressure_bar``, by point and time; rejected readings are left out.
    """
    installed = (
        lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == organisation, pl.col(_POINT).is_in(points.implode()))
        .select(_POINT, "meter_id", "installed_at", "removed_at")
        .collect()
    )
    at = pl.col("measured_at")
    return (
        lake.scan(READINGS)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}")),
            at.is_between(start, end, closed="left"),
            pl.col("meter_id").is_in(installed["meter_id"].unique().implode()),
            pl.col("pressure_bar").is_not_null(),
            pl.col("quality") != "R",
        )
        .join(installed.lazy(), on="meter_id")
        .filter(at >= pl.col("installed_at"), (at < pl.col("removed_at")).fill_null(value=True))
        .select(_POINT, "pressure_bar", at=at)
        .sort(_POINT, "at")
        .collect()
    )


def _districts(lake: Readable, table: Table, organisation: str, asked: Asked) -> pl.LazyFrame:
    rows = lake.scan(table).filter(pl.col("organisation") == organisation)
    return rows.filter(pl.col("district") == asked.district) if asked.district else rows


def _window(asked: Asked) -> tuple[datetime, datetime]:
    days = local_days(asked.first, asked.last, asked.zone)
    return days["start"][0], days["end"][-1]
