"""What is behind: arrival days with work left, and consumers with batches left."""

from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from assets.installation import Installation
from assets.steps.decoding import latest_outcomes, resolvable
from registry import ledger
from warehouse.schemas import RECEPTIONS


def stale_days(house: Installation) -> list[date]:
    """Arrival days with landed files not read, receptions without outcome, or receptions that can be decoded now.

    Args:
        house: The installation.

    Returns:
        The days (UTC) in order.
    """
    unread = ledger.pending_days(house.registry, house.organisation)
    receptions = house.lake.scan(RECEPTIONS).filter(pl.col("organisation") == house.organisation)
    undecoded = receptions.join(latest_outcomes(house), on="frame_id", how="anti").select("landed_day").unique()
    resolved = resolvable(house).select("landed_day").unique()
    days = pl.concat([undecoded, resolved]).collect()["landed_day"].to_list()
    return sorted({*unread, *days})


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
