"""Corrections say what brought them, and who."""

from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from assets.steps.deciding import Choice, decide
from assets.steps.publishing import publish_registry
from assets.steps.touched import touch_days
from registry import policies
from tests.integration.installations import House
from tests.integration.one_meter import BY, HOUR, NOW, START, given, house, read, reckon, subject, template
from warehouse.policies import shipped_document
from warehouse.schemas import CONSUMPTION_HOURLY, CORRECTIONS

__all__ = ["house", "template"]


def brought(house: House, after: int) -> set[tuple[str, str | None]]:
    """Causes and people of the corrections that were made at one of the runs."""
    rows = house.installation.lake.scan(CORRECTIONS).filter(
        pl.col("table_name") == CONSUMPTION_HOURLY.name, pl.col("known_to") == NOW + after * HOUR
    )
    return set(rows.select("cause", "identity").collect().rows())


def decided(house: House, kind: str, old: str, new: str, now: datetime) -> None:
    document = shipped_document(kind)
    assert old in document
    with house.installation.registry.begin() as session:
        policies.decide(
            session,
            house.installation.organisation,
            kind,
            document.replace(old, new),
            reason="Test.",
            identity="local:policies",
            now=now,
            untried=True,
        )
    publish_registry(house.installation)


def test_every_cause_has_its_name_and_its_person(house: House) -> None:
    read(house, ["1", "1.1"])
    read(house, ["1.3", "1.4", "21.4", "21.5"], start=START + 3 * HOUR)

    late = "manufacturer,serial,measured_at,volume_m3\n" + f"KAM,00000001,{(START + 2 * HOUR).isoformat()},1.11\n"
    given(house, "readings", late)
    reckon(house, NOW + HOUR)
    assert brought(house, 1) == {("late_data", "local:test")}

    decide(house.installation, subject(house, "V06"), Choice("approve", "checked", "A pool."), **BY)
    reckon(house, NOW + 2 * HOUR)
    decide(house.installation, subject(house, "V06"), Choice("reject", "meter_fault", "No pulse."), **BY)
    reckon(house, NOW + 3 * HOUR)
    assert brought(house, 3) == {("decision", "local:first")}

    hours = house.installation.lake.scan(CONSUMPTION_HOURLY).filter(pl.col("period_start") == START).collect()
    wrong = hours.with_columns(consumption=pl.lit(Decimal(7)).cast(hours.schema["consumption"]))
    nothing = wrong.select(CONSUMPTION_HOURLY.key).clear()
    house.installation.lake.merge(CONSUMPTION_HOURLY, wrong, stale=nothing, superseded_at=NOW + 3 * HOUR)
    touch_days(house.installation, START, START + timedelta(days=1), "local:operator")
    reckon(house, NOW + 4 * HOUR)
    assert brought(house, 4) == {("backfill", "local:operator")}

    decided(house, "consumption", "volume_m3: 10", "volume_m3: 0.05", NOW + 5 * HOUR)
    touch_days(house.installation, START, START + timedelta(days=1), "local:operator")
    reckon(house, NOW + 6 * HOUR)
    assert brought(house, 6) == {("policy", "local:policies")}
    decided(house, "consumption", "gap_limit_days: 35", "gap_limit_days: 34", NOW + 7 * HOUR)
    touch_days(house.installation, START, START + timedelta(days=1), "local:operator")
    reckon(house, NOW + 8 * HOUR)

    given(house, "meters", "manufacturer,serial,version,device_type,model,medium,key\nKAM,00000002,1b,16,MC21,water,\n")
    exchange = (
        "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,new_initial_m3\n"
        f"P1,{(START + 3.5 * HOUR).isoformat()},KAM,00000001,1.35,KAM,00000002,0\n"
    )
    given(house, "exchanges", exchange)
    reckon(house, NOW + 9 * HOUR)
    assert brought(house, 9) == {("exchange", None)}
