"""Proof of files: made again from their manifests alone, and compared with what is known now."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from assets.installation import Installation
from assets.steps.export_rows import pieces
from assets.steps.exporting import members_of
from exports import writing
from exports.errors import ExportError
from exports.facts import Facts
from exports.formats import read_format
from exports.jobs import read_job
from exports.manifest import Contents, Manifest, Tally
from registry import erasures
from registry import retention as certificates
from warehouse.queries.exported import KEY, in_order, ranges

ROWS_AT_ONCE = 500_000
"""Rows compared together; bounds the memory."""

MEASURED = ("M", "A", "X")
ESTIMATED = ("I", "E", "F")

_COMPARED = ("value", "quality")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of making a file again.

    Attributes:
        same: Whether rows and bytes are the same.
        reasons: What differs, and what may be the cause; one sentence each.
        contents: What the rows add up to now; null where they could not be made.
    """

    same: bool
    reasons: tuple[str, ...]
    contents: Contents | None


def verify(house: Installation, manifest: Manifest) -> Verdict:
    """Makes a file again from its manifest, and compares it. Nothing is stored.

    Args:
        house: The installation that made it.
        manifest: The manifest.

    Returns:
        Whether it is the same; else why not.
    """
    if manifest.installation_id != house.settings.installation_id or manifest.organisation != house.organisation:
        return Verdict(
            same=False, reasons=("The file was made by another installation or organisation.",), contents=None
        )
    digest, size, tally = hashlib.sha256(), 0, Tally(house.settings.zone)
    try:
        for part in _again(house, manifest, tally):
            digest.update(part)
            size += len(part)
        members = members_of(house, read_job(manifest.job), manifest.period, manifest.as_of)
    except ExportError as exc:
        return Verdict(
            same=False, reasons=(f"The file cannot be made again: {exc}", *_causes(house, manifest)), contents=None
        )
    found = tally.contents()
    compared = {
        "rows": (manifest.contents.rows, found.rows),
        "sums": (manifest.contents.sums, found.sums),
        "qualities": (manifest.contents.qualities, found.qualities),
        "hash of the rows": (manifest.contents.rows_hash, found.rows_hash),
        "size": (manifest.size_bytes, size),
        "hash of the file": (manifest.file_sha256, digest.hexdigest()),
        "group members": (manifest.members, members),
    }
    differing = [f"The {name} differ: {then} then, {now} now." for name, (then, now) in compared.items() if then != now]
    if not differing:
        return Verdict(same=True, reasons=(), contents=found)
    return Verdict(same=False, reasons=(*differing, *_causes(house, manifest)), contents=found)


def diff(house: Installation, manifest: Manifest, as_of: datetime) -> pl.DataFrame:
    """What of a file's rows is known differently at a later instant (ALGORITHMS §18).

    Args:
        house: The installation that made it.
        manifest: The manifest.
        as_of: The later instant, UTC.

    Returns:
        ``metering_point``, ``meter_id``, ``register``, ``measured_at``, ``period_start``, ``period_end``, ``then``,
        ``now`` (register or consumption, null where unknown), ``quality_then``, ``quality_now`` (null where there is no
        row), ``difference`` and ``change``: ``late`` (became known), ``vanished`` (is not known any more),
        ``measured`` (was estimated), ``corrected`` (another value) or ``requalified`` (the same of another quality); in
        the order of the file. Of a job that sends what became known since its last file, only its own rows.

    Raises:
        ExportError: The rows cannot be made again.
    """
    job, form = read_job(manifest.job), read_format(manifest.format, manifest.format_name)
    with tempfile.TemporaryDirectory(prefix="meterhouse-diff-") as folder:
        sides = {}
        for side, known_at in (("then", manifest.as_of), ("now", as_of)):
            rows = pieces(house, job, form, manifest.period, as_of=known_at, known_after=manifest.known_after)
            sides[side] = _stored(rows, Path(folder) / side)
        counts = pl.concat([rows.group_by(_place()).len() for rows in sides.values()]).group_by("place")
        parts = [_compared(sides["then"].clear(), sides["now"].clear(), own_only=True)]
        for low, high in ranges(counts.agg(pl.col("len").sum()).collect(), "place", ROWS_AT_ONCE):
            inside = _place().is_between(pl.lit(low), pl.lit(high))
            then, now = (rows.filter(inside) for rows in sides.values())
            parts.append(_compared(then, now, own_only=job.readings == "since_last"))
        return in_order(pl.concat(parts))


def _again(house: Installation, manifest: Manifest, tally: Tally) -> Iterator[bytes]:
    """The bytes of a file, made of what its manifest says."""
    job, form = read_job(manifest.job), read_format(manifest.format, manifest.format_name)
    facts = Facts(
        job=job.name,
        organisation=manifest.organisation,
        zone=house.settings.zone,
        period_from=manifest.period.start,
        period_to=manifest.period.end,
        as_of=manifest.as_of,
        seq=manifest.seq,
        revision=manifest.revision,
        version=manifest.code_version,
    )
    rows = pieces(house, job, form, manifest.period, as_of=manifest.as_of, known_after=manifest.known_after)
    return writing.write(form, tally.of(rows), facts)


def _causes(house: Installation, manifest: Manifest) -> list[str]:
    """What was taken away since, or changed, that a file may have rested on."""
    since = manifest.as_of
    erased = [one for one in erasures.erasures(house.registry, house.organisation) if one.begun_at > since]
    with house.registry.begin(readonly=True) as session:
        thinned = [one.id for one in certificates.certificates(session, house.organisation) if one.begun_at > since]
    causes = []
    if erased:
        numbers = ", ".join(str(one.id) for one in erased)
        causes.append(f"Data was erased on request since (erasures {numbers}): what it was about cannot be made again.")
    if thinned:
        causes.append(f"Rows were thinned by retention since (certificates {', '.join(map(str, thinned))}).")
    if manifest.code_version != (present := version("meterhouse")):
        causes.append(f"Version {manifest.code_version} of the program made the file, and this is {present}.")
    return causes


def _stored(rows: Iterable[pl.DataFrame], folder: Path) -> pl.LazyFrame:
    """What is compared of rows, kept on disk meanwhile."""
    folder.mkdir()
    for number, piece in enumerate(rows):
        piece.select(*KEY, "period_end", *_COMPARED).write_parquet(folder / f"{number}.parquet")
    return pl.scan_parquet(folder / "*.parquet")


def _place() -> pl.Expr:
    """By what rows are taken together: their point, or the meter where it is installed nowhere."""
    return pl.coalesce("metering_point", "meter_id").alias("place")


def _compared(then: pl.LazyFrame, now: pl.LazyFrame, *, own_only: bool) -> pl.DataFrame:
    key = [*KEY, "period_end"]
    both = now.join(then, on=key, how="full", nulls_equal=True, suffix="_then", coalesce=True).select(
        *key,
        then="value_then",
        now="value",
        quality_then="quality_then",
        quality_now="quality",
        difference=pl.col("value") - pl.col("value_then"),
    )
    before, after = pl.col("then"), pl.col("now")
    change = (
        pl.when(before.is_null() & after.is_not_null())
        .then(pl.lit("late"))
        .when(before.is_not_null() & after.is_null())
        .then(pl.lit("vanished"))
        .when(pl.col("quality_then").is_in(ESTIMATED) & pl.col("quality_now").is_in(MEASURED))
        .then(pl.lit("measured"))
        .when(before.ne_missing(after))
        .then(pl.lit("corrected"))
        .when(pl.col("quality_then").ne_missing(pl.col("quality_now")))
        .then(pl.lit("requalified"))
    )
    known = both.filter(pl.col("quality_then").is_not_null()) if own_only else both
    return known.with_columns(change=change).drop_nulls("change").collect()
