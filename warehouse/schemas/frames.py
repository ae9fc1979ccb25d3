"""Receptions, what became of them, and the transmissions they are copies of."""

from dataclasses import replace

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

_frame = Column("frame", pl.Binary, "The frame's bytes as received.", varied=True)
_rssi = Column("rssi_dbm", pl.Float64, "Received signal strength.", "dBm", nullable=True)
_source_file = Column("source_file", pl.String, "Name of the file in the landing archive.")
_source_line = Column("source_line", pl.Int64, "Line in that file, counted from 1.")
_landed_day = Column("landed_day", pl.Date, "Arrival day (UTC); the partition of landing and decoding.")
_meter_id = Column("meter_id", pl.String, "Meter as the frame's header names it.", nullable=True)

RECEPTIONS = Table(
    name="receptions",
    meaning="One row per reception, append-only: a frame as a collector delivered it.",
    columns=(
        c.organisation,
        c.frame_id,
        c.received_at,
        c.landed_at,
        _landed_day,
        c.collector,
        _rssi,
        _frame,
        Column("transport", pl.String, "lorawan where the bytes are the payload of an uplink.", nullable=True),
        Column("device_eui", pl.String, "Device EUI of an uplink's sender, 16 hex digits.", nullable=True),
        _source_file,
        _source_line,
        Column("source_sha256", pl.String, "Content hash of the file."),
        Column("extra", pl.String, "Other columns of the source row, as a JSON object.", nullable=True),
    ),
    key=("organisation", "frame_id"),
    sort_by=("received_at",),
    partition_by=("landed_day",),
    published=False,
    known_since="landed_at",
)

OUTCOMES = Table(
    name="outcomes",
    meaning="One row per reception and decoding attempt, append-only: what became of the frame.",
    columns=(
        c.organisation,
        c.frame_id,
        Column("attempt", pl.Int32, "Number of the attempt, from 1."),
        Column("decided_at", INSTANT, "When the attempt was made."),
        Column("decoders", pl.String, "Which decoders made it: a digest of their code and device files."),
        c.outcome,
        c.reason,
        _meter_id,
        replace(c.telegram_key, nullable=True),
        Column("access_no", pl.Int32, "Access number of the transport or extended link layer.", nullable=True),
        Column("signature", pl.String, "Format signature of a compact frame, hex.", nullable=True),
        c.received_at,
        c.landed_at,
        _landed_day,
    ),
    key=("organisation", "frame_id", "attempt"),
    sort_by=("received_at",),
    partition_by=("landed_day",),
    published=False,
    known_since="decided_at",
)

FRAMES = Table(
    name="frames",
    meaning="One row per reception with its latest outcome.",
    columns=(
        c.organisation,
        c.frame_id,
        c.received_at,
        c.landed_at,
        c.collector,
        _rssi,
        _source_file,
        _source_line,
        _meter_id,
        Column("outcome", pl.String, c.outcome.meaning, nullable=True),
        c.reason,
        Column("attempt", pl.Int32, "Decoding attempts so far.", nullable=True),
        _frame,
    ),
    key=("organisation", "frame_id"),
    kind="view",
    known_since="landed_at",
)

REJECTED_ROWS = Table(
    name="rejected_rows",
    meaning="One row per line of a delivered file that is no frame or no record, with the reason.",
    columns=(
        c.organisation,
        Column("source_file", pl.String, "Name of the file."),
        Column("source_line", pl.Int64, "Line in that file, counted from 1."),
        Column("source_sha256", pl.String, "Content hash of the file."),
        Column("reason", pl.String, "Why the line was rejected."),
        Column(
            "line", pl.String, "The line, shortened to 200 characters; null where it may hold a key.", nullable=True
        ),
        c.landed_at,
        _landed_day,
    ),
    key=("organisation", "source_sha256", "source_file", "source_line"),
    sort_by=("source_sha256", "source_line"),
    partition_by=("landed_day",),
    known_since="landed_at",
)

TELEGRAMS = Table(
    name="telegrams",
    meaning="One row per distinct transmission with the number of its receptions.",
    columns=(
        c.organisation,
        Column("telegram_id", pl.String, "frame_id of the earliest reception.", varied=True),
        c.telegram_key,
        c.meter_id,
        c.received_at,
        Column("last_received_at", INSTANT, "Latest reception."),
        Column("access_no", pl.Int32, "Access number.", nullable=True),
        Column("receptions", pl.Int32, "Receptions of this transmission."),
        c.outcome,
        c.month,
    ),
    key=("organisation", "telegram_id"),
    sort_by=("meter_id", "received_at"),
    partition_by=("month",),
)
