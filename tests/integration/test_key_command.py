"""``key import`` in an installation: frames that waited for their key, passwords, exit statuses, secrets."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from cli.key import PASSWORD_VARIABLE
from cli.main import app, main
from cli.registry import NOTHING_STORED
from tests.conftest import REPOSITORY
from tests.integration.installations import House
from tests.unit.registry.kem_files import PASSWORD, kem, meter

METERS = "manufacturer,serial,version,device_type,key\nKAM,90000001,1b,16,\nKAM,90000002,1b,16,\n"
Run = Callable[..., tuple[object, str, str]]
KEY = "00112233445566778899AABBCCDDEEFF"


def key_import(file: Path, *options: object) -> Result:
    return CliRunner().invoke(app, ["key", "import", str(file), *map(str, options)])


@pytest.fixture
def inventory(house: House) -> House:
    assert house.take_text("meters", METERS) == 0
    return house


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "order.kem"
    path.write_bytes(kem(meter("90000001", KEY), meter("90000009", KEY), meter("90000002", KEY[:-1])))
    return path


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def test_frames_that_waited_for_their_key_are_decoded(
    house: House, fleet: Path, tmp_path: Path, password_file: Path
) -> None:
    assert house.take("meters", fleet / "meters.csv") == 0
    assert house.ingest(fleet / "frames") == 0
    late = pl.read_csv(fleet / "keys_late.csv", infer_schema=False)
    assert late.height, "some meters have no key yet"
    waiting = "select count(*) from frames where outcome = 'no_key'"
    assert house.ask(waiting).item() > 0
    lines = [meter(serial, key, vendor) for vendor, serial, key in late.select("manufacturer", "serial", "key").rows()]
    (tmp_path / "late.kem").write_bytes(kem(*lines))
    result = key_import(tmp_path / "late.kem", "--password-file", password_file)
    assert result.exit_code == 0
    assert f"{late.height} keys new" in result.stderr
    assert house.ask(waiting).item() == 0
    decoded = house.ask("select distinct serial from frames join meters using (meter_id) where outcome = 'decoded'")
    assert set(late["serial"]) <= set(decoded["serial"])
    assert set(house.ask("select distinct key_status from meters")["key_status"]) <= {"ok", "missing", "wrong"}


def test_one_rejected_line_refuses_the_file_unless_a_part_is_asked_for(
    inventory: House, file: Path, password_file: Path
) -> None:
    dry = key_import(file, "--password-file", password_file, "--dry-run")
    counts = "order.kem (KEM): 1 keys new, 0 changed, 0 equal; 1 devices unknown, 1 rejected."
    assert dry.exit_code == 1
    assert f"Dry run, nothing is stored: {counts}" in dry.stderr
    assert key_import(file, "--password-file", password_file, "--dry-run", "--partial").exit_code == 0
    assert inventory.ask("select * from rejected_rows").is_empty()
    said = [
        (2, "KAM 90000009: not registered"),
        (3, "KAM 90000002: the key has 31 hex digits instead of 32 (AES-128)"),
    ]
    lines = [f"meterhouse: order.kem device {n}: {reason}" for n, reason in said]
    refused = key_import(file, "--password-file", password_file)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [f"Not stored: {counts}", *lines, NOTHING_STORED]
    assert inventory.ask("select distinct key_status from meters").item() == "missing"
    assert inventory.ask("select event from audit_log where event like 'keys.%'").is_empty()
    assert inventory.ask("select source_line, reason from rejected_rows order by 1").rows() == said
    wet = key_import(file, "--password-file", password_file, "--partial")
    assert wet.exit_code == 0, "rejected rows do not change it"
    assert wet.stderr.splitlines() == [counts, *lines]
    assert wet.stdout == ""
    assert inventory.ask("select source_line, reason from rejected_rows order by 1").rows() == said
    assert inventory.ask("select event from audit_log where event like 'keys.%'").rows() == [("keys.import",)]
    again = key_import(file, "--password-file", password_file, "--partial")
    assert "0 keys new, 0 changed, 1 equal" in again.stderr
    assert "order.kem device 1: KAM 90000001: the key is known already" in again.stderr


def test_long_lists_of_lines_are_shortened(inventory: House, tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    lines = [f"9000{n:04},{KEY}" for n in range(100, 130)]
    file.write_text("\n".join(["serial,key", *lines]))
    result = key_import(file)
    assert result.stderr.count("not registered") == 20
    assert "… and 10 more unknown or rejected; see the table rejected_rows." in result.stderr
    assert inventory.ask("select count(*) from rejected_rows").item() == 30


def test_unknown_meters_are_registered_on_request(inventory: House, tmp_path: Path) -> None:
    file = tmp_path / "keys.csv"
    file.write_text(f"manufacturer;serial;version;type;key\nELV;70000001;01;04;{KEY}\n")
    assert "1 lines unknown" in key_import(file).stderr
    result = key_import(file, "--register", "--stock")
    assert "1 keys new, 0 changed, 0 equal, 1 meters registered" in result.stderr
    assert inventory.ask("select state, medium from meters where serial = '70000001'").rows() == [("stock", "heat")]
    assert inventory.ask("select * from rejected_rows").is_empty(), "what was said of the file before is over"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The console script: exit status, standard output, standard error."""

    def run_(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["meterhouse", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capfd.readouterr()

    return run_


@pytest.mark.parametrize(
    ("options", "environment", "status", "message"),
    [
        ([], {}, 1, f"The password of order.kem is missing: name a file with it, or set {PASSWORD_VARIABLE}."),
        ([], {PASSWORD_VARIABLE: "not-the-word"}, 1, "The password does not open order.kem"),
        ([], {PASSWORD_VARIABLE: PASSWORD}, 0, "1 keys new"),
        (["--password", PASSWORD], {}, 2, "No such option"),
        (["--profile", "nonsense"], {}, 1, "There is no profile 'nonsense'; there are kms, lora, wmbus"),
    ],
)
def test_passwords_come_from_a_file_or_the_environment_and_are_never_shown(
    inventory: House,
    file: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    environment: dict[str, str],
    status: int,
    message: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code, out, errors = run("key", "import", file, "--partial", *options)
    assert (code, out) == (status, "")
    assert message in errors
    assert all(secret not in errors for secret in ("not-the-word", PASSWORD, KEY[:8]))
    files = [path for path in inventory.installation.settings.home.rglob("*") if path.is_file()]
    secrets = (PASSWORD.encode(), bytes.fromhex(KEY), KEY.encode(), KEY.lower().encode())
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


def test_a_password_file_that_is_no_text_is_refused(
    inventory: House, file: Path, password_file: Path, run: Run
) -> None:
    password_file.write_bytes(b"\xff\xfe\x00")
    code, _, errors = run("key", "import", file, "--password-file", password_file)
    assert code == 1
    assert errors.strip().endswith("password is not UTF-8 text: save it as UTF-8.")


def test_a_person_is_asked_for_the_password_without_an_echo(inventory: House, file: Path) -> None:
    terminal, slave = pty.openpty()
    script = [sys.executable, "-c", "from cli.main import main; main()", "key", "import", "--partial", str(file)]
    with subprocess.Popen(
        script,
        cwd=REPOSITORY,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # without a controlling terminal the person sits at standard input
    ) as process:
        assert process.stderr is not None
        question = "Password of order.kem: "
        assert process.stderr.read(len(question)) == question
        os.write(terminal, f"{PASSWORD}\n".encode())
        out, errors = process.communicate(timeout=120)
    os.set_blocking(terminal, False)
    with suppress(BlockingIOError):
        errors += os.read(terminal, 1000).decode()
    os.close(slave)
    os.close(terminal)
    assert process.returncode == 0, errors
    assert "1 keys new" in errors
    assert PASSWORD not in out + errors
