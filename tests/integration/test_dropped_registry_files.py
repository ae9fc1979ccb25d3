"""Registry files that are dropped into the installation are imported by a run that nobody clicks for."""

import dagster as dg
import pytest

from assets.steps.importing import import_dropped
from pipelines.definitions import defs
from pipelines.sensors import import_sensor
from registry.people import services
from registry.people.errors import Denied
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, UNATTENDED
from tests.integration.installations import House, house
from tests.integration.sensing import look
from tests.unit.registry.conftest import KEY, METERS, NOW

__all__ = ["house"]

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
    with pytest.raises(Denied, match=r"file\.csv holds keys.* service:orchestrator has no right"):
        import_dropped(place, "meters/file.csv", content, NOW)
    assert import_dropped(place, "meters/file.csv", content.replace(KEY.encode(), b""), NOW).added == 4
    services.permit(place.registry, "default", "orchestrator", UNATTENDED, **owner)
    assert import_dropped(place, "meters/file.csv", content, NOW).updated == 1, "its key"


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
    assert house.ask("select distinct identity from audit_log").rows() == [("service:orchestrator",)]
    (drop / "customers" / "bad.csv").write_text(CUSTOMERS.replace("90000001", "99999999"))
    after = look(import_sensor, house, second.cursor)
    assert [request.job_name for request in after.run_requests or []] == ["ingest"], "figures follow"
    third = look(import_sensor, house, after.cursor)
    assert all(request.job_name == "registry_import" for request in third.run_requests or []), "once"
    (request,) = [r for r in third.run_requests or [] if "bad.csv" in str(r.run_config)]
    assert not carry_out(request, raises=False).success, "somebody has to look"
    assert house.ask("select reason from rejected_rows").rows() == [("meter 99999999 is not registered",)]
