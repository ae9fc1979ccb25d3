"""The orchestrator's storage: what it keeps open, and that it forgets nothing."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from pipelines.instance import prepare_instance
from pipelines.storage import MOST_OPEN, KeptEvents

RUNS = MOST_OPEN + 2


@dg.op
def work() -> None:
    """Does nothing."""


@dg.job
def job() -> None:
    work()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    prepare_instance(tmp_path)
    return tmp_path


def test_runs_are_kept_and_few_files_stay_open(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        events = instance.event_log_storage
        assert isinstance(events, KeptEvents)
        ids = [job.execute_in_process(instance=instance).run_id for _ in range(RUNS)]
        assert len(events._open) <= MOST_OPEN
    assert not events._open, "closed with the orchestrator"
    with dg.DagsterInstance.get() as instance:
        assert sorted(run.run_id for run in instance.get_runs()) == sorted(ids)
        for run_id in ids:
            kinds = [
                record.event_log_entry.dagster_event_type for record in instance.get_records_for_run(run_id).records
            ]
            assert dg.DagsterEventType.PIPELINE_SUCCESS in kinds


@dg.asset
def figures() -> None:
    """Makes nothing."""


@dg.multi_asset_check(specs=[dg.AssetCheckSpec(f"check_{number}", asset="figures") for number in range(5)])
def checks() -> Iterator[dg.AssetCheckResult]:
    for number in range(5):
        yield dg.AssetCheckResult(passed=number > 0, asset_key="figures", check_name=f"check_{number}")


def test_each_event_is_stored_without_asking_which_tables_there_are(home: Path) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("PRAGMA") and "asset_" in statement:
            asked.append(statement)

    definitions = dg.Definitions(assets=[figures], asset_checks=[checks])
    work = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        runs = [work.execute_in_process(instance=instance).run_id]
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            runs.append(work.execute_in_process(instance=instance).run_id)
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        (record,) = instance.get_asset_records([figures.key])
        assert record.asset_entry.last_run_id == runs[1]
        assert record.asset_entry.last_materialization_record
        assert record.asset_entry.last_materialization_record.run_id == runs[1]
        found = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks.check_keys))
        assert sorted(check.status.value for check in found.values()) == ["FAILED", *["SUCCEEDED"] * 4]
    assert set(Counter(asked).values()) == {1}, "once, where the file of the run is made"


def test_what_is_wiped_is_gone_and_the_next_run_is_kept(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        first = job.execute_in_process(instance=instance).run_id
        instance.wipe()
        assert not instance.get_records_for_run(first).records
        second = job.execute_in_process(instance=instance).run_id
        assert instance.get_records_for_run(second).records
