"""Receptions that are copies of one transmission, and the one reading a meter has per reading time (§1.3).

Several collectors hear the same transmission, repeaters send it again, and files come late and in any order. Copies
carry the same ``telegram_key``. How far apart they may lie depends on the meter: with an access number the key itself
changes from transmission to transmission, so equal keys within a day are copies; without one a meter that measured
nothing new sends the same bytes again, and only receptions within seconds are.
"""

from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.repeats import alone
from warehouse.schemas.frames import TELEGRAMS
from warehouse.schemas.registers import REGISTERS
from warehouse.transforms.calendar import month

SAME_ACCESS_NUMBER = timedelta(hours=24)
"""Reach of a transmission with an access number (W2)."""
SAME_BYTES = timedelta(seconds=10)
"""Reach of a transmission without one (W1)."""
YIELDING = ("decoded", "partial")
"""Outcomes that give readings, best first."""

_TRANSMISSION = ("organisation", "telegram_id")

_ONE_VALUE = (
    *((register.name,) for register in REGISTERS),
    ("info_code", "info_code_kind"),
    ("device_time",),
    ("status",),
)


def cluster(
    receptions: pl.DataFrame,
    *,
    same_access_number: timedelta = SAME_ACCESS_NUMBER,
    same_bytes: timedelta = SAME_BYTES,
) -> pl.DataFrame:
    """Finds the transmission every reception belongs to.

    Receptions of one organisation and telegram key belong together when they were received within the reach of the
    transmission's first reception. The result depends on the set of receptions alone, not on their order. It follows
    for late files: a stretch of a key's receptions that lies further than the reach from the others may be clustered
    by itself, and doing so with all stored and new receptions of the stretch gives what one run over all would.

    Args:
        receptions: ``organisation``, ``frame_id``, ``telegram_key`` (null where the frame was not read that far),
            ``access_no`` (null where the link has none), ``received_at``; other columns are kept.
        same_access_number: Reach where an access number exists, end included.
        same_bytes: Reach where there is none, end included.

    Returns:
        The same rows in the same order with ``telegram_id``: the ``frame_id`` of the transmission's first reception
        (of equal times the smaller one); null without a telegram key.
    """
    has_number = pl.col("access_no").is_not_null()
    reach = pl.when(has_number).then(same_access_number).otherwise(same_bytes)
    gap = pl.col("received_at").diff().fill_null(timedelta())
    # A reception further than the reach from its predecessor begins a transmission whatever came before: it is not
    # linked. Null keys equal nothing.
    numbered = receptions.with_row_index("_row")
    single = alone(receptions, ["organisation", "telegram_key"])
    earliest = pl.when(pl.col("telegram_key").is_not_null()).then("frame_id").alias("telegram_id")
    once = numbered.filter(single).with_columns(earliest)
    stream = (pl.col("organisation"), pl.col("telegram_key"), has_number)
    same = pl.all_horizontal(part == part.shift(1) for part in stream).fill_null(value=False)
    ordered = (
        numbered.filter(~single)
        .sort("organisation", "telegram_key", has_number, "received_at", "frame_id")
        .with_columns(_reach=reach, _gap=gap, _linked=same & (gap <= reach))
    )
    first = _firsts(_micros(ordered["_gap"]), _micros(ordered["_reach"]), ordered["_linked"].to_numpy())
    firsts = pl.when(pl.Series(first, dtype=pl.Boolean)).then("frame_id").forward_fill()
    several = ordered.with_columns(telegram_id=pl.when(pl.col("telegram_key").is_not_null()).then(firsts))
    columns = ["_row", *receptions.columns, "telegram_id"]
    return pl.concat([once.select(columns), several.select(columns)]).sort("_row").drop("_row")


def _firsts(gap: NDArray[np.int64], reach: NDArray[np.int64], linked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Marks the first reception of every transmission.

    Args:
        gap: Time since the predecessor (us), shape (n,); read where linked.
        reach: Reach of the row (us), shape (n,).
        linked: Whether the row continues its predecessor's chain, shape (n,).

    Returns:
        Marks, shape (n,).
    """
    # All chains on one line, further apart than any reach: a search along it ends at the next chain's first at last.
    position = np.cumsum(np.where(linked, gap, reach.max(initial=0) + 1))
    following = np.searchsorted(position, position + reach, side="right")
    first = ~linked
    frontier = np.flatnonzero(first)
    while frontier.size:  # once per transmission of the longest chain, over all chains at a time
        frontier = following[frontier]
        frontier = frontier[frontier < gap.size]
        frontier = frontier[~first[frontier]]
        first[frontier] = True
    return first


def _micros(durations: pl.Series) -> NDArray[np.int64]:
    return durations.dt.total_microseconds().to_numpy()


def telegrams(clustered: pl.DataFrame) -> pl.DataFrame:
    """Sums receptions up to transmissions.

    Args:
        clustered: Receptions with ``telegram_id`` and ``outcome``; those without an id or a meter are left out.

    Returns:
        Rows of ``telegrams`` in no certain order; the outcome is that of the best copy.
    """
    known = clustered.filter(pl.col("telegram_id").is_not_null() & pl.col("meter_id").is_not_null())
    single = alone(known, _TRANSMISSION)
    told = ("telegram_key", "meter_id", "access_no", "outcome")
    once = known.filter(single).select(
        *_TRANSMISSION, *told, "received_at", last_received_at="received_at", receptions=pl.lit(1, pl.UInt32)
    )
    several = (
        known.filter(~single)
        .sort(_rank(), "received_at", "frame_id")
        .group_by(_TRANSMISSION)
        .agg(
            pl.col(told).first(),
            pl.col("received_at").min(),
            last_received_at=pl.col("received_at").max(),
            receptions=pl.len(),
        )
    )
    return TELEGRAMS.conform(pl.concat([once, several]).with_columns(month=month(pl.col("received_at"))))


def winners(clustered: pl.DataFrame) -> pl.DataFrame:
    """Picks the reception that gives a transmission's reading: the earliest one that could be decoded.

    Args:
        clustered: Receptions with ``telegram_id`` and ``outcome``.

    Returns:
        One of the rows per transmission that has a decoded or partial copy, in no certain order.
    """
    yielding = clustered.filter(pl.col("telegram_id").is_not_null() & pl.col("outcome").is_in(YIELDING))
    single = alone(yielding, _TRANSMISSION)
    several = yielding.filter(~single).sort("received_at", "frame_id").unique(_TRANSMISSION, keep="first")
    return pl.concat([yielding.filter(single), several])


def merge_readings(decoded: pl.DataFrame) -> pl.DataFrame:
    """Makes one reading of the telegrams of a meter that carry the same reading time.

    Args:
        decoded: Readings of the winning frames: ``organisation``, ``meter_id``, ``measured_at``, ``frame_id`` and any
            other columns of ``readings``.

    Returns:
        One row per organisation, meter and reading time, in no certain order. Each register, the device's time and the
        info code (together with its kind) come from the first frame, in order of ``frame_id``, that has them;
        ``flags`` are united, ``landed_at`` is when the last of them had arrived; all else comes from the first frame.
    """
    key = ["organisation", "meter_id", "measured_at"]
    single = alone(decoded, key)
    once, several = decoded.filter(single), decoded.filter(~single)
    values: list[pl.Expr] = []
    for group in _ONE_VALUE:
        present = [name for name in group if name in decoded.columns]
        values += [pl.col(name).filter(pl.col(present[0]).is_not_null()).first() for name in present]
    if "flags" in decoded.columns:
        flags = pl.col("flags").str.split(",").explode(empty_as_null=False, keep_nulls=False)
        values.append(flags.unique().sort().str.join(",").replace("", None).alias("flags"))
    if "landed_at" in decoded.columns:
        values.append(pl.col("landed_at").max())
    united = {name for group in (*_ONE_VALUE, ("flags", "landed_at")) for name in group}
    others = [name for name in decoded.columns if name not in united and name not in key]
    by_frame = several.sort("frame_id", nulls_last=True)
    merged = by_frame.group_by(key, maintain_order=True).agg(pl.col(others).first(), *values)
    return pl.concat([once, merged.select(decoded.columns)])


def _rank() -> pl.Expr:
    """Place of the outcome in the order of preference."""
    return pl.col("outcome").replace_strict(
        list(YIELDING), list(range(len(YIELDING))), default=len(YIELDING), return_dtype=pl.Int8
    )
