"""Files of exports that go by letter: through the outbox, as attachments."""

import mimetypes
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from assets.installation import Installation
from connectors.destinations import MailDestination
from connectors.uploads import Upload
from exports.facts import Facts
from exports.jobs import read_job
from exports.manifest import Manifest
from exports.templates import fill, values_of
from registry import mail
from registry.errors import RegistryError
from registry.mail.outbox import MOST_BYTES
from registry.models import ExportRun, Organisation

_DATE = "%Y-%m-%d"


def queue_file(
    session: Session,
    house: Installation,
    run: ExportRun,
    place: MailDestination,
    files: Sequence[Upload],
    now: datetime,
) -> None:
    """Queues a letter per address, in the transaction that notes the run as delivered.

    Args:
        session: A writing transaction.
        house: The installation.
        run: The run.
        place: To whom, in which language and under which subject, and whether with the manifest.
        files: The manifest, and the file.
        now: When.

    Raises:
        RegistryError: The files are too large for letters.
    """
    sent = files if place.manifest else files[-1:]
    size = sum(file.path.stat().st_size for file in sent)
    if size > MOST_BYTES:
        raise RegistryError(
            f"The file has {size / 1_000_000:.1f} MB with its manifest, and {MOST_BYTES // 1_000_000} MB go by e-mail: "
            "give the job a destination of another kind."
        )
    row = session.get(Organisation, run.organisation)
    facts = _facts(house, run)
    first, end = (at.astimezone(facts.zone) for at in (facts.period_from, facts.period_to))
    variables: dict[str, str | int] = {
        "organisation": row.name if row else run.organisation,
        "subject": fill(place.subject, values_of(facts), time_form=_DATE),
        "job": facts.job,
        "file": str(run.file_name),
        "period": f"{first:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M %Z}",
        "rows": run.rows or 0,
    }
    attached = [mail.Attachment(file.name, _media_type(file.name), file.path.read_bytes()) for file in sent]
    for number, address in enumerate(place.to):
        recipient = mail.Recipient(f"export:{run.run_id}:{number}", address)
        mail.queue(
            session,
            house.vault,
            run.organisation,
            "export_file",
            recipient,
            place.language,
            variables,
            now,
            attachments=attached,
        )


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _facts(house: Installation, run: ExportRun) -> Facts:
    """What the subject may name: the same as the file's name."""
    manifest = Manifest.read(run.manifest or "")
    return Facts(
        job=read_job(run.job_document).name,
        organisation=run.organisation,
        zone=house.settings.zone,
        period_from=run.period_from,
        period_to=run.period_to,
        as_of=manifest.as_of,
        seq=run.seq,
        revision=run.revision,
        version=manifest.code_version,
    )
