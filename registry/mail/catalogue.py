"""The templates of an organisation: the shipped ones, its own, and which of them is sent."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.mail.kinds import DEFAULT_LANGUAGE, KINDS, LANGUAGES, known_language, nearest_language, samples
from registry.mail.kinds import variables_of as _check_kind
from registry.mail.rendering import Rendered, Source, Values, check_source, render
from registry.mail.shipped import shipped
from registry.models import ActiveMailTemplate, MailTemplate

SYSTEM = "System"
"""Name of the shipped template of each type and language. It is never changed or deleted: copy it."""

_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Template:
    """A template in the list.

    Attributes:
        kind: Type of the message.
        language: Its language.
        name: Its name; ``System`` for the shipped one.
        active: Whether it is the one that is sent.
        source: Its parts.
    """

    kind: str
    language: str
    name: str
    active: bool
    source: Source


def listing(
    session: Session,
    organisation: str,
    *,
    kind: str | None = None,
    language: str | None = None,
    name: str | None = None,
    active: bool | None = None,
) -> list[Template]:
    """The templates of an organisation, those of a type and language together, the shipped one first.

    Args:
        session: A transaction.
        organisation: Whose.
        kind: Only those of a type.
        language: Only those in a language.
        name: Only those whose name has this in it, in upper or lower case.
        active: Only those that are sent, or only the others.

    Raises:
        RegistryError: There is no such type or language.
    """
    kinds = list(KINDS) if kind is None else [kind] if _check_kind(kind) else []
    languages = list(LANGUAGES) if language is None else [known_language(language)]
    rows = session.scalars(
        select(MailTemplate)
        .where(
            MailTemplate.organisation == organisation,
            MailTemplate.kind.in_(kinds),
            MailTemplate.language.in_(languages),
        )
        .order_by(MailTemplate.name)
    ).all()
    choices = session.scalars(select(ActiveMailTemplate).where(ActiveMailTemplate.organisation == organisation))
    chosen = {(choice.kind, choice.language): choice.name for choice in choices}
    found = []
    for k in kinds:
        for lang in languages:
            sent = chosen.get((k, lang), SYSTEM)
            own = {row.name: _source(row) for row in rows if (row.kind, row.language) == (k, lang)}
            for title, source in {SYSTEM: shipped(k, lang), **own}.items():
                found.append(Template(k, lang, title, title == sent, source))
    wanted = (name or "").lower()
    return [t for t in found if wanted in t.name.lower() and active in (None, t.active)]


def template(session: Session, organisation: str, kind: str, language: str, name: str) -> Template:
    """One template.

    Raises:
        RegistryError: There is none of that type, language and name.
    """
    for found in listing(session, organisation, kind=kind, language=language):
        if found.name == name:
            return found
    raise RegistryError(f"There is no template {name!r} of the type {kind} in {language}; see the list of templates.")


def choose(session: Session, organisation: str, kind: str, language: str) -> Template:
    """The template a message is made from: the active one in the language, or in English where there is none in it.

    Args:
        session: A transaction.
        organisation: Who writes.
        kind: Type of the message.
        language: Language tag of the recipient, such as ``de-AT``.

    Raises:
        RegistryError: There is no such type.
    """
    nearest = nearest_language(language or DEFAULT_LANGUAGE)
    return listing(session, organisation, kind=kind, language=nearest, active=True)[0]


def preview(
    session: Session,
    organisation: str,
    kind: str,
    language: str,
    name: str | None = None,
    values: Values | None = None,
) -> Rendered:
    """What a message would look like, made as sending makes it.

    Args:
        session: A transaction.
        organisation: Who writes.
        kind: Type of the message.
        language: Language tag of the recipient.
        name: A template, active or not; by default the one that would be sent.
        values: Values known already, e.g. those of an invitation that is being written; samples stand for the others.

    Raises:
        RegistryError: There is no such template, or a value does not hold.
    """
    if name is None:
        found = choose(session, organisation, kind, language)
    else:
        found = template(session, organisation, kind, language, name)
    return render(kind, found.source, {**samples(kind), **(values or {})})


def copy(
    session: Session,
    organisation: str,
    kind: str,
    language: str,
    name: str,
    *,
    new_name: str = "",
    identity: str,
    now: datetime,
) -> str:
    """Copies a template; the copy is inactive.

    Args:
        session: A writing transaction.
        organisation: Whose.
        kind: Type of the message.
        language: Its language.
        name: Name of the original.
        new_name: Name of the copy; by default the original's with ``(copy)``, which the list shows under it.
        identity: Who copies.
        now: Instant of the change.

    Returns:
        Name of the copy.

    Raises:
        RegistryError: There is no original, or the name is taken or none.
    """
    original = template(session, organisation, kind, language, name)
    new_name = _free_name(session, organisation, kind, language, new_name or f"{name} (copy)")
    session.add(_row(organisation, kind, language, new_name, original.source, now))
    session.flush()
    _note(
        session, "mail.template.copied", organisation, (kind, language, new_name), identity, now, after={"from": name}
    )
    return new_name


def edit(
    session: Session,
    organisation: str,
    kind: str,
    language: str,
    name: str,
    source: Source,
    *,
    new_name: str = "",
    identity: str,
    now: datetime,
) -> None:
    """Saves a template of the organisation's own; where it is active, the next message is made from it.

    Args:
        session: A writing transaction.
        organisation: Whose.
        kind: Type of the message.
        language: Its language.
        name: Its name.
        source: What it says from now on.
        new_name: What it is called from now on; empty leaves its name.
        identity: Who edits.
        now: Instant of the change.

    Raises:
        RegistryError: There is none, it is a shipped one, the name is taken, or the template could not be sent.
    """
    before = _own(session, organisation, kind, language, name, "changed")
    check_source(kind, source)
    title = name
    if new_name and new_name != name:
        title = _free_name(session, organisation, kind, language, new_name)
    digests = _digests(before.source), _digests(source)
    _remove(session, organisation, kind, language, name)
    session.add(_row(organisation, kind, language, title, source, now))
    session.flush()
    if before.active:
        session.add(ActiveMailTemplate(organisation=organisation, kind=kind, language=language, name=title))
        session.flush()
    _note(
        session,
        "mail.template.edited",
        organisation,
        (kind, language, name),
        identity,
        now,
        before={"name": name, **digests[0]},
        after={"name": title, **digests[1]},
    )


def activate(
    session: Session, organisation: str, kind: str, language: str, name: str, *, identity: str, now: datetime
) -> str:
    """Makes a template the one that is sent; the one that was is inactive from now on.

    Args:
        session: A writing transaction.
        organisation: Whose.
        kind: Type of the message.
        language: Its language.
        name: Its name; ``System`` goes back to the shipped one.
        identity: Who activates.
        now: Instant of the change.

    Returns:
        Name of the one that was active before.

    Raises:
        RegistryError: There is no such template.
    """
    template(session, organisation, kind, language, name)
    before = listing(session, organisation, kind=kind, language=language, active=True)[0].name
    choice = session.get(ActiveMailTemplate, (organisation, kind, language))
    if choice is not None:
        session.delete(choice)
        session.flush()
    if name != SYSTEM:
        session.add(ActiveMailTemplate(organisation=organisation, kind=kind, language=language, name=name))
        session.flush()
    change = {"before": {"active": before}, "after": {"active": name}}
    _note(session, "mail.template.activated", organisation, (kind, language, name), identity, now, **change)
    return before


def delete(
    session: Session, organisation: str, kind: str, language: str, name: str, *, identity: str, now: datetime
) -> bool:
    """Deletes a template of the organisation's own. Where it was active, the shipped one is sent from now on.

    Args:
        session: A writing transaction.
        organisation: Whose.
        kind: Type of the message.
        language: Its language.
        name: Its name.
        identity: Who deletes.
        now: Instant of the change.

    Returns:
        Whether it was active.

    Raises:
        RegistryError: There is none, or it is a shipped one.
    """
    gone = _own(session, organisation, kind, language, name, "deleted")
    _remove(session, organisation, kind, language, name)
    before = {"active": gone.active, **_digests(gone.source)}
    _note(session, "mail.template.deleted", organisation, (kind, language, name), identity, now, before=before)
    return gone.active


def _own(session: Session, organisation: str, kind: str, language: str, name: str, done: str) -> Template:
    if name == SYSTEM:
        raise RegistryError(f"The template {SYSTEM} comes with Meterhouse and cannot be {done}; copy it instead.")
    return template(session, organisation, kind, language, name)


def _remove(session: Session, organisation: str, kind: str, language: str, name: str) -> None:
    key = {"organisation": organisation, "kind": kind, "language": language, "name": name}
    for model in (ActiveMailTemplate, MailTemplate):  # in this order: the first refers to the second
        session.execute(delete_rows(model).filter_by(**key))


def _free_name(session: Session, organisation: str, kind: str, language: str, name: str) -> str:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH:
        raise RegistryError(
            f"A template's name has 1 to {_NAME_LENGTH} printable characters and no blanks at either end."
        )
    taken = {found.name.lower() for found in listing(session, organisation, kind=kind, language=language)}
    if name.lower() in taken:
        raise RegistryError(f"There is a template {name!r} of the type {kind} in {language} already; name another.")
    return name


def _row(organisation: str, kind: str, language: str, name: str, source: Source, now: datetime) -> MailTemplate:
    return MailTemplate(
        organisation=organisation,
        kind=kind,
        language=language,
        name=name,
        subject=source.subject,
        text=source.text,
        html=source.html,
        changed_at=now,
    )


def _source(row: MailTemplate) -> Source:
    return Source(row.subject, row.text, row.html)


def _digests(source: Source) -> dict[str, str]:
    """Hashes of the parts: a template may name a person, and the audit log is kept for good."""
    parts = {"subject": source.subject, "text": source.text, "html": source.html}
    return {f"{part}_sha256": sha256(content.encode()).hexdigest() for part, content in parts.items()}


def _note(
    session: Session,
    event: str,
    organisation: str,
    key: tuple[str, str, str],
    identity: str,
    now: datetime,
    *,
    before: audit.Fields | None = None,
    after: audit.Fields | None = None,
) -> None:
    audit.record(
        session,
        organisation=organisation,
        event=event,
        identity=identity,
        now=now,
        target="/".join(key),
        before=before,
        after=after,
    )
