"""What is behind: arrival days with work left, and consumers with batches left."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import polars as pl

from assets.installation import Installation
from assets.steps.decoding import latest_outcomes, means, of_days, resolvable
from assets.steps.unseen import note_seen, unseen
from registry import ledger
from registry.ledger import read_cursor, write_cursor
from warehouse.schemas import OUTCOMES, RECEPTIONS

_MEANS = "decoding:means"


def stale_days(house: Installation) -> list[date]:
    """Arrival days with landed files not read, receptions without outcome, or receptions that can be decoded now.

    Args:
        house: The installation.

    Returns:
        The days (UTC) in order.
    """
    unread = ledger.pending_days(house.registry, house.organisation)
    return sorted({*unread, *_decodable(house)})


def _decodable(house: Installation) -> list[date]:
    """Looks at what is new since nothing was left; at all that waits where something came that may resolve it."""
    present = means(house)
    known = read_cursor(house.registry, house.organisation, _MEANS)
    look = unseen(house, "decoding", (RECEPTIONS, OUTCOMES))
    news = [date.fromisoformat(day) for day in look.news()]
    if not news and present == known:
        return []
    owned = pl.col("organisation") == house.organisation
    receptions = house.lake.scan(RECEPTIONS).filter(owned, of_days(news)).select("frame_id", "landed_day")
    undecoded = receptions.join(latest_outcomes(house, of_days(news)), on="frame_id", how="anti")
    resolved = resolvable(house, of_days(news) if present == known else None)
    left = pl.concat([rows.select("landed_day").unique() for rows in (undecoded, resolved)])
    days: list[date] = left.collect(engine="streaming")["landed_day"].to_list()
    if not days:
        now = datetime.now(UTC)
        note_seen([look], now)
        write_cursor(house.registry, house.organisation, _MEANS, present, now)
    return days


def runs_of_days(days: list[date]) -> list[tuple[date, date]]:
    """Joins consecutive days.

    Args:
        days: Days in order, each once.

    Returns:
        First and last day of each unbroken run.
    """
    breaks = [index for index, (a, b) in enumerate(pairwise(days), start=1) if b - a > timedelta(days=1)]
    starts = [0, *breaks] if days else []
    return [(days[start], days[end - 1]) for start, end in zip(starts, [*breaks, len(days)], strict=False)]
