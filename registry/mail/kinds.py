"""Types of messages, the variables each may use, and the languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from registry.errors import RegistryError

Value = str | int | Sequence[str]
"""Value of a variable; several lines are a list or tuple."""

LANGUAGES = ("de", "en", "es", "sv", "da", "nb", "fr")
DEFAULT_LANGUAGE = "en"
_SAME = {"no": "nb", "nn": "nb"}
"""Languages that another one stands in for."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that templates of a type may use.

    Attributes:
        meaning: What it holds.
        sample: What a preview shows.
        optional: Whether a message may be without it; it is empty then.
        essential: Whether each template has to show it: without its link an invitation is none.
        lines: Whether it is a list of lines; the subject cannot show it.
    """

    meaning: str
    sample: Value
    optional: bool = False
    essential: bool = False
    lines: bool = False


_NAME = Variable("name of the recipient", "Kim Sample", optional=True)
_ORGANISATION = Variable("name of the organisation that writes", "Sampletown Water")
_TITLE = Variable("subject of the rule that tells of it", "Leaks in Northtown")
_UNTIL = Variable("until when the link works", "2026-01-15 16:00 CET")


def _link(what: str) -> Variable:
    return Variable(f"link that {what}; works once", "https://meters.example.org/token/sample", essential=True)


KINDS: dict[str, dict[str, Variable]] = {
    "confirm_address": {
        "name": _NAME,
        "organisation": _ORGANISATION,
        "link": _link("confirms the address and activates the account"),
        "valid_until": _UNTIL,
    },
    "digest": {
        "organisation": _ORGANISATION,
        "title": _TITLE,
        "count": Variable("number of events it tells of", 2),
        "events": Variable(
            "the events, a line each",
            ("Leak, P-1, since 2026-01-15 12:00 CET", "Burst, P-2, since 2026-01-15 13:00 CET"),
            essential=True,
            lines=True,
        ),
        "more": Variable("number of events that are in the attached file alone", 0, optional=True),
    },
    "export_file": {
        "organisation": _ORGANISATION,
        "subject": Variable("subject that the destination names", "billing 2026-01-01 2026-01-02"),
        "job": Variable("name of the job", "billing"),
        "file": Variable("name of the file, which is attached", "billing_20260101.csv", essential=True),
        "period": Variable("what it is about", "2026-01-01 00:00 – 2026-01-02 00:00 CET"),
        "rows": Variable("number of rows in it", 2400),
    },
    "invite_user": {
        "name": _NAME,
        "organisation": _ORGANISATION,
        "inviter": Variable("who invites", "Robin Sample", optional=True),
        "link": _link("accepts the invitation"),
        "valid_until": _UNTIL,
    },
    "new_batch": {
        "name": _NAME,
        "organisation": _ORGANISATION,
        "batch": Variable("reference of the batch", "BATCH-0001", essential=True),
        "devices": Variable("number of devices in it", 48),
        "label": Variable("label of the batch", "Spring delivery", optional=True),
        "needs_confirmation": Variable("whether a takeover waits for confirmation", "yes", optional=True),
    },
    "notification": {
        "organisation": _ORGANISATION,
        "title": _TITLE,
        "what": Variable("what is the matter", "Leak", essential=True),
        "place": Variable("metering point and meter, or what else it is about", "P-1 (KAM-76348799-1b-16)"),
        "address": Variable("address of the metering point", "Meadow Lane 12, 1000 Sampletown", optional=True),
        "since": Variable("since when", "2026-01-15 12:00 CET"),
        "reminder": Variable("whether it was told before and still is so", "", optional=True),
        "retracted": Variable("whether it was told before and turned out not to be so", "", optional=True),
    },
    "password_reset": {
        "name": _NAME,
        "organisation": _ORGANISATION,
        "link": _link("sets a new password"),
        "valid_until": _UNTIL,
    },
    "report": {
        "organisation": _ORGANISATION,
        "sender": Variable("who sends it", "Robin Sample", optional=True),
        "title": Variable("what it is about", "Consumption of P-1, 1 to 31 January 2026", essential=True),
        "note": Variable("what the sender adds", "As we talked about.", optional=True),
    },
}
"""Variables by type of message. The list is closed: a template that names another is refused."""


def variables_of(kind: str) -> dict[str, Variable]:
    """The variables of a type.

    Raises:
        RegistryError: There is no such type.
    """
    if kind not in KINDS:
        raise RegistryError(f"There is no message type {kind!r}; there are {', '.join(KINDS)}.")
    return KINDS[kind]


def samples(kind: str) -> dict[str, Value]:
    """Sample values of a type's variables."""
    return {name: variable.sample for name, variable in variables_of(kind).items()}


def known_language(language: str) -> str:
    """The language itself.

    Raises:
        RegistryError: There are no templates in it.
    """
    if language not in LANGUAGES:
        raise RegistryError(f"There are no templates in {language!r}; the languages are {', '.join(LANGUAGES)}.")
    return language


def nearest_language(language: str) -> str:
    """The language messages are written in for somebody who asks for ``language``; English where there is none.

    Args:
        language: Language tag, such as ``de``, ``de-AT`` or ``pt_BR``.
    """
    return language_in(language) or DEFAULT_LANGUAGE


def language_in(tag: str) -> str | None:
    """The language of a tag, such as ``de-AT`` or ``pt_BR``; ``None`` where nothing is written in it."""
    base = tag.replace("_", "-").split("-", 1)[0].lower()
    base = _SAME.get(base, base)
    return base if base in LANGUAGES else None


def moment(at: datetime, zone: ZoneInfo) -> str:
    """An instant as messages in every language show it, to the minute, with its zone: ``2026-01-15 16:00 CET``."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
