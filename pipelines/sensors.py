"""Sensors: files that wait in a folder or on an SFTP drop, and work that has become possible.

A sensor only looks; the run it asks for fetches. One run takes all files of a look.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from assets.imports import import_dropped_files, import_dropped_keys
from assets.installation import Installation
from assets.partitions import day_range_tags
from assets.resources import InstallationResource
from assets.steps.dropped import refused_files
from assets.steps.key_drop import FETCHED, circumstances
from assets.steps.landing import sftp_drop, sftp_imports, sftp_keys
from assets.steps.staleness import runs_of_days, stale_days
from connectors import folder
from connectors.errors import ConnectorError
from connectors.sftp import SftpDrop
from pipelines.jobs import INGEST, import_job, key_job
from pipelines.permission import refusal
from pipelines.requests import Cursor, Request, asked, review
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, MANAGER, READING_MANAGEMENT
from registry.refusals import is_over

RUNNING = dg.DefaultSensorStatus.RUNNING
"""Files that are dropped are taken without anybody switching something on; who wants otherwise does so in the UI."""
_Result = Callable[[Cursor, Sequence[str], str, str], dg.SensorResult]
"""Asks for runs, given the sensor's cursor, files that were found, the connector's cursor, and the source."""
UNFINISHED = dg.RunsFilter(
    job_name=INGEST.name,
    statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
)


def _result(
    context: dg.SensorEvaluationContext, cursor: Cursor, found: Sequence[str], seen: str, source: str
) -> dg.SensorResult:
    """Asks for a run for what was found, and again for runs that failed."""
    now = datetime.now(UTC)
    still, again = review(context.instance, cursor.open, now)
    new = [asked(found, source, seen)] if found else []
    requests = [
        dg.RunRequest(
            run_key=request.run_key,
            partition_key=now.date().isoformat(),
            run_config={"ops": {"landed_files": {"config": {"paths": list(request.paths), "source": source}}}},
        )
        for request in (*new, *again)
    ]
    return dg.SensorResult(run_requests=requests, cursor=Cursor(seen, (*still, *new)).text())


@dg.sensor(job=INGEST, minimum_interval_seconds=30, default_status=RUNNING)
def folder_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for a run when complete files lie in the inbox that no run has taken."""
    house = installation.open()
    if refused := refusal(house, READING_MANAGEMENT):
        return refused
    cursor = Cursor.read(context.cursor)
    found, seen = folder.poll(house.settings.inbox_path, cursor.seen)
    return _result(context, cursor, [str(file.path) for file in found], seen, "folder")


def _imports(requests: Sequence[Request], job: dg.JobDefinition, op: str, source: str) -> list[dg.RunRequest]:
    """Requests as runs of a job of one step that imports files."""
    return [
        dg.RunRequest(
            run_key=request.run_key,
            job_name=job.name,
            run_config={"ops": {op: {"config": {"paths": list(request.paths), "source": source}}}},
        )
        for request in requests
    ]


def _import_result(
    context: dg.SensorEvaluationContext,
    house: Installation,
    cursor: Cursor,
    found: Sequence[str],
    seen: str,
    source: str,
) -> dg.SensorResult:
    """Asks for an import of what was found, again for what was refused, and for the figures after what was taken."""
    now = datetime.now(UTC)
    still, again = review(context.instance, cursor.open, now)
    whole = {(request.key, request.paths) for request in still}
    done = [request for request in cursor.open if (request.key, request.paths) not in whole]  # at least some of it
    ranges = (runs_of_days(stale_days(house)) or [(now.date(), now.date())]) if done else []
    new = [asked(found, f"import-{source}", seen)] if found else []
    requests = [
        dg.RunRequest(run_key=f"{done[0].run_key}-{first}", job_name=INGEST.name, tags=day_range_tags(first, last))
        for first, last in ranges
    ]
    requests += _imports((*new, *again), import_job, import_dropped_files.name, source)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _left(house, source),
        cursor=Cursor(seen, (*still, *new)).text(),
    )


def _left(house: Installation, source: str) -> dg.SkipReason | None:
    """That refused files are not tried again, where there are any."""
    left = [refusal for refusal in refused_files(house) if refusal.source == source and is_over(refusal)]
    if not left:
        return None
    return dg.SkipReason(f"{len(left)} refused files are left alone until they change: see 'meterhouse imports list'.")


def _look_on_drop(
    context: dg.SensorEvaluationContext,
    house: Installation,
    drop: SftpDrop | None,
    setting: str,
    area: str,
    result: _Result,
    service: str = MANAGER,
) -> dg.SensorResult | dg.SkipReason:
    """Looks for complete files on an SFTP drop, if there is one, and hands them on."""
    if drop is None:
        return dg.SkipReason(f"No such SFTP drop is configured ({setting}).")
    if refused := refusal(house, area, service):
        return refused
    cursor = Cursor.read(context.cursor)
    try:
        found, seen = drop.poll(cursor.seen)
    except ConnectorError as exc:
        return dg.SkipReason(str(exc))
    return result(cursor, [file.path for file in found], seen, "sftp")


@dg.sensor(jobs=[import_job, INGEST], minimum_interval_seconds=30, default_status=RUNNING)
def import_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for an import when complete registry files lie in a folder of ``imports`` that no run has taken.

    After one that succeeded it asks for what that touched: frames that waited, figures.
    """
    house = installation.open()
    path = house.settings.imports_path
    if not path.is_dir():
        return dg.SkipReason(f"There is no folder {path}.")
    if refused := refusal(house, DEVICE_AND_CUSTOMER_MANAGEMENT):
        return refused
    cursor = Cursor.read(context.cursor)
    found, seen = folder.poll(path, cursor.seen, without=[house.settings.keys_path.name])
    return _import_result(context, house, cursor, [str(file.path) for file in found], seen, "folder")


@dg.sensor(jobs=[import_job, INGEST], minimum_interval_seconds=60, default_status=RUNNING)
def sftp_import_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Does for registry files on the SFTP drop what :func:`import_sensor` does for those in ``imports``."""
    house = installation.open()
    return _look_on_drop(
        context,
        house,
        sftp_imports(house),
        "METERHOUSE_SFTP_IMPORTS_FOLDER",
        DEVICE_AND_CUSTOMER_MANAGEMENT,
        partial(_import_result, context, house),
    )


def _key_result(
    context: dg.SensorEvaluationContext,
    house: Installation,
    cursor: Cursor,
    found: Sequence[str],
    seen: str,
    source: str,
) -> dg.SensorResult:
    """Asks for an import of key files that were found, and again for those that were refused."""
    still, again = review(context.instance, cursor.open, datetime.now(UTC))
    new = [asked(found, f"keys-{source}", seen)] if found else []
    requests = _imports((*new, *again), key_job, import_dropped_keys.name, source)
    told = _left(house, FETCHED) if source == "sftp" and not requests else None
    return dg.SensorResult(run_requests=requests, skip_reason=told, cursor=Cursor(seen, (*still, *new)).text())


@dg.sensor(job=key_job, minimum_interval_seconds=30, default_status=RUNNING)
def key_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for an import when complete key files lie in ``imports/keys`` that no run has taken.

    Files that were left are offered anew when what they may wait for has come: a password, meters.
    """
    house = installation.open()
    path = house.settings.keys_path
    if not path.is_dir():
        return dg.SkipReason(f"There is no folder {path}.")
    if refused := refusal(house, DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS):
        return refused
    cursor = Cursor.read(context.cursor)
    given = circumstances(house)
    before, _, listed = (cursor.seen or "").partition(" ")
    found, looked = folder.poll(path, listed if before == given else None)
    return _key_result(context, house, cursor, [str(file.path) for file in found], f"{given} {looked}", "folder")


@dg.sensor(job=key_job, minimum_interval_seconds=60, default_status=RUNNING)
def sftp_key_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for an import when complete key files lie on the SFTP drop that no run has fetched."""
    house = installation.open()
    return _look_on_drop(
        context,
        house,
        sftp_keys(house),
        "METERHOUSE_SFTP_IMPORTS_FOLDER",
        DEVICE_AND_CUSTOMER_MANAGEMENT,
        partial(_key_result, context, house),
        service=KEYS,
    )


@dg.sensor(job=INGEST, minimum_interval_seconds=60, default_status=RUNNING)
def sftp_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for a run when complete files lie on the SFTP drop that no run has fetched."""
    house = installation.open()
    return _look_on_drop(
        context, house, sftp_drop(house), "METERHOUSE_SFTP_HOST", READING_MANAGEMENT, partial(_result, context)
    )


@dg.sensor(job=INGEST, minimum_interval_seconds=60, default_status=RUNNING)
def waiting_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SensorResult | dg.SkipReason:
    """Asks for a run when receptions that waited can be decoded: their key, registration or format has come."""
    house = installation.open()
    if refused := refusal(house, READING_MANAGEMENT):
        return refused
    now, ranges = datetime.now(UTC), runs_of_days(stale_days(house))
    asked_for = [[first.isoformat(), last.isoformat()] for first, last in ranges]
    before = json.loads(context.cursor or "{}")
    is_new = asked_for != before.get("ranges")
    if not is_new and (now.isoformat() < before["again_at"] or context.instance.get_runs(UNFINISHED, limit=1)):
        return dg.SensorResult(cursor=context.cursor)
    # What is still to be done an hour later, with no run at work, was asked for by a run that failed.
    state = json.dumps({"ranges": asked_for, "again_at": (now + timedelta(hours=1)).isoformat()})
    requests = [dg.RunRequest(tags=day_range_tags(first, last)) for first, last in ranges]
    return dg.SensorResult(run_requests=requests, cursor=state)


SENSORS = [folder_sensor, import_sensor, key_sensor, sftp_sensor, sftp_import_sensor, sftp_key_sensor, waiting_sensor]
