"""Members that people choose: dated, and with what was known before kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.frames import read_frame
from registry.groups import catalogue
from registry.groups.builtin import PRIORITY, PRIORITY_ID
from registry.groups.catalogue import Author
from registry.groups.errors import GroupError
from registry.groups.evaluation import rule_members
from registry.groups.intervals import CURRENT, Changes, extended, shortened
from registry.groups.inventory import read_inventory
from registry.groups.rules import Rule
from registry.inventory import capacity
from registry.models import GroupMember, Installation, MeteringPoint
from warehouse.schemas import INSTANT

_SHOWN = 5
"""Unknown names that a message gives."""
_FEW = 5000
"""Names up to which the database is asked about them alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change.

    Attributes:
        added: Points that belong to the group for a longer time than before.
        removed: Points that belong to it for a shorter time.
        unchanged: Points of which nothing changed.
    """

    added: int
    removed: int
    unchanged: int


def add(
    session: Session,
    author: Author,
    group: str,
    names: Sequence[str],
    *,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Outcome:
    """Adds points to a group.

    Args:
        session: A writing transaction.
        author: Who, when and why.
        group: A group whose members people choose.
        names: Metering points, or meters that are installed at one.
        valid_from: Since when they belong to it; ``None``: since a point's first installation, or, where it was a
            member before, from now on.
        valid_to: Until when; ``None`` for no end.

    Returns:
        What came of it.

    Raises:
        GroupError: The group does not exist or has no members of its own, or a name is no point of the organisation;
            nothing is changed then.
        CapacityError: There would be more priority meters than the capacity plan allows.
    """
    group_id = catalogue.chosen_id(session, author.organisation, group)
    points = resolve(session, author.organisation, names)
    current = _current(session, author.organisation, group_id)
    wanted = _wanted(session, author, points, current, valid_from, valid_to)
    changes = extended(current, wanted)
    _apply(session, author, group_id, changes)
    _check_quota(session, author, group_id, changes)
    outcome = Outcome(changes.keys, 0, len(points) - changes.keys)
    _record(session, author, "group.add", group, outcome, valid_from, valid_to)
    return outcome


def remove(
    session: Session,
    author: Author,
    group: str,
    names: Sequence[str],
    *,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Outcome:
    """Takes points out of a group.

    Args:
        session: A writing transaction.
        author: Who, when and why.
        group: A group whose members people choose.
        names: Metering points, or meters that are installed at one.
        valid_from: Since when they do not belong to it; ``None`` for now.
        valid_to: Until when they do not; ``None`` for ever.

    Returns:
        What came of it.

    Raises:
        GroupError: As :func:`add`.
    """
    group_id = catalogue.chosen_id(session, author.organisation, group)
    points = resolve(session, author.organisation, names)
    low = valid_from or author.now
    _check_period(low, valid_to)
    current = _current(session, author.organisation, group_id).join(pl.DataFrame({"key": points}), on="key")
    changes = shortened(current, low, valid_to)
    _apply(session, author, group_id, changes)
    outcome = Outcome(0, changes.keys, len(points) - changes.keys)
    _record(session, author, "group.remove", group, outcome, low, valid_to)
    return outcome


def add_all(
    session: Session,
    organisation: str,
    group: str,
    points: Sequence[str],
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> Outcome:
    """Makes a group contain exactly the rows of a result: what "add all to group" of a report does.

    Args:
        session: A writing transaction.
        organisation: Whose group.
        group: Its name; it is made where there is none. Members that are not among the rows leave it now.
        points: Metering points, or meters that are installed at one; repeated ones count once.
        identity: Who does it.
        now: When.
        reason: Why.

    Returns:
        What came of it.

    Raises:
        GroupError: As :func:`add`, or there are no rows.
    """
    if not points:
        raise GroupError(f"There are no rows to add to {group}.")
    author = Author(organisation, identity, now, reason)
    if group.strip() != PRIORITY and catalogue.find(session, organisation, group) is None:
        catalogue.create(session, author, group)
    group_id = catalogue.chosen_id(session, organisation, group)
    rows = resolve(session, organisation, points)
    current = _current(session, organisation, group_id)
    others = current.filter(~pl.col("key").is_in(rows))
    gone = shortened(others, author.now, None)
    _apply(session, author, group_id, gone)
    come = extended(current, _wanted(session, author, rows, current, None, None))
    _apply(session, author, group_id, come)
    _check_quota(session, author, group_id, come)
    outcome = Outcome(come.keys, gone.keys, len(rows) - come.keys)
    _record(session, author, "group.add_all", group, outcome, None, None)
    return outcome


def members(session: Session, organisation: str, group: str, known_at: datetime | None = None) -> pl.DataFrame:
    """The members that people chose, or that a rule takes.

    Those of a rule are found anew: by the rule as it stood then, from the installations as they were known then and the
    places of who lived there then. What a meter or a point is has no versions and is as it is known now.

    Args:
        session: A transaction.
        organisation: Whose group.
        group: Its name, as it was then.
        known_at: As the system knew it then; ``None`` for now.

    Returns:
        ``metering_point``, ``valid_from`` and ``valid_to``, by point and time.

    Raises:
        GroupError: There was no group of this name, or it is built in.
    """
    group_id = PRIORITY_ID
    if group.strip() != PRIORITY:
        version = catalogue.find(session, organisation, group, known_at) or catalogue.own(session, organisation, group)
        if version.rule is not None:
            rule = Rule.model_validate_json(version.rule)
            found = rule_members(read_inventory(session, organisation, known_at), [(organisation, group, rule)])
            return found.select("metering_point", "valid_from", "valid_to").sort("metering_point", "valid_from")
        group_id = version.group_id
    rows = _current(session, organisation, group_id, known_at).drop("id").rename({"key": "metering_point"})
    return rows.sort("metering_point", "valid_from")


def resolve(session: Session, organisation: str, names: Sequence[str]) -> list[str]:
    """The metering points that names mean: points themselves, or those where meters are installed now.

    Raises:
        GroupError: A name is neither.
    """
    asked = list(dict.fromkeys(name.strip() for name in names))
    places = select(MeteringPoint.metering_point).where(MeteringPoint.organisation == organisation)
    if len(asked) <= _FEW:
        places = places.where(MeteringPoint.metering_point.in_(asked))
    points = set(session.scalars(places))
    of_meter: dict[str, str] = {}
    if not points.issuperset(asked):
        installed = select(Installation.meter_id, Installation.metering_point).where(
            Installation.organisation == organisation,
            Installation.known_to.is_(None),
            Installation.removed_at.is_(None),
        )
        if len(asked) <= _FEW:
            installed = installed.where(Installation.meter_id.in_(asked))
        of_meter = {row.meter_id: row.metering_point for row in session.execute(installed)}
    unknown = [name for name in asked if name not in points and name not in of_meter]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise GroupError(
            f"No metering point and no installed meter: {', '.join(unknown[:_SHOWN])}{more}. Nothing was changed."
        )
    return list(dict.fromkeys(name if name in points else of_meter[name] for name in asked))


def _wanted(
    session: Session,
    author: Author,
    points: list[str],
    current: pl.DataFrame,
    valid_from: datetime | None,
    valid_to: datetime | None,
) -> pl.DataFrame:
    """The time that each point is to be a member."""
    wanted = pl.DataFrame({"key": points}, {"key": pl.String})
    begin = pl.lit(valid_from, INSTANT)
    if valid_from is None:
        first = select(Installation.metering_point, func.min(Installation.installed_at)).where(
            Installation.organisation == author.organisation, Installation.known_to.is_(None)
        )
        if len(points) <= _FEW:
            first = first.where(Installation.metering_point.in_(points))
        rows = [tuple(row) for row in session.execute(first.group_by(Installation.metering_point))]
        begins = pl.DataFrame(rows, {"key": pl.String, "begin": INSTANT}, orient="row")
        before = current.select("key", member=pl.lit(value=True)).unique()
        wanted = wanted.join(begins, on="key", how="left", maintain_order="left").join(
            before, on="key", how="left", maintain_order="left"
        )
        now = pl.lit(author.now, INSTANT)
        # A point that is to be installed later belongs from that on.
        begin = pl.when("member").then(now).otherwise(pl.col("begin").fill_null(now))
    else:
        _check_period(valid_from, valid_to)
    wanted = wanted.select("key", valid_from=begin, valid_to=pl.lit(valid_to, INSTANT))
    if valid_to is not None and (wanted["valid_from"] >= valid_to).any():
        raise GroupError("The membership would end before it begins: give its beginning, too.")
    return wanted


def _current(session: Session, organisation: str, group_id: str, known_at: datetime | None = None) -> pl.DataFrame:
    g = GroupMember
    statement = select(g.id, g.metering_point, g.valid_from, g.valid_to).where(
        g.organisation == organisation, g.group_id == group_id
    )
    if known_at is None:
        statement = statement.where(g.known_to.is_(None))
    else:
        statement = statement.where(g.known_from <= known_at, g.known_to.is_(None) | (g.known_to > known_at))
    return read_frame(session, statement, CURRENT)


def _apply(session: Session, author: Author, group_id: str, changes: Changes) -> None:
    if changes.ended.len():
        session.execute(update(GroupMember), [{"id": row, "known_to": author.now} for row in changes.ended])
    if changes.new.height:
        rows = changes.new.rename({"key": "metering_point"}).with_columns(
            organisation=pl.lit(author.organisation), group_id=pl.lit(group_id), known_from=pl.lit(author.now, INSTANT)
        )
        session.execute(insert(GroupMember), rows.to_dicts())
    session.flush()


def _check_quota(session: Session, author: Author, group_id: str, come: Changes) -> None:
    """Refuses more priority meters, now or later, than the capacity plan allows."""
    if group_id != PRIORITY_ID or not come.keys:
        return
    lasting = (pl.col("valid_to") > author.now).fill_null(value=True)
    count = _current(session, author.organisation, group_id).filter(lasting)["key"].n_unique()
    most = capacity.priority_quota(session, author.organisation)
    if count > most:
        raise capacity.CapacityError(
            f"{most} priority meters are allowed, and these would be {count}. Take some out of {PRIORITY}, or "
            "raise the plan: meterhouse meter capacity set --priority."
        )


def _check_period(low: datetime, high: datetime | None) -> None:
    if high is not None and high <= low:
        raise GroupError(f"The period ends ({high:%Y-%m-%d}) before it begins ({low:%Y-%m-%d}).")


def _record(
    session: Session,
    author: Author,
    event: str,
    group: str,
    outcome: Outcome,
    valid_from: datetime | None,
    valid_to: datetime | None,
) -> None:
    period = {"valid_from": valid_from, "valid_to": valid_to}
    audit.record(
        session,
        organisation=author.organisation,
        event=event,
        identity=author.identity,
        now=author.now,
        target=group.strip(),
        reason=author.reason,
        details={
            "added": outcome.added,
            "removed": outcome.removed,
            "unchanged": outcome.unchanged,
            **{name: value for name, value in period.items() if value is not None},
        },
    )
