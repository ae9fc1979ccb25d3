"""Heat meters of published telegrams: scale of E8 and E9 and units of energy fit one another (ALGORITHMS §7)."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from decoders.compact import KNOWN
from decoders.scalar import Key, decode_telegram
from warehouse.schemas import CONSUMPTION_MONTHLY
from warehouse.transforms.heat_checks import cross_check
from warehouse.transforms.heat_means import REGISTERS

pytestmark = pytest.mark.corpus


def telegrams(corpus: Path) -> dict[str, dict[str, Decimal]]:
    """Registers since the meter was made, of every telegram with E8, by meter."""
    found = {}
    for name in ("wmbus", "mbus"):
        for line in (corpus / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if not any(record["vib"].upper() == "FF07" for record in case.get("records") or ()):
                continue
            keys = (Key(bytes.fromhex(case["key_hex"]), verified=False),) if case.get("key_hex") else ()
            telegram = decode_telegram(bytes.fromhex(case["telegram_hex"]), keys, KNOWN)
            fields = {
                field: value for field, value in telegram.fields.items() if field in REGISTERS and value is not None
            }
            if fields.get("volume_temp_flow_m3c"):
                found[str(telegram.meter_id)] = fields
    return found


def test_volume_weighted_temperatures_and_energy_of_real_meters_fit(corpus: Path) -> None:
    meters = telegrams(corpus)
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    rows = [
        {"metering_point": meter, "meter_id": meter, "register": register, "consumption": value}
        for meter, fields in meters.items()
        for register, value in fields.items()
    ]
    months = CONSUMPTION_MONTHLY.conform(
        pl.DataFrame(rows, schema_overrides={"consumption": pl.Decimal(18, 6)}).with_columns(
            organisation=pl.lit("o"),
            period_start=pl.lit(start),
            period_end=pl.lit(end),
            day=pl.lit(date(2025, 1, 1)),
            unit=pl.lit(""),
            quality=pl.lit("M"),
            start_quality=pl.lit("M"),
            end_quality=pl.lit("M"),
            known_from=pl.lit(end),
            month=pl.lit("2025-01"),
        )
    )
    checked = cross_check(months, tolerance=0.05, least_kwh=20)
    assert checked.height >= 6
    assert not set(checked["verdict"]) & {"WRONG_SCALE", "WRONG_UNIT", "NOT_CHECKED"}
    # One cools by less than two kelvin on the mean of its life, where the pairing of its sensors decides.
    apart = checked.filter(verdict="DISAGREES").join(pl.DataFrame(rows), on="meter_id")
    assert apart["meter_id"].n_unique() == 1
    sums = dict(apart.select("register", "consumption").iter_rows())
    assert (sums["volume_temp_flow_m3c"] - sums["volume_temp_return_m3c"]) / sums["volume_m3"] < 2
