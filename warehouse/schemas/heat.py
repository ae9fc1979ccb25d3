"""Heat beyond the day: weather, energy signatures, checks of energy, faults of substations."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

_season = (
    Column("period_start", INSTANT, "Start of the heating year, inclusive."),
    Column("period_end", INSTANT, "End of the heating year, exclusive."),
)

OUTDOOR_TEMPERATURES = Table(
    name="outdoor_temperatures",
    meaning="One row per weather station and local day: mean outdoor temperature.",
    columns=(
        c.organisation,
        Column("station", pl.String, "Weather station, as the policy weather names it."),
        c.day,
        Column("mean_temp_c", pl.Float64, "Mean outdoor temperature of the day.", "degC"),
        Column("source", pl.String, "Where the value came from: name of the file."),
        c.known_from,
    ),
    key=("organisation", "station", "day"),
    sort_by=("station", "day"),
    versioned=True,
)

ENERGY_SIGNATURES = Table(
    name="energy_signatures",
    meaning="One row per metering point, heating year and quantity: how it depends on the outdoor temperature.",
    columns=(
        c.organisation,
        c.metering_point,
        Column("meter_id", pl.String, c.meter_id.meaning + " The last one of the year."),
        *_season,
        Column("quantity", pl.String, "power (kW), volume (m3/d), supply (degC) or return (degC)."),
        Column("station", pl.String, "Weather station whose temperatures were used."),
        Column("slope", pl.Float64, "a: change per kelvin below t0_c.", "unit of the quantity/K", nullable=True),
        Column("base", pl.Float64, "b: value at and above t0_c.", "unit of the quantity", nullable=True),
        Column("t0_c", pl.Float64, "Outdoor temperature at which the dependence begins.", "degC", nullable=True),
        Column("r2", pl.Float64, "Share of the variance that is explained.", "1", nullable=True),
        Column("days", pl.Int32, "Days with a value and a temperature."),
        Column("heating_days", pl.Int32, "Those among them colder than t0_c."),
        Column("slope_low", pl.Float64, "Lower end of the bootstrap band of slope.", nullable=True),
        Column("slope_high", pl.Float64, "Upper end of the bootstrap band of slope.", nullable=True),
        Column("t0_low_c", pl.Float64, "Lower end of the bootstrap band of t0_c.", "degC", nullable=True),
        Column("t0_high_c", pl.Float64, "Upper end of the bootstrap band of t0_c.", "degC", nullable=True),
        Column("quality", pl.String, "ok, few_heating_days (nothing is fitted) or weak (explains too little)."),
        c.known_from,
    ),
    key=("organisation", "metering_point", "period_start", "quantity"),
    sort_by=("metering_point", "period_start", "quantity"),
    versioned=True,
)

HEAT_CHECKS = Table(
    name="heat_checks",
    meaning="One row per heat metering point and month: counted energy against volume and temperatures.",
    columns=(
        c.organisation,
        c.metering_point,
        c.meter_id,
        Column("period_start", INSTANT, "Start of the local month, inclusive."),
        Column("period_end", INSTANT, "End of the local month, exclusive."),
        c.day,
        Column("counted_kwh", pl.Float64, "Heat energy minus cooling energy as counted (E1 - E3).", "kWh"),
        Column("expected_kwh", pl.Float64, "k * (E8 - E9).", "kWh", nullable=True),
        Column("ratio", pl.Float64, "counted_kwh / expected_kwh.", "1", nullable=True),
        Column(
            "verdict",
            pl.String,
            "AGREES, WRONG_SCALE (of E8 and E9), WRONG_UNIT (of energy), DISAGREES or NOT_CHECKED.",
        ),
        Column("factor", pl.Float64, "By how much, where scale or unit are wrong.", "1", nullable=True),
        c.known_from,
        c.month,
    ),
    key=("organisation", "metering_point", "period_start"),
    sort_by=("metering_point", "period_start"),
    versioned=True,
)

HEAT_FAULT_REVIEWS = Table(
    name="heat_fault_reviews",
    meaning="One row per version of what somebody found of a fault of a substation.",
    columns=(
        c.organisation,
        c.metering_point,
        Column("period_start", INSTANT, "Start of the heating year."),
        Column("rule", pl.String, "Rule that found the fault."),
        Column("verdict", pl.String, "confirmed or false."),
        Column("reason", pl.String, "What was found, in words."),
        Column("identity", pl.String, "Who said so."),
        c.known_from,
        Column("known_to", INSTANT, "When another verdict took its place; null while it holds.", nullable=True),
    ),
    key=("organisation", "metering_point", "period_start", "rule", "known_from"),
    sort_by=("metering_point", "period_start", "rule"),
    known_since="known_from",
    known_until="known_to",
)

HEAT_FAULTS = Table(
    name="heat_faults",
    meaning="One row per metering point, heating year and rule that found a fault of the substation.",
    columns=(
        c.organisation,
        c.metering_point,
        Column("meter_id", pl.String, c.meter_id.meaning + " The last one of the year."),
        *_season,
        Column("rule", pl.String, "Rule that found it, e.g. low_cooling."),
        Column("since", pl.Date, "First local day of what was found."),
        Column("score", pl.Float64, "How far beyond the limit, 0 to 1; faults are ranked by it.", "1"),
        Column("value", pl.Float64, "What was found, in the rule's unit."),
        Column("limit", pl.Float64, "What the rule allows, in the same unit.", nullable=True),
        Column("reason", pl.String, "In words."),
        Column("excess_m3", pl.Float64, "Volume beyond what the target cooling needs.", "m3", nullable=True),
        Column("cost", pl.Float64, "What that volume costs by the policy.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "metering_point", "period_start", "rule"),
    sort_by=("metering_point", "period_start", "rule"),
    versioned=True,
)
