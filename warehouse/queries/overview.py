"""The whole fleet at a glance: what is there, what arrived, what became of it."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.extents import newest
from warehouse.queries.readings import among
from warehouse.schemas import INFO_CODE_EVENTS, METERING_POINTS, METERS, READING_PERFORMANCE_DAILY, Table
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS

_FILE = ["source_file", "source_sha256"]
_DECODED = ["decoded", "partial"]
_WAITING = ["waiting", "no_key", "foreign", "unknown_format", "unsupported"]
_DAMAGED = ["corrupt", "wrong_key"]


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
    recent = _recent(lake, organisation, days)
    judged = _latest(lake, organisation, recent).group_by("landed_day", "outcome").agg(frames=pl.len().cast(pl.Int64))
    found = judged.collect(engine="streaming")
    untried = _untried(lake, organisation, recent, found).with_columns(outcome=pl.lit("waiting"))
    return pl.concat([found, untried.select(found.columns)]).sort("landed_day", "outcome")


def latest_imports(lake: Readable, organisation: str, days: int = 30, files: int = 10) -> pl.DataFrame:
    """The files that arrived last.

    Returns:
        ``source_file``, ``landed_at``, ``collectors``, ``frames``, ``decoded``, ``waiting`` (no key, foreign, unknown
        format or not tried yet) and ``damaged`` (corrupt or wrong key), the youngest first.
    """
    last = _last_files(lake, organisation, days, files)
    near = pl.col("landed_day").is_between(pl.lit(last["first_day"].min()), pl.lit(last["last_day"].max()))
    landed = _own(lake, RECEPTIONS, organisation, near).select(*_FILE, "frame_id", "landed_day")
    judged, outcome = _latest(lake, organisation, near), pl.col("outcome")
    tally = judged.group_by("landed_day").agg(frames=pl.len().cast(pl.Int64)).collect(engine="streaming")
    untried = pl.col("landed_day").is_in(_untried(lake, organisation, near, tally)["landed_day"].implode())
    waiting = landed.filter(untried).join(judged.filter(untried), on="frame_id", how="anti")
    # Nearly all are tried and decoded: what is joined is small.
    odd = judged.filter(~outcome.is_in(_DECODED)).select("frame_id", "outcome").collect(engine="streaming")
    others = landed.filter(among("frame_id", odd["frame_id"])).join(odd.lazy(), on="frame_id")
    counts = (
        pl.concat([others, waiting.with_columns(outcome=pl.lit("waiting"))])
        .join(last.lazy(), on=_FILE, how="semi")
        .group_by(_FILE)
        .agg(
            waiting=outcome.is_in(_WAITING).sum().cast(pl.Int64),
            damaged=outcome.is_in(_DAMAGED).sum().cast(pl.Int64),
            others=pl.len().cast(pl.Int64),
        )
        .collect(engine="streaming")
    )
    return (
        last.join(counts, on=_FILE, how="left", maintain_order="left")
        .with_columns(pl.col("waiting", "damaged", "others").fill_null(0))
        .with_columns(decoded=pl.col("frames") - pl.col("others"))
        .select("source_file", "landed_at", "collectors", "frames", "decoded", "waiting", "damaged")
    )


def performance(lake: Readable, organisation: str, criterion: str = "daily") -> tuple[date, float] | None:
    """Reading performance of the fleet on the last day of which it is reckoned [%]; ``None`` where it never was."""
    own = (pl.col("organisation") == organisation) & (pl.col("criterion") == criterion) & (pl.col("expected") > 0)
    month = newest(lake, READING_PERFORMANCE_DAILY, own)
    if month is None:
        return None
    rows = lake.scan(READING_PERFORMANCE_DAILY).filter(own, pl.col("month") == month)
    day, received, expected = (
        rows.group_by("day").agg(pl.col("received", "expected").sum()).sort("day").tail(1).collect().row(0)
    )
    return day, 100 * received / expected


def _recent(lake: Readable, organisation: str, days: int) -> pl.Expr:
    """Condition on ``landed_day``: one of the last days up to the newest on which anything landed."""
    last = newest(lake, RECEPTIONS, pl.col("organisation") == organisation)
    return pl.col("landed_day") > pl.lit(last, pl.Date) - timedelta(days=days)


def _last_files(lake: Readable, organisation: str, days: int, count: int) -> pl.DataFrame:
    """The files that arrived last, looked for day by day: one may have millions of frames."""
    last = newest(lake, RECEPTIONS, pl.col("organisation") == organisation)
    if not isinstance(last, date):
        return _files_of(lake, organisation, [])
    known = map(date.fromisoformat, lake.partitions(RECEPTIONS))
    arrived = [day for day in known if last - timedelta(days=days) < day <= last]
    found = _files_of(lake, organisation, arrived[-1:])
    for day in reversed(arrived[:-1]):
        if found.height >= count:
            break
        found = pl.concat([found, _files_of(lake, organisation, [day])])
    return found.sort("landed_at", "source_file", descending=[True, False]).head(count)


def _files_of(lake: Readable, organisation: str, days: Sequence[date]) -> pl.DataFrame:
    return (
        _own(lake, RECEPTIONS, organisation, pl.col("landed_day").is_in(list(days)))
        .group_by(_FILE)
        .agg(
            pl.col("landed_at").max(),
            first_day=pl.col("landed_day").min(),
            last_day=pl.col("landed_day").max(),
            collectors=pl.col("collector").drop_nulls().n_unique().cast(pl.Int64),
            frames=pl.len().cast(pl.Int64),
        )
        .collect(engine="streaming")
    )


def _own(lake: Readable, table: Table, organisation: str, which: pl.Expr) -> pl.LazyFrame:
    return lake.scan(table).filter(which, pl.col("organisation") == organisation)


def _latest(lake: Readable, organisation: str, which: pl.Expr) -> pl.LazyFrame:
    """The latest attempt of each frame: few are tried again, so that what is joined is small."""
    attempts = _own(lake, OUTCOMES, organisation, which)
    again = attempts.filter(pl.col("attempt") > 1).group_by("frame_id").agg(newest=pl.col("attempt").max())
    return attempts.join(again, on="frame_id", how="left").filter(pl.col("attempt") == pl.col("newest").fill_null(1))


def _untried(lake: Readable, organisation: str, which: pl.Expr, judged: pl.DataFrame) -> pl.DataFrame:
    """How many frames were not tried yet, by the days on which any was not.

    Args:
        lake: Where the tables are.
        organisation: Whose frames.
        which: Condition on ``landed_day``.
        judged: ``landed_day`` and ``frames``, those that were tried, all of a day in any number of rows.

    Returns:
        ``landed_day`` and ``frames``.
    """
    landed = _own(lake, RECEPTIONS, organisation, which).group_by("landed_day").agg(landed=pl.len().cast(pl.Int64))
    known = judged.group_by("landed_day").agg(pl.col("frames").sum())
    missing = pl.col("landed") - pl.col("frames").fill_null(0)
    return (
        landed.collect(engine="streaming")
        .join(known, on="landed_day", how="left")
        .select("landed_day", frames=missing)
        .filter(pl.col("frames") > 0)
    )
