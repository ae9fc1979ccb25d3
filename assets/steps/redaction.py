"""Frames that are to go, in the landing archive and in the ledger.

The archive keeps what is left of a file in its place; the ledger keeps the file's hash, how many frames it held, and
how many of them are gone. Together with the receptions in the lake that must add up at any moment (law 1).
"""

from collections.abc import Sequence
from datetime import date
from functools import partial

import polars as pl
from sqlalchemy.orm import Session

from assets.installation import Installation
from connectors.landing import redact
from decoders.framefiles import without_lines
from registry import ledger
from warehouse.schemas import RECEPTIONS


def places(receptions: pl.LazyFrame) -> pl.LazyFrame:
    """Adds ``position``: where in its file a reception stands."""
    return receptions.with_columns(position=pl.col("frame_id").str.split("-").list.last())


def redact_lines(house: Installation, lines: pl.DataFrame) -> None:
    """Blanks lines of files in the landing archive; can be repeated.

    Args:
        house: The installation.
        lines: ``source_sha256`` and ``position`` of what is to go; with ``is_last``, whether its file holds nothing
            else that stays, and is emptied.
    """
    for (sha256,), mine in lines.group_by("source_sha256"):
        if "is_last" in mine.columns and mine["is_last"].all():
            redact(house.settings.landing_path, str(sha256), _emptied)
        else:
            redact(house.settings.landing_path, str(sha256), partial(_blanked, frozenset(mine["position"])))


def unsettled_days(house: Installation, days: Sequence[date] | None = None) -> pl.DataFrame:
    """Arrival days whose receptions are not as many as the ledger says.

    Args:
        house: The installation.
        days: Arrival days to look at; ``None`` takes all.

    Returns:
        ``landed_day`` and ``missing``: frames in read files that are neither in the lake nor known to be gone.
    """
    among = pl.lit(value=True) if days is None else pl.col("landed_day").is_in(list(days))
    known = ledger.frames_by_day(house.registry, house.organisation).filter(among)
    own = house.lake.scan(RECEPTIONS).filter(pl.col("organisation") == house.organisation, among)
    there = own.group_by("landed_day").agg(there=pl.len().cast(pl.Int64)).collect(engine="streaming")
    both = known.join(there, on="landed_day", how="left").with_columns(
        missing=pl.col("frames") - pl.col("there").fill_null(0)
    )
    return both.filter(pl.col("missing") != 0).select("landed_day", "missing").sort("landed_day")


def settle_files(house: Installation, session: Session, days: list[date]) -> int:
    """Notes in the ledger how many frames of the files of some arrival days are gone.

    Args:
        house: The installation; nobody else writes to the lake meanwhile.
        session: A writing transaction.
        days: Arrival days.

    Returns:
        Frames that are newly known to be gone.
    """
    mine = (pl.col("organisation") == house.organisation) & pl.col("landed_day").is_in(days)
    left = house.lake.scan(RECEPTIONS).filter(mine).group_by("source_sha256").len().collect(engine="streaming")
    return ledger.settle(session, house.organisation, days, dict(left.iter_rows()))


def _blanked(positions: frozenset[str], content: bytes) -> bytes:
    return without_lines(content, "a landed file", positions)


def _emptied(_content: bytes) -> bytes:
    return b""
