"""Water loss of districts: balances, night flow and alarms; and what pressure sensors noticed."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

district = Column("district", pl.String, "District as the policy districts names it.")


def _m3(name: str, meaning: str, *, nullable: bool = True) -> Column:
    return Column(name, pl.Float64, meaning, "m3", nullable=nullable)


_terms = (
    _m3("input_m3", "Volume through the inflow points; null where one of them is unknown."),
    _m3("output_m3", "Volume through the outflow points; null where one of them is unknown."),
    _m3("storage_change_m3", "Filled into storage less drawn from it; null where a point is unknown."),
    _m3("consumption_measured_m3", "Consumption of members whose boundary registers are measured.", nullable=False),
    _m3("consumption_estimated_m3", "Estimated consumption of the others; null where nothing is known to go by."),
    _m3("billed_unmetered_m3", "Billed without a meter, as the policy says.", nullable=False),
    _m3("unbilled_m3", "Authorised and not billed, as the policy says.", nullable=False),
    _m3("loss_m3", "Input less output, storage change and authorised consumption; null where state is not known."),
    _m3("loss_low_m3", "Loss less two standard deviations."),
    _m3("loss_high_m3", "Loss plus two standard deviations."),
    _m3("sigma_meters_m3", "Standard deviation of the loss for the meters' random errors."),
    _m3("sigma_estimates_m3", "Standard deviation of the loss for the estimates."),
    Column("coverage", pl.Float64, "Share of the expected consumption whose meters were read.", "1", nullable=True),
    _m3("expected_m3", "Consumption expected of all members; the weight of coverage.", nullable=False),
    Column("members", pl.Int32, "Members with a meter."),
    Column("members_measured", pl.Int32, "Those with measured boundary registers."),
    _m3("apparent_loss_m3", "Part of the loss that is used but not metered, as the policy says."),
    _m3("real_loss_m3", "The other part: what leaks."),
    _m3("nrw_m3", "Non-revenue water: loss and what is authorised but not billed."),
    Column("nrw_cost", pl.Float64, "Non-revenue water at the policy's tariff.", nullable=True),
    Column("loss_l_per_connection_day", pl.Float64, "Real loss per service connection and day.", "l/d", nullable=True),
    Column("loss_l_per_km_day", pl.Float64, "Real loss per km of mains and day.", "l/(km*d)", nullable=True),
    Column("pressure_m", pl.Float64, "Average zone pressure, metres of head.", "m", nullable=True),
    Column(
        "pressure_method",
        pl.String,
        "What weighs its sensors: consumption, weights (of the policy), plain (nothing); given (by the policy), mixed.",
        nullable=True,
    ),
    _m3("uarl_m3", "Unavoidable annual real losses, of the period."),
    Column("ili", pl.Float64, "Infrastructure leakage index: real loss over the unavoidable.", "1", nullable=True),
    Column("ili_warning", pl.String, "Why the index lies outside its stated validity.", nullable=True),
    Column(
        "state",
        pl.String,
        "known; interval (too few members read: bounds only); unknown (a term is missing).",
    ),
    c.known_from,
)
_period = (
    Column("period_start", INSTANT, "Start of the local period, inclusive."),
    Column("period_end", INSTANT, "End of the local period, exclusive."),
)

WATER_BALANCE_DAILY = Table(
    name="water_balance_daily",
    meaning="One row per district and local day: water balance with its uncertainty.",
    columns=(c.organisation, district, c.day, *_period, *_terms),
    key=("organisation", "district", "day"),
    sort_by=("district", "day"),
    versioned=True,
)

WATER_BALANCE_MONTHLY = Table(
    name="water_balance_monthly",
    meaning="One row per district and local month: the sum of its days that are not unknown.",
    columns=(
        c.organisation,
        district,
        Column("day", pl.Date, "First day of the month."),
        *_period,
        Column("days", pl.Int32, "Days of the calendar month."),
        Column("days_balanced", pl.Int32, "Days that the sums are of."),
        *_terms,
    ),
    key=("organisation", "district", "day"),
    sort_by=("district", "day"),
    versioned=True,
)

_flow = "m3/h"
NIGHT_FLOW_DAILY = Table(
    name="night_flow_daily",
    meaning="One row per district and local day: minimum night flow and the leakage it tells of.",
    columns=(
        c.organisation,
        district,
        c.day,
        Column(
            "hour_start", INSTANT, "Start of the hour with the lowest flow; null where none is known.", nullable=True
        ),
        Column("hours", pl.Int32, "Hours of the night window whose flow is known."),
        Column("mnf_m3h", pl.Float64, "Lowest mean flow over an hour of the night window.", _flow, nullable=True),
        Column("lnu_m3h", pl.Float64, "Legitimate night use in that hour.", _flow, nullable=True),
        Column("lnu_method", pl.String, "measured (of the members), persons or share (assumed).", nullable=True),
        Column("lnu_coverage", pl.Float64, "Share of the members measured in that hour.", "1", nullable=True),
        Column("nights", pl.Int32, "Nights among the last ones that the medians rest on."),
        Column("mnf_median_m3h", pl.Float64, "Median of the nights' lowest flows.", _flow, nullable=True),
        Column("lnu_median_m3h", pl.Float64, "Median of the nights' legitimate use.", _flow, nullable=True),
        Column("exceptional_m3h", pl.Float64, "Exceptional night use, as the policy says.", _flow),
        Column("leak_night_m3h", pl.Float64, "Median flow less legitimate and exceptional use.", _flow, nullable=True),
        Column("hdf_h", pl.Float64, "Hours a day that the night's leakage stands for, by pressure.", "h"),
        Column("hdf_method", pl.String, "profile (of the policy), measured, or constant (no pressure known)."),
        _m3("leakage_m3", "Leakage of the day by night flow."),
        c.known_from,
    ),
    key=("organisation", "district", "day"),
    sort_by=("district", "day"),
    versioned=True,
)

LOSS_ALARMS = Table(
    name="loss_alarms",
    meaning="One row per district, kind and episode: losses outside of what they were when all was well.",
    columns=(
        c.organisation,
        district,
        Column("kind", pl.String, "sudden (a night), gradual (smoothed losses, or their sum), seasonal (last year)."),
        Column("first_day", pl.Date, "First day outside."),
        Column("last_day", pl.Date, "Last day outside, so far."),
        Column("days", pl.Int32, "Days with a value outside."),
        Column("peak", pl.Float64, "Largest value of the statistic, m3 a day; m3 an hour where sudden."),
        Column("limit", pl.Float64, "Its limit on the first day."),
        Column("usual", pl.Float64, "Median of the window that the limit rests on."),
        Column("sigma", pl.Float64, "Robust standard deviation of that window."),
        c.known_from,
    ),
    key=("organisation", "district", "kind", "first_day"),
    sort_by=("district", "first_day", "kind"),
    versioned=True,
)

PRESSURE_EVENTS = Table(
    name="pressure_events",
    meaning="One row per pressure sensor and episode: low, high, surge, or a drop that flow does not explain.",
    columns=(
        c.organisation,
        district,
        c.metering_point,
        Column("kind", pl.String, "low, high, surge or drop."),
        Column("at", INSTANT, "First sample of it."),
        Column("until", INSTANT, "Last sample of it."),
        Column("samples", pl.Int32, "Samples of it."),
        Column("extreme_bar", pl.Float64, "Lowest or highest pressure, or the largest step, of it.", "bar"),
        c.known_from,
    ),
    key=("organisation", "district", "metering_point", "kind", "at"),
    sort_by=("metering_point", "at"),
    versioned=True,
)
