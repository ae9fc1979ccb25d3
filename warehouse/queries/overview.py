"""The whole fleet at a glance: what is there, what arrived, what became of it."""

from datetime import date, timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import INFO_CODE_EVENTS, METERING_POINTS, METERS, READING_PERFORMANCE_DAILY
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS


def counts(lake: Readable, organisation: str) -> dict[str, int]:
    """How many of each there are.

    Returns:
        ``metering_points``, ``meters``, ``without_key`` (meters whose key is missing or wrong) and ``open_info_codes``.
    """
    own = pl.col("organisation") == organisation
    queries = {
        "metering_points": lake.scan(METERING_POINTS).filter(own),
        "meters": lake.scan(METERS).filter(own),
        "without_key": lake.scan(METERS).filter(own, pl.col("key_status").is_in(["missing", "wrong"])),
        "open_info_codes": lake.scan(INFO_CODE_EVENTS).filter(
            own, pl.col("cleared_at").is_null(), pl.col("priority") != "ignore"
        ),
    }
    frames = pl.collect_all([query.select(pl.len().alias(name)) for name, query in queries.items()])
    return {frame.columns[0]: int(frame.item()) for frame in frames}


def outcomes_by_day(lake: Readable, organisation: str, days: int = 30) -> pl.DataFrame:
    """What became of the frames of the last days on which any arrived.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        days: Days (UTC) back from the last arrival, that day included.

    Returns:
        ``landed_day``, ``outcome`` (``waiting`` where no attempt was made yet) and ``frames``.
    """
    return (
        _judged(lake, organisation, days)
        .group_by("landed_day", "outcome")
        .agg(frames=pl.len().cast(pl.Int64))
        .sort("landed_day", "outcome")
        .collect()
    )


def latest_imports(lake: Readable, organisation: str, days: int = 30, files: int = 10) -> pl.DataFrame:
    """The files that arrived last.

    Returns:
        ``source_file``, ``landed_at``, ``collectors``, ``frames``, ``decoded``, ``waiting`` (no key, foreign, unknown
        format or not tried yet) and ``damaged`` (corrupt or wrong key), the youngest first.
    """
    outcome = pl.col("outcome")
    return (
        _judged(lake, organisation, days)
        .group_by("source_file", "source_sha256")
        .agg(
            pl.col("landed_at").max(),
            collectors=pl.col("collector").drop_nulls().n_unique().cast(pl.Int64),
            frames=pl.len().cast(pl.Int64),
            decoded=outcome.is_in(["decoded", "partial"]).sum().cast(pl.Int64),
            waiting=outcome.is_in(["waiting", "no_key", "foreign", "unknown_format", "unsupported"])
            .sum()
            .cast(pl.Int64),
            damaged=outcome.is_in(["corrupt", "wrong_key"]).sum().cast(pl.Int64),
        )
        .sort("landed_at", "source_file", descending=[True, False])
        .head(files)
        .drop("source_sha256")
        .collect()
    )


def performance(lake: Readable, organisation: str, criterion: str = "daily") -> tuple[date, float] | None:
    """Reading performance of the fleet on the last day of which it is reckoned [%]; ``None`` where it never was."""
    rows = lake.scan(READING_PERFORMANCE_DAILY).filter(
        pl.col("organisation") == organisation, pl.col("criterion") == criterion, pl.col("expected") > 0
    )
    month = rows.select(pl.col("month").max()).collect().item()
    if month is None:
        return None
    sums = rows.filter(pl.col("month") == month).group_by("day").agg(pl.col("received", "expected").sum())
    found = sums.sort("day").tail(1).collect()
    day, received, expected = found.row(0)
    return day, 100 * received / expected


def _judged(lake: Readable, organisation: str, days: int) -> pl.LazyFrame:
    """Receptions of the last days with their latest outcome."""
    receptions = lake.scan(RECEPTIONS).filter(pl.col("organisation") == organisation)
    last = receptions.select(pl.col("landed_day").max()).collect().item()
    if last is None:
        return receptions.with_columns(outcome=pl.lit(None, pl.String))
    recent = pl.col("landed_day") > last - timedelta(days=days)
    latest = (
        lake.scan(OUTCOMES)
        .filter(pl.col("organisation") == organisation, recent)
        .sort("attempt")
        .group_by("frame_id")
        .agg(pl.col("outcome").last())
    )
    return (
        receptions.filter(recent)
        .join(latest, on="frame_id", how="left")
        .with_columns(pl.col("outcome").fill_null("waiting"))
    )
