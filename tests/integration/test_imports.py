"""Imports into an installation: what they supersede is kept, and what they change is reckoned whatever dies between."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.runs import catch_up
from tests.integration.installations import House, fleet, house
from warehouse.schemas import READINGS_HISTORY

__all__ = ["fleet", "house"]

METERS = "manufacturer,serial,version,device_type\nABC,90000001,01,07\nABC,90000002,01,07\n"
POINT = "metering_point,customer_number,manufacturer,serial,installed_at\nP1,C1,ABC,90000001,2025-01-01\n"
EXCHANGE = (
    "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,new_initial_m3\n"
    "P1,2025-06-02T12:00:00Z,ABC,90000001,{final},ABC,90000002,0\n"
)
READINGS = (
    "manufacturer,serial,measured_at,volume_m3\n"
    "ABC,90000001,2025-06-01T22:00:00Z,10\nABC,90000001,2025-06-02T11:00:00Z,{at_eleven}\n"
    "ABC,90000002,2025-06-02T22:00:00Z,1\n"
)


def take(house: House, tmp_path: Path, kind: str, content: str) -> None:
    (tmp_path / f"{kind}.csv").write_text(content)
    assert house.take(kind, tmp_path / f"{kind}.csv") == 0


@pytest.fixture
def known(house: House, tmp_path: Path) -> House:
    take(house, tmp_path, "meters", METERS)
    take(house, tmp_path, "customers", POINT)
    take(house, tmp_path, "readings", READINGS.format(at_eleven="12"))
    return house


def used(house: House) -> str | None:
    found = house.ask("select consumption::varchar from consumption_daily where day = '2025-06-02'")
    return found.item() if found.height else None


def test_an_imported_reading_that_is_corrected_is_kept_in_the_history(known: House, tmp_path: Path) -> None:
    take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    history = known.installation.lake.scan(READINGS_HISTORY).select(pl.col("volume_m3").cast(pl.String)).collect()
    assert history["volume_m3"].to_list() == ["12.000000"]
    assert known.ask("select volume_m3::double from readings order by measured_at").rows() == [(10,), (13,), (1,)]


def test_an_exchange_whose_import_died_half_way_is_reckoned(
    known: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("assets.steps.importing.publish_registry", die)
    with pytest.raises(KeyboardInterrupt):
        take(known, tmp_path, "exchanges", EXCHANGE.format(final="12.5"))
    monkeypatch.undo()
    assert used(known) is None
    take(known, tmp_path, "exchanges", EXCHANGE.format(final="12.5"))
    assert used(known) == "3.500000", "2.5 with the old meter and 1 with the new one"
    take(known, tmp_path, "exchanges", EXCHANGE.format(final="12.6"))
    assert used(known) == "3.600000"
    assert catch_up(known.installation, identity="test") == []
