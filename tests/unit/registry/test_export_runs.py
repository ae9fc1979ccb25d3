"""Runs of jobs: asked for once, claimed by one, tried again, settled once; what moves the mark and what does not."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from registry.errors import RegistryError
from registry.exports import jobs, runs
from registry.exports.runs import CLAIM, EVER, LostClaimError, pause
from registry.models import AuditEvent, ExportJob, ExportRun
from registry.store import Registry
from tests.unit.registry.conftest import NOW

ORG = "default"
BY = {"identity": "service:orchestrator", "now": NOW}
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
START = datetime.fromisoformat("2026-01-13T23:00:00+00:00")
RETRY = {"first_pause": 5 * MINUTE, "give_up_after": timedelta(minutes=20), "identity": "service:orchestrator"}


@pytest.fixture
def job_id(registry: Registry) -> str:
    with registry.begin() as session:
        return jobs.save(session, ORG, "billing", "name: billing\n", active=True, **BY).job_id


def ask(registry: Registry, job_id: str, day: int = 0, **more: object) -> ExportRun:
    start = START + day * DAY
    with registry.begin() as session:
        return runs.ask(session, ORG, job_id, start, start + DAY, **{**BY, **more})


def build(registry: Registry, run: ExportRun, as_of: datetime = NOW, withheld: str | None = None) -> ExportRun:
    facts = {"manifest": "{}", "file_name": "a.csv", "file_sha256": "00", "rows": 2, "size_bytes": 10}
    with registry.begin() as session:
        return runs.built(session, run, as_of=as_of, withheld=withheld, **facts, **{**BY, "now": as_of})


def claim(registry: Registry, now: datetime = NOW, **more: str) -> ExportRun:
    run = runs.claim(registry, ORG, now, **more)
    assert run is not None
    return run


def deliver(registry: Registry, run: ExportRun, now: datetime = NOW) -> None:
    with registry.begin() as session:
        runs.delivered(session, run, **{**BY, "now": now})


def fail(registry: Registry, run: ExportRun, now: datetime = NOW) -> None:
    with registry.begin() as session:
        runs.failed(session, run, "no such group", **{**BY, "now": now})


def row(registry: Registry, run: ExportRun) -> ExportRun:
    with registry.begin(readonly=True) as session:
        return runs.get(session, ORG, run.run_id)


def mark(registry: Registry, job_id: str) -> datetime | None:
    with registry.begin(readonly=True) as session:
        return session.get_one(ExportJob, job_id).known_to


def events(registry: Registry) -> list[str]:
    with registry.begin(readonly=True) as session:
        found = session.scalars(select(AuditEvent.event).order_by(AuditEvent.number))
        return [event.removeprefix("export.run.") for event in found if event.startswith("export.run.")]


def test_a_file_from_asking_to_delivery(registry: Registry, job_id: str) -> None:
    asked = ask(registry, job_id)
    assert (asked.state, asked.revision, asked.seq, asked.job_document) == ("queued", 1, 1, "name: billing\n")
    claimed = claim(registry)
    assert (claimed.state, claimed.run_id) == ("building", asked.run_id)
    assert runs.claim(registry, ORG, NOW) is None, "one process alone"
    ready = build(registry, claimed)
    assert ready.state == "delivering"
    deliver(registry, ready)
    done = row(registry, asked)
    assert (done.state, done.attempts, done.claimed_until, done.next_at) == ("delivered", 1, None, None)
    assert mark(registry, job_id) is None, "only since_last has a mark"
    assert events(registry) == ["ask", "deliver"]


def test_a_period_is_one_run_until_it_is_settled(registry: Registry, job_id: str) -> None:
    first = ask(registry, job_id)
    assert ask(registry, job_id, identity="user:7").run_id == first.run_id
    assert ask(registry, job_id, 1).seq == 2
    deliver(registry, build(registry, claim(registry, run_id=first.run_id)))
    assert ask(registry, job_id, again=False).run_id == first.run_id, "a schedule asks once"
    second = ask(registry, job_id)
    assert (second.revision, second.seq, second.state) == (2, 3, "queued")


def test_two_who_ask_at_the_same_moment_find_the_same_run(registry: Registry, job_id: str) -> None:
    together = Barrier(8)

    def one(_: int) -> str:
        together.wait()
        return ask(registry, job_id).run_id

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(one, range(8)))) == 1
    with registry.begin(readonly=True) as session:
        assert len(runs.listing(session, ORG)) == 1


def test_two_who_claim_at_the_same_moment_get_different_runs(registry: Registry, job_id: str) -> None:
    wanted = {ask(registry, job_id, day).run_id for day in range(3)}
    together = Barrier(6)

    def one(_: int) -> str | None:
        together.wait()
        run = runs.claim(registry, ORG, NOW)
        return run.run_id if run else None

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(one, range(6)))
    assert sorted(filter(None, found)) == sorted(wanted)


def test_who_dies_leaves_a_claim_that_runs_out(registry: Registry, job_id: str) -> None:
    ask(registry, job_id)
    dead = claim(registry)
    later = NOW + CLAIM
    assert runs.claim(registry, ORG, later - MINUTE) is None
    taken = claim(registry, later)
    assert (taken.run_id, taken.state) == (dead.run_id, "building")
    with pytest.raises(LostClaimError, match="Another process"):
        build(registry, dead)
    built = build(registry, taken, later)
    after = claim(registry, later + CLAIM)
    assert (after.run_id, after.state) == (dead.run_id, "delivering"), "what was built is not built again"
    with pytest.raises(LostClaimError):
        deliver(registry, built)
    deliver(registry, after)
    assert events(registry) == ["ask", "deliver"]


def test_a_failed_try_is_repeated_with_growing_pauses_and_given_up(registry: Registry, job_id: str) -> None:
    ask(registry, job_id)
    run, now = build(registry, claim(registry)), NOW
    waited = []
    for _ in range(5):
        with registry.begin() as session:
            run = runs.postpone(session, run, "nobody answers", now=now, **RETRY)
        if run.state == "failed":
            break
        assert run.next_at is not None
        waited.append((run.next_at - now) // MINUTE)
        assert runs.claim(registry, ORG, run.next_at - MINUTE) is None
        now = run.next_at
        run = claim(registry, now)
        assert run.state == "delivering"
    assert waited == [5, 10]
    assert (run.state, run.attempts, run.reason) == ("failed", 3, "nobody answers")
    assert [pause(number, 5 * MINUTE) // MINUTE for number in (1, 2, 4, 5, 50)] == [5, 10, 40, 60, 60]
    assert pause(9, timedelta(hours=5)) == timedelta(hours=5), "a longer first one stays"
    with registry.begin() as session:
        runs.retry(session, ORG, run.run_id, **BY)
    again = claim(registry)
    assert (again.run_id, again.state, again.attempts, again.as_of) == (run.run_id, "building", 0, None)
    assert events(registry) == ["ask", "wait", "wait", "fail", "retry"]


def test_a_waiting_run_is_tried_at_once_when_somebody_asks(registry: Registry, job_id: str) -> None:
    ask(registry, job_id)
    run = build(registry, claim(registry))
    with registry.begin() as session:
        runs.postpone(session, run, "nobody answers", now=NOW, **RETRY)
    assert runs.claim(registry, ORG, NOW) is None
    with registry.begin() as session:
        runs.retry(session, ORG, run.run_id, **BY)
    assert claim(registry).state == "delivering"


def test_a_withheld_file_waits_for_a_person(registry: Registry, job_id: str) -> None:
    ask(registry, job_id)
    run = build(registry, claim(registry), withheld="5 of 10 values are missing.")
    assert (run.state, run.claimed_until) == ("withheld", None)
    assert runs.claim(registry, ORG, NOW + 9 * DAY) is None
    with registry.begin() as session, pytest.raises(RegistryError, match="released by a person"):
        runs.release(session, ORG, run.run_id, **BY)
    with registry.begin() as session, pytest.raises(RegistryError, match="is withheld: release it"):
        runs.retry(session, ORG, run.run_id, **BY)
    with registry.begin() as session:
        runs.release(session, ORG, run.run_id, identity="user:7", now=NOW)
    released = claim(registry)
    assert (released.state, released.released_by) == ("delivering", "user:7")
    deliver(registry, released)
    assert events(registry) == ["ask", "withhold", "release", "deliver"]
    with registry.begin() as session, pytest.raises(RegistryError, match="delivered, not withheld"):
        runs.release(session, ORG, run.run_id, identity="user:7", now=NOW)


def test_what_nobody_is_at_can_be_cancelled(registry: Registry, job_id: str) -> None:
    run = ask(registry, job_id)
    claim(registry)
    with registry.begin() as session, pytest.raises(RegistryError, match="A process is at the run"):
        runs.cancel(session, ORG, run.run_id, **BY)
    with registry.begin() as session:
        runs.cancel(session, ORG, run.run_id, **{**BY, "now": NOW + CLAIM})
    assert runs.claim(registry, ORG, NOW + DAY) is None
    with registry.begin() as session, pytest.raises(RegistryError, match="cancelled already"):
        runs.cancel(session, ORG, run.run_id, **BY)
    assert ask(registry, job_id).revision == 2


def test_windows_of_since_last_follow_one_another(registry: Registry, job_id: str) -> None:
    first, second = (ask(registry, job_id, day, since_last=True) for day in (0, 1))
    run = claim(registry)
    assert (run.run_id, run.known_after) == (first.run_id, EVER), "the first brings everything"
    assert runs.claim(registry, ORG, NOW) is None, "the second waits for it"
    with registry.begin(readonly=True) as session:
        assert runs.due(session, ORG, NOW) == []
    run = build(registry, run, NOW, withheld="too many estimates")
    assert mark(registry, job_id) is None, "what is withheld moves nothing"
    assert runs.claim(registry, ORG, NOW) is None
    with registry.begin() as session:
        runs.release(session, ORG, run.run_id, identity="local:owner", now=NOW)
    deliver(registry, claim(registry))
    assert mark(registry, job_id) == NOW
    following = claim(registry, NOW + MINUTE)
    assert (following.run_id, following.known_after) == (second.run_id, NOW)
    fail(registry, following, NOW + MINUTE)
    assert mark(registry, job_id) == NOW, "nor does what failed"
    ask(registry, job_id, 2, since_last=True)
    third = claim(registry, NOW + 2 * MINUTE)
    assert third.known_after == NOW, "what failed is in the next one"
    deliver(registry, build(registry, third, NOW + 2 * MINUTE), NOW + 2 * MINUTE)
    assert mark(registry, job_id) == NOW + 2 * MINUTE


def test_a_delivered_window_is_sent_again_as_it_was(registry: Registry, job_id: str) -> None:
    for day in range(2):
        ask(registry, job_id, day, since_last=True)
        at = NOW + day * DAY
        deliver(registry, build(registry, claim(registry, at), at), at)
    again = ask(registry, job_id, 0, since_last=True)
    assert (again.revision, again.known_after, again.as_of) == (2, EVER, NOW)
    repeated = claim(registry)
    assert (repeated.known_after, repeated.as_of) == (EVER, NOW)
    deliver(registry, build(registry, repeated, NOW), NOW)
    assert mark(registry, job_id) == NOW + DAY, "the mark does not go back"


def test_a_run_that_failed_takes_its_window_anew(registry: Registry, job_id: str) -> None:
    first = ask(registry, job_id, 0, since_last=True)
    fail(registry, build(registry, claim(registry), NOW))
    ask(registry, job_id, 1, since_last=True)
    later = NOW + DAY
    deliver(registry, build(registry, claim(registry, later), later), later)
    with registry.begin() as session:
        runs.retry(session, ORG, first.run_id, identity="user:7", now=later)
    again = claim(registry, later)
    assert (again.known_after, again.as_of) == (later, None), "what the other one brought does not come twice"


def test_runs_are_listed(registry: Registry, job_id: str) -> None:
    made = [ask(registry, job_id, day, now=NOW + day * MINUTE).run_id for day in range(3)]
    with registry.begin(readonly=True) as session:
        assert [run.run_id for run in runs.listing(session, ORG, most=2)] == made[:0:-1]
        assert runs.listing(session, ORG, states=("failed",)) == []
        assert runs.listing(session, "other") == []
        assert runs.last_of_jobs(session, ORG)[job_id].run_id == made[-1]
        assert runs.periods(session, ORG, job_id, [START]) == {(START, START + DAY)}
        with pytest.raises(RegistryError, match="There is no run"):
            runs.get(session, "other", made[0])


def test_events_tell_what_went_out(registry: Registry, job_id: str) -> None:
    ask(registry, job_id)
    deliver(registry, build(registry, claim(registry)))
    with registry.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "export.run.deliver")).one()
    assert event.object == "billing"
    details = json.loads(event.details or "")
    assert (details["file_sha256"], details["revision"]) == ("00", 1)
