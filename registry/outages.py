"""Outages: nothing at all arrives any more, which only the clock can tell."""

from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import read_frame
from registry.models import File
from warehouse.schemas import INSTANT

LOOK_BACK = timedelta(days=28)
FEWEST_DAYS = 14
"""Days (UTC) of those looked back on with deliveries from which on an installation counts as fed regularly."""

_DAY = timedelta(days=1)


def outage_since(session: Session, organisation: str, gap: timedelta, now: datetime) -> datetime | None:
    """When the last file with frames landed, where the next one is overdue.

    It is overdue when it is later by ``gap`` than the longest pause but one of the four weeks up to the last file: a
    drop once a day is awaited for a day, one on working days over the weekend, and a single outage makes none usual.
    Of an installation that was fed on fewer days (:data:`FEWEST_DAYS`), as by hand or since few days, nobody can say
    so; one that was fed by nothing for four weeks is not in use any more.

    Args:
        session: A transaction.
        organisation: Whose files.
        gap: What the policy ``coverage`` calls a gap.
        now: The present, UTC.

    Returns:
        The instant, UTC; ``None`` where nothing is overdue.
    """
    if _landed(session, organisation, now - gap, 1).len():
        return None
    return _overdue(_landed(session, organisation, now - 2 * LOOK_BACK), gap, now)


def _landed(session: Session, organisation: str, since: datetime, limit: int | None = None) -> pl.Series:
    """When files landed since an instant that hold frames, or that nobody has read yet."""
    holds_frames = File.state.in_(("landed", "numbered")) | (File.frames > 0)
    # The arrival day has an index. What is landed afterwards for an older day is no delivery of these weeks.
    recent = (File.landed_day >= (since - _DAY).date(), File.landed_at > since)
    statement = select(File.landed_at).where(File.organisation == organisation, *recent, holds_frames)
    # Files that are fetched together have landed at one instant.
    return read_frame(session, statement.distinct().limit(limit), {"landed_at": INSTANT})["landed_at"]


def _overdue(landed: pl.Series, gap: timedelta, now: datetime) -> datetime | None:
    last: datetime | None = landed.max()  # type: ignore[assignment]
    if last is None or now - last >= LOOK_BACK:
        return None
    regular = landed.filter(landed >= last - LOOK_BACK).sort()
    if regular.dt.date().n_unique() < FEWEST_DAYS:
        return None
    usual: timedelta = regular.diff().drop_nulls().sort(descending=True)[1]
    return last if now - last >= usual + gap else None
