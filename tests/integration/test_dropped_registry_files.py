"""Registry files that are dropped into the installation are imported by a run that nobody clicks for."""

from datetime import timedelta

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.installation import open_installation
from assets.steps.dropped import Dropped, import_dropped, refused_files
from cli.main import app
from pipelines.definitions import defs
from pipelines.requests import Cursor
from pipelines.sensors import import_sensor
from registry import refusals
from registry.addresses import located
from registry.people import services
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, ORCHESTRATOR, UNATTENDED
from tests.integration.installations import House
from tests.integration.sensing import look
from tests.unit.registry.conftest import KEY, METERS, NOW

SHIPMENT = (
    "Device;Manufacturer;Serial number;Version;Device type;Product;Medium;Encryption key\n"
    "Meter;ABC;90000001;01;07;;Water;\nMeter;ABC;90000002;01;07;;Water;\nConcentrator;ABC;71000001;;;Reader;;\n"
)
CUSTOMERS = "metering_point,customer_number,serial\nP1,C1,90000001\n"


def carry_out(request: dg.RunRequest, *, raises: bool = True) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.get() as instance:
        job = defs().resolve_job_def("registry_import")
        tags = {"dagster/run_key": str(request.run_key)}
        return job.execute_in_process(
            instance=instance, run_config=request.run_config, raise_on_error=raises, tags=tags
        )


def test_dropped_meters_bring_keys_while_the_orchestrator_may_bring_them(house: House) -> None:
    place, content = house.installation, METERS.encode()
    owner = {"identity": "local:owner", "now": NOW}
    rights = UNATTENDED - {(KEYS, DEVICE_AND_CUSTOMER_MANAGEMENT)}
    services.permit(place.registry, "default", "orchestrator", rights, **owner)

    def drop(content: bytes) -> Dropped:
        return import_dropped(place, "meters/file.csv", content, "folder", identity=ORCHESTRATOR, now=NOW)

    assert "file.csv holds keys" in str(drop(content).refused)
    taken = drop(content.replace(KEY.encode(), b"")).report
    assert taken is not None
    assert taken.added == 4
    services.permit(place.registry, "default", "orchestrator", UNATTENDED, **owner)
    taken = drop(content).report
    assert taken is not None
    assert taken.updated == 1, "its key"


def test_dropped_files_are_imported_in_the_order_they_build_on_one_another(house: House) -> None:
    drop = house.installation.settings.imports_path
    for profile, text in (("customers", CUSTOMERS), ("shipping-list", SHIPMENT)):
        (drop / profile).mkdir(parents=True)
        (drop / profile / "file.csv").write_text(text)
    first = look(import_sensor, house, None)
    assert first.run_requests == [], "a file is taken when two looks find it the same"
    second = look(import_sensor, house, first.cursor)
    (request,) = second.run_requests or []
    done = carry_out(request)
    assert done.success
    assert house.ask("select count(*) from meters").item() == 2
    assert house.ask("select collector from collectors").rows() == [("71000001",)]
    assert house.ask("select metering_point from installations").rows() == [("P1",)]
    (metadata,) = [event.step_output_data.metadata for event in done.all_events if event.is_successful_output]
    counted = [value.data for value in metadata.values()]
    assert {"added": 3, "updated": 0, "unchanged": 0, "meter": 2, "concentrator": 1, "rejected": 0} in counted
    imports = house.ask("select distinct identity from audit_log where event like '%.import'")
    assert imports.rows() == [("service:orchestrator",)]
    (drop / "customers" / "bad.csv").write_text(CUSTOMERS.replace("90000001", "99999999"))
    after = look(import_sensor, house, second.cursor)
    assert [request.job_name for request in after.run_requests or []] == ["ingest"], "figures follow"
    third = look(import_sensor, house, after.cursor)
    assert all(request.job_name == "registry_import" for request in third.run_requests or []), "once"
    (request,) = [r for r in third.run_requests or [] if "bad.csv" in str(r.run_config)]
    assert not carry_out(request, raises=False).success, "somebody has to look"
    assert house.ask("select reason from rejected_rows").rows() == [("meter 99999999 is not registered",)]


def asked_to_import(house: House, files: dict[str, str]) -> dg.ExecuteInProcessResult:
    """The run that takes files which were dropped, asked for by the sensor."""
    for name, text in files.items():
        file = house.installation.settings.imports_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (request,) = look(import_sensor, house, look(import_sensor, house, None).cursor).run_requests or []
    return carry_out(request, raises=False)


@pytest.mark.parametrize("is_on", [True, False])
def test_addresses_of_dropped_customers_are_looked_up_by_themselves(house: House, monkeypatch, is_on: bool) -> None:
    monkeypatch.setenv("METERHOUSE_CHECK_ADDRESSES", str(is_on))
    open_installation.cache_clear()
    (house.installation.settings.home / "addresses.csv").write_text(
        "street,number,postal_code,city,latitude,longitude\nMill Street,5,3000,Easttown,56.5,10.1\n"
    )
    customers = CUSTOMERS.replace("serial\n", "serial,address,postal_code\n").replace("01\n", "01,Mill Street 5,3000\n")
    files = {"shipping-list/file.csv": SHIPMENT, "customers/file.csv": customers, "customers/bad.csv": "nothing\n1\n"}
    assert not asked_to_import(house, files).success, "a file is refused, the others are taken"
    (place,) = located(house.installation.registry, "default")
    assert (place.state, place.latitude) == (("ok", "56.5") if is_on else (None, None))
    checks = house.ask("select identity, details from audit_log where event = 'addresses.check'")
    assert checks.rows() == [("service:orchestrator", '{"ok": 1}')] * is_on
    open_installation.cache_clear()


def test_a_check_without_addresses_to_look_in_fails_after_the_import(house: House, monkeypatch) -> None:
    monkeypatch.setenv("METERHOUSE_CHECK_ADDRESSES", "true")
    open_installation.cache_clear()
    done = asked_to_import(house, {"shipping-list/file.csv": SHIPMENT, "customers/file.csv": CUSTOMERS})
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "Addresses are not looked up: The address register" in str(failure.step_failure_data.error)
    assert house.ask("select metering_point from installations").rows() == [("P1",)]
    open_installation.cache_clear()


def test_a_refused_file_is_left_alone_in_the_end_until_it_changes_or_somebody_asks(house: House, monkeypatch) -> None:
    drop = house.installation.settings.imports_path / "customers"
    drop.mkdir(parents=True)
    bad = drop / "bad.csv"
    bad.write_text(CUSTOMERS)
    monkeypatch.setattr(refusals, "TRIES", 1)
    monkeypatch.setattr(refusals, "WHILE", timedelta(0))
    looked = look(import_sensor, house, look(import_sensor, house, None).cursor)
    (request,) = looked.run_requests or []
    assert not carry_out(request, raises=False).success
    after = look(import_sensor, house, looked.cursor)
    assert Cursor.read(after.cursor).open == (), "nobody waits for another attempt"
    quiet = look(import_sensor, house, after.cursor)
    assert quiet.run_requests == []
    assert "1 refused files are left alone" in str(quiet.skip_reason)
    listed = CliRunner().invoke(app, ["imports", "list"]).output
    assert "customers/bad.csv,folder,refused,1," in listed
    assert "1 lines rejected" in listed

    asked = CliRunner().invoke(app, ["imports", "again", "customers/bad.csv"])
    assert (asked.exit_code, "1 lines rejected" in asked.output) == (1, True)
    meters = house.installation.settings.home / "meters.csv"
    meters.write_text("manufacturer,serial,version,device_type\nABC,90000001,01,07\n")
    assert house.take("meters", meters) == 0
    asked = CliRunner().invoke(app, ["imports", "again", "all"])
    assert (asked.exit_code, "bad.csv is imported" in asked.output) == (0, True)
    assert house.ask("select metering_point from installations").rows() == [("P1",)]
    assert refused_files(house.installation) == []

    bad.write_text(CUSTOMERS.replace("90000001", "99999999"))
    changed = look(import_sensor, house, look(import_sensor, house, quiet.cursor).cursor)
    (request,) = [one for one in changed.run_requests or [] if "bad.csv" in str(one.run_config)]
    assert not carry_out(request, raises=False).success
    assert len(refused_files(house.installation)) == 1
    bad.unlink()
    assert refused_files(house.installation) == [], "what is gone is forgotten"
