"""Export rows of a constructed utility: a house with water and heat, and a meter in stock."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from exports.base import BaseFormat
from exports.facts import Facts
from exports.variables import SCHEMA
from exports.writing import write

FACTS = Facts(
    job="billing",
    organisation="Northtown Water",
    zone=ZoneInfo("Europe/Copenhagen"),
    period_from=datetime(2026, 10, 24, 22, tzinfo=UTC),
    period_to=datetime(2026, 10, 25, 23, tzinfo=UTC),
    as_of=datetime(2026, 10, 26, 5, 0, 7, tzinfo=UTC),
    seq=42,
    revision=2,
    version="0.1.0",
)
NIGHT = (datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))
"""02:00 twice, since clocks go back."""

PLACE = {
    "metering_point": "P1",
    "role": "consumption",
    "customer_number": "C-100",
    "customer_name": "Bakery = Café",
    "address": 'Åvej 1; "Gården"',
    "address2": "",
    "postal_code": "8000",
    "city": "Århus",
}
WATER = {
    **PLACE,
    "meter_id": "KAM-91234567-1b-16",
    "manufacturer": "KAM",
    "serial": "91234567",
    "meter_number": "W-1",
    "medium": "water",
    "register": "volume_m3",
    "consumption_type": "V1",
    "obis": "8-0:1.0.0",
    "unit": "m3",
    "source": "radio",
    "quality": "M",
}
HEAT = {
    **PLACE,
    "metering_point": "P2",
    "meter_id": "KAM-91234568-30-04",
    "manufacturer": "KAM",
    "serial": "91234568",
    "medium": "heat",
    "source": "logger",
    "quality": "M",
}
ENERGY = {**HEAT, "register": "energy_kwh", "consumption_type": "E1", "obis": "6-0:1.0.0", "unit": "kWh"}
VOLUME = {**HEAT, "register": "volume_m3", "consumption_type": "V1", "obis": "6-0:2.0.0", "unit": "m3"}
STOCK = {**WATER, **dict.fromkeys(PLACE), "meter_id": "DME-00000042-70-07", "manufacturer": "DME", "serial": "00000042"}


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    """Export rows; what is not given is null, further names are fields of the utility's own."""
    fields = dict.fromkeys((name for row in given for name in row if name not in SCHEMA), pl.String)
    return pl.DataFrame([{name: row.get(name) for name in (*SCHEMA, *fields)} for row in given], {**SCHEMA, **fields})


def readings() -> pl.DataFrame:
    """Readings of one night, also one that is missing, a negative one and one of a meter in stock."""
    first, second = NIGHT
    return rows(
        {**STOCK, "measured_at": first, "value": Decimal("0"), "source": "wired"},
        {**WATER, "measured_at": first, "value": Decimal("1234.5"), "info_codes": "LEAK,DRY", "field:Pipe": "DN 20"},
        {**WATER, "measured_at": second, "value": None, "quality": "N"},
        {**ENERGY, "measured_at": first, "value": Decimal("98765.4321")},
        {**ENERGY, "measured_at": second, "value": Decimal("98766")},
        {**VOLUME, "measured_at": first, "value": Decimal("-0.0005"), "quality": "X"},
    )


def days() -> pl.DataFrame:
    """Consumption of the day on which clocks go back."""
    day = {"measured_at": None, "period_start": FACTS.period_from, "period_end": FACTS.period_to, "source": None}
    return rows(
        {**WATER, **day, "value": Decimal("0.125"), "quality": "A", "method": "LIN"},
        {**ENERGY, **day, "value": Decimal("17"), "method": "EXACT"},
        {**VOLUME, **day, "value": None, "quality": "N"},
    )


def written(form: BaseFormat, *pieces: pl.DataFrame, facts: Facts = FACTS) -> bytes:
    """The file as a whole."""
    return b"".join(write(form, pieces, facts))
