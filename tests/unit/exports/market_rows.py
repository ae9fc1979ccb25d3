"""Rows and formats for the layouts of markets."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import yaml

from exports.base import BaseFormat
from exports.formats import read_format, shipped_document
from tests.unit.exports.export_rows import FACTS, PLACE, rows

KNOWN_FROM = datetime(2026, 10, 26, 4, 30, tzinfo=UTC)

ELECTRICITY = {
    **PLACE,
    "metering_point": "6123456789",
    "meter_id": "KAM-35000001-1c-02",
    "manufacturer": "KAM",
    "serial": "35000001",
    "medium": "electricity",
    "register": "energy_import_kwh",
    "consumption_type": "A+",
    "obis": "1-0:1.8.0",
    "unit": "kWh",
    "source": "radio",
    "quality": "M",
    "known_from": KNOWN_FROM,
}
EXPORTED = {**ELECTRICITY, "register": "energy_export_kwh", "consumption_type": "A-", "obis": "1-0:2.8.0"}


def reading(row: dict[str, Any], at: datetime, value: str | None, **other: Any) -> dict[str, Any]:
    """The row with a reading."""
    return {**row, "measured_at": at, "value": None if value is None else Decimal(value), **other}


def hours(
    row: dict[str, Any], values: Sequence[str | None], *, start: datetime = FACTS.period_from, **other: Any
) -> list[dict[str, Any]]:
    """The row with an hour for each value."""
    steps = [start + timedelta(hours=step) for step in range(len(values) + 1)]
    return [
        {
            **row,
            "period_start": begin,
            "period_end": end,
            "value": None if value is None else Decimal(value),
            "method": "EXACT",
            "source": None,
            **({"quality": "N"} if value is None else {}),
            **other,
        }
        for begin, end, value in zip(steps, steps[1:], values, strict=False)
    ]


def adapted(name: str, **settings: Any) -> BaseFormat:
    """A shipped format with other settings."""
    return read_format(yaml.safe_dump({**yaml.safe_load(shipped_document(name)), **settings}), name)


def table(*given: list[dict[str, Any]]) -> pl.DataFrame:
    """Lists of rows as one frame."""
    return rows(*(row for part in given for row in part))
