"""Erasure of what came from files and by hand: imported readings, final readings, exchanges; by customer."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.steps.erasing import erase
from assets.steps.importing import import_file
from cli.main import app
from pipelines.runs import catch_up
from registry.erasures import HeldError, Request, erasures, place_hold
from registry.errors import RegistryError
from registry.profiles import Kind
from tests.integration.installations import House, copied, kept_environment, new_house
from warehouse.schemas import EXCHANGES, FINAL_READINGS, READINGS

METERS = "manufacturer,serial,version,device_type\nABC,90000001,01,07\nABC,90000002,01,07\nABC,90000003,01,07\n"
POINTS = (
    "metering_point,customer_number,manufacturer,serial,installed_at\n"
    "P1,C1,ABC,90000001,2025-01-01\nP2,C9,ABC,90000003,2025-01-01\n"
)
EXCHANGE = (
    "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,new_initial_m3\n"
    "P1,2025-06-02T12:00:00Z,ABC,90000001,12.5,ABC,90000002,0.25\n"
)
INSIDE = (
    *("ABC,90000001,2025-05-31T22:00:00Z,10", "ABC,90000001,2025-06-02T11:00:00Z,12"),
    *("ABC,90000002,2025-06-02T21:59:59Z,1",),
)
OUTSIDE = (
    *("ABC,90000001,2025-05-30T22:00:00Z,9", "ABC,90000002,2025-06-02T22:00:00Z,2"),
    *("ABC,90000002,2025-06-05T22:00:00Z,5", "ABC,90000002,2025-06-06T22:00:00Z,6"),
    *("ABC,90000003,2025-06-01T22:00:00Z,3", "ABC,90000003,2025-06-02T22:00:00Z,4"),
)
READINGS_FILE = "\n".join(("manufacturer,serial,measured_at,volume_m3", *INSIDE, *OUTSIDE, ""))
FIRST, LAST = date(2025, 6, 1), date(2025, 6, 2)
REQUEST = Request("default", "P1", FIRST, LAST, "request 7")
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
PERIOD = ("--from", str(FIRST), "--to", str(LAST), "--reason", "request 7")


def meterhouse(*words: str):
    return CliRunner().invoke(app, list(words))


def take(house: House, tmp_path: Path, kind: Kind, content: str) -> None:
    (tmp_path / f"{kind}.csv").write_text(content)
    assert import_file(house.installation, kind, tmp_path / f"{kind}.csv", identity="local:test", now=NOW).stored


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("by_hand")
    with kept_environment():
        house = new_house(folder)
        take(house, folder, "meters", METERS)
        take(house, folder, "customers", POINTS)
        take(house, folder, "readings", READINGS_FILE)
        take(house, folder, "exchanges", EXCHANGE)
        take(house, folder, "exchanges", EXCHANGE.replace("12.5", "12.75"))
        final = ("meter", "final", "P1", "--at", "2025-06-03", "--register", "volume_m3=1.75")
        assert meterhouse(*final).exit_code == 0
    return folder


@pytest.fixture
def known(made: Path, tmp_path: Path) -> Iterator[House]:
    with kept_environment():
        yield copied(made, tmp_path)


def run(house: House, **options) -> dict[str, int]:
    return erase(house.installation, REQUEST, identity="test", now=NOW, **options)


def figures(house: House) -> pl.DataFrame:
    return house.ask(
        "select * exclude (known_from) from consumption_daily where metering_point <> 'P1' or day < '2025-05-31' "
        "or day > '2025-06-03' order by metering_point, register, day"
    )


def kept(house: House) -> list[tuple]:
    return house.ask(
        "select meter_id[5:12] as serial, strftime(measured_at at time zone 'UTC', '%m-%d %H:%M') as at from readings "
        "order by all"
    ).rows()


def files(house: House, table: str) -> list[Path]:
    return [file for file in Path(house.installation.settings.lake_path, table).rglob("*") if file.is_file()]


def registers(house: House) -> list[float]:
    """Those of exchanges and final readings in any file of the lake, of any version."""
    found: list[float] = []
    for table, columns in ((EXCHANGES, ("old_final", "new_initial")), (FINAL_READINGS, ("value",))):
        for file in files(house, table.name):
            if file.suffix == ".parquet" and "_delta_log" not in file.parts:
                rows = pl.read_parquet(file)
                found += [value for name in columns for value in rows[name].drop_nulls().cast(pl.Float64)]
    return found


def test_registers_that_were_read_go_from_registry_and_lake(known: House) -> None:
    catch_up(known.installation, identity="test")
    before = figures(known)
    assert before.height
    would = run(known, dry_run=True)
    assert (would["final_readings"], would["exchanges"], would["readings"]) == (1, 2, 3)
    assert run(known) == would
    assert known.ask("select old_meter_id[5:12], new_meter_id[5:12], old_final, new_initial from exchanges").rows() == [
        ("90000001", "90000002", None, None)
    ]
    assert known.ask("select * from final_readings").is_empty()
    assert registers(known) == []
    catch_up(known.installation, identity="test")
    assert figures(known).equals(before)
    shown = meterhouse("meter", "exchange", "show", "P1", "--history").stdout
    assert "2025-06-02T12:00:00" in shown
    assert not any(value in shown for value in ("12.5", "12.75", "0.25"))
    refused = meterhouse("meter", "final", "P1", "--at", "2025-06-02", "--register", "volume_m3=1")
    assert "P1 on that day is erased" in str(refused.exception)


def test_the_log_of_the_lake_tells_nothing_of_the_period(known: House) -> None:
    assert any(b"2025-05-31T22" in file.read_bytes() for file in files(known, READINGS.name))
    run(known)
    for table in known.installation.lake.tables():
        logged = [file for file in files(known, table.name) if "_delta_log" in file.parts]
        for file in logged:
            text = file.read_bytes()
            if file.suffix == ".parquet":
                text = str(pl.read_parquet(file).to_dicts()).encode()
            assert not any(at in text for at in (b"2025-05-31T22", b"2025-06-02T11", b"2025-06-02T21")), file


def test_imported_readings_do_not_come_back(known: House, tmp_path: Path) -> None:
    catch_up(known.installation, identity="test")
    run(known)
    left, before = kept(known), figures(known)
    (tmp_path / "readings.csv").write_text(READINGS_FILE)
    assert len(left) == len(OUTSIDE)
    dry = CliRunner().invoke(app, ["import", "readings", str(tmp_path / "readings.csv"), "--dry-run"])
    assert "0 added, 0 updated, 6 unchanged, 3 skipped, 0 lines rejected" in dry.stderr
    assert "line 2: readings of that time are erased on request" in dry.stderr
    take(known, tmp_path, "readings", READINGS_FILE)
    take(known, tmp_path, "exchanges", EXCHANGE)
    catch_up(known.installation, identity="test")
    assert kept(known) == left
    assert figures(known).equals(before)
    assert known.ask("select distinct old_final from exchanges").item() is None


def test_what_was_done_is_published(known: House) -> None:
    run(known)
    published = known.ask("select event, object from audit_log where event like 'erasure.%' order by number")
    assert published.rows() == [("erasure.begin", "P1"), ("erasure.finish", "P1")]


def test_an_erasure_that_died_before_it_published_goes_on(known: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    assert len(registers(known)) > 2
    with monkeypatch.context() as patch:
        patch.setattr("assets.steps.erasing.publish_registry", die)
        with pytest.raises(KeyboardInterrupt):
            run(known)
    run(known)
    (tombstone,) = erasures(known.installation.registry, "default")
    assert tombstone.finished_at == NOW
    assert known.ask("select * from final_readings").is_empty()
    assert registers(known) == []


def test_a_dry_run_shows_every_hold_that_forbids_it(known: House) -> None:
    for reason in ("court case 3", "court case 4"):
        options = {"reason": reason, "identity": "test", "now": NOW}
        place_hold(known.installation.registry, "default", "P1", first_day=None, last_day=FIRST, **options)
    refused = meterhouse("erase", "point", "P1", *PERIOD, "--dry-run")
    assert isinstance(refused.exception, HeldError)
    assert "(court case 3). Legal hold 2 on P1 from the beginning" in str(refused.exception)
    assert isinstance(meterhouse("erase", "point", "P9", *PERIOD, "--dry-run").exception, RegistryError)


def test_by_customer(known: House) -> None:
    def customer(*words: str):
        return meterhouse("erase", "customer", *words, "--reason", "request 7")

    for words in (
        *(("move-out", "P1", "--at", "2025-06-01"), ("add", "P1", "--customer-number", "C2", "--from", "2025-06-01")),
        *(("move-out", "P1", "--at", "2025-06-03"), ("add", "P1", "--customer-number", "C9", "--from", "2025-06-03")),
    ):
        assert meterhouse("customer", *words).exit_code == 0
    readings = kept(known)
    would = customer("C2", "--dry-run")
    assert "P1 from 2025-06-01 to 2025-06-02." in would.stderr
    assert "customers,1" in would.stdout
    assert kept(known) == readings
    assert customer("C2").exit_code == 0
    assert len(kept(known)) == len(OUTSIDE)
    (tombstone,) = erasures(known.installation.registry, "default")
    assert (tombstone.metering_point, tombstone.first_day, tombstone.last_day) == ("P1", FIRST, LAST)
    logged = known.ask("select concat_ws(' ', object, reason, before, after, details) as told from audit_log")
    assert not any("C2" in told for told in logged["told"])
    for number, message in (("C2", "No customer of that number"), ("C9", "has not moved out of P1, P2")):
        refused = customer(number)
        assert message in str(refused.exception)
        assert number not in str(refused.exception)


def test_a_customer_who_lived_at_several_places_names_one(known: House) -> None:
    for words in (
        *(("move-out", "P1", "--at", "2025-06-01 12:00"), ("move-out", "P2", "--at", "2025-06-03")),
        *(("add", "P2", "--customer-number", "C1", "--from", "2025-06-03"),),
        *(("move-out", "P2", "--at", "2025-06-05"),),
    ):
        assert meterhouse("customer", *words).exit_code == 0

    def customer(*words: str):
        return meterhouse("erase", "customer", "C1", *words, "--dry-run", "--reason", "request 7")

    several = str(customer().exception)
    assert "--point P1 --occupancy 2025-01-01 (to 2025-06-01)" in several, "from the first installation on"
    assert "--point P2 --occupancy 2025-06-03 (to 2025-06-04)" in several
    assert "C1" not in several
    assert "P2 from 2025-06-03 to 2025-06-04." in customer("--point", "P2").stderr
    assert "P1 from 2025-01-01 to 2025-06-01." in customer("--occupancy", "2025-01-01").stderr
    elsewhere = str(customer("--point", "P2", "--occupancy", "2025-01-01").exception)
    assert "did not live there then, but: --point P1" in elsewhere
