"""The lake: every table as Parquet files under a Delta log, written through one class.

A commit is one file in the log, put there atomically: readers see a table before or after it, never between, and a
writer that dies leaves nothing but files that no commit names. Two writers that touch the same rows cannot both commit;
the second reads again and repeats.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from warehouse.commits import committed
from warehouse.errors import LakeError, write_failure
from warehouse.latest import Latest, latest_of
from warehouse.merging import MergeResult, compare, touched
from warehouse.parquet import (
    FILE_BYTES,
    LOG,
    Snapshot,
    blocks_of,
    configuration,
    crowded,
    files_of,
    in_order,
    ordered,
    shaped,
    writer_properties,
)
from warehouse.predicates import Box, covering
from warehouse.repeats import repeated
from warehouse.schemas import TABLES, Table
from warehouse.versions import keep_versions

_MERGE = "merge"
_NO_LOG = {"delta.logRetentionDuration": "interval 0 seconds"}

# delta-rs takes these for parts of a URL, DuckDB for parts of a pattern, Polars for a partition.
_UNFIT = re.compile(r"[%*?\[\]{}#=]")


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
        return self._latest(table).rows(table)

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
        rows = ordered(table, table.conform(frame))

        def attempt() -> bool:
            snapshot = self._open(table)
            if batch is not None and snapshot is not None and (snapshot.transaction_version(batch) or 0) >= batch_no:
                return False
            if rows.height:
                transactions = [Transaction(batch, batch_no)] if batch is not None else []
                self._write(table, snapshot, rows, mode="append", transactions=transactions)
            return True

        return committed(attempt, self._uri(table), table.name, self._root)

    def merge(
        self,
        table: Table,
        fresh: pl.DataFrame,
        *,
        stale: pl.DataFrame,
        window: tuple[str, datetime, datetime] | None = None,
        superseded_at: datetime | None = None,
        forget: bool = False,
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
            superseded_at: Instant of the replacement, UTC: what a versioned table loses goes to its history with it.
            forget: Whether what a versioned table loses goes for good.

        Returns:
            What changed; nothing is written where nothing did.

        Raises:
            LakeError: The rows could not be written, ``fresh`` holds a key twice, ``stale`` a column that is not of
                the key, or a versioned table would lose rows and nothing says what becomes of them.
            SchemaError: A frame does not fit the table.
        """
        rows = table.conform(fresh)
        if repeated(rows.lazy(), table.key):
            raise LakeError(f"{table.name}: the rows to merge hold a key twice; key: {', '.join(table.key)}.")
        if unknown := set(stale.columns) - set(table.key):
            raise LakeError(f"{table.name}: {sorted(unknown)} are not of its key, so nothing can be stale by them.")
        matched = stale.select(pl.col(name).cast(table.schema[name]) for name in stale.columns)

        def attempt() -> MergeResult:
            snapshot = self._open(table)
            before = shaped(snapshot, table)
            known = touched(table, before, rows, matched, window)
            result, changed = compare(table, rows, known)
            if table.versioned and result.superseded.height and not forget:
                if superseded_at is None:
                    raise LakeError(f"{table.name} keeps versions: say when its rows are superseded, or forget them.")
                keep_versions(self, table, result.superseded, superseded_at)
            gone = result.superseded.select(table.key)
            # One transaction name for all merges: of two at the same time one repeats, whatever rows they touch,
            # since the rows that a merge found to be none of its business count as read, too.
            transactions = [Transaction(_MERGE, (snapshot.version() if snapshot else -1) + 1)]
            if gone.height:
                box = covering(table, pl.concat([result.superseded, changed]))
                kept = before.filter(box.expression).collect().join(gone, on=table.key, how="anti", nulls_equal=True)
                rest = ordered(table, pl.concat([kept, changed]))
                self._write(table, snapshot, rest, mode="overwrite", box=box, transactions=transactions)
            elif changed.height:
                self._write(table, snapshot, ordered(table, changed), mode="append", transactions=transactions)
            return result

        return committed(attempt, self._uri(table), table.name, self._root)

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
        rows = ordered(table, table.conform(frame))

        def attempt() -> bool:
            snapshot = self._open(table)
            if ordered(table, shaped(snapshot, table).collect()).equals(rows):
                return False
            self._write(table, snapshot, rows, mode="overwrite")
            return True

        return committed(attempt, self._uri(table), table.name, self._root)

    def partitions(self, table: Table) -> list[str]:
        """Partitions that hold rows, without a look into them.

        Args:
            table: A stored table.

        Returns:
            Values of the partition column as texts, rising; one empty text stands for a table without partitions.
        """
        snapshot = self._latest(table).snapshot
        return [] if snapshot is None else files_of(snapshot, table)["partition"].unique().sort().to_list()

    def overfull(self, table: Table) -> list[str]:
        """Partitions that lie in more files than their size needs.

        Args:
            table: A stored table.

        Returns:
            As :meth:`partitions` gives them.
        """
        snapshot = self._latest(table).snapshot
        return [] if snapshot is None else crowded(snapshot, table)

    def changed_since(self, table: Table, version: int | None) -> dict[str, list[Box]]:
        """Where files came or went after a version.

        Args:
            table: A stored table.
            version: As :meth:`version` gave it; ``None`` stands for the time before the first one.

        Returns:
            By partition, as :meth:`partitions` gives them, blocks that hold every row of these files; of all files
            where the log does not know the version any more.
        """
        snapshot = self._latest(table).snapshot
        if snapshot is None or snapshot.version() == version:
            return {}
        files = files_of(snapshot, table)
        known = None if version is None else self._open(table, version)
        if known is not None:
            before = files_of(known, table)
            gone = before.join(files, on="path", how="anti")
            files = pl.concat([files.join(before, on="path", how="anti"), gone], how="diagonal")
        return blocks_of(files, table)

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
            rows = shaped(snapshot, table).filter(box.expression)
            schema = table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
            reader = pa.RecordBatchReader.from_batches(schema, in_order(table, rows))
            self._write(table, snapshot, reader, mode="overwrite", box=box)

        committed(attempt, self._uri(table), table.name, self._root)

    def thin(
        self,
        table: Table,
        partition: str | date | None,
        stays: Callable[[pl.LazyFrame], pl.LazyFrame],
        *,
        counter: str,
    ) -> int:
        """Rewrites a partition without some of its rows, and counts these in the same commit.

        Args:
            table: A stored table.
            partition: Value of its partition column; ``None`` where it has none.
            stays: Gives those of the partition's rows that stay.
            counter: Name under which removed rows are counted, which :meth:`applied` reads.

        Returns:
            Rows removed; nothing is written where there are none.

        Raises:
            LakeError: The table could not be written.
        """
        box = Box() if partition is None else Box(partitions={table.partition_by[0]: (partition,)})

        def attempt() -> int:
            snapshot = self._open(table)
            if snapshot is None:
                return 0
            rows = shaped(snapshot, table).filter(box.expression)
            left = stays(rows)
            before, after = (_height(frame) for frame in (rows, left))
            if after < before:
                total = (snapshot.transaction_version(counter) or 0) + before - after
                schema = table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
                reader = pa.RecordBatchReader.from_batches(schema, in_order(table, left))
                transactions = [Transaction(counter, total), Transaction(_MERGE, snapshot.version() + 1)]
                self._write(table, snapshot, reader, mode="overwrite", box=box, transactions=transactions)
            return before - after

        return committed(attempt, self._uri(table), table.name, self._root)

    def gather(self, table: Table, partition: str) -> None:
        """Joins small files of one partition, each with its rows in the order they have; no other writer is disturbed.

        Args:
            table: A stored table.
            partition: Value of its partition column, as :meth:`partitions` gives it.

        Raises:
            LakeError: The table could not be written.
        """

        def attempt() -> None:
            snapshot = self._open(table)
            if snapshot is not None:
                snapshot.optimize.compact(
                    partition_filters=[(table.partition_by[0], "=", partition)] if table.partition_by else None,
                    target_size=FILE_BYTES,
                    writer_properties=writer_properties(table),
                )

        committed(attempt, self._uri(table), table.name, self._root)

    def vacuum(self, table: Table, retention: timedelta) -> list[str]:
        """Deletes files that no version of the last while names, those of writers that died among them.

        Args:
            table: A stored table.
            retention: How long files are kept after the version that replaced them, or, where none names them, after
                they were written; longer than any writer takes from its files to its commit.

        Returns:
            The deleted files, relative to the table.

        Raises:
            LakeError: The table could not be written.
        """

        def attempt() -> list[str]:
            snapshot = self._open(table)
            if snapshot is None:
                return []
            deleted: list[str] = snapshot.vacuum(
                retention_hours=round(retention / timedelta(hours=1)),
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
            return deleted

        return committed(attempt, self._uri(table), table.name, self._root)

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
            snapshot.alter.set_table_properties(LOG)
        except (DeltaError, OSError) as exc:
            raise write_failure(table.name, self._root, exc) from exc
        return deleted

    def version(self, table: Table) -> int | None:
        """Number of the latest commit; ``None`` where nothing was ever written."""
        snapshot = self._latest(table).snapshot
        return snapshot.version() if snapshot else None

    def applied(self, table: Table, batch: str) -> int:
        """Number of the last batch of a series that was applied with rows, or what :meth:`thin` counted; at first 0."""
        snapshot = self._latest(table).snapshot
        return (snapshot.transaction_version(batch) or 0) if snapshot else 0

    def files(self, table: Table) -> list[str]:
        """Paths of the Parquet files that make up the latest version."""
        snapshot = self._latest(table).snapshot
        return sorted(snapshot.file_uris()) if snapshot else []

    def tables(self) -> list[Table]:
        """The stored tables that were ever written, in the order of their declaration."""
        return [table for table in TABLES.values() if table.kind == "stored" and self._latest(table).snapshot]

    def _uri(self, table: Table) -> str:
        if table.kind != "stored":
            raise LakeError(f"{table.name} is a view over other tables and is not stored.")
        return f"{self._root}/{table.name}"

    def _latest(self, table: Table) -> Latest:
        """The latest version, for reading: what a writer opens changes as it writes."""
        uri = self._uri(table)
        if "://" in uri:
            return Latest(self._open(table))
        if not Path(uri, "_delta_log").is_dir():
            return Latest(None)
        try:
            return latest_of(uri)
        except TableNotFoundError:  # its folder was just made
            return Latest(None)
        except (DeltaError, OSError) as exc:
            raise self._unreadable(table, exc) from exc

    def _open(self, table: Table, version: int | None = None) -> DeltaTable | None:
        """The latest version, or an older one where there still is a log of it."""
        uri = self._uri(table)
        # Far cheaper than to let delta-rs look for a log that is not there.
        if "://" not in uri and not Path(uri, "_delta_log").is_dir():
            return None
        try:
            if not DeltaTable.is_deltatable(uri, storage_options=self._options):
                return None
            return Snapshot(uri, version=version, storage_options=self._options)
        except (DeltaError, OSError) as exc:
            if version is not None:
                return None
            raise self._unreadable(table, exc) from exc

    def _unreadable(self, table: Table, exc: Exception) -> LakeError:
        return LakeError(f"{table.name}: cannot be opened in {self._root}: {exc}")

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
            target_file_size=FILE_BYTES,
            writer_properties=writer_properties(table),
            commit_properties=CommitProperties(app_transactions=transactions or None),
        )

    def _create(self, table: Table) -> DeltaTable:
        return DeltaTable.create(
            self._uri(table),
            table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema,
            partition_by=list(table.partition_by) or None,
            configuration=configuration(table),
            storage_options=self._options,
        )


def _height(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect(engine="streaming").item())
