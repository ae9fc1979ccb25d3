"""Leaks and bursts as consumption shows them, and what the hours of a day tell about flow."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

FLOW_DAILY = Table(
    name="flow_daily",
    meaning="One row per water point and local day with measured hours: night use, peaks, and change of night use.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        c.day,
        Column("measured_hours", pl.Int32, "Hours of the day that were measured (M, A or X).", "h"),
        Column("least_lh", pl.Float64, "Smallest flow of these hours.", "l/h"),
        Column("night_lh", pl.Float64, "Median flow of the measured hours of 02-05 local.", "l/h", nullable=True),
        Column("night_l", pl.Float64, "Volume of those hours.", "l", nullable=True),
        Column("peak_lh", pl.Float64, "Largest flow of the measured hours.", "l/h"),
        Column("second_peak_lh", pl.Float64, "Second largest.", "l/h", nullable=True),
        Column("third_peak_lh", pl.Float64, "Third largest.", "l/h", nullable=True),
        Column("usual_peak_lh", pl.Float64, "99th percentile of the 28 days before.", "l/h", nullable=True),
        Column("step_lh", pl.Float64, "Rise of night use, where it is more than chance.", "l/h", nullable=True),
        Column("count_l", pl.Float64, "One count of the register.", "l", nullable=True),
        Column("ticks", pl.Int32, "Measured hours in which the register moved.", "h", nullable=True),
        Column("first_tick_at", INSTANT, "Start of the first of them.", nullable=True),
        Column("last_tick_at", INSTANT, "Start of the last one.", nullable=True),
        Column("longest_gap_h", pl.Float64, "Longest time from one of them to the next.", "h", nullable=True),
        Column("measured_gap_h", pl.Float64, "Longest such time of measured hours alone.", "h", nullable=True),
        Column("period_h", pl.Int32, "Hours between small draws of the night, in even steps.", "h", nullable=True),
        c.known_from,
        c.month,
    ),
    key=("organisation", "metering_point", "day"),
    sort_by=("metering_point", "day"),
    partition_by=("month",),
    versioned=True,
)

LEAK_EVENTS = Table(
    name="leak_events",
    meaning="One row per metering point, kind and episode of flow that looks like a leak or a burst.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        Column("kind", pl.String, "continuous_flow, slow_leak, step_change, burst, or the label periodic_draws."),
        Column("first_seen", INSTANT, "Start of the first hour that is evidence."),
        Column("last_seen", INSTANT, "End of the last one."),
        Column("state", pl.String, "suspected, confirmed or chronic; how sure it is, not whether it goes on."),
        Column("rate_lh", pl.Float64, "Flow that is taken for lost.", "l/h"),
        Column("lost_l", pl.Float64, "Volume that is taken for lost.", "l"),
        Column("evidence_hours", pl.Int32, "Measured hours that it rests on.", "h"),
        Column("confidence", pl.Float64, "From 0 to 1: how much was measured, and how far above the resolution.", "1"),
        Column("rate_low_lh", pl.Float64, "Lower bound of rate_lh, of a slow leak.", "l/h", nullable=True),
        Column("rate_high_lh", pl.Float64, "Upper bound of rate_lh, of a slow leak.", "l/h", nullable=True),
        Column("period_h", pl.Int32, "Hours between draws, of periodic ones.", "h", nullable=True),
        c.known_from,
    ),
    key=("organisation", "metering_point", "kind", "first_seen"),
    sort_by=("metering_point", "kind", "first_seen"),
    versioned=True,
)
