"""Registry files on a real SFTP server are imported once, by a run that nobody clicks for."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.imports import AGAIN_TAG
from assets.installation import open_installation
from cli.main import app
from pipelines.sensors import sftp_import_sensor, sftp_key_sensor, sftp_sensor
from registry.people import services
from registry.people.rights import KEYS, UNATTENDED
from tests.integration.installations import House
from tests.integration.openssh import OpenSsh, openssh
from tests.integration.sensing import carry_out, glance, look
from tests.integration.test_no_key_leaks import leaks, pattern

__all__ = ["openssh"]

pytestmark = pytest.mark.sshd

METERS = "manufacturer,serial,version,device_type\nABC,90000001,01,07\n"
KEY = "00112233445566778899AABBCCDDEEFF"
KEYED = f"manufacturer,serial,key\nABC,90000001,{KEY}\n"
CUSTOMERS = "metering_point,customer_number,serial\nP1,C1,90000001\n"


@pytest.fixture
def served(house: House, openssh: OpenSsh, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An installation with an SFTP drop whose folder ``registry`` is for registry files, the rest for frame files."""
    drop = openssh.drop()
    for name in ("host", "port", "username", "folder", "private_key_file", "known_hosts_file"):
        monkeypatch.setenv(f"METERHOUSE_SFTP_{name.upper()}", str(getattr(drop, name)))
    monkeypatch.setenv("METERHOUSE_SFTP_IMPORTS_FOLDER", f"{openssh.folder}/registry")
    open_installation.cache_clear()
    yield house
    open_installation.cache_clear()


def put(openssh: OpenSsh, name: str, text: str) -> None:
    (openssh.folder / name).parent.mkdir(parents=True, exist_ok=True)
    (openssh.folder / name).write_text(text)


def imports(result: dg.SensorResult) -> list[dg.RunRequest]:
    return [request for request in result.run_requests or [] if request.job_name == "registry_import"]


def test_registry_files_are_fetched_and_imported_once(served: House, openssh: OpenSsh) -> None:
    put(openssh, "registry/customers/customers.csv", CUSTOMERS)
    put(openssh, "registry/meters/meters.csv", METERS)
    put(openssh, "registry/keys/order.csv", "manufacturer,serial,key\nABC,90000001,no\n")
    put(openssh, "frames.csv", "received_at,frame\n2026-01-01T00:00:00Z,00\n")
    first = look(sftp_import_sensor, served, None)
    assert imports(first) == [], "a file is taken when two looks find it the same"
    second = look(sftp_import_sensor, served, first.cursor)
    (request,) = imports(second)
    assert carry_out(request).is_success
    assert served.ask("select metering_point, meter_id from installations").rows() == [("P1", "ABC-90000001-01-07")]
    events = "select event, identity from audit_log where event like '%.import' order by number"
    assert served.ask(events).rows() == [
        ("meters.import", "service:orchestrator"),
        ("customers.import", "service:orchestrator"),
    ]
    assert (openssh.folder / "registry/meters/meters.csv").exists(), "it is the server's"
    third = look(sftp_import_sensor, served, second.cursor)
    assert [request.job_name for request in third.run_requests or []] == ["ingest"], "figures follow"
    assert look(sftp_import_sensor, served, third.cursor).run_requests == [], "once"

    frames = look(sftp_sensor, served, look(sftp_sensor, served, None).cursor)
    (landing,) = frames.run_requests or []
    paths = landing.run_config["ops"]["landed_files"]["config"]["paths"]
    assert paths == [str(openssh.folder / "frames.csv")], "registry files are no frame files"


def test_a_file_that_is_refused_is_tried_again_alone(served: House, openssh: OpenSsh) -> None:
    put(openssh, "registry/meters/meters.csv", METERS)
    put(openssh, "registry/customers/customers.csv", CUSTOMERS.replace("90000001", "90000009"))
    put(openssh, "registry/meters/gone.csv", METERS)
    second = look(sftp_import_sensor, served, look(sftp_import_sensor, served, None).cursor)
    (request,) = imports(second)
    (openssh.folder / "registry/meters/gone.csv").unlink()
    run = carry_out(request)
    paths = request.run_config["ops"]["import_dropped_files"]["config"]["paths"]
    assert run.is_failure
    again = [paths[number].rpartition("/")[2] for number in json.loads(run.tags[AGAIN_TAG])]
    assert sorted(again) == ["customers.csv", "gone.csv"], "the one that was taken is not taken twice"
    assert served.ask("select count(*) from meters").item() == 1
    third = look(sftp_import_sensor, served, second.cursor)
    assert [request.job_name for request in third.run_requests or []] == ["ingest"], "what was taken has its figures"


def test_nothing_is_fetched_where_the_service_may_not(served: House, openssh: OpenSsh) -> None:
    who = {"identity": "local:owner", "now": datetime.now(UTC)}
    services.enable(served.installation.registry, "default", "orchestrator", is_enabled=False, **who)
    refused = glance(sftp_import_sensor, served, None)
    assert isinstance(refused, dg.SkipReason)
    assert openssh.logins() == 0


def keys_of(served: House) -> list[tuple[object, ...]]:
    return served.ask("select meter_id, key_status from meters order by 1").rows()


def test_key_files_are_fetched_once_and_lie_nowhere(served: House, openssh: OpenSsh) -> None:
    assert served.take_text("meters", METERS) == 0
    put(openssh, "registry/keys/order.csv", KEYED)
    put(openssh, "registry/meters/meters.csv", METERS)
    first = look(sftp_key_sensor, served, None)
    assert first.run_requests == [], "a file is taken when two looks find it the same"
    second = look(sftp_key_sensor, served, first.cursor)
    (request,) = second.run_requests or []
    assert request.job_name == "key_import"
    assert carry_out(request).is_success
    assert keys_of(served) == [("ABC-90000001-01-07", "unverified")]
    events = "select object, identity from audit_log where event = 'keys.import'"
    assert served.ask(events).rows() == [("order.csv", "service:orchestrator")]
    assert (openssh.folder / "registry/keys/order.csv").exists(), "it is the server's"
    assert look(sftp_key_sensor, served, second.cursor).run_requests == [], "once"
    assert leaks(served.installation.settings.home, pattern([bytes.fromhex(KEY)])) == []


def test_a_key_file_that_names_unknown_devices_is_tried_again(served: House, openssh: OpenSsh) -> None:
    put(openssh, "registry/keys/order.csv", KEYED)
    second = look(sftp_key_sensor, served, look(sftp_key_sensor, served, None).cursor)
    (request,) = second.run_requests or []
    failed = carry_out(request)
    assert failed.is_failure
    assert json.loads(failed.tags[AGAIN_TAG]) == [0]
    listed = CliRunner().invoke(app, ["imports", "list"]).output
    assert "keys/order.csv,sftp_keys,waiting,1," in listed
    assert "1 lines not registered" in listed
    third = look(sftp_key_sensor, served, second.cursor)
    assert (third.run_requests, "order.csv" in str(third.cursor)) == ([], True), "asked for again after a pause"

    assert served.take_text("meters", METERS) == 0
    asked = CliRunner().invoke(app, ["imports", "again", "keys/order.csv"])
    assert (asked.exit_code, "keys/order.csv is imported." in asked.output) == (0, True)
    assert keys_of(served) == [("ABC-90000001-01-07", "unverified")]
    assert "order.csv" not in CliRunner().invoke(app, ["imports", "list"]).output


def test_keys_are_not_fetched_where_the_service_may_not_bring_them(served: House, openssh: OpenSsh) -> None:
    rights = {right for right in UNATTENDED if right[0] != KEYS}
    who = {"identity": "local:owner", "now": datetime.now(UTC)}
    services.permit(served.installation.registry, "default", "orchestrator", rights, **who)
    refused = glance(sftp_key_sensor, served, None)
    assert isinstance(refused, dg.SkipReason)
    assert openssh.logins() == 0
