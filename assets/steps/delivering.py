"""Delivering: what was asked for is built, held against its gates, brought to its destination and settled.

Each step is one transaction and can be repeated. A process that dies leaves a claim that runs out, and the next one
goes on: it builds anew what was not noted as built, uploads anew what was not noted as delivered, which replaces the
file that is there, and a letter is put into the outbox in the transaction that notes its run as delivered.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from assets.installation import Installation
from assets.steps.delivery_records import publish_deliveries
from assets.steps.export_files import folder_of, forget, sweep
from assets.steps.export_letters import queue_file
from assets.steps.export_settings import open_destination
from assets.steps.exporting import MANIFEST, build
from assets.steps.publishing import publish_events
from connectors.destinations import MailDestination
from connectors.errors import ConnectorError, Transient
from connectors.uploads import Upload, upload
from exports.errors import ExportError
from exports.jobs import Job, read_job
from registry.errors import RegistryError
from registry.exports import runs
from registry.exports.runs import LostClaimError
from registry.models import ExportJob, ExportRun
from registry.people.rights import ORCHESTRATOR
from warehouse.errors import WarehouseError


@dataclass(frozen=True, slots=True)
class WorkedOff:
    """What became of what was due.

    Attributes:
        delivered: Files that are where they should be.
        withheld: Files that wait for a person.
        waiting: Runs that are tried again.
        failed: Runs that were given up.
        troubles: A line for each run that was not delivered.
    """

    delivered: int = 0
    withheld: int = 0
    waiting: int = 0
    failed: int = 0
    troubles: tuple[str, ...] = ()


def work_off(
    house: Installation, now: datetime, *, run_id: str | None = None, identity: str = ORCHESTRATOR
) -> WorkedOff:
    """Works off every run that is due, one after another, one process at a time.

    Args:
        house: The installation.
        now: When it begins.
        run_id: This run alone.
        identity: Who works.

    Returns:
        What became of them.
    """
    begun = time.monotonic()

    def instant() -> datetime:
        """The clock, counted on from the beginning: a claim has to last from when it is made."""
        return now + timedelta(seconds=time.monotonic() - begun)

    ended: Counter[str] = Counter()
    troubles: list[str] = []
    with house.alone("exporting"):
        while (run := runs.claim(house.registry, house.organisation, instant(), run_id=run_id)) is not None:
            done = _worked(house, run, identity, instant)
            ended[done.state] += 1
            if done.state in _TROUBLES:
                troubles.append(f"{_period(house, done)}: {done.state}. {done.reason}")
        sweep(house)
    publish_deliveries(house)
    publish_events(house)
    return WorkedOff(ended["delivered"], ended["withheld"], ended["waiting"], ended["failed"], tuple(troubles))


def try_again(house: Installation, run_id: str, *, identity: str, now: datetime) -> ExportRun:
    """Lets a run that waits be tried now, and one that failed be built anew.

    Raises:
        RegistryError: There is no such run, or nothing to try again.
    """
    with house.registry.begin(readonly=True) as session:
        run = runs.get(session, house.organisation, run_id)
    if run.state == "failed":  # what was built then may hold less than what is known now
        forget(house, run_id)
    with house.registry.begin() as session:
        return runs.retry(session, house.organisation, run_id, identity=identity, now=now)


def try_destination(house: Installation, name: str, now: datetime) -> str:
    """Sends a small file to a destination.

    Returns:
        Its name.

    Raises:
        RegistryError: There is no such destination, or it is e-mail, which ``mail test`` tries.
        ConnectorError: It did not arrive.
    """
    with house.registry.begin(readonly=True) as session:
        place, secret = open_destination(session, house.vault, house.organisation, name)
    if isinstance(place, MailDestination):
        raise RegistryError("A destination by e-mail is tried with 'meterhouse mail test export_file en --to ADDRESS'.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"meterhouse-test-{now:%Y%m%dT%H%M%SZ}.txt"
        file.write_text(f"A test of the destination {name}; delete this file.\n", encoding="utf-8")
        upload(place, secret, [Upload(file.name, file)], folder_root=house.settings.export_path)
    return file.name


_TROUBLES = ("withheld", "waiting", "failed")


def _worked(house: Installation, run: ExportRun, identity: str, instant: Callable[[], datetime]) -> ExportRun:
    """A claimed run after all steps that could be done."""
    with suppress(LostClaimError):  # whoever has it now goes on
        try:
            _take_further(house, run, identity, instant)
        except LostClaimError:
            raise
        except (ExportError, RegistryError, ConnectorError, WarehouseError) as exc:
            _note(house, run, exc, identity, instant())
    with house.registry.begin(readonly=True) as session:
        return runs.get(session, run.organisation, run.run_id)


def _take_further(house: Installation, run: ExportRun, identity: str, instant: Callable[[], datetime]) -> None:
    job = read_job(run.job_document)
    if run.state == "building" or not (folder_of(house, run.run_id) / str(run.file_name)).is_file():
        run = _built(house, run, identity, instant)
    if run.state == "delivering":
        _deliver(house, run, job, identity, instant)


def _note(house: Installation, run: ExportRun, exc: Exception, identity: str, now: datetime) -> None:
    """Notes what a run failed of; it is tried again where that may pass."""
    with house.registry.begin() as session:
        if not _passes(exc):
            runs.failed(session, run, str(exc), identity=identity, now=now)
            return
        retry = read_job(run.job_document).retry
        runs.postpone(
            session,
            run,
            str(exc),
            first_pause=timedelta(minutes=retry.first_pause_min),
            give_up_after=timedelta(hours=retry.give_up_after_h),
            identity=identity,
            now=now,
        )


def _built(house: Installation, run: ExportRun, identity: str, instant: Callable[[], datetime]) -> ExportRun:
    """The run with its file; a file that a person released is not withheld again where it is the same."""
    built = build(house, run, instant())
    is_released = run.released_by is not None and run.file_sha256 == built.facts.file_sha256
    with house.registry.begin() as session:
        return runs.built(
            session,
            run,
            as_of=built.facts.as_of,
            manifest=built.facts.written(),
            file_name=built.facts.file_name,
            file_sha256=built.facts.file_sha256,
            rows=built.facts.contents.rows,
            size_bytes=built.facts.size_bytes,
            withheld=None if is_released else " ".join(built.reasons) or None,
            identity=identity,
            now=instant(),
        )


def _deliver(house: Installation, run: ExportRun, job: Job, identity: str, instant: Callable[[], datetime]) -> None:
    with house.registry.begin(readonly=True) as session:
        place, secret = open_destination(session, house.vault, run.organisation, job.destination)
    folder, name = folder_of(house, run.run_id), str(run.file_name)
    files = [Upload(each, folder / each) for each in (f"{name}{MANIFEST}", name)]
    if not isinstance(place, MailDestination):
        upload(place, secret, files, folder_root=house.settings.export_path)
    with house.registry.begin() as session:
        if isinstance(place, MailDestination):
            queue_file(session, house, run, place, files, instant())
        runs.delivered(session, run, identity=identity, now=instant())


def _passes(exc: Exception) -> bool:
    """Whether it may pass by itself: a server that is away, a disk that is full. Else somebody has to do something."""
    full = isinstance(exc, ExportError) and isinstance(exc.__cause__, OSError)
    return full or isinstance(exc, Transient | WarehouseError)


def _period(house: Installation, run: ExportRun) -> str:
    with house.registry.begin(readonly=True) as session:
        name = session.get_one(ExportJob, run.job_id).name
    first, end = (at.astimezone(house.settings.zone) for at in (run.period_from, run.period_to))
    return f"{name}, {first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
