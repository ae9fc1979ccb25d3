"""Reports that somebody sends to an address by e-mail."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from registry import audit
from registry.mail.outbox import Attachment, Recipient, queue
from registry.models import Organisation
from registry.vault import KeyVault


def send_report(
    session: Session,
    vault: KeyVault,
    organisation: str,
    address: str,
    title: str,
    files: Sequence[Attachment],
    *,
    language: str,
    sender: str,
    note: str,
    target: str,
    identity: str,
    now: datetime,
) -> str:
    """Queues a report for an address.

    Args:
        session: A writing transaction.
        vault: Wraps the key that the message is encrypted under until it is sent.
        organisation: Who writes.
        address: E-mail address.
        title: What the report is about.
        files: The report.
        language: Language of the letter around it.
        sender: Full name of who sends it, or empty.
        note: What the sender adds, or empty.
        target: What the audit log says it was about, such as a metering point.
        identity: Who sends it.
        now: When.

    Returns:
        Name of the message.

    Raises:
        RegistryError: The address is none, or the files are too large.
    """
    row = session.get(Organisation, organisation)
    mail_id = queue(
        session,
        vault,
        organisation,
        "report",
        Recipient(f"report:{uuid.uuid4().hex}", address),
        language,
        {"organisation": row.name if row else organisation, "sender": sender, "title": title, "note": note},
        now,
        attachments=files,
    )
    audit.record(
        session,
        organisation=organisation,
        event="report.sent",
        identity=identity,
        now=now,
        target=target,
        after={"mail": mail_id, "files": ", ".join(file.media_type for file in files)},
    )
    return mail_id
