"""The graph as the orchestrator sees it."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg

from assets.checks import KEYED
from pipelines.definitions import defs
from tests.conftest import REPOSITORY
from warehouse.schemas import TABLES

_HISTORIES = {table.history.name for table in TABLES.values() if table.history}
NOT_ASSETS = {
    *("frames", "touched", "deliveries", "notifications", "final_estimates", "gauges_daily", "frozen_periods"),
    *_HISTORIES,
}
"""A view, tables that are by-products of others, two that exports and messages fill, and two that retention leaves."""


def test_every_table_is_an_asset() -> None:
    keys = {key.to_user_string() for key in defs().resolve_all_asset_keys()}
    assert keys == {"landed_files", "catalogue", *(set(TABLES) - NOT_ASSETS)}


def test_every_table_asset_says_what_it_is() -> None:
    graph = defs().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name in ("landing", "registry", "decoding", "figures", "catalogue"), key
        assert node.owners, key


def test_what_is_reckoned_as_a_whole_rests_on_the_latest_arrival_day() -> None:
    graph = defs().resolve_asset_graph()
    mapped = {
        (key, parent)
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
        if graph.get(parent).partitions_def and not graph.get(key).partitions_def
    }
    assert (dg.AssetKey("consumption_daily"), dg.AssetKey("readings")) in mapped
    for key, parent in mapped:
        assert isinstance(graph.get(key).partition_mappings.get(parent), dg.LastPartitionMapping), (key, parent)


def test_checks_guard_law_and_keys() -> None:
    names = {(key.asset_key.to_user_string(), key.name) for key in defs().resolve_asset_graph().asset_check_keys}
    assert ("outcomes", "nothing_lost") in names
    assert ("consumption_daily", "hours_sum_to_day") in names
    assert {asset for asset, name in names if name == "keys_unique"} == {table.name for table in KEYED}


def test_jobs_and_sensors() -> None:
    loaded = defs()
    assert isinstance(loaded.resolve_job_def("ingest"), dg.JobDefinition)
    assert isinstance(loaded.resolve_job_def("registry_import"), dg.JobDefinition)
    assert isinstance(loaded.resolve_job_def("mail_job"), dg.JobDefinition)
    assert isinstance(loaded.resolve_job_def("export_job"), dg.JobDefinition)
    assert {sensor.name for sensor in loaded.sensors or []} == {
        *("folder_sensor", "sftp_sensor", "waiting_sensor", "mail_sensor", "notification_sensor"),
        *("import_sensor", "sftp_import_sensor", "key_sensor", "sftp_key_sensor"),
        *("audit_runs_success", "audit_runs_failure", "export_sensor"),
    }
    assert [schedule.name for schedule in loaded.schedules or []] == [
        "daily_audit_head",
        "nightly_backups",
        "nightly_upkeep",
        "nightly_retention",
        "nightly_quality",
    ]


def test_the_orchestrator_accepts_the_workspace(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "dagster"), "definitions", "validate", "-w", "workspace.yaml"],
        cwd=REPOSITORY,
        env={**os.environ, "METERHOUSE_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
