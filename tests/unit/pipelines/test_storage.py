"""The orchestrator's storage: what it keeps open, and that it forgets nothing."""

from pathlib import Path

import dagster as dg
import pytest

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


def test_what_is_wiped_is_gone_and_the_next_run_is_kept(home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        first = job.execute_in_process(instance=instance).run_id
        instance.wipe()
        assert not instance.get_records_for_run(first).records
        second = job.execute_in_process(instance=instance).run_id
        assert instance.get_records_for_run(second).records
