"""The lake: every table as Parquet files under a Delta log, written through one class.

A commit is one file in the log, put there atomically: readers see a table before or after it, never between, and a
writer that dies leaves nothing but files that no commit names. Two writers that touch the same rows cannot both commit;
the second reads again and repeats.
"""

import errno
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from warehouse.errors import LakeError
from warehouse.merging import MergeResult, compare, touched
from warehouse.predicates import Box, covering
from warehouse.schemas import INSTANT, TABLES, Table
from warehouse.versions import keep_versions

_TRIES = 20
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0
_FILE_BYTES = 64 * 1024 * 1024
_ROW_GROUP_ROWS = 122_880
_ROWS_SORTED_AT_ONCE = 4 * _ROW_GROUP_ROWS
_MERGE = "merge"
_LOG = {"delta.logRetentionDuration": "interval 3650 days"}
_NO_LOG = {"delta.logRetentionDuration": "interval 0 seconds"}
_DISK_FULL = ("no space left on device", "disk quota exceeded", f"os error {errno.ENOSPC}", f"os error {errno.EDQUOT}")

# delta-rs takes these for parts of a URL, DuckDB for parts of a pattern, Polars for a partition.
_UNFIT = re.compile(r"[%*?\[\]{}#=]")

_Result = TypeVar("_Result")


class _Snapshot(DeltaTable):
    """One version of a table whose local files bear the names they have on disk.

    delta-rs gives them percent-encoded, Polars and DuckDB open them as they are given.
    """

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        uris: list[str] = super().file_uris(*args, **options)
        return [uri if "://" in uri else unquote(uri) for uri in uris]


class Lake:
    """The tables of one installation.

    Args:
        root: Directory, or URL of an object store, that holds one Delta table per declared table.
        storage_options: Options for the object store, as ``deltalake`` takes them.

    Raises:
        LakeError: The directory's name holds a character of URLs or of file patterns.
    """

    def __init__(self, root: Path | str, storage_options: Mapping[str, str] | None = None) -> None:
        self._root = str(root).rstrip("/")
        if "://" not in self._root and (unfit := _UNFIT.search(self._root)):
            raise LakeError(
                f"{self._root} cannot hold a lake: choose a directory without {unfit.group()!r} in its name."
            )
        self._options = dict(storage_options) if storage_options else None

    def scan(self, table: Table) -> pl.LazyFrame:
        """One version of a table, to be read lazily.

        Args:
            table: A stored table.

        Returns:
            The declared columns in their order; no rows where nothing was ever written, nulls in columns that were
            declared after the rows were written. The version is the latest at the time of the call.
        """
        return _shaped(self._open(table), table)

    def append(self, table: Table, frame: pl.DataFrame, *, batch: str | None = None, batch_no: int = 1) -> bool:
        """Adds rows in one commit.

        Args:
            table: A stored table.
            frame: Rows, at least the columns that may not be null.
            batch: Name of a series of batches; with it, a batch is applied exactly once, also after a crash.
            batch_no: Number of the batch in its series; batches come in rising order.

        Returns:
            Whether the rows are new; ``False`` where this batch, or a later one, had been applied before.

        Raises:
            LakeError: The rows could not be written.
            SchemaError: The frame does not fit the table.
        """
        rows = _ordered(table, table.conform(frame))

        def attempt() -> bool:
            snapshot = self._open(table)
            if batch is not None and snapshot is not None and (snapshot.transaction_version(batch) or 0) >= batch_no:
                return False
            if rows.height:
                transactions = [Transaction(batch, batch_no)] if batch is not None else []
                self._write(table, snapshot, rows, mode="append", transactions=transactions)
            return True

        return self._committed(table, attempt)

    def merge(
        self,
        table: Table,
        fresh: pl.DataFrame,
        *,
        stale: pl.DataFrame,
        window: tuple[str, datetime, datetime] | None = None,
        superseded_at: datetime | None = None,
    ) -> MergeResult:
        """Replaces rows in one commit: what is stale goes, what is fresh comes.

        Stale are the rows that match ``stale`` (inside ``window``) and those with the key of a fresh row. A fresh row
        that differs from its predecessor in nothing but ``known_from`` leaves the predecessor as it is.

        Args:
            table: A stored table.
            fresh: The rows that hold from now on; one per key.
            stale: Values of any of the key's columns, one row per combination; without rows nothing but the
                predecessors of fresh rows is stale.
            window: Column and half-open interval of instants that ``stale`` is limited to.
            superseded_at: Instant of the replacement, UTC. With it, what a versioned table loses goes to its history;
                without, it is forgotten.

        Returns:
            What changed; nothing is written where nothing did.

        Raises:
            LakeError: The rows could not be written, ``fresh`` holds a key twice, or ``stale`` a column
                that is not of the key.
            SchemaError: A frame does not fit the table.
        """
        rows = table.conform(fresh)
        if rows.select(table.key).is_duplicated().any():
            raise LakeError(f"{table.name}: the rows to merge hold a key twice; key: {', '.join(table.key)}.")
        if unknown := set(stale.columns) - set(table.key):
            raise LakeError(f"{table.name}: {sorted(unknown)} are not of its key, so nothing can be stale by them.")
        matched = stale.select(pl.col(name).cast(table.schema[name]) for name in stale.columns).unique()

        def attempt() -> MergeResult:
            snapshot = self._open(table)
            before = _shaped(snapshot, table)
            known = touched(table, before, rows, matched, window)
            result, changed = compare(table, rows, known)
            if superseded_at is not None:
                keep_versions(self, table, result.superseded, superseded_at)
            gone = result.superseded.select(table.key)
            if gone.height or changed.height:
                box = covering(table, pl.concat([result.superseded, changed]))
                kept = before.filter(box.expression).collect().join(gone, on=table.key, how="anti", nulls_equal=True)
                # One transaction name for all merges: of two at the same time one repeats, whatever rows they touch,
                # since the rows that a merge found to be none of its business count as read, too.
                version = (snapshot.version() if snapshot else -1) + 1
                self._write(
                    table,
                    snapshot,
                    _ordered(table, pl.concat([kept, changed])),
                    mode="overwrite",
                    box=box,
                    transactions=[Transaction(_MERGE, version)],
                )
            return result

        return self._committed(table, attempt)

    def overwrite(self, table: Table, frame: pl.DataFrame) -> bool:
        """Replaces a whole table, meant for small ones such as the registry's snapshots.

        Args:
            table: A stored table.
            frame: All its rows.

        Returns:
            Whether the table changed; identical rows are not written again.

        Raises:
            LakeError: The rows could not be written.
            SchemaError: The frame does not fit the table.
        """
        rows = _ordered(table, table.conform(frame))

        def attempt() -> bool:
            snapshot = self._open(table)
            if _ordered(table, _shaped(snapshot, table).collect()).equals(rows):
                return False
            self._write(table, snapshot, rows, mode="overwrite")
            return True

        return self._committed(table, attempt)

    def compact(self, table: Table, partition: str) -> None:
        """Rewrites one partition in few, sorted files.

        Args:
            table: A partitioned table.
            partition: Value of its partition column, e.g. ``2026-01``, or an ISO date.

        Raises:
            LakeError: The table has no partitions, or could not be written.
        """
        if not table.partition_by:
            raise LakeError(f"{table.name} has no partitions to compact.")
        column = table.partition_by[0]
        value = date.fromisoformat(partition) if table.schema[column] == pl.Date else partition
        box = Box(partitions={column: (value,)})

        def attempt() -> None:
            snapshot = self._open(table)
            if snapshot is None:
                return
            rows = _shaped(snapshot, table).filter(box.expression)
            schema = table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
            reader = pa.RecordBatchReader.from_batches(schema, _in_order(table, rows))
            self._write(table, snapshot, reader, mode="overwrite", box=box)

        self._committed(table, attempt)

    def vacuum(self, table: Table) -> list[str]:
        """Deletes files that no version of the last 30 days names, those of writers that died among them.

        Args:
            table: A stored table.

        Returns:
            The deleted files, relative to the table.
        """
        snapshot = self._open(table)
        deleted: list[str] = snapshot.vacuum(dry_run=False) if snapshot else []
        return deleted

    def purge(self, table: Table) -> list[str]:
        """Deletes every file that the latest version does not name, so that no older version can be read any more.

        The log's entries about older versions go, too: they tell of each file its rows' lowest and highest key, and of
        each merge which rows it was about. Nobody may write to the table meanwhile: files that are not committed yet
        would be deleted.

        Args:
            table: A stored table.

        Returns:
            The deleted files, relative to the table.

        Raises:
            LakeError: The table could not be written.
        """
        snapshot = self._open(table)
        if snapshot is None:
            return []
        try:
            # In full: the log forgets a removed file after 30 days, and never knew those of a writer that died.
            deleted: list[str] = snapshot.vacuum(
                retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True
            )
            snapshot.alter.set_table_properties(_NO_LOG)
            snapshot.create_checkpoint()
            snapshot.cleanup_metadata()
            snapshot.alter.set_table_properties(_LOG)
        except (DeltaError, OSError) as exc:
            raise self._failed(table, exc) from exc
        return deleted

    def version(self, table: Table) -> int | None:
        """Number of the latest commit; ``None`` where nothing was ever written."""
        snapshot = self._open(table)
        return snapshot.version() if snapshot else None

    def files(self, table: Table) -> list[str]:
        """Paths of the Parquet files that make up the latest version."""
        snapshot = self._open(table)
        return sorted(snapshot.file_uris()) if snapshot else []

    def tables(self) -> list[Table]:
        """The stored tables that were ever written, in the order of their declaration."""
        return [table for table in TABLES.values() if table.kind == "stored" and self._open(table)]

    def _uri(self, table: Table) -> str:
        if table.kind != "stored":
            raise LakeError(f"{table.name} is a view over other tables and is not stored.")
        return f"{self._root}/{table.name}"

    def _open(self, table: Table) -> DeltaTable | None:
        uri = self._uri(table)
        # Far cheaper than to let delta-rs look for a log that is not there.
        if "://" not in uri and not Path(uri, "_delta_log").is_dir():
            return None
        try:
            if not DeltaTable.is_deltatable(uri, storage_options=self._options):
                return None
            return _Snapshot(uri, storage_options=self._options)
        except (DeltaError, OSError) as exc:
            raise LakeError(f"{table.name}: cannot be opened in {self._root}: {exc}") from exc

    def _write(
        self,
        table: Table,
        snapshot: DeltaTable | None,
        rows: pl.DataFrame | pa.RecordBatchReader,
        *,
        mode: Literal["append", "overwrite"],
        box: Box | None = None,
        transactions: list[Transaction] | None = None,
    ) -> None:
        # Created by a commit of its own: delta-rs checks the first commit of a table for no conflict.
        base = snapshot or self._create(table)
        declared = {field.name for field in base.schema().fields} >= set(table.schema.names())
        write: Callable[..., None] = write_deltalake  # its overloads know no mode that varies
        write(
            base,
            rows,
            mode=mode,
            schema_mode=None if declared else "merge",
            predicate=box.sql if box is not None else None,
            target_file_size=_FILE_BYTES,
            writer_properties=_writer_properties(table),
            commit_properties=CommitProperties(app_transactions=transactions or None),
        )

    def _create(self, table: Table) -> DeltaTable:
        return DeltaTable.create(
            self._uri(table),
            table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema,
            partition_by=list(table.partition_by) or None,
            configuration=_configuration(table),
            storage_options=self._options,
        )

    def _committed(self, table: Table, attempt: Callable[[], _Result]) -> _Result:
        """Runs an attempt until it meets no other writer."""
        pause = _FIRST_PAUSE_S
        for _ in range(_TRIES):
            try:
                return attempt()
            except CommitFailedError as exc:
                failure: Exception = exc
            except (DeltaError, OSError) as exc:
                if not _lost_creation(exc):
                    raise self._failed(table, exc) from exc
                failure = exc
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter is no secret
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise LakeError(
            f"{table.name}: other writers were faster {_TRIES} times; nothing was written. Repeat when they are done."
        ) from failure

    def _failed(self, table: Table, exc: Exception) -> LakeError:
        if any(sign in str(exc).lower() for sign in _DISK_FULL):
            return LakeError(
                f"{table.name}: the disk of {self._root} is full. Nothing was half written: the table reads as before. "
                "Free some space and repeat."
            )
        return LakeError(f"{table.name}: cannot be written in {self._root}: {exc}")


def _lost_creation(exc: Exception) -> bool:
    """Whether another writer made the table at the same moment."""
    return "already exists" in str(exc).lower()


def _configuration(table: Table) -> dict[str, str | None]:
    """Delta's settings of a new table.

    Statistics only on key and order: delta-rs rounds those of wide decimals and would skip files that hold the value.
    """
    telling = dict.fromkeys((*table.key, *table.sort_by))
    columns = [name for name in telling if name not in table.partition_by and not table.schema[name].is_decimal()]
    return {
        "delta.deletedFileRetentionDuration": "interval 30 days",
        **_LOG,
        "delta.dataSkippingStatsColumns": ",".join(f"`{name}`" for name in columns),
    }


def _writer_properties(table: Table) -> WriterProperties:
    instants = ColumnProperties(encoding="DELTA_BINARY_PACKED", dictionary_enabled=False)
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        max_row_group_size=_ROW_GROUP_ROWS,
        column_properties={column.name: instants for column in table.columns if column.dtype == INSTANT},
    )


def _shaped(snapshot: DeltaTable | None, table: Table) -> pl.LazyFrame:
    if snapshot is None:
        return table.empty().lazy()
    frame = pl.scan_delta(snapshot)
    present = frame.collect_schema()
    return frame.select(
        pl.lit(None, column.dtype).alias(column.name)
        if column.name not in present
        else pl.col(column.name)
        if present[column.name] == column.dtype
        else pl.col(column.name).cast(column.dtype)
        for column in table.columns
    )


def _ordered(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the table's order and in one chunk: delta-rs writes several chunks in any order."""
    order = [*table.partition_by, *table.sort_by]
    return (rows.sort(order) if order else rows).rechunk()


def _in_order(table: Table, rows: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
    """The rows as sorted batches, each with its own range of the leading column, so that memory stays bounded.

    The batches may change places in the file; row groups still hold narrow ranges, which is what readers prune by.
    """
    lead = table.sort_by[0]
    counts = rows.group_by(lead).len().sort(lead).collect()
    share = pl.col("len").cum_sum().shift(fill_value=0) // _ROWS_SORTED_AT_ONCE
    ranges = counts.group_by(share.alias("range"), maintain_order=True).agg(
        low=pl.col(lead).first(), high=pl.col(lead).last()
    )
    for low, high in zip(ranges["low"], ranges["high"], strict=True):
        part = rows.filter(pl.col(lead).is_between(pl.lit(low), pl.lit(high))).collect()
        arrow = _ordered(table, part).to_arrow(compat_level=pl.CompatLevel.oldest())
        yield from arrow.combine_chunks().to_batches()
