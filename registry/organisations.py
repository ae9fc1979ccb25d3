"""Organisations: a tree in which visibility flows down, and partners beside it."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.models import Organisation, Partner

_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

NO_PARTNER = "There is no organisation of that id, or it does not take you as a partner."
"""One text for both, so that ids cannot be found by trying."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An organisation as its list shows it.

    Attributes:
        organisation: Short name.
        public_id: Id to give to others; it never changes.
        name: Name.
        own_reference: What its parent calls it.
        parent: Short name of the one above; ``None`` at the root, and where the reader may not see it.
        may_create_children: Whether it may make organisations below itself.
        accepts_partners: Whether others that have its id may name it a partner.
    """

    organisation: str
    public_id: str
    name: str
    own_reference: str | None
    parent: str | None
    may_create_children: bool
    accepts_partners: bool


def root(session: Session, organisation: str, now: datetime) -> Organisation:
    """The row of an organisation; one that has none yet, as the first of an installation, is a root and gets it."""
    found = session.get(Organisation, organisation)
    if found is None:
        found = Organisation(
            organisation=organisation,
            public_id=str(uuid.uuid4()),
            name=organisation,
            own_reference=None,
            parent=None,
            may_create_children=True,
            accepts_partners=True,
            created_at=now,
        )
        session.add(found)
        session.flush()
    return found


def is_known(session: Session, organisation: str) -> bool:
    """Whether there is an organisation of a short name."""
    return session.get(Organisation, organisation) is not None


def admit(session: Session, organisation: str, now: datetime) -> None:
    """Lets an installation work for an organisation: the first one it ever works for is made, others must be there.

    Args:
        session: A writing transaction.
        organisation: Short name that the settings give.
        now: Instant, UTC.

    Raises:
        RegistryError: There are organisations, and none of this name, or the name is none.
    """
    if is_known(session, organisation):
        return
    if session.scalar(select(Organisation.organisation).limit(1)) is not None:
        raise RegistryError(f"There is no organisation {organisation}; 'meterhouse org add' makes one below another.")
    if not _SHORT_NAME.fullmatch(organisation):
        raise RegistryError(f"{organisation!r} is no short name: up to 64 letters, digits, _ and -.")
    made = root(session, organisation, now)
    audit.record(
        session,
        organisation=organisation,
        event="organisations.add",
        identity="service:installation",
        now=now,
        target=organisation,
        after=_fields(made),
    )


def visible(session: Session, organisation: str) -> list[str]:
    """An organisation and all below it, parents before their children."""
    children: dict[str | None, list[str]] = {}
    for child, parent in session.execute(select(Organisation.organisation, Organisation.parent)):
        children.setdefault(parent, []).append(child)
    found = [organisation]
    for above in found:
        found += sorted(children.get(above, []))
    return found


def above(session: Session, organisation: str) -> list[str]:
    """The organisations above one, the nearest first."""
    found: list[str] = []
    parent = session.scalar(select(Organisation.parent).where(Organisation.organisation == organisation))
    while parent is not None:
        found.append(parent)
        parent = session.scalar(select(Organisation.parent).where(Organisation.organisation == parent))
    return found


def listed(
    session: Session,
    organisation: str,
    *,
    name: str | None = None,
    parent: str | None = None,
    own_reference: str | None = None,
) -> list[Entry]:
    """The organisations that one sees.

    Args:
        session: A transaction.
        organisation: Who looks.
        name: Part of the short or long name, in any case.
        parent: Short name of the one above.
        own_reference: Part of the reference, in any case.

    Returns:
        Itself and those below that fit.
    """
    order = {short: place for place, short in enumerate(visible(session, organisation))}
    rows = session.scalars(select(Organisation).where(Organisation.organisation.in_(order))).all()
    return [
        _entry(row, order)
        for row in sorted(rows, key=lambda row: order[row.organisation])
        if (name is None or name.casefold() in f"{row.organisation} {row.name}".casefold())
        and (parent is None or (row.parent == parent and parent in order))
        and (own_reference is None or own_reference.casefold() in (row.own_reference or "").casefold())
    ]


def add(
    session: Session,
    organisation: str,
    new: str,
    *,
    name: str,
    identity: str,
    now: datetime,
    parent: str | None = None,
    own_reference: str | None = None,
    may_create_children: bool = False,
) -> Entry:
    """Adds an organisation below another one.

    Args:
        session: A writing transaction.
        organisation: Who adds it.
        new: Short name: letters, digits, ``_`` and ``-``; it never changes.
        name: Name.
        identity: Who acts.
        now: Instant of the change.
        parent: Short name of the one above; by default the one that adds it.
        own_reference: What the parent calls it.
        may_create_children: Whether it may make organisations below itself.

    Returns:
        The new entry.

    Raises:
        RegistryError: The name is none or taken, or the parent is not seen or may not have children.
    """
    root(session, organisation, now)
    above_it = seen(session, organisation, parent or organisation)
    if not above_it.may_create_children:
        raise RegistryError(f"{above_it.organisation} may not create organisations; the one above it may allow that.")
    if not _SHORT_NAME.fullmatch(new):
        raise RegistryError(f"{new!r} is no short name: up to 64 letters, digits, _ and -.")
    if session.get(Organisation, new) is not None:
        raise RegistryError(f"The short name {new} cannot be used; take another one.")
    row = Organisation(
        organisation=new,
        public_id=str(uuid.uuid4()),
        name=name,
        own_reference=own_reference,
        parent=above_it.organisation,
        may_create_children=may_create_children,
        accepts_partners=True,
        created_at=now,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        organisation=organisation,
        event="organisations.add",
        identity=identity,
        now=now,
        target=new,
        after=_fields(row),
    )
    return _entry(row, [new, above_it.organisation])


def edit(
    session: Session,
    organisation: str,
    which: str,
    *,
    identity: str,
    now: datetime,
    name: str | None = None,
    own_reference: str | None = None,
    may_create_children: bool | None = None,
    accepts_partners: bool | None = None,
) -> Entry:
    """Changes an organisation; what is ``None`` stays.

    Args:
        session: A writing transaction.
        organisation: Who changes it.
        which: Short name of the one that is changed.
        identity: Who acts.
        now: Instant of the change.
        name: Name.
        own_reference: What the parent calls it.
        may_create_children: Whether it may make organisations below itself; no organisation gives itself that.
        accepts_partners: Whether others that have its id may name it a partner.

    Returns:
        The entry as it is now.

    Raises:
        RegistryError: It is not seen, or it would allow what it may not itself.
    """
    own = root(session, organisation, now)
    row = seen(session, organisation, which)
    if may_create_children and not row.may_create_children and which == organisation:
        raise RegistryError("Only the organisation above may allow one to create organisations.")
    if may_create_children and not own.may_create_children:
        raise RegistryError(f"{organisation} may not create organisations, and so lets no other do it.")
    before = _fields(row)
    for field, value in (
        ("name", name),
        ("own_reference", own_reference),
        ("may_create_children", may_create_children),
        ("accepts_partners", accepts_partners),
    ):
        if value is not None:
            setattr(row, field, value)
    after = _fields(row)
    changed = [field for field in after if after[field] != before[field]]
    if changed:
        audit.record(
            session,
            organisation=organisation,
            event="organisations.edit",
            identity=identity,
            now=now,
            target=which,
            before={field: before[field] for field in changed},
            after={field: after[field] for field in changed},
        )
    return _entry(row, visible(session, organisation))


def seen(session: Session, organisation: str, which: str) -> Organisation:
    """The row of an organisation that another one sees.

    Raises:
        RegistryError: There is none, or it is not below.
    """
    row = session.get(Organisation, which) if which in visible(session, organisation) else None
    if row is None:
        raise RegistryError(f"There is no organisation {which} that {organisation} sees.")
    return row


def add_partner(session: Session, organisation: str, public_id: str, *, identity: str, now: datetime) -> str:
    """Names an organisation outside of one's tree a partner, by the id it has given away.

    Args:
        session: A writing transaction.
        organisation: Who adds it.
        public_id: The other one's id.
        identity: Who acts.
        now: Instant of the change.

    Returns:
        Its short name.

    Raises:
        RegistryError: There is none of that id, or it refuses; the text is the same.
    """
    root(session, organisation, now)
    other = session.scalar(select(Organisation).where(Organisation.public_id == public_id.strip().lower()))
    if other is None or other.organisation == organisation or not other.accepts_partners:
        raise RegistryError(NO_PARTNER)
    link = session.get(Partner, (organisation, other.organisation))
    if link is not None and link.revoked_by == other.organisation:
        raise RegistryError(NO_PARTNER)
    if link is None:
        session.add(Partner(organisation=organisation, partner=other.organisation, linked_at=now))
    elif link.revoked_at is None:
        return other.organisation
    else:
        link.linked_at, link.revoked_at, link.revoked_by = now, None, None
    _note_both(session, "partners.add", organisation, other.organisation, identity, now)
    return other.organisation


def revoke_partner(session: Session, organisation: str, other: str, *, identity: str, now: datetime) -> None:
    """Ends a partnership from either side; only the side that ended it may take it up again.

    Args:
        session: A writing transaction.
        organisation: Who ends it.
        other: Short name of the other one.
        identity: Who acts.
        now: Instant of the change.

    Raises:
        RegistryError: There is none.
    """
    links = [link for link in _links(session, organisation) if other in {link.organisation, link.partner}]
    if not links:
        raise RegistryError(f"{other} is no partner.")
    for link in links:
        link.revoked_at, link.revoked_by = now, organisation
    _note_both(session, "partners.revoke", organisation, other, identity, now)


def partners(session: Session, organisation: str) -> list[str]:
    """Short names of the partners, whichever side named the other."""
    links = _links(session, organisation)
    return sorted({link.partner if link.organisation == organisation else link.organisation for link in links})


def _links(session: Session, organisation: str) -> Sequence[Partner]:
    mine = or_(Partner.organisation == organisation, Partner.partner == organisation)
    return session.scalars(select(Partner).where(mine, Partner.revoked_at.is_(None))).all()


def reachable(session: Session, organisation: str, which: str) -> str:
    """An organisation that devices may be handed to: below one, or a partner.

    Args:
        session: A transaction.
        organisation: Who hands them over.
        which: Short name or public id.

    Returns:
        Its short name.

    Raises:
        RegistryError: It is neither.
    """
    short = session.scalar(select(Organisation.organisation).where(Organisation.public_id == which.strip().lower()))
    wanted = short or which
    if wanted not in {*visible(session, organisation), *partners(session, organisation)}:
        raise RegistryError(
            f"{which} is neither below {organisation} nor its partner: see 'meterhouse org partner add'."
        )
    return wanted


def _note_both(session: Session, event: str, one: str, other: str, identity: str, now: datetime) -> None:
    for organisation, target in ((one, other), (other, one)):
        audit.record(
            session, organisation=organisation, event=event, identity=identity, now=now, target=target,
            details={"by": one},
        )  # fmt: skip


def _entry(row: Organisation, order: Sequence[str] | dict[str, int]) -> Entry:
    return Entry(
        row.organisation,
        row.public_id,
        row.name,
        row.own_reference,
        row.parent if row.parent in order else None,
        row.may_create_children,
        row.accepts_partners,
    )


def _fields(row: Organisation) -> dict[str, object]:
    return {
        "name": row.name,
        "own_reference": row.own_reference,
        "parent": row.parent,
        "may_create_children": row.may_create_children,
        "accepts_partners": row.accepts_partners,
    }
