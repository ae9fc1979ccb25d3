"""Settings of exports: the registry keeps documents; here they are understood, and name only what there is."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from connectors.destinations import Destination, read_destination
from exports.base import Name
from exports.errors import ExportError
from exports.formats import Format, read_format, shipped, shipped_document
from exports.jobs import Job, read_job
from registry.errors import RegistryError
from registry.exports import destinations, formats, jobs
from registry.groups import BUILT_IN, catalogue
from registry.models import ExportJob
from registry.vault import KeyVault


@dataclass(frozen=True, slots=True)
class KnownFormat:
    """A format in the list.

    Attributes:
        name: Its name.
        title: What people call it.
        layout: Its layout.
        content: What a row of it is.
        version: Version of the organisation's own; ``None`` for a shipped one.
    """

    name: str
    title: str
    layout: str
    content: str
    version: int | None


def save_job(
    session: Session, organisation: str, job: Job, *, version: int | None = None, identity: str, now: datetime
) -> ExportJob:
    """Saves a job whose format, destination and group there are.

    Args:
        session: A writing transaction.
        organisation: Whose.
        job: The job.
        version: The version that was changed, 0 for a new job; ``None`` for whichever there is.
        identity: Who saves.
        now: When.

    Raises:
        RegistryError: There is no such format, destination or group, or somebody else changed the job meanwhile.
        ExportError: It wants what its format does not have.
    """
    form, _ = format_of(session, organisation, job.format)
    if job.readings == "final" and form.content != "readings":
        raise ExportError(
            f"The job {job.name} sends final settlements, which are readings: give it a format of content readings."
        )
    destinations.get(session, organisation, job.destination)
    if job.group is not None and job.group not in BUILT_IN:
        catalogue.own(session, organisation, job.group)
    before = next((row for row in jobs.listing(session, organisation) if row.name == job.name), None)
    return jobs.save(
        session,
        organisation,
        job.name,
        job.written(),
        active=job.active,
        rescheduled=before is not None and read_job(before.document).schedule != job.schedule,
        version=version,
        identity=identity,
        now=now,
    )


def set_active(session: Session, organisation: str, name: str, active: bool, *, identity: str, now: datetime) -> None:
    """Lets a job's schedule hold, or not.

    Raises:
        RegistryError: There is no such job.
    """
    row = jobs.get(session, organisation, name)
    job = read_job(row.document).model_copy(update={"active": active})
    jobs.save(session, organisation, name, job.written(), active=active, identity=identity, now=now)


def format_of(session: Session, organisation: str, name: str, as_of: datetime | None = None) -> tuple[Format, str]:
    """A format, the organisation's own before the shipped one of the same name, and its document.

    Args:
        session: A transaction.
        organisation: Whose.
        name: Its name.
        as_of: Instant at which an own one held, UTC; ``None`` takes the newest.

    Raises:
        RegistryError: There is none of this name.
        ExportError: A document of an older release is not understood any more.
    """
    document = formats.current(session, organisation, name, as_of)
    if document is None and name not in shipped():
        raise RegistryError(f"There is no format {name}; see 'meterhouse export formats list'.")
    found = document or shipped_document(name)
    return read_format(found, name), found


def known_formats(session: Session, organisation: str) -> list[KnownFormat]:
    """Every format that a job can name, by name."""
    own = formats.listing(session, organisation)
    found = [
        KnownFormat(name, form.title, form.layout, form.content, None)
        for name, form in shipped().items()
        if name not in own
    ]
    for name, row in own.items():
        form = read_format(row.document or "", name)
        found.append(KnownFormat(name, form.title, form.layout, form.content, row.version))
    return sorted(found, key=lambda one: one.name)


def save_format(session: Session, organisation: str, name: str, document: str, *, identity: str, now: datetime) -> int:
    """Saves a format of the organisation's own; it goes before a shipped one of the same name.

    Returns:
        Number of the version in force.

    Raises:
        ExportError: The document is not understood, or the name is none.
    """
    read_format(document, checked_name(name))
    return formats.save(session, organisation, name, document, identity=identity, now=now)


def remove_format(session: Session, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Removes a format of the organisation's own.

    Raises:
        RegistryError: There is none, or a job would be without its format.
    """
    if name not in shipped():
        _refuse_used(session, organisation, "format", name)
    formats.remove(session, organisation, name, identity=identity, now=now)


def save_destination(
    session: Session,
    vault: KeyVault,
    organisation: str,
    name: str,
    document: str,
    *,
    secret: bytes | None = None,
    version: int | None = None,
    identity: str,
    now: datetime,
) -> Destination:
    """Saves a destination.

    Args:
        session: A writing transaction.
        vault: Wraps the key of the secret.
        organisation: Whose.
        name: Its name.
        document: YAML.
        secret: Password or private key; ``None`` keeps the one that is there, where the destination still is of the
            same kind.
        version: The version that was changed, 0 for a new one; ``None`` for whichever there is.
        identity: Who saves.
        now: When.

    Raises:
        ConnectorError: The document is not understood.
        ExportError: The name is none.
        RegistryError: Somebody else changed it meanwhile.
    """
    place = read_destination(document)
    before = next((row for row in destinations.listing(session, organisation) if row.name == name), None)
    destinations.save(
        session,
        vault,
        organisation,
        checked_name(name),
        document,
        secret=secret,
        # A password goes to no other server than the one it was given for.
        keep_secret=before is not None and read_destination(before.document).label == place.label,
        version=version,
        identity=identity,
        now=now,
    )
    return place


def open_destination(
    session: Session, vault: KeyVault, organisation: str, name: str
) -> tuple[Destination, bytes | None]:
    """A destination and its secret.

    Raises:
        RegistryError: There is none of this name, or its secret was altered.
        ConnectorError: A document of an older release is not understood any more.
    """
    opened = destinations.open_(session, vault, organisation, name)
    return read_destination(opened.document), opened.secret


def remove_destination(session: Session, organisation: str, name: str, *, identity: str, now: datetime) -> None:
    """Removes a destination with its secret.

    Raises:
        RegistryError: There is none, or a job would be without its destination.
    """
    _refuse_used(session, organisation, "destination", name)
    destinations.remove(session, organisation, name, identity=identity, now=now)


def checked_name(name: str) -> str:
    """The name itself.

    Raises:
        ExportError: It is none.
    """
    try:
        return _NAME.validate_python(name)
    except ValidationError as exc:
        raise ExportError(
            f"{name!r} is no name: it has up to 64 small letters, digits, - and _, and begins with a letter or digit."
        ) from exc


_NAME: TypeAdapter[str] = TypeAdapter(Name)


def _refuse_used(session: Session, organisation: str, what: str, name: str) -> None:
    using = [row.name for row in jobs.listing(session, organisation) if getattr(read_job(row.document), what) == name]
    if using:
        raise RegistryError(f"The {what} {name} is that of the jobs {', '.join(using)}: change or remove them first.")
