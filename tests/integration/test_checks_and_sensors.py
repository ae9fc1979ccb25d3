"""Asset checks that can fail, and sensors that look at real folders and a real SFTP server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.checks import LOST, SUMS, Check, unique_keys
from assets.installation import Installation, open_installation
from assets.steps.staleness import stale_days
from decoders.edition import edition
from pipelines.definitions import defs
from pipelines.runs import catch_up
from pipelines.sensors import folder_sensor, import_sensor, sftp_sensor, waiting_sensor
from registry.people import services
from tests.integration.installations import House, Workshop, copied, fill, kept_environment
from tests.integration.openssh import openssh
from tests.integration.sensing import glance
from warehouse.lake import Lake
from warehouse.schemas import CONSUMPTION_DAILY, OUTCOMES, READINGS, RECEPTIONS, Table

__all__ = ["openssh"]


def small(fleet: Path, day: str = "2025-10-21") -> list[Path]:
    return sorted((fleet / "frames").glob(f"concentrator-*_{day}*"))


@pytest.fixture
def known(workshop: Workshop, fleet: Path, tmp_path: Path) -> Iterator[House]:
    """An installation that knows the fleet's meters and points, and has heard nothing yet."""
    folder = workshop.house("known", lambda house: fill(house, fleet, "meters", "customers"))
    with kept_environment():
        yield copied(folder, tmp_path)


@pytest.fixture
def heard(workshop: Workshop, fleet: Path, tmp_path: Path) -> Iterator[House]:
    """One that has heard a day."""

    def hear(house: House) -> None:
        fill(house, fleet, "meters", "customers")
        assert house.ingest(*small(fleet)) == 0

    folder = workshop.house("heard", hear)
    with kept_environment():
        yield copied(folder, tmp_path)


def test_checks_pass_on_good_data_and_fail_on_bad(known: House, fleet: Path) -> None:
    assert known.ingest(*small(fleet), *small(fleet, "2025-10-22"), *small(fleet, "2025-10-20")) == 0
    it = known.installation
    assert found(LOST, it) == 0
    assert found(unique_keys(READINGS), it) == 0
    assert found(SUMS, it) == 0

    lost = it.lake.scan(OUTCOMES).collect()
    it.lake.overwrite(OUTCOMES, lost.head(lost.height - 1))
    assert found(LOST, it) == 1
    it.lake.append(READINGS, it.lake.scan(READINGS).head(2).collect())
    assert found(unique_keys(READINGS), it) == 2
    days = it.lake.scan(CONSUMPTION_DAILY).collect()
    known_day = pl.col("consumption").is_not_null() & pl.col("quality").is_in(["M", "A"])
    raised = pl.when(known_day).then(pl.col("consumption") + 1).otherwise("consumption")
    it.lake.overwrite(CONSUMPTION_DAILY, days.with_columns(consumption=raised))
    assert found(SUMS, it) > 0


def found(check: Check, it: Installation) -> int:
    return check.count(check.look(it))


def test_a_check_looks_at_what_is_new_and_again_at_what_failed(heard: House, fleet: Path) -> None:
    it, unique = heard.installation, unique_keys(READINGS)
    assert not unique.look(it).news(), "the run has seen it"
    twice = it.lake.scan(READINGS).head(2).collect()
    it.lake.append(READINGS, twice)
    assert heard.ingest(*small(fleet, "2025-10-20")) == 0, "a check that fails tells, and stops nothing"
    look = unique.look(it)
    assert look.news() == ["2025-10"]
    assert unique.count(look) == 2
    whole = it.lake.scan(READINGS).unique(READINGS.key).collect()
    it.lake.overwrite(READINGS, whole)
    assert heard.ingest(*small(fleet, "2025-10-22")) == 0
    assert not unique.look(it).news(), "mended, and seen again"


def test_nothing_new_is_nothing_to_look_at(heard: House) -> None:
    it = heard.installation
    assert stale_days(it) == []
    with counted_scans() as scans:
        assert stale_days(it) == []
    assert OUTCOMES.name not in scans, "what was found done is not read again"
    assert RECEPTIONS.name not in scans


@contextmanager
def counted_scans() -> Iterator[list[str]]:
    """Names of the tables that are read meanwhile."""
    scans: list[str] = []
    scan = Lake.scan

    def noted(self: Lake, table: Table) -> pl.LazyFrame:
        scans.append(table.name)
        return scan(self, table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lake, "scan", noted)
        yield scans


def names(result: dg.SensorResult) -> list[str]:
    """Files that the requested runs would land."""
    configs = [request.run_config["ops"]["landed_files"]["config"] for request in result.run_requests or []]
    return sorted(Path(path).name for config in configs for path in config["paths"])


def carry_out(house: House, request: dg.RunRequest) -> None:
    with dg.DagsterInstance.get() as instance:
        done = (
            defs()
            .resolve_job_def("ingest")
            .execute_in_process(instance=instance, run_config=request.run_config, partition_key=request.partition_key)
        )
    assert done.success
    assert house.ask("select count(*) from frames").item() > 0


def test_the_folder_sensor_takes_complete_files_in_one_run(known: House, fleet: Path) -> None:
    inbox = known.installation.settings.inbox_path
    for file in small(fleet):
        (inbox / file.name).write_bytes(file.read_bytes())
    (inbox / "half.csv.part").write_bytes(b"received_at")
    first = glance(folder_sensor, known, None)
    assert isinstance(first, dg.SensorResult)
    assert first.run_requests == [], "a file is taken when two looks find it the same"
    growing = inbox / small(fleet)[0].name
    growing.write_bytes(growing.read_bytes() + b" ")
    second = glance(folder_sensor, known, first.cursor)
    assert isinstance(second, dg.SensorResult)
    (request,) = second.run_requests or []
    assert names(second) == [file.name for file in small(fleet)[1:]]
    third = glance(folder_sensor, known, second.cursor)
    assert isinstance(third, dg.SensorResult)
    assert names(third) == [growing.name]
    fourth = glance(folder_sensor, known, third.cursor)
    assert isinstance(fourth, dg.SensorResult)
    assert fourth.run_requests == []
    carry_out(known, request)


def test_unattended_work_stops_while_its_service_may_not(known: House, fleet: Path) -> None:
    registry, inbox = known.installation.registry, known.installation.settings.inbox_path
    who = {"identity": "local:owner", "now": datetime.now(UTC)}
    for file in small(fleet):
        (inbox / file.name).write_bytes(file.read_bytes())
    first = glance(folder_sensor, known, None)
    assert isinstance(first, dg.SensorResult)
    services.enable(registry, "default", "orchestrator", is_enabled=False, **who)
    known.installation.settings.imports_path.mkdir()
    for sensor in (folder_sensor, waiting_sensor, import_sensor):
        refused = glance(sensor, known, first.cursor)
        assert isinstance(refused, dg.SkipReason)
        assert "service:orchestrator has no right to" in str(refused.skip_message)
    services.enable(registry, "default", "orchestrator", is_enabled=True, **who)
    second = glance(folder_sensor, known, first.cursor)
    assert isinstance(second, dg.SensorResult)
    assert names(second) == [file.name for file in small(fleet)], "what waited is taken"


@pytest.mark.sshd
def test_the_sftp_sensor_fetches_from_a_real_server(
    known: House, fleet: Path, openssh, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in small(fleet):
        (openssh.folder / file.name).write_bytes(file.read_bytes())
    drop = openssh.drop()
    for name in ("host", "port", "username", "folder", "private_key_file", "known_hosts_file"):
        monkeypatch.setenv(f"METERHOUSE_SFTP_{name.upper()}", str(getattr(drop, name)))
    open_installation.cache_clear()
    first = glance(sftp_sensor, known, None)
    assert isinstance(first, dg.SensorResult), first
    second = glance(sftp_sensor, known, first.cursor)
    assert isinstance(second, dg.SensorResult)
    (request,) = second.run_requests or []
    assert len(request.run_config["ops"]["landed_files"]["config"]["paths"]) == len(small(fleet))
    carry_out(known, request)
    stranger = openssh.home / "empty_known_hosts"
    stranger.write_text("")
    monkeypatch.setenv("METERHOUSE_SFTP_KNOWN_HOSTS_FILE", str(stranger))
    open_installation.cache_clear()
    refused = glance(sftp_sensor, known, None)
    assert isinstance(refused, dg.SkipReason)
    assert "host key" in str(refused.skip_message)
    open_installation.cache_clear()


def test_the_waiting_sensor_asks_once_when_a_key_has_come(heard: House, fleet: Path) -> None:
    waiting = heard.ask("select count(*) from frames where outcome = 'no_key'").item()
    assert waiting > 0
    quiet = glance(waiting_sensor, heard, None)
    assert isinstance(quiet, dg.SensorResult)
    assert not quiet.run_requests
    from registry.imports import import_meters

    import_meters(
        heard.installation.registry,
        (fleet / "keys_late.csv").read_bytes(),
        organisation=heard.installation.organisation,
        identity="local:test",
        vault=heard.installation.vault,
        now=datetime.now(UTC),
        source_name="keys_late.csv",
    )
    asked = glance(waiting_sensor, heard, quiet.cursor)
    assert isinstance(asked, dg.SensorResult)
    assert len(asked.run_requests or []) == 1
    state = json.loads(asked.cursor or "")
    assert state["ranges"] == [[datetime.now(UTC).date().isoformat()] * 2]
    again = glance(waiting_sensor, heard, asked.cursor)
    assert isinstance(again, dg.SensorResult)
    assert not again.run_requests
    hour_ago = json.dumps({**state, "again_at": datetime.now(UTC).isoformat()})
    failed = glance(waiting_sensor, heard, hour_ago)
    assert isinstance(failed, dg.SensorResult)
    assert len(failed.run_requests or []) == 1, "what is still to be done after an hour is asked for again"


def test_frames_that_no_decoder_could_read_are_tried_by_a_new_one(
    known: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocator = "1844d708785623910208780413102700000259e803426c0c4c"
    (tmp_path / "meters.csv").write_text("manufacturer,serial,version,device_type\nBFW,91235678,02,08\n")
    assert known.take("meters", tmp_path / "meters.csv") == 0
    (tmp_path / "frames.csv").write_text(f"received_at,frame\n2025-10-21T00:00:00Z,{allocator}\n")
    monkeypatch.setattr("assets.steps.decoding.edition", lambda: "an earlier one")
    assert known.ingest(tmp_path / "frames.csv") == 0
    assert catch_up(known.installation, identity="test") == []

    def attempts() -> list[tuple[str, int, str]]:
        found = known.installation.lake.scan(OUTCOMES).filter(pl.col("meter_id") == "BFW-91235678-02-08")
        return found.select("outcome", "attempt", "decoders").sort("attempt").collect().rows()

    assert attempts() == [("manufacturer_data", 1, "an earlier one")]
    monkeypatch.setattr("assets.steps.decoding.edition", edition)
    asked = glance(waiting_sensor, known, None)
    assert isinstance(asked, dg.SensorResult)
    assert asked.run_requests
    assert catch_up(known.installation, identity="test")
    assert attempts() == [("manufacturer_data", 1, "an earlier one"), ("manufacturer_data", 2, edition())]
    assert catch_up(known.installation, identity="test") == [], "once"
