"""Mail to people: templates by type, language and organisation, and the outbox that sending takes from.

What is said to whom is fixed here; how the bytes reach a mail server is :mod:`connectors.mail`.
"""

from registry.mail.addresses import check_address, check_number
from registry.mail.catalogue import SYSTEM, Template, activate, copy, delete, edit, listing, preview, template
from registry.mail.kinds import KINDS, LANGUAGES, moment
from registry.mail.outbox import (
    Attachment,
    Channel,
    Due,
    Entry,
    Recipient,
    claim,
    compose,
    due,
    entries,
    failed,
    postpone,
    queue,
    sent,
)
from registry.mail.rendering import Rendered, Source, Values
from registry.mail.reports import send_report

__all__ = [
    "KINDS",
    "LANGUAGES",
    "SYSTEM",
    "Attachment",
    "Channel",
    "Due",
    "Entry",
    "Recipient",
    "Rendered",
    "Source",
    "Template",
    "Values",
    "activate",
    "check_address",
    "check_number",
    "claim",
    "compose",
    "copy",
    "delete",
    "due",
    "edit",
    "entries",
    "failed",
    "listing",
    "moment",
    "postpone",
    "preview",
    "queue",
    "send_report",
    "sent",
    "template",
]
