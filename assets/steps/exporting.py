"""Files for billing: rows as of one instant, in the bytes of a format, with a manifest of what they were made of.

A run builds its file in a folder that gets its name when everything in it is on the disk: whoever dies leaves nothing
that could be sent, and the next one begins again.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import func, select

from assets.installation import Installation
from assets.steps.export_rows import pieces
from assets.steps.publishing import publish_registry, publish_undisturbed
from exports import writing
from exports.base import BaseFormat
from exports.errors import ExportError
from exports.facts import Facts
from exports.file_names import file_name
from exports.formats import read_format, shipped_document
from exports.gates import held_back_by
from exports.jobs import Job, read_job
from exports.manifest import Manifest, Members, Period, Tally, members_hash
from registry import known_instants, policies
from registry.exports import formats
from registry.models import AuditEvent, ExportRun
from warehouse.errors import WarehouseError
from warehouse.policies import KINDS
from warehouse.queries.exported import Asked, Places, group_members

FOLDER = "exports"
"""Folder of an installation with files that are not delivered yet, one folder per run."""

MANIFEST = ".manifest.json"
"""What the name of a manifest has after that of its file."""

_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class Built:
    """A file that was made.

    Attributes:
        file: The file.
        manifest: Its manifest, beside it.
        facts: What the manifest says.
        reasons: Why the job's gate withholds it; none where it may leave.
    """

    file: Path
    manifest: Path
    facts: Manifest
    reasons: tuple[str, ...]


def build(house: Installation, run: ExportRun, now: datetime) -> Built:
    """Makes the file of a run; one that was made already stays as it is.

    Args:
        house: The installation; others may work on it.
        run: The run; with ``as_of`` its rows are those of that instant, else one is fixed.
        now: The present, UTC.

    Returns:
        The file, on the disk.

    Raises:
        ExportError: A row does not fit the format, the job's group is not known, or the disk takes no more.
    """
    job = read_job(run.job_document)
    folder = house.settings.home / FOLDER / run.run_id
    if folder.is_dir():
        return _found(folder, job)
    with house.registry.begin(readonly=True) as session:
        document = formats.current(session, run.organisation, job.format) or shipped_document(job.format)
    form = read_format(document, job.format)
    as_of = run.as_of or fixed_instant(house, now)
    return build_file(house, run, form, document, as_of)


def build_file(house: Installation, run: ExportRun, form: BaseFormat, document: str, as_of: datetime) -> Built:
    """Makes the file of a run in a format, as of an instant; see :func:`build`.

    Args:
        house: The installation.
        run: The run.
        form: The format.
        document: Its document.
        as_of: The instant, UTC.
    """
    job, period = read_job(run.job_document), Period(start=run.period_from, end=run.period_to)
    facts = Facts(
        job=job.name,
        organisation=run.organisation,
        zone=house.settings.zone,
        period_from=period.start,
        period_to=period.end,
        as_of=as_of,
        seq=run.seq,
        revision=run.revision,
        version=version("meterhouse"),
    )
    folder = house.settings.home / FOLDER / run.run_id
    unfinished = folder.with_name(folder.name + _UNFINISHED)
    name = file_name(job.file_name or form.file_name, facts)
    tally = Tally(house.settings.zone)
    found = pieces(house, job, form, period, as_of=as_of, known_after=run.known_after, work=unfinished)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        size, digest = written(unfinished / name, writing.write(form, tally.of(found), facts))
        manifest = Manifest(
            installation_id=house.settings.installation_id,
            organisation=run.organisation,
            run_id=run.run_id,
            job_id=run.job_id,
            job=run.job_document,
            format_name=job.format,
            format=document,
            content=form.content,
            period=period,
            as_of=as_of,
            known_after=run.known_after,
            policies=policies_of(house, as_of),
            code_version=facts.version,
            members=members_of(house, job, period, as_of),
            expected_meters=expected_meters(house, job, form, period, as_of),
            contents=tally.contents(),
            file_name=name,
            size_bytes=size,
            file_sha256=digest,
            seq=run.seq,
            revision=run.revision,
        )
        written(unfinished / (name + MANIFEST), [manifest.written().encode()])
        unfinished.rename(folder)
        _synchronise(folder.parent)
    except OSError as exc:
        raise ExportError(
            f"The file of the job {job.name} cannot be written below {folder.parent} ({exc.strerror}): free some space "
            "or mend the rights, and run it again."
        ) from exc
    return _built(folder, manifest, job)


def fixed_instant(house: Installation, now: datetime) -> datetime:
    """An instant of which everything is visible that was known, and after which whatever is stored is known later.

    What people changed in the registry is published before. Writers wait for no longer than it takes to look whether
    anything changed since.

    Args:
        house: The installation.
        now: The present, UTC.
    """
    before = _newest_event(house)
    publish_registry(house)
    with house.undisturbed():
        if _newest_event(house) != before:
            publish_undisturbed(house)
        with house.registry.begin() as session:
            return known_instants.fix(session, house.organisation, max(now, datetime.now(UTC)))


def policies_of(house: Installation, as_of: datetime) -> dict[str, int]:
    """Version of every policy in force at an instant, by kind."""
    with house.registry.begin(readonly=True) as session:
        return {kind: policies.stored(session, house.organisation, kind, as_of).version for kind in sorted(KINDS)}


def members_of(house: Installation, job: Job, period: Period, as_of: datetime) -> Members | None:
    """Who belonged to the job's group, as it was known."""
    if job.group is None:
        return None
    asked = Asked(house.organisation, house.settings.zone, period.start, period.end, as_of)
    try:
        members = group_members(house.lake, asked, job.group)
    except WarehouseError as exc:
        raise ExportError(str(exc)) from exc
    return Members(group=job.group, count=members.height, sha256=members_hash(members))


def expected_meters(house: Installation, job: Job, form: BaseFormat, period: Period, as_of: datetime) -> int | None:
    """Meters that a job's file should tell of; ``None`` where what is missing has a row, or need not be there."""
    if form.content != "readings" or job.readings not in ("all", "last"):
        return None
    asked = Asked(house.organisation, house.settings.zone, period.start, period.end, as_of)
    return Places.known(house.lake, asked, job.group, job.media).installed(period.start, period.end)


def written(path: Path, parts: Iterable[bytes]) -> tuple[int, str]:
    """Writes a file, and sees to it that it is on the disk.

    Returns:
        Its size and the SHA-256 of its bytes (hex).
    """
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
            digest.update(part)
            size += len(part)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _newest_event(house: Installation) -> int:
    """Number of the last audit event: whatever people change leaves one."""
    with house.registry.begin(readonly=True) as session:
        return session.scalar(select(func.max(AuditEvent.number))) or 0


def _found(folder: Path, job: Job) -> Built:
    """The file that was made before, whole since its folder has its name."""
    (path,) = folder.glob(f"*{MANIFEST}")
    manifest = Manifest.read(path.read_text(encoding="utf-8"))
    with (folder / manifest.file_name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != manifest.file_sha256:
        raise ExportError(
            f"{folder / manifest.file_name} is not what its manifest says: delete {folder}, and it is made again."
        )
    return _built(folder, manifest, job)


def _built(folder: Path, manifest: Manifest, job: Job) -> Built:
    contents = manifest.contents
    reasons = held_back_by(job.gate, contents.qualities, expected=manifest.expected_meters, heard=contents.meters)
    path = folder / manifest.file_name
    return Built(path, path.with_name(path.name + MANIFEST), manifest, tuple(reasons))


def _synchronise(folder: Path) -> None:
    """Brings names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
