"""Runs of jobs: a file for a period, from being asked for to being delivered.

::

    queued → building → delivering → delivered
                 │           │
                 ├→ withheld ┤   a gate was not passed: a person releases it, or cancels it
                 └→ waiting ←┘   a try failed: tried again at next_at; given up: failed

One writing transaction runs at a time (:mod:`registry.engines`), so that two who ask for a period at the same moment
find the same run, and two who claim never get the same one. Who dies in between leaves a claim that runs out.
"""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from registry import audit
from registry.errors import RegistryError
from registry.models import ExportJob, ExportRun
from registry.store import Registry

STATES = ("queued", "building", "withheld", "delivering", "waiting", "delivered", "failed", "cancelled")
SETTLED = ("delivered", "failed", "cancelled")
_WORKED_OFF = ("queued", "building", "delivering", "waiting")

CLAIM = timedelta(minutes=30)
"""How long one process has for a step of a run. Longer than the largest file takes."""

LONGEST_PAUSE = timedelta(hours=1)

EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the window of the first ``since_last`` run of a job begins: before that nothing was delivered."""


class LostClaimError(RegistryError):
    """A process took longer than its claim, and another one has gone on with the run."""


def ask(
    session: Session,
    organisation: str,
    job_id: str,
    start: datetime,
    end: datetime,
    *,
    since_last: bool = False,
    again: bool = True,
    identity: str,
    now: datetime,
) -> ExportRun:
    """Asks for a file.

    Args:
        session: A writing transaction.
        organisation: Whose.
        job_id: Of which job.
        start: Begin of its period, UTC.
        end: End of its period, exclusive, UTC.
        since_last: Whether it is about what became known since the last delivery. Asked for again, a delivered one
            brings what it brought.
        again: Whether a period that is settled is to go out once more.
        identity: Who asks.
        now: When.

    Returns:
        The run of the period that is not settled, else its next revision; the settled one where not again.
    """
    ours = (ExportRun.organisation == organisation, ExportRun.job_id == job_id)
    period = (ExportRun.period_from == start, ExportRun.period_to == end)
    newest = session.scalar(select(ExportRun).where(*ours, *period).order_by(ExportRun.revision.desc()).limit(1))
    if newest is not None and (newest.state not in SETTLED or not again):
        return newest
    job = session.get_one(ExportJob, job_id)
    job.sequence += 1
    repeated = newest if since_last and newest is not None and newest.state == "delivered" else None
    run = ExportRun(
        run_id=uuid.uuid4().hex,
        organisation=organisation,
        job_id=job_id,
        period_from=start,
        period_to=end,
        revision=newest.revision + 1 if newest else 1,
        seq=job.sequence,
        state="queued",
        job_document=job.document,
        requested_by=identity,
        requested_at=now,
        known_after=(repeated.known_after if repeated else job.known_to or EVER) if since_last else None,
        as_of=repeated.as_of if repeated else None,
        attempts=0,
        next_at=now,
    )
    session.add(run)
    _note(session, run, "ask", identity, now)
    return run


def claim(registry: Registry, organisation: str, now: datetime, *, run_id: str | None = None) -> ExportRun | None:
    """Claims the run that is due longest, so that no other process works at it. The claim runs out by itself.

    Runs of a ``since_last`` job follow one another: none is claimed before the one before it is settled, and its window
    begins where that one's ended.

    Args:
        registry: The registry.
        organisation: Whose.
        now: Instant of the claim.
        run_id: This run alone.

    Returns:
        The run: ``building``, or ``delivering`` where its file was built; ``None`` where nothing is due.
    """
    with registry.begin() as session:
        statement = select(ExportRun).where(_is_due(organisation, now))
        if run_id is not None:
            statement = statement.where(ExportRun.run_id == run_id)
        run = session.scalars(statement.order_by(ExportRun.next_at, ExportRun.seq).limit(1)).first()
        if run is not None:
            run.state = "building" if run.manifest is None else "delivering"
            run.claimed_until = now + CLAIM
            if run.known_after is not None and run.as_of is None:
                run.known_after = session.get_one(ExportJob, run.job_id).known_to or EVER
        return run


def due(session: Session, organisation: str, now: datetime) -> list[ExportRun]:
    """The runs that could be claimed now."""
    return list(session.scalars(select(ExportRun).where(_is_due(organisation, now)).order_by(ExportRun.seq)))


def built(
    session: Session,
    run: ExportRun,
    *,
    as_of: datetime,
    manifest: str,
    file_name: str,
    file_sha256: str,
    rows: int,
    size_bytes: int,
    withheld: str | None,
    identity: str,
    now: datetime,
) -> ExportRun:
    """Notes that a file was built, and whether it may leave.

    Args:
        session: A writing transaction.
        run: The run, as it was claimed.
        as_of: Instant at which its rows were known.
        manifest: JSON.
        file_name: Its name.
        file_sha256: Its hash.
        rows: Rows it holds.
        size_bytes: Its size.
        withheld: Which gate it did not pass; ``None`` where all of them.
        identity: Who built it.
        now: When.

    Returns:
        The run: ``delivering`` under the same claim, or ``withheld``.

    Raises:
        LostClaimError: Another process has gone on with it.
    """
    row = _held(session, run)
    row.as_of, row.manifest, row.rows, row.size_bytes = as_of, manifest, rows, size_bytes
    row.file_name, row.file_sha256 = file_name, file_sha256
    row.state, row.reason = "delivering", None
    if withheld is not None:
        row.state, row.reason, row.tried_at = "withheld", withheld, now
        row.claimed_until = row.next_at = None
        _note(session, row, "withhold", identity, now, withheld)
    return row


def delivered(session: Session, run: ExportRun, *, identity: str, now: datetime) -> None:
    """Notes that a file is where it should be; only this moves the mark of a ``since_last`` job.

    Raises:
        LostClaimError: Another process has gone on with it.
    """
    row = _held(session, run)
    _settle(row, "delivered", None, now)
    row.attempts, row.tried_at = row.attempts + 1, now
    if row.known_after is not None and row.as_of is not None:
        job = session.get_one(ExportJob, row.job_id)
        job.known_to = max(job.known_to or EVER, row.as_of)
    _note(session, row, "deliver", identity, now)


def postpone(
    session: Session,
    run: ExportRun,
    reason: str,
    *,
    first_pause: timedelta,
    give_up_after: timedelta,
    identity: str,
    now: datetime,
) -> ExportRun:
    """Notes that a try failed. The next one follows after a pause, which doubles up to an hour.

    Args:
        session: A writing transaction.
        run: The run, as it was claimed.
        reason: Why; without names of people or addresses.
        first_pause: Pause after the first failure.
        give_up_after: Sum of pauses after which the run has failed: time in which nobody tried does not count.
        identity: Who tried.
        now: When.

    Returns:
        The run: ``waiting`` or ``failed``.

    Raises:
        LostClaimError: Another process has gone on with it.
    """
    row = _held(session, run)
    row.attempts, row.tried_at = row.attempts + 1, now
    pauses = [pause(number, first_pause) for number in range(1, row.attempts + 1)]
    if sum(pauses, timedelta()) > give_up_after:
        _settle(row, "failed", reason, now)
        _note(session, row, "fail", identity, now, reason)
        return row
    row.state, row.reason = "waiting", reason
    row.next_at, row.claimed_until = now + pauses[-1], None
    _note(session, row, "wait", identity, now, reason)
    return row


def pause(number: int, first: timedelta) -> timedelta:
    """The pause after a failed try, counted from 1."""
    return min(first * (1 << min(number - 1, 10)), max(first, LONGEST_PAUSE))


def failed(session: Session, run: ExportRun, reason: str, *, identity: str, now: datetime) -> None:
    """Notes that no further try would help.

    Raises:
        LostClaimError: Another process has gone on with it.
    """
    row = _held(session, run)
    row.attempts, row.tried_at = row.attempts + 1, now
    _settle(row, "failed", reason, now)
    _note(session, row, "fail", identity, now, reason)


def release(session: Session, organisation: str, run_id: str, *, identity: str, now: datetime) -> ExportRun:
    """Lets a withheld file go, as a person who answers for it.

    Raises:
        RegistryError: The run is not withheld, or whoever asks is no person.
    """
    row = get(session, organisation, run_id)
    if not identity.startswith(("user:", "local:")):
        raise RegistryError("A withheld file is released by a person: say --as WHO.")
    if row.state != "withheld":
        raise RegistryError(f"The run {run_id} is {row.state}, not withheld.")
    row.state, row.next_at, row.released_by = "delivering", now, identity
    _note(session, row, "release", identity, now, row.reason)
    return row


def cancel(session: Session, organisation: str, run_id: str, *, identity: str, now: datetime) -> ExportRun:
    """Gives up a run that nobody is at.

    Raises:
        RegistryError: It is settled, or a process is at it.
    """
    row = get(session, organisation, run_id)
    if row.state in SETTLED:
        raise RegistryError(f"The run {run_id} is {row.state} already.")
    if row.claimed_until is not None and row.claimed_until > now:
        raise RegistryError(f"A process is at the run {run_id}: try again when it is done.")
    _settle(row, "cancelled", row.reason, now)
    _note(session, row, "cancel", identity, now)
    return row


def cancel_all(session: Session, organisation: str, job_id: str, *, identity: str, now: datetime) -> None:
    """Gives up every run of a job that nobody is at."""
    for row in listing(session, organisation, job_id=job_id, states=("queued", "waiting", "withheld")):
        cancel(session, organisation, row.run_id, identity=identity, now=now)


def retry(session: Session, organisation: str, run_id: str, *, identity: str, now: datetime) -> ExportRun:
    """Lets a run that waits be tried now, and one that failed be built anew, as what is known now.

    Raises:
        RegistryError: There is nothing to try again.
    """
    row = get(session, organisation, run_id)
    if row.state not in ("waiting", "failed"):
        remedy = {
            "withheld": f"release it: 'meterhouse job release {run_id}'",
            "delivered": "'meterhouse job run' with its period sends a new revision",
            "cancelled": "'meterhouse job run' with its period sends a new revision",
        }
        raise RegistryError(f"The run {run_id} is {row.state}: {remedy.get(row.state, 'it is worked off by itself')}.")
    if row.state == "failed":
        row.state, row.attempts, row.settled_at = "queued", 0, None
        row.manifest = row.as_of = row.released_by = None
    row.next_at = now
    _note(session, row, "retry", identity, now)
    return row


def get(session: Session, organisation: str, run_id: str) -> ExportRun:
    """A run.

    Raises:
        RegistryError: There is none.
    """
    row = session.get(ExportRun, run_id)
    if row is None or row.organisation != organisation:
        raise RegistryError(f"There is no run {run_id}; see 'meterhouse job show'.")
    return row


def listing(
    session: Session,
    organisation: str,
    *,
    job_id: str | None = None,
    states: Collection[str] = STATES,
    most: int | None = None,
) -> list[ExportRun]:
    """Runs, the newest first.

    Args:
        session: A transaction.
        organisation: Whose.
        job_id: Of this job alone.
        states: In these states.
        most: How many at the most.
    """
    statement = select(ExportRun).where(ExportRun.organisation == organisation, ExportRun.state.in_(states))
    if job_id is not None:
        statement = statement.where(ExportRun.job_id == job_id)
    return list(session.scalars(statement.order_by(ExportRun.requested_at.desc(), ExportRun.seq.desc()).limit(most)))


def periods(
    session: Session, organisation: str, job_id: str, starts: Collection[datetime]
) -> set[tuple[datetime, datetime]]:
    """Begin and end of the periods of a job that anybody asked for, of those that begin at some instants."""
    statement = select(ExportRun.period_from, ExportRun.period_to).where(
        ExportRun.organisation == organisation, ExportRun.job_id == job_id, ExportRun.period_from.in_(starts)
    )
    return {(row.period_from, row.period_to) for row in session.execute(statement)}


def last_of_jobs(session: Session, organisation: str) -> dict[str, ExportRun]:
    """The newest run of each job, by the job's id."""
    newest = (
        select(ExportRun.job_id, func.max(ExportRun.seq).label("seq"))
        .where(ExportRun.organisation == organisation)
        .group_by(ExportRun.job_id)
        .subquery()
    )
    statement = select(ExportRun).join(newest, and_(ExportRun.job_id == newest.c.job_id, ExportRun.seq == newest.c.seq))
    return {row.job_id: row for row in session.scalars(statement)}


def _is_due(organisation: str, now: datetime) -> ColumnElement[bool]:
    before = aliased(ExportRun)
    waits_for_another = exists().where(
        before.job_id == ExportRun.job_id,
        before.known_after.is_not(None),
        before.seq < ExportRun.seq,
        before.state.not_in(SETTLED),
    )
    return and_(
        ExportRun.organisation == organisation,
        ExportRun.state.in_(_WORKED_OFF),
        ExportRun.next_at <= now,
        or_(ExportRun.claimed_until.is_(None), ExportRun.claimed_until <= now),
        or_(ExportRun.known_after.is_(None), ~waits_for_another),
    )


def _held(session: Session, run: ExportRun) -> ExportRun:
    """The run as it is now, if the claim still is that of who asks."""
    row = session.get_one(ExportRun, run.run_id)
    if run.claimed_until is None or row.claimed_until != run.claimed_until:
        raise LostClaimError(f"Another process has gone on with the run {run.run_id}.")
    return row


def _settle(row: ExportRun, state: str, reason: str | None, now: datetime) -> None:
    row.state, row.reason, row.settled_at = state, reason, now
    row.claimed_until = row.next_at = None


def _note(
    session: Session, row: ExportRun, event: str, identity: str, now: datetime, reason: str | None = None
) -> None:
    audit.record(
        session,
        organisation=row.organisation,
        event=f"export.run.{event}",
        identity=identity,
        now=now,
        target=session.get_one(ExportJob, row.job_id).name,
        after={"state": row.state},
        reason=reason,
        details={
            "run": row.run_id,
            "revision": row.revision,
            "period_from": row.period_from,
            "period_to": row.period_to,
            "file_sha256": row.file_sha256,
        },
    )
