"""Keys through the command line: two organisations, rotation, downloads, bundles, validity."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from assets.installation import Installation, open_installation
from cli.installation import make
from cli.main import app
from cli.registry import run_import
from registry.errors import RegistryError
from registry.models import MeterKey
from tests.integration.installations import FLEET, House

METER = "KAM-90000001-1b-16"
KEY = "00112233445566778899AABBCCDDEEFF"
METERS = f"manufacturer,serial,version,device_type,key\nKAM,90000001,1b,16,{KEY}\nKAM,90000002,1b,16,{KEY[::-1]}\n"


def run(*arguments: object, status: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, RegistryError):
        raise result.exception
    assert result.exit_code == status, result.stderr
    return result


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(result.stdout.splitlines()))


@pytest.fixture
def inventory(house: House) -> House:
    assert house.take_text("meters", METERS) == 0
    return house


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("Correct-Horse-7\n")
    return path


@pytest.fixture
def utility(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The same installation as an organisation below the first one works on it."""
    run("org", "add", "utility", "--name", "Utility")
    monkeypatch.setenv("METERHOUSE_ORGANISATION", "utility")
    open_installation.cache_clear()
    yield House(open_installation(house.installation.settings.home))
    open_installation.cache_clear()


def test_frames_are_decoded_with_ones_own_keys_alone(
    house: House, utility: House, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_import(house.installation, "meters", fleet / "meters.csv") == 0, "the first one has the keys"
    keyless = pl.read_csv(fleet / "meters.csv", infer_schema=False).with_columns(key=pl.lit(None))
    keyless.write_csv(tmp_path / "keyless.csv")
    assert utility.take("meters", tmp_path / "keyless.csv") == 0
    assert utility.ingest(fleet / "frames") == 0
    ours = "from frames where organisation = 'utility' and"
    assert utility.ask(f"select count(*) {ours} outcome = 'no_key'").item() > 100
    encrypted = utility.ask(f"select distinct meter_id {ours} outcome = 'no_key'")["meter_id"]
    assert utility.ask("select distinct organisation from readings")["organisation"].to_list() in ([], ["utility"])
    assert not set(encrypted) & set(utility.ask("select distinct meter_id from readings")["meter_id"])

    owned = pl.read_csv(fleet / "meters.csv", infer_schema=False).filter(pl.col("key").is_not_null())
    serials = owned["serial"].to_list()
    asked = run("key", "claim", *serials)
    assert f"{len(serials)} pending" in asked.stderr
    monkeypatch.setenv("METERHOUSE_ORGANISATION", "default")
    open_installation.cache_clear()
    assert f"{len(serials)} claims confirmed" in run("key", "confirm", *serials).stderr
    states = rows(run("key", "list", "--claim-status", "claimed"))
    assert {row["organisation"] for row in states} == {"utility"}
    assert len(states) == len(serials)
    monkeypatch.setenv("METERHOUSE_ORGANISATION", "utility")
    open_installation.cache_clear()
    run("materialize")
    decoded = set(utility.ask(f"select distinct meter_id {ours} outcome = 'decoded'")["meter_id"])
    assert len(decoded & set(encrypted)) > 10, "what waited for its key is decoded by its new owner"
    assert utility.ask("select distinct organisation from readings")["organisation"].to_list() == ["utility"]


def test_devices_are_claimed_by_a_file_of_serial_numbers(
    inventory: House, utility: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serials.csv").write_text(
        "\ufeffOrder;Serial No.;Product\r\n4711;90000001;flowIQ\r\n4711;90000009;flowIQ\r\n4711;KAM-90000002;flowIQ\r\n"
        "4711;not-a-serial;\r\n4711;90000001;flowIQ\r\n"
    )
    asked = run("key", "claim", "--file", tmp_path / "serials.csv")
    assert asked.stderr.splitlines()[:3] == [
        "0 claimed, 2 pending, 0 claimed before, 2 unknown.",
        "meterhouse: 90000009: not known",
        "meterhouse: not-a-serial: not known",
    ]
    (tmp_path / "serials.txt").write_text("90000002\n90000008\n")
    again = run("key", "claim", "--file", tmp_path / "serials.txt").stderr
    assert "0 claimed, 0 pending, 1 claimed before, 1 unknown." in again
    (tmp_path / "serials.xlsx").write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\xff\xfe")
    with pytest.raises(RegistryError, match=r"serials\.xlsx is no Excel workbook that can be read"):
        run("key", "claim", "--file", tmp_path / "serials.xlsx")
    monkeypatch.setenv("METERHOUSE_ORGANISATION", "default")
    open_installation.cache_clear()
    states = {row["serial"]: row["claim_status"] for row in rows(run("key", "list"))}
    assert states == {"90000001": "claim_requested", "90000002": "claim_requested"}


def test_rotation_by_the_command(inventory: House) -> None:
    source = inventory.installation.master_key_source
    before = source.path.read_text()
    done = run("key", "rotate")
    assert "2 keys of meters" in done.stderr
    assert source.path.read_text() != before
    assert before not in done.stderr
    assert source.path.read_text() not in done.stderr
    assert inventory.ask("select event from audit_log where event = 'keys.rotate'").height == 1
    open_installation.cache_clear()
    assert len(rows(run("key", "status"))) == 2


def test_a_download_is_opened_without_the_installation(
    inventory: House, password: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.keys"
    with pytest.raises(RegistryError, match=f"not claimed: {METER}"):
        run("key", "download", out, "90000001", "--password-file", password)
    assert not out.exists()
    run("key", "claim", "90000001")
    run("key", "confirm", "90000001")
    run("key", "download", out, "90000001", "--password-file", password, "--delimiter", ";")
    assert out.stat().st_mode & 0o777 == 0o600
    assert KEY.encode() not in out.read_bytes()
    opened = run("key", "open", out, "--password-file", password).stdout
    assert opened.splitlines()[1].startswith("KAM;90000001;1b;16;")
    assert opened.splitlines()[1].endswith(KEY)
    version = run("--version").stdout.strip()
    assert f'"meterhouse": "{version}"' in out.read_bytes().split(b"\n")[1].decode()
    for name, mark in (("one", ";"), ("two", "|")):
        mine = tmp_path / f"{name}.keys"
        email = f"{name}@example.org"
        monkeypatch.setenv("METERHOUSE_USER_PASSWORD", "Blue-Lantern-7x")
        run("user", "add", email, "--name", f"Person {name}", "--csv-delimiter", mark)
        run("key", "download", mine, "90000001", "--password-file", password, "--for", email)
        assert f"KAM{mark}90000001{mark}1b" in run("key", "open", mine, "--password-file", password).stdout
    told = inventory.ask("select details from audit_log where event = 'keys.download' order by number")["details"]
    assert [json.loads(text)["recipient"] for text in told] == [None, "user:1", "user:2"]
    (tmp_path / "keys.csv").write_text(opened)
    assert "0 keys new, 0 changed, 1 equal" in run("key", "import", tmp_path / "keys.csv").stderr
    with pytest.raises(RegistryError, match="exists"):
        run("key", "download", out, "90000001", "--password-file", password)


@pytest.mark.parametrize(
    ("command", "options"),
    [("download", ()), ("bundle", ("--device", "van 1", "--days", 7))],
    ids=["download", "bundle"],
)
def test_keys_whose_event_is_not_stored_leave_no_file(
    inventory: House, password: Path, tmp_path: Path, command: str, options: tuple[object, ...]
) -> None:
    run("key", "claim", "90000001")
    run("key", "confirm", "90000001")
    engine, out = inventory.installation.registry.engine, tmp_path / "out" / "out.keys"
    out.parent.mkdir()
    written: list[Path] = []

    def fail(_connection: object) -> None:
        written.extend(out.parent.iterdir())
        raise OperationalError("commit", None, sqlite3.OperationalError("disk I/O error"))

    event.listen(engine, "commit", fail)
    try:
        with pytest.raises(RegistryError, match="cannot be read or written"):
            run("key", command, out, "90000001", "--password-file", password, *options)
    finally:
        event.remove(engine, "commit", fail)
    assert len(written) == 1, "it was there before"
    assert list(out.parent.iterdir()) == []
    run("key", command, out, "90000001", "--password-file", password, *options)
    assert list(out.parent.iterdir()) == [out]


def test_a_bundle_is_made_revoked_and_then_closed(inventory: House, password: Path, tmp_path: Path) -> None:
    out = tmp_path / "van.keys"
    made = run("key", "bundle", out, "90000001", "--device", "van 1", "--days", 7, "--password-file", password)
    number = made.stdout.strip()
    opened = run("key", "open", out, "--password-file", password).stdout
    assert len(opened.splitlines()) == 2, "the route's meter alone"
    assert [row["bundle"] for row in rows(run("key", "bundles"))] == [number]
    run("key", "revoke-bundle", number, "--reason", "stolen")
    (tmp_path / "revoked.json").write_text(run("key", "bundles", "--revocations").stdout)
    with pytest.raises(RegistryError, match="is revoked"):
        run("key", "open", out, "--password-file", password, "--revocations", tmp_path / "revoked.json")
    (tmp_path / "key.pem").write_text(run("key", "public").stdout)
    for file in (out, tmp_path / "revoked.json"):
        assert "signed it" in run("key", "verify", file, "--public-key", tmp_path / "key.pem").stderr
    emptied = (tmp_path / "revoked.json").read_text().replace(number, "x")
    (tmp_path / "revoked.json").write_text(emptied)
    with pytest.raises(RegistryError, match="is not as the installation"):
        run("key", "open", out, "--password-file", password, "--revocations", tmp_path / "revoked.json",
            "--public-key", tmp_path / "key.pem")  # fmt: skip
    assert inventory.ask("select reason from audit_log where event = 'bundles.revoke'")["reason"].to_list() == [
        "stolen"
    ]


def test_batches_labels_and_the_catalogue(inventory: House, tmp_path: Path) -> None:
    (tmp_path / "serials.txt").write_text("90000001, 90000002")
    run("key", "batch", "add", "D-1", "--file", tmp_path / "serials.txt", "--label", "roof", "--no-confirmation")
    assert "2 claimed, 0 pending" in run("key", "claim", "--batch", "D-1").stderr
    listed = run("key", "list", "--label", "roof", "--delimiter", ";")
    assert "2 devices." in listed.stderr
    assert listed.stdout.splitlines()[1].split(";")[5:] == ["in_use", "claimed", "roof", "D-1"]
    run("key", "unlabel", "roof", "90000001")
    assert [row["serial"] for row in rows(run("key", "list", "--text", "ROOF"))] == ["90000002"]
    assert [row["confirmation"] for row in rows(run("key", "batch", "list", "--serial", "90000001"))] == ["confirmed"]
    assert rows(run("key", "batch", "list", "--created-to", "2020-01-01")) == []


def test_a_key_is_tried_for_frames_of_its_time_alone(house: House, fleet: Path) -> None:
    """A key that begins in the middle of the fleet's days opens what came from then on; the rest waits for it."""
    assert house.take("meters", fleet / "meters.csv") == 0
    middle = "2025-10-24T12:00:00+00:00"
    with house.installation.registry.begin() as session:
        for key in session.query(MeterKey):
            key.valid_from = pl.Series([middle]).str.to_datetime(time_zone="UTC")[0]
    assert house.ingest(fleet / "frames") == 0
    waiting = house.ask(
        f"select max(received_at) < timestamptz '{middle}' as early, count(*) > 100 as many from frames "
        "where outcome = 'no_key' and meter_id in (select meter_id from frames where outcome = 'decoded')"
    )
    early = house.ask(
        f"select count(*) from readings r join frames f using (frame_id) where f.received_at < timestamptz '{middle}' "
        "and r.meter_id in (select meter_id from frames where outcome = 'no_key')"
    )
    assert waiting.rows() == [(True, True)]
    assert early.item() == 0
    meter = house.ask(
        "select meter_id from frames where outcome = 'no_key' and received_at < "
        f"timestamptz '{middle}' and meter_id in (select meter_id from readings) limit 1"
    ).item()
    run("key", "validity", meter, 1)
    left = f"select count(*) from frames where outcome = 'no_key' and meter_id = '{meter}'"
    assert house.ask(left).item() == 0, "what waited is decoded with its original times"
    told = house.ask("select object, before, after from audit_log where event = 'keys.validity'").row(0)
    assert told[0] == meter
    assert [json.loads(text)["valid_from"] for text in told[1:]] == [middle, None]


def test_the_master_key_may_come_from_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("17" * 32)
    monkeypatch.setenv("METERHOUSE_MASTER_KEY_COMMAND", f"cat {tmp_path / 'secret'}")
    home = make(tmp_path / "home", FLEET.timezone)
    monkeypatch.setenv("METERHOUSE_HOME", str(home))
    installation: Installation = open_installation(home)
    (tmp_path / "meters.csv").write_text(METERS)
    assert run_import(installation, "meters", tmp_path / "meters.csv") == 0
    monkeypatch.setenv("METERHOUSE_EXPORT_PASSWORD", "Correct-Horse-7")
    run("key", "claim", "90000001")
    run("key", "confirm", "90000001")
    run("key", "download", tmp_path / "out", "90000001")
    assert KEY in run("key", "open", tmp_path / "out").stdout
