"""A file by hand: the engine of jobs, without a job and without a delivery."""

import shutil
import uuid
from datetime import datetime
from pathlib import Path

from assets.installation import Installation
from assets.steps.export_files import forget
from assets.steps.exporting import MANIFEST, build
from exports.jobs import Job
from exports.periods import Period
from registry import audit
from registry.errors import RegistryError
from registry.models import ExportRun

AD_HOC = "export"
"""Name of the job in files that no job asked for."""


def write_file(house: Installation, job: Job, period: Period, to: Path, *, identity: str, now: datetime) -> int:
    """Writes a file and its manifest, which has the same name and ``.manifest.json`` after it.

    Args:
        house: The installation.
        job: What goes in; its schedule, destination and gates do not count.
        period: What it is about.
        to: The file.
        identity: Who asks.
        now: When.

    Returns:
        Rows that it holds.

    Raises:
        ExportError: It cannot be made.
        RegistryError: There is a file of this name, or there is no such format.
    """
    beside = to.with_name(f"{to.name}{MANIFEST}")
    for file in (to, beside):
        if file.exists():
            raise RegistryError(f"{file} exists: name another file.")
    run = ExportRun(
        run_id=uuid.uuid4().hex,
        organisation=house.organisation,
        job_id="",
        period_from=period.start,
        period_to=period.end,
        revision=1,
        seq=1,
        state="building",
        job_document=job.written(),
        requested_by=identity,
        requested_at=now,
        attempts=0,
    )
    try:
        built = build(house, run, now)
        shutil.move(built.manifest, beside)
        shutil.move(built.file, to)
    except OSError as exc:
        raise RegistryError(f"{to} cannot be written: {exc.strerror}.") from exc
    finally:
        forget(house, run.run_id)
    with house.registry.begin() as session:
        audit.record(
            session,
            organisation=house.organisation,
            event="export.file",
            identity=identity,
            now=now,
            target=job.format,
            after={"file_sha256": built.facts.file_sha256, "rows": built.facts.contents.rows},
            details={"period_from": period.start, "period_to": period.end},
        )
    return built.facts.contents.rows
