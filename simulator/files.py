"""Files as concentrators and utilities write them."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import zstandard

from simulator.incidents import collector_name
from simulator.population import Fleet
from warehouse.phrases import phrase

REJECTED = "rejected_row"
"""Outcome in the truth of lines that hold no frame."""

_COMPRESSIONS = ("", ".gz", ".zst")
_BAD_LINES = ("no_hex", "too_short", "no_time")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV file with header; None becomes an empty field."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes bytes, compressed as the file's name says; equal content gives equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        content = gzip.compress(content, compresslevel=6, mtime=0)
    elif path.suffix == ".zst":
        content = zstandard.ZstdCompressor(level=3).compress(content)
    path.write_bytes(content)


def write_frames(fleet: Fleet, frames: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Writes the concentrators' files, one per concentrator and UTC day.

    Args:
        fleet: Parameters.
        frames: Receptions as ``radio.frames_table`` gives them, of all kinds.
        folder: Where ``frames/`` and ``frames_late/`` go.

    Returns:
        One row per line written: source_file (relative to the folder), source_line (from 1), meter_id, outcome,
        outcome_before_keys; ordered by file and line.
    """
    chance = fleet.chance("bad lines")
    utc_day = pl.from_epoch("received_ms", time_unit="ms").dt.date()
    # The rtl_wmbus receiver writes one file however long it listens.
    day = pl.when(pl.col("collector") < fleet.collectors).then(utc_day).otherwise(pl.lit(fleet.start))
    keys = ("is_late", "collector", "day")
    ordered = frames.with_columns(day.alias("day")).sort(*keys, "received_ms", "meter_id", "sent")
    lines = []
    groups = ordered.partition_by(*keys, maintain_order=True)
    for number, delivered in enumerate(groups):
        is_late, collector, day = delivered.select(keys).row(0)
        group = delivered
        name = collector_name(collector)
        if collector >= fleet.collectors:
            path = Path("frames") / "receiver-1.rtl_wmbus.txt"
            content, first_line = _rtl_wmbus(group, fleet.zone), 1
        else:
            suffix = _COMPRESSIONS[(collector + day.toordinal()) % len(_COMPRESSIONS)]
            path = Path("frames_late" if is_late else "frames") / f"{name}_{day}{'_late' * is_late}.csv{suffix}"
            if fleet.incidents:
                kind = _BAD_LINES[number % len(_BAD_LINES)]
                group = _with_bad_line(group, int(chance.integers(group.height)), kind)
            content, first_line = _concentrator_csv(group, collector, fleet.zone), 2
        write_bytes(folder / path, content)
        lines.append(
            group.select(
                pl.lit(path.as_posix()).alias("source_file"),
                pl.int_range(pl.len(), dtype=pl.Int64).alias("source_line") + first_line,
                "meter_id",
                "outcome",
                "outcome_before_keys",
            )
        )
    return pl.concat(lines)


def _with_bad_line(group: pl.DataFrame, position: int, kind: str) -> pl.DataFrame:
    """Puts a copy of a line, spoilt, behind it."""
    bad = group[position].with_columns(
        pl.lit(None, pl.String).alias("meter_id"),
        pl.lit(REJECTED).alias("outcome"),
        pl.lit(REJECTED).alias("outcome_before_keys"),
    )
    if kind == "no_hex":
        bad = bad.with_columns(("XY" + pl.col("frame").str.slice(2)).alias("frame"))
    elif kind == "too_short":
        bad = bad.with_columns(pl.col("frame").str.head(8))
    else:
        bad = bad.with_columns(pl.lit(None, pl.Int64).alias("received_ms"))
    return pl.concat([group[: position + 1], bad, group[position + 1 :]])


def _concentrator_csv(group: pl.DataFrame, collector: int, zone: ZoneInfo) -> bytes:
    """A concentrator's file; its clock shows UTC or, at every third one, local time, always with offset."""
    instant = pl.from_epoch("received_ms", time_unit="ms").dt.replace_time_zone("UTC")
    shown = (
        instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        instant.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"),
        instant.dt.convert_time_zone(zone.key).dt.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"),
    )[collector % 3]
    table = group.select(
        shown.alias("received_at"), pl.lit(collector_name(collector)).alias("concentrator"), "rssi_dbm", "frame"
    )
    return table.write_csv().encode()


def _rtl_wmbus(group: pl.DataFrame, zone: ZoneInfo) -> bytes:
    """Lines as the program rtl_wmbus prints them: local time without offset, frame without CRCs."""
    local = pl.from_epoch("received_ms", time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key)
    line = phrase(
        "C1;1;1;{};97;148;{};0x{}",
        local.dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
        pl.col("serial"),
        pl.col("frame").str.to_lowercase(),
    )
    return ("\n".join(group.select(line.alias("line"))["line"].to_list()) + "\n").encode()
