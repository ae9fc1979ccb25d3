"""Groups by name: new, renamed, deleted, with another rule. Each change is a new version; the older ones are kept."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.groups.builtin import BUILT_IN, PRIORITY, PRIORITY_ID
from registry.groups.errors import GroupError
from registry.groups.rules import Rule
from registry.models import Group, GroupMember

NAME_LENGTH = 100
_TAKEN = {name.casefold() for name in BUILT_IN}


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes groups, when and why.

    Attributes:
        organisation: Whose groups.
        identity: User or service.
        now: When.
        reason: Why, in their words.
    """

    organisation: str
    identity: str
    now: datetime
    reason: str | None = None


def create(session: Session, author: Author, name: str, rule: Rule | None = None) -> str:
    """Makes a group.

    Args:
        session: A writing transaction.
        author: Who, when and why.
        name: Its name.
        rule: Who belongs to it; without a rule people choose its members.

    Returns:
        The group's id.

    Raises:
        GroupError: The name cannot be one, or is taken.
    """
    name = _free(session, author.organisation, name)
    group_id = uuid4().hex
    _write(session, author, group_id, name, rule.stored() if rule else None)
    _record(session, author, "group.new", name, after={"rule": rule.told()} if rule else None)
    return group_id


def rename(session: Session, author: Author, name: str, new_name: str) -> None:
    """Gives a group another name; its members and their history stay with it.

    Raises:
        GroupError: There is no such group, it is built in, or the new name cannot be one or is taken.
    """
    group = own(session, author.organisation, name)
    new_name = _free(session, author.organisation, new_name, besides=group.group_id)
    group.known_to = author.now
    _write(session, author, group.group_id, new_name, group.rule)
    _record(session, author, "group.rename", name, before={"group": name}, after={"group": new_name})


def delete(session: Session, author: Author, name: str) -> None:
    """Deletes a group; its members, points and meters are untouched, and what it was remains known.

    Raises:
        GroupError: There is no such group, or it is built in.
    """
    group = own(session, author.organisation, name)
    group.known_to = author.now
    _record(session, author, "group.delete", name, before={"group": name})


def change_rule(session: Session, author: Author, name: str, rule: Rule) -> None:
    """Gives a group another rule.

    Raises:
        GroupError: There is no such group, it is built in, or its members are chosen by people.
    """
    group = own(session, author.organisation, name)
    if group.rule is None and has_members(session, group):
        raise GroupError(f"The members of {name} were chosen by people: make another group for the rule.")
    before = Rule.model_validate_json(group.rule).told() if group.rule else None
    group.known_to = author.now
    _write(session, author, group.group_id, group.group, rule.stored())
    _record(session, author, "group.rule", name, before={"rule": before}, after={"rule": rule.told()})


def rule_of(session: Session, organisation: str, name: str) -> Rule:
    """The rule of a group.

    Raises:
        GroupError: There is no such group, or it has no rule.
    """
    group = own(session, organisation, name)
    if group.rule is None:
        raise GroupError(f"{name} has no rule: its members are chosen by people.")
    return Rule.model_validate_json(group.rule)


def find(session: Session, organisation: str, name: str, known_at: datetime | None = None) -> Group | None:
    """The version of a group that people made; ``None`` where there is none of this name.

    Args:
        session: A transaction.
        organisation: Whose group.
        name: Its name, as it was then.
        known_at: As the system knew it then; ``None`` for now.
    """
    versions = select(Group).where(Group.organisation == organisation, Group.group == name.strip())
    if known_at is None:
        versions = versions.where(Group.known_to.is_(None))
    else:
        versions = versions.where(Group.known_from <= known_at, Group.known_to.is_(None) | (Group.known_to > known_at))
    return session.scalar(versions)


def own(session: Session, organisation: str, name: str) -> Group:
    """The current version of a group that people made.

    Raises:
        GroupError: There is none of this name, or it is built in.
    """
    if name.strip().casefold() in _TAKEN:
        raise GroupError(f"{name} is built in: it cannot be renamed, deleted or changed.")
    group = find(session, organisation, name)
    if group is None:
        raise GroupError(f"There is no group {name!r}; `meterhouse group list` names them.")
    return group


def chosen_id(session: Session, organisation: str, name: str) -> str:
    """The id of a group whose members people choose.

    Raises:
        GroupError: There is none of this name, or its members follow from a rule or are built in.
    """
    if name.strip() == PRIORITY:
        return PRIORITY_ID
    group = own(session, organisation, name)
    if group.rule is not None:
        raise GroupError(f"The members of {name} follow from its rule: change the rule instead.")
    return group.group_id


def has_members(session: Session, group: Group) -> bool:
    """Whether people chose members of a group."""
    statement = select(GroupMember.id).where(
        GroupMember.organisation == group.organisation,
        GroupMember.group_id == group.group_id,
        GroupMember.known_to.is_(None),
    )
    return session.scalar(statement.limit(1)) is not None


def _free(session: Session, organisation: str, name: str, besides: str | None = None) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise GroupError(f"A group's name has 1 to {NAME_LENGTH} printable characters.")
    if name.casefold() in _TAKEN:
        raise GroupError(f"{name} is the name of a built-in group; choose another.")
    names = session.execute(
        select(Group.group_id, Group.group).where(Group.organisation == organisation, Group.known_to.is_(None))
    ).all()
    if any(other.casefold() == name.casefold() and group_id != besides for group_id, other in names):
        raise GroupError(f"There is a group {name} already; choose another name.")
    return name


def _write(session: Session, author: Author, group_id: str, name: str, rule: str | None) -> None:
    session.add(
        Group(organisation=author.organisation, group_id=group_id, group=name, rule=rule, known_from=author.now)
    )
    session.flush()


def _record(
    session: Session,
    author: Author,
    event: str,
    name: str,
    before: audit.Fields | None = None,
    after: audit.Fields | None = None,
) -> None:
    audit.record(
        session,
        organisation=author.organisation,
        event=event,
        identity=author.identity,
        now=author.now,
        target=name,
        before=before,
        after=after,
        reason=author.reason,
    )
