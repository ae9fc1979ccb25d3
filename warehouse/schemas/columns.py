"""Columns that several tables share, declared once."""

import polars as pl

from warehouse.schemas.table import INSTANT, KNOWN_FROM, Column

organisation = Column("organisation", pl.String, "Organisation that owns the row.")
meter_id = Column("meter_id", pl.String, "Meter as MANUFACTURER-serial-version-type, e.g. KAM-91234567-1b-16.")
frame_id = Column(
    "frame_id", pl.String, "Reception: first 16 hex digits of the file's SHA-256, a dash, the line.", varied=True
)
telegram_key = Column(
    "telegram_key",
    pl.String,
    "Digest of what makes a transmission the same one: meter, counters and payload.",
    varied=True,
)
received_at = Column("received_at", INSTANT, "When a collector heard the frame.")
landed_at = Column("landed_at", INSTANT, "When the file with the frame arrived here.")
measured_at = Column("measured_at", INSTANT, "Reading time: earliest valid reception of the transmission.")
known_from = KNOWN_FROM
published_from = Column(
    "known_from",
    INSTANT,
    "Since when the system holds this version; of what follows from rules, since it was published.",
    nullable=True,
)
metering_point = Column("metering_point", pl.String, "Place with a role where meters are installed one after another.")
collector = Column("collector", pl.String, "Concentrator or other receiver.", nullable=True)
outcome = Column("outcome", pl.String, "What became of the frame; one of decoders' outcomes.")
reason = Column("reason", pl.String, "Why, where the outcome is not decoded.", nullable=True)
day = Column("day", pl.Date, "Local calendar day in the utility's zone.")
month = Column("month", pl.String, "UTC month of the row's time, YYYY-MM; partitions the table.")
register = Column("register", pl.String, "Canonical register column, e.g. volume_m3.")
unit = Column("unit", pl.String, "Unit of the value.", nullable=True)
quality = Column("quality", pl.String, "Quality letter: M, A, I, E, F, X, R or N.", values=tuple("MAIEFXRN"))
