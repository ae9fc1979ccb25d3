"""Dropped files that were refused: how often each was tried, and whether it is tried again."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import select

from registry.models import RefusedImport
from registry.store import Registry

TRIES = 5
WHILE = timedelta(days=1)
"""A file is tried again until it was so often and for so long: what it waits for may come, such as its meters."""


def is_over(refusal: RefusedImport) -> bool:
    """Whether a file is left alone until it changes or somebody asks."""
    return refusal.tries >= TRIES and refusal.last_at - refusal.first_at >= WHILE


def note_refusal(
    registry: Registry, organisation: str, source: str, path: str, content: bytes, reason: str, now: datetime
) -> bool:
    """Counts an attempt at a file.

    Args:
        registry: The registry.
        organisation: Who imports.
        source: ``folder``, ``sftp`` or ``sftp_keys``.
        path: The file.
        content: What it held.
        reason: Why it was refused.
        now: When.

    Returns:
        Whether it is to be tried again. A file that holds something else by now begins anew.
    """
    digest = hashlib.sha256(content).hexdigest()
    with registry.begin() as session:
        row = session.get(RefusedImport, (organisation, _place(source, path)))
        if row is None:
            row = RefusedImport(organisation=organisation, place=_place(source, path), source=source, path=path)
            row.content = ""
            session.add(row)
        if row.content != digest:
            row.content, row.tries, row.first_at = digest, 0, now
        row.tries, row.last_at, row.reason = row.tries + 1, now, reason
        return not is_over(row)


def forget_refusal(registry: Registry, organisation: str, source: str, path: str) -> None:
    """Forgets a file that was taken or is gone."""
    with registry.begin() as session:
        row = session.get(RefusedImport, (organisation, _place(source, path)))
        if row is not None:
            session.delete(row)


def refusals(registry: Registry, organisation: str) -> list[RefusedImport]:
    """Refused files, the longest refused first."""
    statement = select(RefusedImport).where(RefusedImport.organisation == organisation)
    with registry.begin(readonly=True) as session:
        return list(session.scalars(statement.order_by(RefusedImport.first_at, RefusedImport.path)))


def _place(source: str, path: str) -> str:
    return hashlib.sha256(f"{source}:{path}".encode()).hexdigest()
