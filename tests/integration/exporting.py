"""What tests of exports share: a destination, jobs, and what became of their files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from assets.installation import Installation
from assets.steps.export_planning import run_now
from assets.steps.export_settings import save_destination, save_job
from exports.jobs import Job
from exports.periods import Period
from registry.exports import runs
from registry.models import ExportRun
from tests.integration.installations import House

DAY = timedelta(days=1)
PERIOD = Period(datetime(2025, 6, 1, 22, tzinfo=UTC), datetime(2025, 6, 2, 22, tzinfo=UTC))
"""2 June in Copenhagen."""

NOW = datetime(2025, 7, 1, tzinfo=UTC)
BY = {"identity": "user:7", "now": NOW}
FORM = "consumption-csv"


def place(house: House, document: str = "kind: folder\npath: billing\n", secret: bytes | None = None) -> None:
    """Saves the destination of jobs."""
    it = house.installation
    with it.registry.begin() as session:
        save_destination(session, it.vault, it.organisation, "place", document, secret=secret, **BY)


def add(house: House, name: str = "billing", now: datetime = NOW, **settings: object) -> Job:
    """Saves a job."""
    it = house.installation
    job = Job.model_validate({"name": name, "format": FORM, "destination": "place", **settings})
    with it.registry.begin() as session:
        save_job(session, it.organisation, job, identity="user:7", now=now)
    return job


def ask(house: House, name: str = "billing", period: Period = PERIOD, now: datetime = NOW) -> str:
    """Asks for a file; gives the run."""
    return run_now(house.installation, name, period, identity="user:7", now=now).run_id


def run_of(house: House, run_id: str) -> ExportRun:
    """A run as it is now."""
    with house.installation.registry.begin(readonly=True) as session:
        return runs.get(session, house.installation.organisation, run_id)


def arrived(it: Installation) -> list[str]:
    """Names of what lies in the folder of the destination."""
    return sorted(path.name for path in (it.settings.export_path / "billing").glob("*"))


def waiting_files(it: Installation) -> list[Path]:
    """Folders of files that are not delivered."""
    return [path for path in (it.settings.home / "exports").iterdir() if path != it.settings.export_path]
