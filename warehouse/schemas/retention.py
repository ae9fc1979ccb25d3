"""What retention leaves behind: figures that stand for thinned readings, and certificates of what went."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

GAUGES_DAILY = Table(
    name="gauges_daily",
    meaning="One row per meter, local day and gauge, of days whose readings were thinned: its course in four values.",
    columns=(
        c.organisation,
        c.meter_id,
        c.day,
        Column("gauge", pl.String, "Gauge, a column of readings, in its unit, e.g. flow_temp_c."),
        Column("minimum", pl.Float64, "Lowest value."),
        Column("maximum", pl.Float64, "Highest value."),
        Column("first", pl.Float64, "First value of the day."),
        Column("last", pl.Float64, "Last value of the day."),
        Column("readings", pl.Int32, "Readings with a value."),
        c.known_from,
        c.month,
    ),
    key=("organisation", "meter_id", "day", "gauge"),
    sort_by=("meter_id", "day", "gauge"),
    partition_by=("month",),
    known_since="known_from",
)

FROZEN_PERIODS = Table(
    name="frozen_periods",
    meaning="One row per metering point, and one per meter, with thinned data: days whose figures stay as they are.",
    columns=(
        c.organisation,
        Column("metering_point", pl.String, c.metering_point.meaning + " Null in the row of a meter.", nullable=True),
        Column("meter_id", pl.String, c.meter_id.meaning + " Null in the row of a point.", nullable=True),
        Column("first_day", pl.Date, "First local day of which something was removed."),
        Column("last_day", pl.Date, "Last such day."),
        Column("figures_last_day", pl.Date, "Last day whose hourly or daily figures were removed, too.", nullable=True),
        c.known_from,
    ),
    key=("organisation", "metering_point", "meter_id"),
    sort_by=("metering_point", "meter_id"),
    versioned=True,
)

RETENTION_CERTIFICATES = Table(
    name="retention_certificates",
    meaning="One row per run of retention and table: how many rows were removed, by which policy, and who let them go.",
    columns=(
        c.organisation,
        Column("certificate", pl.Int64, "Number of the certificate."),
        Column("policy_version", pl.Int64, "Version of the policy retention; 0 is the shipped one."),
        Column("as_of", INSTANT, "Instant that ages were reckoned at."),
        Column("identity", pl.String, "Who approved."),
        Column("begun_at", INSTANT, "When the run began."),
        Column("finished_at", INSTANT, "When it was finished; null while it is not.", nullable=True),
        Column("table_name", pl.String, "Table that rows were removed from."),
        Column("rows_before", pl.Int64, "Rows when the run began."),
        Column("rows_removed", pl.Int64, "Rows that were removed; null while the run is not finished.", nullable=True),
        Column("rows_after", pl.Int64, "Rows when it was finished.", nullable=True),
        Column("digest", pl.String, "Hash of the whole certificate (SHA-256, hex).", nullable=True),
    ),
    key=("organisation", "certificate", "table_name"),
    sort_by=("certificate", "table_name"),
    known_since="finished_at",
)
