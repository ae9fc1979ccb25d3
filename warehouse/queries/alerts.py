"""Consumption alerts as a list, and what each has told."""

from datetime import datetime
from typing import Literal

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import ALERT_EVENTS, ALERT_USAGE, CONSUMPTION_ALERTS, INSTALLATIONS, METERS
from warehouse.schemas.registers import UNITS

State = Literal["pending", "active", "new", "expired"]
STATES: tuple[State, ...] = ("pending", "active", "new", "expired")
"""Not begun; watching; beyond its limit since it was last reset; ended, whatever it told."""


def report(lake: Readable, organisation: str, as_of: datetime, state: State | None = None) -> pl.DataFrame:
    """Lists consumption alerts.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        as_of: Instant of asking, UTC.
        state: Only alerts of this state; ``None`` lists all.

    Returns:
        ``alert_no``, ``metering_point``, ``meter_id``, ``model`` and ``medium`` of the present meter (null where none
        is), ``register``, ``unit``, ``limit_value``, ``period``, ``starts_at``, ``ends_at``, ``last_reset``,
        ``resets``, ``alerts`` (how often it was triggered in all), ``crossed_at`` (last, since it was reset), ``used``
        and ``used_until`` (in the present window) and ``state``; the last ones triggered first.
    """
    own = pl.col("organisation") == organisation
    told = lake.scan(ALERT_EVENTS).filter(own, pl.col("state") == "triggered")
    base = pl.max_horizontal("starts_at", "last_reset")
    alerts = lake.scan(CONSUMPTION_ALERTS).filter(own).with_columns(base=base)
    since = (
        told.join(alerts.select("alert_no", "base"), on="alert_no")
        .group_by("alert_no")
        .agg(alerts=pl.len(), crossed_at=pl.col("crossed_at").filter(pl.col("window_start") >= pl.col("base")).max())
    )
    meters = (
        lake.scan(INSTALLATIONS)
        .filter(own, pl.col("removed_at").is_null())
        .join(lake.scan(METERS).filter(own).select("meter_id", "model", "medium"), on="meter_id")
        .select("metering_point", "meter_id", "model", "medium")
        .unique("metering_point", keep="last")
    )
    usage = lake.scan(ALERT_USAGE).filter(own).select("alert_no", "used", used_until="at")
    rows = (
        alerts.join(since, on="alert_no", how="left")
        .join(meters, on="metering_point", how="left")
        .join(usage, on="alert_no", how="left")
        .select(
            "alert_no",
            "metering_point",
            "meter_id",
            "model",
            "medium",
            "register",
            "limit_value",
            "period",
            "starts_at",
            "ends_at",
            "last_reset",
            "resets",
            pl.col("alerts").fill_null(0).cast(pl.Int64),
            "crossed_at",
            "used",
            "used_until",
            unit=pl.col("register").replace_strict(UNITS, default=None, return_dtype=pl.String),
            state=pl.when(pl.col("ends_at") <= as_of)
            .then(pl.lit("expired"))
            .when(pl.col("starts_at") > as_of)
            .then(pl.lit("pending"))
            .when(pl.col("crossed_at").is_not_null())
            .then(pl.lit("new"))
            .otherwise(pl.lit("active")),
        )
        .sort("crossed_at", "alert_no", descending=[True, False], nulls_last=True)
        .collect()
    )
    return rows if state is None else rows.filter(pl.col("state") == state)


def events(lake: Readable, organisation: str, alert_no: int) -> pl.DataFrame:
    """What an alert has told, the last first.

    Returns:
        ``window_start``, ``limit_value``, ``crossed_at``, ``at``, ``used``, ``meter_id``, ``state`` and
        ``retracted_at``.
    """
    return (
        lake.scan(ALERT_EVENTS)
        .filter(pl.col("organisation") == organisation, pl.col("alert_no") == alert_no)
        .select("window_start", "limit_value", "crossed_at", "at", "used", "meter_id", "state", "retracted_at")
        .sort("window_start", descending=True)
        .collect()
    )


def changes(lake: Readable, organisation: str) -> dict[int, datetime]:
    """When each alert was changed last, UTC, by its number."""
    rows = lake.scan(CONSUMPTION_ALERTS).filter(pl.col("organisation") == organisation)
    return dict(rows.select("alert_no", "changed_at").collect().iter_rows())
