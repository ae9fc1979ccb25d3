"""Figures derived from readings: consumption, heat, info codes, performance."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, REGISTER, Column, Table

_consumption = (
    c.organisation,
    c.metering_point,
    c.meter_id,
    c.register,
    Column("period_start", INSTANT, "Start of the local period, inclusive."),
    Column("period_end", INSTANT, "End of the local period, exclusive."),
    c.day,
    Column(
        "consumption", REGISTER, "Register difference over the period; null where a boundary is unknown.", nullable=True
    ),
    Column("unit", pl.String, "Unit of consumption."),
    c.quality,
    Column("method", pl.String, "How the boundary values came: EXACT, LIN, PROF_OWN, EXCHANGE, …", nullable=True),
    Column(
        "register_start",
        REGISTER,
        "Register at period_start, raw (not continued over exchanges).",
        nullable=True,
        varied=True,
    ),
    Column("register_end", REGISTER, "Register at period_end, raw.", nullable=True, varied=True),
    Column("start_quality", pl.String, "Quality of register_start."),
    Column("end_quality", pl.String, "Quality of register_end."),
    Column("share_interpolated", pl.Float64, "Share of the time whose inner hours are not M or A.", "1", nullable=True),
    Column(
        "gap_id",
        INSTANT,
        "Reading before the gap that the period ends in, or else begins in; names the gap of the register.",
        nullable=True,
    ),
    Column("gap_hours", pl.Float64, "Length of that gap; null while no reading ends it.", "h", nullable=True),
    c.known_from,
)


def _table(period: str) -> Table:
    return Table(
        name=f"consumption_{period}",
        meaning=f"One row per metering point, {period} local period and register.",
        columns=(*_consumption, c.month),
        key=("organisation", "metering_point", "register", "period_start"),
        sort_by=("metering_point", "register", "period_start"),
        partition_by=("month",),
        versioned=True,
    )


CONSUMPTION_HOURLY = _table("hourly")
CONSUMPTION_DAILY = _table("daily")
CONSUMPTION_MONTHLY = _table("monthly")
CONSUMPTION_YEARLY = _table("yearly")

REGISTER_EVENTS = Table(
    name="register_events",
    meaning="One row per break in a register's course: exchange, roll-over, reset, reverse flow, unexplained fall.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        c.register,
        Column("at", INSTANT, "When the event took effect (reading after it, or the exchange instant)."),
        Column(
            "kind",
            pl.String,
            "EXCHANGE, ROLLOVER, REVERSE, RESET, UNIT_CHANGE, SPIKE_UP, SPIKE_DOWN, UNEXPLAINED_FALL.",
        ),
        Column("before", REGISTER, "Register before.", nullable=True),
        Column("after", REGISTER, "Register after.", nullable=True),
        Column(
            "correction",
            REGISTER,
            "Added to a register difference across the event; null where unknown.",
            nullable=True,
        ),
        c.known_from,
    ),
    key=("organisation", "metering_point", "meter_id", "register", "at", "kind"),
    sort_by=("metering_point", "register", "at"),
    versioned=True,
)

HEAT_DAILY = Table(
    name="heat_daily",
    meaning="One row per metering point and local day: volume-weighted temperatures and cooling.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        c.day,
        Column("volume_m3", REGISTER, "Volume of the day.", "m3", nullable=True),
        Column("energy_kwh", REGISTER, "Heat energy of the day.", "kWh", nullable=True),
        Column("flow_temp_c", pl.Float64, "Mean flow temperature.", "degC", nullable=True),
        Column("return_temp_c", pl.Float64, "Mean return temperature.", "degC", nullable=True),
        Column("cooling_k", pl.Float64, "Volume-weighted mean of flow minus return temperature.", "K", nullable=True),
        Column("error_k", pl.Float64, "Bound of the resolution error of the temperatures.", "K", nullable=True),
        Column("weighting", pl.String, "registers (E8/E9), intervals, unweighted, or none where there is no value."),
        c.quality,
        Column("night_energy_share", pl.Float64, "Share of the day's heat before six.", "1", nullable=True),
        Column("hours_counted", pl.Int32, "Hours whose flow is known beside that of the one before.", nullable=True),
        Column(
            "hunting_hours",
            pl.Int32,
            "Those in which the flow turns by more than half, against its last such turn.",
            nullable=True,
        ),
        c.known_from,
        c.month,
    ),
    key=("organisation", "metering_point", "day"),
    sort_by=("metering_point", "day"),
    partition_by=("month",),
    versioned=True,
)

INFO_CODE_EVENTS = Table(
    name="info_code_events",
    meaning="One row per meter, code and episode.",
    columns=(
        c.organisation,
        c.meter_id,
        Column("code", pl.String, "Name of the code, e.g. LEAK."),
        Column("first_seen", INSTANT, "First reading with the code active."),
        Column("last_seen", INSTANT, "Last reading with the code active."),
        Column("cleared_at", INSTANT, "First reading without it; null while active.", nullable=True),
        Column("days_active_30", pl.Int32, "Local days with the code active among the 30 that end with last_seen's."),
        Column("days_observed_30", pl.Int32, "Days with any reading among those 30."),
        Column("max_class", pl.Int32, "Highest duration class 0-7 the meter sent during the episode.", nullable=True),
        Column("priority", pl.String, "high, normal or ignore, by the policy in force."),
        Column("volume_m3", REGISTER, "Volume from first_seen to cleared_at, or last_seen.", "m3", nullable=True),
        Column("source", pl.String, "Source of the reading at last_seen; see readings.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "meter_id", "code", "first_seen"),
    sort_by=("meter_id", "code", "first_seen"),
    versioned=True,
)

_criterion = Column(
    "criterion",
    pl.String,
    "hourly, daily, schedule (polls of a schedule) or billing (billing days).",
    values=("hourly", "daily", "schedule", "billing"),
)

READING_PERFORMANCE_DAILY = Table(
    name="reading_performance_daily",
    meaning="One row per meter, local day and criterion: expected and received readings.",
    columns=(
        c.organisation,
        c.meter_id,
        c.day,
        _criterion,
        Column("expected", pl.Int32, "Slots expected in the day."),
        Column("received", pl.Int32, "Slots with a measured reading, whenever it arrived."),
        Column("received_on_time", pl.Int32, "Slots with one that had arrived by the deadline."),
        Column(
            "performance", pl.Float64, "100 * received / expected; null where nothing is expected.", "%", nullable=True
        ),
        Column("last_missing", INSTANT, "Start of the last expected slot without a reading.", nullable=True),
        c.known_from,
        c.month,
    ),
    key=("organisation", "meter_id", "day", "criterion"),
    sort_by=("meter_id", "day", "criterion"),
    partition_by=("month",),
    versioned=True,
)

MISSING_CAUSES_DAILY = Table(
    name="missing_causes_daily",
    meaning="One row per meter, local day, criterion, cause and collector: missing readings.",
    columns=(
        c.organisation,
        c.meter_id,
        c.day,
        _criterion,
        Column("cause", pl.String, "no_frame, no_key, wrong_key, unknown_format, corrupt or rejected (not a reading)."),
        Column("collector", pl.String, "Collector that delivered the frame; empty for no_frame, or without a name."),
        Column("slots", pl.Int32, "Expected readings that are missing; together expected - received."),
        c.known_from,
        c.month,
    ),
    key=("organisation", "meter_id", "day", "criterion", "cause", "collector"),
    sort_by=("meter_id", "day", "criterion"),
    partition_by=("month",),
    versioned=True,
)
