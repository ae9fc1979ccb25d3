"""What receptions say about radio: links, the meters as senders, the collectors."""

import polars as pl

from warehouse.schemas import columns as c
from warehouse.schemas.table import INSTANT, Column, Table

_collector = Column("collector", pl.String, "Concentrator or other receiver; empty where the source names none.")
_receptions = Column("receptions", pl.Int32, "Receptions; two antennas of one receiver count two.")

LINK_DAILY = Table(
    name="link_daily",
    meaning="One row per meter, collector and local day: receptions and signal.",
    columns=(
        c.organisation,
        c.meter_id,
        _collector,
        c.day,
        _receptions,
        Column("telegrams", pl.Int32, "Distinct transmissions."),
        Column("rssi_p10_dbm", pl.Float64, "Signal strength that nine of ten receptions exceed.", "dBm", nullable=True),
        Column("rssi_p50_dbm", pl.Float64, "Median signal strength.", "dBm", nullable=True),
        Column("rssi_p90_dbm", pl.Float64, "Signal strength that one of ten exceeds.", "dBm", nullable=True),
        Column("lqi_p50", pl.Float64, "Median link quality as the receiver states it.", nullable=True),
        Column("read_hours", pl.Int32, "Hours of the day with a readable frame, bit 0 the first.", nullable=True),
        Column("error_rate", pl.Float64, "Share of the meter's transmissions that were not heard.", "%", nullable=True),
        Column(
            "clock_offset_s",
            pl.Float64,
            "Median of the collector's time of a transmission less the mean of all that heard it; null without others.",
            "s",
            nullable=True,
        ),
        c.known_from,
        c.month,
    ),
    key=("organisation", "meter_id", "collector", "day"),
    sort_by=("meter_id", "day", "collector"),
    partition_by=("month",),
    versioned=True,
)

METER_LINKS = Table(
    name="meter_links",
    meaning="One row per meter and local day: what was heard of it by all collectors together.",
    columns=(
        c.organisation,
        c.meter_id,
        c.day,
        Column("telegrams", pl.Int32, "Distinct transmissions."),
        Column("first_heard", INSTANT, "First reception of the day."),
        Column("last_heard", INSTANT, "Last reception of the day."),
        Column("longest_gap_s", pl.Float64, "Longest time between two receptions of the day.", "s", nullable=True),
        Column(
            "transmit_interval_s",
            pl.Float64,
            "Median spacing of consecutive access numbers; null where too few follow one another.",
            "s",
            nullable=True,
        ),
        Column("redundancy", pl.Int32, "Collectors with at least a tenth of the transmissions."),
        c.known_from,
        c.month,
    ),
    key=("organisation", "meter_id", "day"),
    sort_by=("meter_id", "day"),
    partition_by=("month",),
    versioned=True,
)

COLLECTOR_DAILY = Table(
    name="collector_daily",
    meaning="One row per collector and local day: how it works.",
    columns=(
        c.organisation,
        _collector,
        c.day,
        _receptions,
        Column("meters", pl.Int32, "Distinct meters heard."),
        Column("first_contact", INSTANT, "First reception of the day."),
        Column("last_contact", INSTANT, "Last reception of the day."),
        Column("heard_hours", pl.Int32, "Hours of the day with a reception, bit 0 the first."),
        Column("backlog_p50_s", pl.Float64, "Median time from reception to arrival here.", "s"),
        Column("backlog_max_s", pl.Float64, "Longest time from reception to arrival here.", "s"),
        Column(
            "clock_offset_s",
            pl.Float64,
            "Median of clock_offset_s over its links; null where nobody else heard what it heard.",
            "s",
            nullable=True,
        ),
        c.known_from,
        c.month,
    ),
    key=("organisation", "collector", "day"),
    sort_by=("collector", "day"),
    partition_by=("month",),
    versioned=True,
)
