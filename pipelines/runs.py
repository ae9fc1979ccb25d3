"""Runs in this process: what the command line asks for, recorded where the UI shows it."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy.exc import DBAPIError

from assets.installation import Installation
from assets.partitions import day_range_tags
from assets.steps.auditing import record_run
from assets.steps.staleness import runs_of_days, stale_days
from assets.steps.touched import behind
from pipelines.auditing import IDENTITY_TAG
from pipelines.definitions import defs
from pipelines.jobs import INGEST

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""Runs of the command line keep their log where the UI shows it, and off the terminal."""


class RunError(Exception):
    """A run failed; the message names the step and the reason."""


def ingest_files(
    house: Installation,
    paths: Sequence[Path],
    *,
    identity: str,
    collector: str = "",
    received_at: datetime | None = None,
) -> None:
    """Lands files and brings everything they touch up to date.

    Args:
        house: The installation.
        paths: Files.
        identity: Who asks.
        collector: Collector to assume where a file names none.
        received_at: Reception time to assume where a file has none.

    Raises:
        RunError: A step failed.
    """
    config = {
        "paths": [str(path.resolve()) for path in paths],
        "source": "folder",
        "collector": collector,
        "received_at": received_at.isoformat() if received_at else "",
    }
    today = datetime.now(UTC).date()
    _run(house, today, today, identity, run_config={"ops": {"landed_files": {"config": config}}})
    catch_up(house, identity=identity)  # frames of other days that waited for a format these files taught


def catch_up(house: Installation, *, identity: str, selection: Sequence[str] | None = None) -> list[tuple[date, date]]:
    """Brings everything stale up to date.

    Args:
        house: The installation.
        identity: Who asks.
        selection: Assets to limit the runs to.

    Returns:
        The ranges of arrival days that had work left.

    Raises:
        RunError: A step failed.
    """
    ranges = runs_of_days(stale_days(house))
    today = datetime.now(UTC).date()
    left = ranges or ([(today, today)] if selection or behind(house) else [])
    for first, last in left:
        _run(house, first, last, identity, selection=selection)
    return ranges


def run_days(
    house: Installation, first: date, last: date, *, identity: str, selection: Sequence[str] | None = None
) -> None:
    """Runs the graph for a range of arrival days.

    Raises:
        RunError: A step failed.
    """
    _run(house, first, last, identity, selection=selection)


def _run(
    house: Installation,
    first: date,
    last: date,
    identity: str,
    *,
    run_config: dict[str, Any] | None = None,
    selection: Sequence[str] | None = None,
) -> None:
    os.environ.setdefault("METERHOUSE_HOME", str(house.settings.home))
    job = defs().resolve_job_def(INGEST.name)
    if selection:
        job = _part_of(job, selection)
    try:
        with dg.DagsterInstance.get() as instance:
            result = job.execute_in_process(
                instance=instance,
                run_config={**(run_config or {}), "loggers": QUIET},
                tags={**day_range_tags(first, last), IDENTITY_TAG: identity},
                raise_on_error=False,
            )
    except (DBAPIError, OSError) as exc:
        # The orchestrator's storage lies on the same disk as the rest, and is most often the first to find it full.
        reason = exc.orig if isinstance(exc, DBAPIError) else exc
        raise RunError(
            f"The run broke off, since it could not be recorded in {house.settings.dagster_path}: {reason}. "
            "Nothing is lost or half written. Free some space, check that the folder can be written, and repeat."
        ) from exc
    record_run(
        house,
        identity=identity,
        run_id=result.run_id,
        succeeded=result.success,
        details={"job": INGEST.name, "first_day": first.isoformat(), "last_day": last.isoformat()},
        now=datetime.now(UTC),
    )
    if not result.success:
        failures = [event for event in result.all_node_events if event.is_step_failure]
        reasons = "; ".join(f"{event.step_key}: {_innermost(event.step_failure_data.error)}" for event in failures)
        raise RunError(f"{reasons or 'the run failed'} (run {result.run_id}; its log is in the Dagster UI).")


def _part_of(job: dg.JobDefinition, names: Sequence[str]) -> dg.JobDefinition:
    """The job's part that makes the named assets and those that are made in one step with them, with their checks.

    Raises:
        RunError: A name is no asset.
    """
    graph = defs().resolve_asset_graph()
    known = {key.to_user_string() for key in graph.get_all_asset_keys()}
    unknown = sorted(set(names) - known)
    if unknown:
        raise RunError(f"There is no asset {', '.join(unknown)}; there are {', '.join(sorted(known))}.")
    assets = dg.AssetSelection.assets(*names).required_multi_asset_neighbors().resolve(graph)
    checks = {check for check in job.asset_layer.asset_graph.asset_check_keys if check.asset_key in assets}
    return job.get_subset(asset_selection=frozenset(assets), asset_check_selection=checks)


def _innermost(error: Any) -> str:
    while error.cause is not None:
        error = error.cause
    return str(error.message).strip()
