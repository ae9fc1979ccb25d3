"""Imports into an installation: what they supersede is kept, and what they change is reckoned whatever dies between."""

import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from pipelines.runs import catch_up
from tests.integration.installations import House, Workshop, copied, kept_environment
from warehouse.schemas import READINGS_HISTORY

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


def learn(house: House) -> None:
    for kind, content in (("meters", METERS), ("customers", POINT), ("readings", READINGS.format(at_eleven="12"))):
        assert house.take_text(kind, content) == 0


@pytest.fixture
def known(workshop: Workshop, tmp_path: Path) -> Iterator[House]:
    with kept_environment():
        yield copied(workshop.house("read", learn), tmp_path)


def used(house: House) -> str | None:
    found = house.ask("select consumption::varchar from consumption_daily where day = '2025-06-02'")
    return found.item() if found.height else None


def test_an_imported_reading_that_is_corrected_is_kept_in_the_history(known: House, tmp_path: Path) -> None:
    take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    history = known.installation.lake.scan(READINGS_HISTORY).select(pl.col("volume_m3").cast(pl.String)).collect()
    assert history["volume_m3"].to_list() == ["12.000000"]
    assert known.ask("select volume_m3::double from readings order by measured_at").rows() == [(10,), (13,), (1,)]


def test_an_import_of_readings_leaves_an_event_with_its_counts(known: House, tmp_path: Path) -> None:
    take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    (tmp_path / "bad.csv").write_text(READINGS.format(at_eleven="none"))
    assert known.take("readings", tmp_path / "bad.csv") == 1
    told = known.ask("select identity, object, details from audit_log where event = 'readings.import' order by number")
    assert told["object"].to_list() == ["readings.csv", "readings.csv"], "a file that is refused changes nothing"
    assert set(told["identity"]) == {f"local:{getpass.getuser()}"}
    assert [json.loads(details) for details in told["details"]] == [
        {"added": 3, "updated": 0, "unchanged": 0, "rejected": 0},
        {"added": 0, "updated": 1, "unchanged": 2, "rejected": 0},
    ]


def test_readings_that_cannot_be_written_leave_no_event(
    known: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(type(known.installation.lake), "merge", full)
    with pytest.raises(OSError, match="no space left"):
        take(known, tmp_path, "readings", READINGS.format(at_eleven="13"))
    with known.installation.registry.begin(readonly=True) as session:
        assert session.scalar(text("select count(*) from audit_log where event = 'readings.import'")) == 1


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
