"""Readings and records: what the telegrams say, in base units."""

from dataclasses import replace

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.registers import REGISTERS
from warehouse.schemas.table import INSTANT, Column, Table

_layout_id = Column(
    "layout_id", pl.String, "Digest of the record headers; see layouts. Null for imported readings.", nullable=True
)

_readings = (
    c.organisation,
    c.meter_id,
    c.measured_at,
    c.received_at,
    c.landed_at,
    replace(c.frame_id, meaning=c.frame_id.meaning + " Null for imported readings.", nullable=True),
    replace(c.telegram_key, nullable=True),
    _layout_id,
    Column("device_time", pl.Datetime("us"), "The meter's own clock, in the meter's local time.", nullable=True),
    *(register.column() for register in REGISTERS),
    Column("info_code", pl.Int64, "Info code word as the meter sends it.", nullable=True),
    Column("info_code_kind", pl.String, "Which bit table explains info_code, e.g. water_16bit.", nullable=True),
    Column(
        "status",
        pl.Int16,
        "Status byte of the transport layer: bits 0-1 application, 2 low power, 3 permanent and 4 temporary error, "
        "5-7 the manufacturer's.",
        nullable=True,
    ),
    Column(
        "flags",
        pl.String,
        "Comma-separated: SENTINEL:flow_temp_c (taken out), FROZEN:energy_kwh (stands still, its sensor is broken), "
        "shifted_forward (spring skips the written time).",
        nullable=True,
    ),
    Column(
        "source",
        pl.String,
        "How the reading came.",
        values=("radio", "drive_by", "wired", "import", "manual", "logger"),
    ),
    c.quality,
    Column("source_file", pl.String, "Name of the file of an imported reading.", nullable=True),
    Column("source_line", pl.Int64, "Line in that file, counted from 1.", nullable=True),
    Column(
        "known_from",
        INSTANT,
        "Since when the system holds the reading: a frame may have waited for its key. Null where that was not noted: "
        "since landed_at.",
        nullable=True,
    ),
)

READINGS_HISTORY = Table(
    name="readings_history",
    meaning="Readings superseded by an earlier reception of the same transmission.",
    columns=(*_readings, Column("superseded_at", INSTANT, "When a better version replaced the row."), c.month),
    key=("organisation", "meter_id", "measured_at", "superseded_at"),
    sort_by=("meter_id", "measured_at"),
    partition_by=("month",),
    known_since="landed_at",
    known_until="superseded_at",
)

READINGS = Table(
    name="readings",
    meaning="One row per meter and reading time: all canonical registers in base units.",
    columns=(*_readings, c.month),
    key=("organisation", "meter_id", "measured_at"),
    sort_by=("meter_id", "measured_at"),
    partition_by=("month",),
    known_since="landed_at",
    history=READINGS_HISTORY,
)

RECORDS = Table(
    name="records",
    meaning="One row per reading and data record that has no column in readings.",
    columns=(
        c.organisation,
        c.meter_id,
        c.measured_at,
        c.frame_id,
        Column("record_no", pl.Int32, "Position of the record in the telegram, from 0."),
        Column("quantity", pl.String, "Quantity, e.g. volume."),
        c.unit,
        Column("function", pl.String, "instantaneous, maximum, minimum or error."),
        Column("storage", pl.Int64, "Storage number."),
        Column("tariff", pl.Int64, "Tariff."),
        Column("subunit", pl.Int64, "Subunit."),
        Column(
            "value", pl.Float64, "Numeric value in the unit; null for text, dates and missing values.", nullable=True
        ),
        Column("value_text", pl.String, "Text or date, ISO 8601 in the meter's local time.", nullable=True),
        Column("raw_value", pl.Int64, "The integer as sent.", nullable=True),
        Column("exponent", pl.Int32, "value = raw_value * 10**exponent.", nullable=True),
        Column("modifiers", pl.String, "Comma-separated meanings of the VIFEs.", nullable=True),
        Column("dib", pl.String, "DIF and DIFEs, hex."),
        Column("vib", pl.String, "VIF and VIFEs, hex."),
        Column("data_hex", pl.String, "Data bytes as sent, hex."),
        c.month,
    ),
    key=("organisation", "meter_id", "measured_at", "frame_id", "record_no"),
    sort_by=("meter_id", "measured_at", "record_no"),
    partition_by=("month",),
)

LAYOUTS = Table(
    name="layouts",
    meaning="One row per record layout and canonical register: the register's own resolution and width.",
    columns=(
        c.organisation,
        Column("layout_id", pl.String, "Digest of the record headers."),
        c.register,
        Column("resolution_numerator", pl.Int64, "One count is numerator/denominator base units (exact)."),
        Column("resolution_denominator", pl.Int64, "See resolution_numerator."),
        Column("digits", pl.Int32, "Decimal digits before the register rolls over, where known.", nullable=True),
    ),
    key=("organisation", "layout_id", "register"),
    sort_by=("layout_id", "register"),
    lasting=True,  # a digest stands for the same headers for ever
)

FORMATS = Table(
    name="formats",
    meaning="Compact frame formats learned from full frames.",
    columns=(
        c.organisation,
        Column("signature", pl.String, "Format signature, hex, high byte first."),
        c.meter_id,
        Column("format_hex", pl.String, "DIF/DIFE/VIF/VIFE bytes of the full frame."),
        Column("learned_at", INSTANT, "When the full frame was first seen."),
    ),
    key=("organisation", "signature", "meter_id", "format_hex"),
    sort_by=("signature",),
    published=False,
    known_since="learned_at",
)

TOUCHED = Table(
    name="touched",
    meaning="One row per commit and meter: the stretch of reading times whose figures must be reckoned again.",
    columns=(
        c.organisation,
        Column("batch_no", pl.Int64, "Number of the commit, rising; consumers keep the last one they have seen."),
        c.meter_id,
        Column("first_at", INSTANT, "First touched reading time."),
        Column("last_at", INSTANT, "Last touched reading time."),
        Column("cause", pl.String, "readings, exchange, registry, decision, estimate or backfill."),
        Column("identity", pl.String, "Who brought it, where somebody did by hand.", nullable=True),
    ),
    key=("organisation", "batch_no", "meter_id"),
    sort_by=("batch_no", "meter_id"),
    published=False,
)
