"""Exports of the small installation: destinations, jobs and runs in all states, and a rule that tells of leaks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import settings
from assets.installation import Installation
from assets.steps.export_settings import save_destination, save_job
from exports.jobs import Job
from registry import notifications
from registry.exports import runs
from registry.models import ExportRun
from registry.notifications import read_rule
from registry.store import Registry
from tests.unit.dashboards import house
from tests.unit.dashboards.registered import registry_of

NOW = datetime(2025, 11, 4, 6, tzinfo=UTC)
DAY = timedelta(days=1)
START = datetime(2025, 11, 2, 23, tzinfo=UTC)
"""3 November in Copenhagen."""

WITHHELD = "3.0 % of the values are missing, and the job allows 1.0 %."
REFUSED = "sftp://meters@sftp.example.org:22 refuses the login."
PHONE = "+4512345678"
RULE = f"""
name: Leaks
subject: Leak
info_codes: {{codes: [LEAK], only_high: true}}
group: Harbour
recipients: [duty@example.org, "{PHONE}"]
frequency: {{at: "12:20"}}
"""
_BY = {"identity": "local:test", "now": NOW}


def fill(home: Path) -> Registry:
    """Adds a folder, two jobs, and a run in each state that people care for."""
    registry, vault = registry_of(home), Installation(settings.load(home)).vault
    with registry.begin() as session:
        save_destination(session, vault, house.ORGANISATION, "billing-folder", "kind: folder\npath: billing\n", **_BY)
        for job in (
            Job(name="monthly-heat", format="ready-csv", destination="billing-folder", active=False),
            Job(name="daily-billing", format="consumption-csv", destination="billing-folder", group="Harbour"),
        ):
            row = save_job(session, house.ORGANISATION, job, **_BY)
        job_id = row.job_id
    for number in range(4):
        with registry.begin() as session:
            start = START - number * DAY
            runs.ask(session, house.ORGANISATION, job_id, start, start + DAY, **_BY)
    for act in (_deliver, _withhold, _postpone, _fail):
        run = runs.claim(registry, house.ORGANISATION, NOW)
        assert run is not None
        act(registry, run)
    return registry


def add_rule(home: Path) -> Registry:
    """Adds a rule that tells two people of leaks."""
    registry, vault = registry_of(home), Installation(settings.load(home)).vault
    with registry.begin() as session:
        notifications.add(session, vault, house.ORGANISATION, read_rule(RULE.encode()), **_BY)
    return registry


def _built(registry: Registry, run: ExportRun, withheld: str | None) -> ExportRun:
    with registry.begin() as session:
        return runs.built(
            session,
            run,
            as_of=NOW,
            manifest='{"rows": 24}\n',
            file_name=f"daily-billing_{run.seq:06}.csv",
            file_sha256="0" * 64,
            rows=24,
            size_bytes=2048,
            withheld=withheld,
            **_BY,
        )


def _deliver(registry: Registry, run: ExportRun) -> None:
    built = _built(registry, run, None)
    with registry.begin() as session:
        runs.delivered(session, built, identity="service:orchestrator", now=NOW + timedelta(seconds=42))


def _withhold(registry: Registry, run: ExportRun) -> None:
    _built(registry, run, WITHHELD)


def _postpone(registry: Registry, run: ExportRun) -> None:
    with registry.begin() as session:
        runs.postpone(session, run, REFUSED, first_pause=DAY / 288, give_up_after=3 * DAY, **_BY)


def _fail(registry: Registry, run: ExportRun) -> None:
    with registry.begin() as session:
        runs.failed(session, run, "A value is wider than its column.", **_BY)
