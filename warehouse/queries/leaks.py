"""Leaks and bursts as a list, the worst first."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies.leaks import LeakPolicy
from warehouse.schemas import LEAK_EVENTS
from warehouse.transforms.calendar import local_day


@dataclass(frozen=True, slots=True)
class Asked:
    """How a list of leaks is asked for.

    Attributes:
        zone: The utility's zone.
        first: First local day that episodes reach into; ``None`` for all before ``last``.
        last: Last such day.
    """

    zone: ZoneInfo
    first: date | None = None
    last: date | None = None


def report(
    lake: Readable, organisation: str, policy: LeakPolicy, asked: Asked, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Lists leaks and bursts, the most severe first.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        policy: What water costs.
        asked: Days.
        points: ``metering_point`` of the points listed; ``None`` lists all.

    Returns:
        ``metering_point``, ``meter_id``, ``kind``, ``state``, ``first_seen``, ``last_seen``, ``hours``, ``rate_lh``,
        ``rate_low_lh`` and ``rate_high_lh`` (its bounds, of slow leaks), ``period_h`` (of periodic draws),
        ``severity_l`` (rate times duration), ``lost_l``, ``lost_money``, ``currency``, ``evidence_hours`` and
        ``confidence``.
    """
    rows = lake.scan(LEAK_EVENTS).filter(pl.col("organisation") == organisation)
    if asked.first is not None:
        rows = rows.filter(local_day(pl.col("last_seen"), asked.zone) >= asked.first)
    if asked.last is not None:
        rows = rows.filter(local_day(pl.col("first_seen"), asked.zone) <= asked.last)
    if points is not None:
        rows = rows.join(points.lazy().select("metering_point").unique(), on="metering_point", how="semi")
    hours = (pl.col("last_seen") - pl.col("first_seen")).dt.total_seconds() / 3600
    return (
        rows.with_columns(hours=hours)
        .select(
            "metering_point",
            "meter_id",
            "kind",
            "state",
            "first_seen",
            "last_seen",
            "hours",
            "rate_lh",
            "rate_low_lh",
            "rate_high_lh",
            "period_h",
            "lost_l",
            "evidence_hours",
            "confidence",
            severity_l=pl.col("rate_lh") * pl.col("hours"),
            lost_money=pl.col("lost_l") / 1000 * policy.price_per_m3,
            currency=pl.lit(policy.currency),
        )
        .sort("severity_l", "metering_point", "kind", descending=[True, False, False])
        .collect()
    )


def extent(lake: Readable, organisation: str, zone: ZoneInfo) -> tuple[date, date] | None:
    """First and last local day that any leak or burst was seen on; ``None`` where there is none."""
    rows = lake.scan(LEAK_EVENTS).filter(pl.col("organisation") == organisation)
    days = (local_day(pl.col(name), zone) for name in ("first_seen", "last_seen"))
    first, last = rows.select(first=next(days).min(), last=next(days).max()).collect().row(0)
    return None if first is None else (first, last)


def summary(found: pl.DataFrame) -> dict[str, float]:
    """What a list sums up to: ``points``, ``confirmed`` (or chronic), ``lost_l`` and ``lost_money``.

    Args:
        found: From :func:`report`.
    """
    return found.select(
        points=pl.col("metering_point").n_unique(),
        confirmed=pl.col("state").is_in(["confirmed", "chronic"]).sum(),
        lost_l=pl.col("lost_l").sum(),
        lost_money=pl.col("lost_money").sum(),
    ).row(0, named=True)
