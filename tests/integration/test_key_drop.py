"""Key files that are dropped into the installation are imported by themselves, and do not lie about afterwards."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.imports import AGAIN_TAG
from assets.installation import open_installation
from pipelines.sensors import import_sensor, key_sensor, waiting_sensor
from registry.people import services
from registry.people.rights import KEYS, UNATTENDED
from tests.integration.installations import House
from tests.integration.sensing import carry_out, glance, look
from tests.integration.test_no_key_leaks import leaks, pattern
from tests.unit.registry.kem_files import kem, meter

PASSWORD = "order-4711-north"
KEY = "00112233445566778899AABBCCDDEEFF"
METERS = "manufacturer,serial,version,device_type\nKAM,90000001,1b,16\n"


def asked(house: House, cursor: str | None = None) -> tuple[list[dg.RunRequest], str | None]:
    """What the key sensor asks for after two looks, and its cursor."""
    requests: list[dg.RunRequest] = []
    for _ in range(2):
        result = look(key_sensor, house, cursor)
        requests += result.run_requests or []
        cursor = result.cursor
    return requests, cursor


@pytest.fixture
def drop(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an installation that is told of passwords, and that knows a meter."""
    monkeypatch.setenv("METERHOUSE_KEY_PASSWORDS_FILE", str(tmp_path / "passwords"))
    open_installation.cache_clear()
    (tmp_path / "passwords").write_text(f"another-order\n{'x' * 17}\n{PASSWORD}\n")
    (tmp_path / "meters.csv").write_text(METERS)
    assert house.take("meters", tmp_path / "meters.csv") == 0
    folder = house.installation.settings.keys_path
    folder.mkdir(parents=True)
    yield folder
    open_installation.cache_clear()


def test_frames_first_and_keys_later(house: House, drop: Path, fleet: Path, capfd: pytest.CaptureFixture[str]) -> None:
    known = pl.read_csv(fleet / "meters.csv", infer_schema=False)
    known.with_columns(key=pl.lit(None)).write_csv(drop.parents[1] / "keyless.csv")
    assert house.take("meters", drop.parents[1] / "keyless.csv") == 0
    assert house.ingest(*sorted((fleet / "frames").glob("*_2025-10-21*"))) == 0
    waiting = "select count(*) from frames where outcome = 'no_key'"
    before, decoded = house.ask(waiting).item(), house.ask("select count(*) from readings").item()
    assert before > 100
    keyed = known.filter(pl.col("key").is_not_null())
    meters = [meter(*device) for device in keyed.select("serial", "key", "manufacturer").rows()]
    (drop / "order.kem").write_bytes(kem(*meters, password=PASSWORD))
    capfd.readouterr()
    (request,), _ = asked(house)
    assert request.job_name == "key_import"
    assert carry_out(request).is_success
    assert not (drop / "order.kem").exists(), "its keys are stored"
    told = house.ask("select identity, object from audit_log where event = 'keys.import'").rows()
    assert told == [("service:orchestrator", "order.kem")]
    wakened = look(waiting_sensor, house, None)
    (decoding,) = wakened.run_requests or []
    assert carry_out(decoding).is_success
    assert house.ask(waiting).item() < before / 10
    assert house.ask("select count(*) from readings").item() > decoded + 100
    secrets = pattern([bytes.fromhex(key) for key in keyed["key"]])
    assert leaks(drop.parents[1], secrets) == [], "neither a key"
    said = "".join(capfd.readouterr()).encode()
    assert not secrets.search(said)
    assert PASSWORD.encode() not in said
    assert leaks(drop.parents[1], re.compile(PASSWORD.encode())) == [], "nor the password stands anywhere"


def test_a_file_that_does_not_open_stays_until_it_or_the_password_changes(
    house: House, drop: Path, tmp_path: Path
) -> None:
    file = drop / "order.kem"
    file.write_bytes(kem(meter("90000001", KEY), password="no-such"))
    (drop / "keys.csv").write_text(f"manufacturer,serial,key\nKAM,90000001,{KEY}\n")
    (request,), cursor = asked(house)
    run = carry_out(request)
    assert (run.is_failure, run.tags[AGAIN_TAG]) == (True, "[]")
    assert file.exists()
    assert not (drop / "keys.csv").exists(), "a file that does not open holds up no other"
    event = house.ask("select identity, object, reason from audit_log where event = 'keys.refuse'").rows()
    reason = f"order.kem is encrypted, and no password opens it. Put its password into {tmp_path / 'passwords'}, "
    assert event == [("service:orchestrator", "order.kem", f"{reason}one per line.")]
    requests, cursor = asked(house, cursor)
    assert requests == [], "nothing has changed"
    with (tmp_path / "passwords").open("a") as passwords:
        passwords.write("no-such\n")
    (request,), cursor = asked(house, cursor)
    assert carry_out(request).is_success
    assert not file.exists()

    file.write_text("<MetersInOrder>")
    (request,), cursor = asked(house, cursor)
    assert carry_out(request).is_failure
    file.write_bytes(kem(meter("90000001", KEY[::-1]), password=PASSWORD))
    (request,), cursor = asked(house, cursor)
    assert carry_out(request).is_success
    assert asked(house, cursor)[0] == []


def test_a_file_with_unknown_devices_stays_until_they_are_registered(
    house: House, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERHOUSE_KEY_ARCHIVE", str(tmp_path / "archive"))
    open_installation.cache_clear()
    file = drop / "north" / "order.kem"
    file.parent.mkdir()
    content = kem(meter("90000001", KEY), meter("90000002", KEY[::-1]), password=PASSWORD)
    file.write_bytes(content)
    (request,), cursor = asked(house)
    assert carry_out(request).is_failure
    assert house.ask("select reason from rejected_rows").rows() == [("KAM 90000002: not registered",)]
    assert file.exists()
    assert asked(house, cursor)[0] == []
    (tmp_path / "more.csv").write_text(METERS.replace("90000001", "90000002"))
    assert house.take("meters", tmp_path / "more.csv") == 0
    (request,), cursor = asked(house, cursor)
    assert carry_out(request).is_success
    assert not file.exists()
    (kept,) = (tmp_path / "archive").glob("2*/*/*/*-order.kem")
    assert kept.read_bytes() == content
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700
    assert house.ask("select count(*) from rejected_rows").item() == 0


def test_a_file_with_a_line_that_cannot_be_used_is_refused_whole_until_it_is_mended(house: House, drop: Path) -> None:
    file = drop / "order.kem"
    file.write_bytes(kem(meter("90000001", KEY), meter("90000001", KEY[:-1]), password=PASSWORD))
    (request,), cursor = asked(house)
    assert carry_out(request).is_failure
    assert house.ask("select distinct key_status from meters").item() == "missing", "not in part either"
    assert house.ask("select reason from rejected_rows").rows() == [
        ("KAM 90000001: the key has 31 hex digits instead of 32 (AES-128)",)
    ]
    events = house.ask("select event, object, reason from audit_log where event like 'keys.%'").rows()
    assert [event[:2] for event in events] == [("keys.refuse", "order.kem")]
    assert events[0][2].startswith("Nothing is stored: 1 devices rejected; see the table rejected_rows.")
    assert asked(house, cursor)[0] == [], "nothing has changed"
    file.write_bytes(kem(meter("90000001", KEY), password=PASSWORD))
    (request,), cursor = asked(house, cursor)
    assert carry_out(request).is_success
    assert not file.exists()


def test_a_file_that_cannot_be_put_into_the_archive_is_tried_again(
    house: House, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METERHOUSE_KEY_ARCHIVE", str(tmp_path / "archive"))
    open_installation.cache_clear()
    (tmp_path / "archive").write_text("no folder")
    (drop / "order.kem").write_bytes(kem(meter("90000001", KEY), password=PASSWORD))
    (request,), _ = asked(house)
    assert carry_out(request).tags[AGAIN_TAG] == "[0]"
    assert (drop / "order.kem").exists()
    (tmp_path / "archive").unlink()
    assert carry_out(request).is_success
    assert not (drop / "order.kem").exists()


def test_a_file_of_passwords_that_cannot_be_read_refuses_encrypted_files_alone(
    house: House, drop: Path, tmp_path: Path
) -> None:
    (tmp_path / "passwords").unlink()
    (drop / "order.kem").write_bytes(kem(meter("90000001", KEY), password=PASSWORD))
    (drop / "keys.csv").write_text(f"manufacturer,serial,key\nKAM,90000001,{KEY}\n")
    (request,), _ = asked(house)
    assert carry_out(request).is_failure
    assert [file.name for file in drop.iterdir()] == ["order.kem"]
    assert "METERHOUSE_KEY_PASSWORDS_FILE" in house.ask("select reason from audit_log where reason is not null").item()


def test_the_key_drop_needs_its_right_and_is_no_folder_of_registry_files(house: House, drop: Path) -> None:
    (drop / "order.kem").write_bytes(kem(meter("90000001", KEY), password=PASSWORD))
    first = look(import_sensor, house, None)
    second = look(import_sensor, house, first.cursor)
    assert second.run_requests == []
    without = {(service, area) for service, area in UNATTENDED if service != KEYS}
    who = {"identity": "local:owner", "now": datetime.now(UTC)}
    services.permit(house.installation.registry, "default", "orchestrator", without, **who)
    refused = glance(key_sensor, house, None)
    assert isinstance(refused, dg.SkipReason)
    assert "no right to device and customer management in the service keys" in str(refused.skip_message)
    assert (drop / "order.kem").exists()
