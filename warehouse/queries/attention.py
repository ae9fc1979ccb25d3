"""What needs somebody's attention today, in few figures."""

from datetime import date, timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import (
    COLLECTOR_DAILY,
    INFO_CODE_EVENTS,
    MISSING_CAUSES_DAILY,
    READING_PERFORMANCE_DAILY,
    VEE_EXCEPTIONS,
)
from warehouse.schemas.frames import REJECTED_ROWS

WAITING = ("no_key", "wrong_key", "foreign", "unknown_format", "unsupported", "waiting")
"""Outcomes of frames that are decoded once what they wait for has come."""


def late_meters(lake: Readable, organisation: str, criterion: str = "daily") -> tuple[date, pl.DataFrame] | None:
    """Meters of which a reading is missing on the last day that is reckoned, by cause.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        criterion: By what they are judged.

    Returns:
        The local day, and ``cause`` and ``meters`` with the most frequent first (a meter counts once per cause);
        ``None`` where no day was ever reckoned.
    """
    rated = lake.scan(READING_PERFORMANCE_DAILY).filter(organisation=organisation, criterion=criterion)
    month = rated.select(pl.col("month").max()).collect().item()
    if month is None:
        return None
    day: date = rated.filter(month=month).select(pl.col("day").max()).collect().item()
    causes = (
        lake.scan(MISSING_CAUSES_DAILY)
        .filter(organisation=organisation, criterion=criterion, month=month)
        .filter(pl.col("day") == day)
        .group_by("cause")
        .agg(meters=pl.col("meter_id").n_unique().cast(pl.Int64))
        .sort("meters", "cause", descending=[True, False])
    )
    return day, causes.collect()


def counts(lake: Readable, organisation: str) -> dict[str, int]:
    """How many things wait for a person.

    Returns:
        ``high_codes`` (open episodes of info codes of high priority), ``high_code_meters`` (meters that they are of)
        and ``exceptions`` (open ones of validation).
    """
    codes = lake.scan(INFO_CODE_EVENTS).filter(
        pl.col("organisation") == organisation, pl.col("cleared_at").is_null(), pl.col("priority") == "high"
    )
    exceptions = lake.scan(VEE_EXCEPTIONS).filter(organisation=organisation, state="open")
    frames = pl.collect_all(
        [
            codes.select(high_codes=pl.len(), high_code_meters=pl.col("meter_id").n_unique()),
            exceptions.select(exceptions=pl.len()),
        ]
    )
    return {name: int(value) for frame in frames for name, value in frame.row(0, named=True).items()}


def silent_collectors(lake: Readable, organisation: str, gap_h: float) -> pl.DataFrame:
    """Collectors that deliver nothing while others do.

    Tables hold receptions, and know neither the clock nor when the next delivery is due: that nothing arrives from any
    is told by the landing ledger, see :func:`registry.outages.outage_since`; pages show it above these.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.
        gap_h: Hours behind the newest reception of any from which on one is silent.

    Returns:
        ``collector``, ``last_contact`` (UTC) and ``silent_h``, the longest silent first; collectors without a name are
        left out.
    """
    last = (
        lake.scan(COLLECTOR_DAILY)
        .filter(organisation=organisation)
        .filter(pl.col("collector") != "")
        .group_by("collector")
        .agg(pl.col("last_contact").max())
        .collect()
    )
    behind = (pl.col("last_contact").max() - pl.col("last_contact")).dt.total_seconds() / 3600
    return (
        last.with_columns(silent_h=behind.round(1))
        .filter(pl.col("silent_h") >= gap_h)
        .sort("silent_h", "collector", descending=[True, False])
    )


def waiting_frames(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Frames that wait, by what they wait for.

    Args:
        outcomes: From :func:`warehouse.queries.overview.outcomes_by_day`.

    Returns:
        ``outcome`` and ``frames``, the most frequent first.
    """
    return (
        outcomes.filter(pl.col("outcome").is_in(WAITING))
        .group_by("outcome")
        .agg(pl.col("frames").sum())
        .sort("frames", "outcome", descending=[True, False])
    )


def rejected_lines(lake: Readable, organisation: str, newest: date | None, days: int = 30) -> pl.DataFrame:
    """Files of which lines were rejected.

    Args:
        lake: Where the tables are.
        organisation: Whose files.
        newest: Newest day (UTC) on which frames arrived; ``None`` gives nothing.
        days: Days back from it.

    Returns:
        ``source_file``, ``landed_at`` and ``lines``, the youngest first.
    """
    rows = lake.scan(REJECTED_ROWS).filter(organisation=organisation)
    rows = rows.clear() if newest is None else rows.filter(pl.col("landed_day") >= newest - timedelta(days=days))
    return (
        rows.group_by("source_file", "source_sha256")
        .agg(pl.col("landed_at").max(), lines=pl.len().cast(pl.Int64))
        .drop("source_sha256")
        .sort("landed_at", "source_file", descending=[True, False])
        .collect()
    )
