"""Planning of exports: which files are asked for, by a schedule or by somebody.

Asking is all that schedules, sensors, buttons and commands do: a run of a period is one row of the registry, whoever
asks and however often.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from assets.installation import Installation
from exports.errors import ExportError
from exports.jobs import Job, read_job
from exports.periods import Due, Period, latest, missed, running
from registry.exports import jobs, runs
from registry.models import ExportJob, ExportRun
from registry.people.rights import ORCHESTRATOR

NO_TIME = timedelta(0)
_logger = logging.getLogger(__name__)


def ask_for_due(
    house: Installation,
    now: datetime,
    *,
    names: Collection[str] | None = None,
    late: timedelta = NO_TIME,
    identity: str = ORCHESTRATOR,
) -> list[ExportRun]:
    """Asks for what schedules say is due and nobody has asked for: each period since the job became active, once.

    After a stop the newest :data:`exports.periods.MOST_MISSED` missed periods are caught up. Of ``since_last`` jobs,
    and of those whose periods look back, the newest alone: it brings what the others would have.

    Args:
        house: The installation.
        now: Instant, UTC.
        names: Jobs to look at; ``None`` for all.
        late: Only what has been due for so long.
        identity: Who asks.

    Returns:
        What was asked for.
    """
    with house.registry.begin(readonly=True) as session:
        found = [
            (row, job, due)
            for row, job in readable(jobs.listing(session, house.organisation))
            if row.active_since is not None and (names is None or row.name in names)
            for due in _missing(session, house, row, job, now - late)
        ]
    if not found:
        return []
    with house.registry.begin() as session:
        return [
            _ask(session, row, job, period, again=False, identity=identity, now=now) for row, job, (_, period) in found
        ]


def readable(stored: Iterable[ExportJob]) -> Iterator[tuple[ExportJob, Job]]:
    """Jobs with what they say; those of an older release that are not understood any more are logged and left out.

    One of them must not keep the others from what is due.
    """
    for row in stored:
        try:
            yield row, read_job(row.document)
        except ExportError as exc:
            _logger.warning("Nothing is asked for of the job %s. %s Save it anew.", row.name, exc)


def run_now(house: Installation, name: str, period: Period | None = None, *, identity: str, now: datetime) -> ExportRun:
    """Asks for a file of a job, active or not.

    Args:
        house: The installation.
        name: The job.
        period: What it is about. ``None`` for the period that was due last; of a ``since_last`` job for the time since.
        identity: Who asks.
        now: When.

    Returns:
        The run of the period that is not settled, else its next revision.

    Raises:
        RegistryError: There is no such job.
        ExportError: The period has not begun yet, or the job is of an older release and not understood any more.
    """
    if period is not None and period.start >= now:
        raise ExportError("The period has not begun yet: there is nothing to send of it.")
    with house.registry.begin() as session:
        row = jobs.get(session, house.organisation, name)
        job = read_job(row.document)
        if period is None:
            zone = house.settings.zone
            since_last = job.readings == "since_last"
            period = running(job.schedule, zone, now) if since_last else latest(job.schedule, zone, now)[1]
        return _ask(session, row, job, period, again=True, identity=identity, now=now)


def _missing(session: Session, house: Installation, row: ExportJob, job: Job, now: datetime) -> list[Due]:
    """What was due and has no run."""
    if row.active_since is None or now < row.active_since:
        return []
    found = missed(job.schedule, house.settings.zone, row.active_since, now)
    if job.readings == "since_last":
        found = found[-1:]
    asked = runs.periods(session, house.organisation, row.job_id, [period.start for _, period in found])
    return [(due, period) for due, period in found if (period.start, period.end) not in asked]


def _ask(
    session: Session, row: ExportJob, job: Job, period: Period, *, again: bool, identity: str, now: datetime
) -> ExportRun:
    return runs.ask(
        session,
        row.organisation,
        row.job_id,
        period.start,
        period.end,
        since_last=job.readings == "since_last",
        again=again,
        identity=identity,
        now=now,
    )
