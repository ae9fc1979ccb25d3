"""How a file is imported, and what an import did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from sqlalchemy.orm import Session

from registry.profiles import Profile

REJECTED = pl.Schema({"source_line": pl.Int64, "reason": pl.String})
CHANGES = pl.Schema(
    {"source_line": pl.Int64, "entry": pl.String, "field": pl.String, "before": pl.String, "after": pl.String}
)
MOST_CHANGES = 1000
"""Changes that a report keeps; it counts them all."""
MOST_NAMED = 1000
"""Meters that an event of an import names; it counts them all."""


@dataclass(frozen=True, slots=True)
class ImportMode:
    """How a file is imported.

    Attributes:
        profile: How its lines are read; ``None`` for the predefined profile of its kind.
        partial: Whether good lines are taken where others are rejected; else one rejected line refuses the file.
        dry_run: Whether nothing is stored.
    """

    profile: Profile | None = None
    partial: bool = False
    dry_run: bool = False

    def stores(self, rejected: pl.DataFrame) -> bool:
        """Whether something is stored of a file with these rejected lines."""
        return not self.dry_run and (self.partial or rejected.is_empty())

    def settle(self, session: Session, rejected: pl.DataFrame) -> bool:
        """Takes back what a transaction has written where nothing is to be stored; gives whether something is."""
        stores = self.stores(rejected)
        if not stores:
            session.rollback()
        return stores


WHOLE_FILE = ImportMode()
"""The predefined profile, all lines or none."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would have done where it is not ``stored``.

    Attributes:
        added: New entries.
        updated: Entries that changed.
        unchanged: Entries that the file repeats.
        rejected: ``source_line`` (from 1, the header is line 1) and ``reason``.
        skipped: The same of lines that were left out as asked.
        changes: The first fields that changed: ``source_line``, ``entry``, ``field``, ``before`` and ``after``. It
            may hold personal data: for the eyes of who imports, never for a log.
        classes: Entries of the file by class of device, where it has several.
        warnings: What is odd about the file as a whole.
        stored: Whether it was stored: not in a dry run, nor where a line was rejected and no part was asked for.
        without_key: New meters that have no key; their encrypted frames wait for it.
    """

    added: int
    updated: int
    unchanged: int
    rejected: pl.DataFrame = field(repr=False)
    skipped: pl.DataFrame = field(repr=False, default_factory=REJECTED.to_frame)
    changes: pl.DataFrame = field(repr=False, default_factory=CHANGES.to_frame)
    classes: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    stored: bool = True
    without_key: tuple[str, ...] = ()


def changes_between(lines: pl.DataFrame, entry: str, fields: Sequence[str], known: str = "_known") -> pl.DataFrame:
    """Fields that differ from what is known.

    Args:
        lines: ``source_line``, the entry, the fields as they are to be, and as they are known, with a suffix.
        entry: Column that names the entry.
        fields: The fields.
        known: The suffix.

    Returns:
        The first changes, in the order of lines, as in :class:`ImportReport`.
    """
    parts = [
        lines.filter(pl.col(name).ne_missing(pl.col(f"{name}{known}")))
        .head(MOST_CHANGES)
        .select(
            "source_line",
            entry=pl.col(entry),
            field=pl.lit(name),
            before=pl.col(f"{name}{known}").cast(pl.String),
            after=pl.col(name).cast(pl.String),
        )
        for name in fields
    ]
    return pl.concat([CHANGES.to_frame(), *parts]).sort("source_line", maintain_order=True).head(MOST_CHANGES)


def before_and_after(
    line: Mapping[str, Any], fields: Sequence[str], known: str = "_known"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of one line that differ from what is known, for the audit log.

    Args:
        line: The fields as they are to be, and as they are known, with a suffix.
        fields: The fields.
        known: The suffix.

    Returns:
        The fields that change, as they were and as they are to be.
    """
    changed = [name for name in fields if line[name] != line[f"{name}{known}"]]
    return {name: line[f"{name}{known}"] for name in changed}, {name: line[name] for name in changed}


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What an import of keys did, or would do.

    Attributes:
        new: Keys of meters that had none for this usage.
        changed: Keys of meters that have another one, which is kept.
        equal: Keys that the meters have already.
        registered: Meters that were added.
        repeated: ``source_line`` and ``reason`` of keys that are ``equal``.
        unknown: The same of lines whose device is not registered.
        rejected: The same of lines that cannot be used.
        warnings: What is odd about the import as a whole.
        stored: Whether it was stored: not in a dry run, nor where a line was rejected and no part was asked for.
    """

    new: int
    changed: int
    equal: int
    registered: int
    repeated: pl.DataFrame = field(repr=False)
    unknown: pl.DataFrame = field(repr=False)
    rejected: pl.DataFrame = field(repr=False)
    warnings: tuple[str, ...] = ()
    stored: bool = True


def remarks(rows: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """Lines with what is to be said of them, in the shape of rejected ones."""
    return pl.DataFrame(rows, schema=REJECTED, orient="row")
