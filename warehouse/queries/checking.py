"""One meter or collector, as somebody in the field asks for it: is it heard, by whom, how well."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import COLLECTOR_DAILY, LINK_DAILY, METER_LINKS
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS
from warehouse.schemas.table import INSTANT, Table

_STEPS = (1, 7, 60)
"""Arrival days looked back on, one after the other: what was heard lately is found at once."""

_LINKS = timedelta(days=7)


def last_frame(lake: Readable, organisation: str, meter_id: str) -> dict[str, Any] | None:
    """The newest frame of a meter among those that arrived in the last 60 days, with what became of it.

    Args:
        lake: Where the tables are.
        organisation: Whose meter.
        meter_id: The meter.

    Returns:
        ``frame_id``, ``received_at``, ``landed_at`` (UTC), ``outcome`` and ``reason`` of its latest attempt, and
        ``collector`` and ``rssi_dbm`` (null where unknown); ``None`` where no frame names the meter.
    """
    for rows in _recent(lake, organisation):
        found = (
            rows.filter(pl.col("meter_id") == meter_id)
            .sort("received_at", "attempt", descending=True)
            .head(1)
            .collect()
        )
        if not found.is_empty():
            frame = found.select("frame_id", "received_at", "landed_at", "outcome", "reason").row(0, named=True)
            day = found["landed_day"].item()
            heard = (
                lake.scan(RECEPTIONS)
                .filter(organisation=organisation, frame_id=frame["frame_id"])
                .filter(pl.col("landed_day") == day)
                .select("collector", "rssi_dbm")
                .head(1)
                .collect()
            )
            return frame | (heard.row(0, named=True) if heard.height else {"collector": None, "rssi_dbm": None})
    return None


def unregistered(lake: Readable, organisation: str, serial: str) -> pl.DataFrame:
    """Meters of a serial number that frames name, whether or not they are registered.

    Args:
        lake: Where the tables are.
        organisation: To whom the frames came.
        serial: Eight digits.

    Returns:
        ``meter_id``, ``frames`` and ``received_at`` (of the newest, UTC) among the frames of the last 60 arrival days,
        or of fewer where they are found there; the youngest first.
    """
    found = pl.DataFrame(schema={"meter_id": pl.String, "frames": pl.Int64, "received_at": INSTANT})
    for rows in _recent(lake, organisation):
        found = (
            rows.filter(pl.col("meter_id").str.contains(serial, literal=True))
            .group_by("meter_id")
            .agg(frames=pl.col("frame_id").n_unique().cast(pl.Int64), received_at=pl.col("received_at").max())
            .sort("received_at", "meter_id", descending=[True, False])
            .collect()
        )
        if not found.is_empty():
            break
    return found


def _recent(lake: Readable, organisation: str) -> list[pl.LazyFrame]:
    rows = lake.scan(OUTCOMES).filter(organisation=organisation)
    newest = rows.select(pl.col("landed_day").max()).collect().item()
    if newest is None:
        return []
    return [rows.filter(pl.col("landed_day") > newest - timedelta(days=days)) for days in _STEPS]


def heard_by(lake: Readable, organisation: str, meter_id: str) -> pl.DataFrame:
    """The collectors that heard a meter in the seven days up to the last one on which any did.

    Args:
        lake: Where the tables are.
        organisation: Whose meter.
        meter_id: The meter.

    Returns:
        ``collector``, ``telegrams``, ``rssi_p50_dbm`` (median of the days; null where unknown), ``error_rate`` (%,
        likewise) and ``day`` (the last one), the one that heard it most first.
    """
    return (
        _last_week(lake, LINK_DAILY, organisation, pl.col("meter_id") == meter_id)
        .group_by("collector")
        .agg(
            pl.col("telegrams").sum().cast(pl.Int64), pl.col("rssi_p50_dbm", "error_rate").median(), pl.col("day").max()
        )
        .sort("telegrams", "collector", descending=[True, False])
        .collect()
    )


def meters_heard(lake: Readable, organisation: str, collector: str) -> pl.DataFrame:
    """The meters that a collector heard in the seven days up to its last one.

    Args:
        lake: Where the tables are.
        organisation: Whose collector.
        collector: The collector.

    Returns:
        ``meter_id``, ``telegrams``, ``rssi_p50_dbm`` (median of the days; null where unknown) and ``day`` (the last
        one), the strongest first.
    """
    return (
        _last_week(lake, LINK_DAILY, organisation, pl.col("collector") == collector)
        .group_by("meter_id")
        .agg(pl.col("telegrams").sum().cast(pl.Int64), pl.col("rssi_p50_dbm").median(), pl.col("day").max())
        .sort("rssi_p50_dbm", "meter_id", descending=[True, False], nulls_last=True)
        .collect()
    )


def collector_now(lake: Readable, organisation: str, collector: str) -> dict[str, Any] | None:
    """How a collector does on the last day of which anything is known of it.

    Args:
        lake: Where the tables are.
        organisation: Whose collector.
        collector: The collector.

    Returns:
        ``day``, ``last_contact`` (UTC), ``receptions``, ``meters``, ``backlog_p50_s``, and ``newest`` (last contact
        of any collector); ``None`` where it never delivered.
    """
    rows = lake.scan(COLLECTOR_DAILY).filter(organisation=organisation)
    newest: datetime | None = rows.select(pl.col("last_contact").max()).collect().item()
    found = (
        rows.filter(collector=collector)
        .sort("day", descending=True)
        .select("day", "last_contact", "receptions", "meters", "backlog_p50_s")
        .head(1)
        .collect()
    )
    return found.row(0, named=True) | {"newest": newest} if found.height else None


def last_contact(lake: Readable, organisation: str, meter_id: str) -> datetime | None:
    """When a meter was last heard by any collector, UTC; ``None`` where it never was."""
    rows = lake.scan(METER_LINKS).filter(organisation=organisation, meter_id=meter_id)
    month = rows.select(pl.col("month").max()).collect().item()
    if month is None:
        return None
    found: datetime | None = rows.filter(month=month).select(pl.col("last_heard").max()).collect().item()
    return found


def _last_week(lake: Readable, table: Table, organisation: str, wanted: pl.Expr) -> pl.LazyFrame:
    rows = lake.scan(table).filter(organisation=organisation).filter(wanted)
    month = rows.select(pl.col("month").max()).collect().item()
    last: date | None = None if month is None else rows.filter(month=month).select(pl.col("day").max()).collect().item()
    if last is None:
        return rows.clear()
    first = last - _LINKS
    return rows.filter(pl.col("month") >= f"{first:%Y-%m}", pl.col("day") > first)
