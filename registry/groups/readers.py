"""Which collector is expected to read a group: all meters of an M-Bus master, say."""

from datetime import datetime

import polars as pl
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.frames import read_frame
from registry.groups import catalogue
from registry.groups.catalogue import Author
from registry.groups.errors import GroupError
from registry.groups.intervals import CURRENT, Changes, shortened
from registry.models import Collector, GroupReader
from warehouse.schemas import INSTANT


def assign(session: Session, author: Author, collector: str, group: str, valid_from: datetime | None = None) -> None:
    """Makes a collector the expected reader of a group; a collector has one group at a time, a group any number.

    Args:
        session: A writing transaction.
        author: Who, when and why.
        collector: A known collector.
        group: A group that people made.
        valid_from: Since when; ``None`` for now.

    Raises:
        GroupError: The collector is unknown, or the group does not exist or is built in.
    """
    found = catalogue.own(session, author.organisation, group)
    if session.get(Collector, (author.organisation, collector)) is None:
        raise GroupError(f"There is no collector {collector!r}: it is known once it has delivered, or was registered.")
    begin = valid_from or author.now
    changes = shortened(_current(session, author.organisation, collector), begin, None)
    row = pl.DataFrame({"key": [found.group_id], "valid_from": [begin]}, {"key": pl.String, "valid_from": INSTANT})
    new = pl.concat([changes.new, row.with_columns(valid_to=pl.lit(None, INSTANT))])
    _apply(session, author, collector, Changes(changes.ended, new, 1))
    _record(session, author, "group.reader.assign", collector, {"group": found.group, "valid_from": begin})


def release(session: Session, author: Author, collector: str) -> None:
    """Ends the assignment of a collector now.

    Raises:
        GroupError: It reads no group.
    """
    changes = shortened(_current(session, author.organisation, collector), author.now, None)
    if not changes.keys:
        raise GroupError(f"The collector {collector!r} reads no group.")
    _apply(session, author, collector, changes)
    _record(session, author, "group.reader.release", collector, None)


def _current(session: Session, organisation: str, collector: str) -> pl.DataFrame:
    r = GroupReader
    statement = select(r.id, r.group_id, r.valid_from, r.valid_to).where(
        r.organisation == organisation, r.collector == collector, r.known_to.is_(None)
    )
    return read_frame(session, statement, CURRENT)


def _apply(session: Session, author: Author, collector: str, changes: Changes) -> None:
    if changes.ended.len():
        session.execute(update(GroupReader), [{"id": row, "known_to": author.now} for row in changes.ended])
    if changes.new.height:
        rows = changes.new.rename({"key": "group_id"}).with_columns(
            organisation=pl.lit(author.organisation),
            collector=pl.lit(collector),
            known_from=pl.lit(author.now, INSTANT),
        )
        session.execute(insert(GroupReader), rows.to_dicts())
    session.flush()


def _record(session: Session, author: Author, event: str, collector: str, after: audit.Fields | None) -> None:
    audit.record(
        session,
        organisation=author.organisation,
        event=event,
        identity=author.identity,
        now=author.now,
        target=collector,
        after=after,
        reason=author.reason,
    )
