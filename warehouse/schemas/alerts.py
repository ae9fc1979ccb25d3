"""Consumption alerts: limits that people set, and when consumption went beyond them."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, REGISTER, Column, Table

_alert_no = Column("alert_no", pl.Int64, "Number of the alert.")
_window_start = Column(
    "window_start", INSTANT, "Since when consumption counts: the start or last reset, or the local day or month."
)

CONSUMPTION_ALERTS = Table(
    name="consumption_alerts",
    meaning="One row per consumption alert that was not removed.",
    columns=(
        c.organisation,
        _alert_no,
        c.metering_point,
        c.register,
        Column("limit_value", REGISTER, "Consumption beyond which it alerts, in the register's unit."),
        Column("period", pl.String, "total (since start or reset), day or month (local)."),
        Column("include_estimates", pl.Boolean, "Whether estimated consumption counts."),
        Column("starts_at", INSTANT, "Since when it counts."),
        Column("ends_at", INSTANT, "Until when; null without end.", nullable=True),
        Column("last_reset", INSTANT, "When somebody last let it count anew.", nullable=True),
        Column("resets", pl.Int32, "How often that was."),
        Column("changed_at", INSTANT, "When somebody last changed it."),
        c.published_from,
    ),
    key=("organisation", "alert_no"),
    sort_by=("alert_no",),
    versioned=True,
)

ALERT_EVENTS = Table(
    name="alert_events",
    meaning="One row per alert and window in which consumption went, or seemed to have gone, beyond the limit.",
    columns=(
        c.organisation,
        _alert_no,
        c.metering_point,
        c.meter_id,
        c.register,
        _window_start,
        Column("limit_value", REGISTER, "The limit then."),
        Column("at", INSTANT, "First reading beyond the limit."),
        Column("used", REGISTER, "Consumption from window_start to that reading."),
        Column("crossed_at", INSTANT, "When the limit was reached, by a straight line between readings."),
        Column("state", pl.String, "triggered, or retracted: later readings brought it under the limit."),
        Column("retracted_at", INSTANT, "When it was retracted.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "alert_no", "window_start"),
    sort_by=("alert_no", "window_start"),
    versioned=True,
)

ALERT_USAGE = Table(
    name="alert_usage",
    meaning="One row per alert: what was used in its present window up to the last reading.",
    columns=(
        c.organisation,
        _alert_no,
        c.metering_point,
        _window_start,
        Column("at", INSTANT, "Last reading in the window."),
        Column("used", REGISTER, "Consumption from window_start to that reading."),
        c.known_from,
    ),
    key=("organisation", "alert_no"),
    sort_by=("alert_no",),
    versioned=True,
)
