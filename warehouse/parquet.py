"""How the rows of a table lie in its files: order, encoding, statistics, and the shape in which they are read."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, DeltaTable, WriterProperties

from warehouse.ordering import sort_rows
from warehouse.predicates import Bound, Box
from warehouse.schemas import INSTANT, Table

FILE_BYTES = 64 * 1024 * 1024
"""Size that files are to have."""

LOG = {"delta.logRetentionDuration": "interval 3650 days"}
_ROW_GROUP_ROWS = 122_880
_MOST_BLOCKS = 32
_LONGEST_BOUND = 31
"""Bytes of a text that no writer shortens in statistics."""
_ROUNDED = timedelta(milliseconds=1)
"""Writers may keep no more of an instant in statistics."""
_ROWS_SORTED_AT_ONCE = 4 * _ROW_GROUP_ROWS


class Snapshot(DeltaTable):
    """One version of a table whose local files bear the names they have on disk.

    delta-rs gives them percent-encoded, Polars and DuckDB open them as they are given.
    """

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        """Paths of the version's files."""
        uris: list[str] = super().file_uris(*args, **options)
        return [uri if "://" in uri else unquote(uri) for uri in uris]


def configuration(table: Table) -> dict[str, str | None]:
    """Delta's settings of a new table.

    Statistics only on key and order: delta-rs rounds those of wide decimals and would skip files that hold the value.
    """
    telling = dict.fromkeys((*table.key, *table.sort_by))
    columns = [name for name in telling if name not in table.partition_by and not table.schema[name].is_decimal()]
    return {
        "delta.deletedFileRetentionDuration": "interval 30 days",
        **LOG,
        "delta.dataSkippingStatsColumns": ",".join(f"`{name}`" for name in columns),
    }


def writer_properties(table: Table) -> WriterProperties:
    """Compression and encodings of a table's files."""
    instants = ColumnProperties(encoding="DELTA_BINARY_PACKED", dictionary_enabled=False)
    varied = ColumnProperties(dictionary_enabled=False)
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,  # writing takes two thirds of the time of 3, and files are as large
        max_row_group_size=_ROW_GROUP_ROWS,
        column_properties={column.name: varied for column in table.columns if column.varied}
        | {column.name: instants for column in table.columns if column.dtype == INSTANT},
    )


def shaped(snapshot: DeltaTable | None, table: Table) -> pl.LazyFrame:
    """The declared columns of one version of a table, as :meth:`warehouse.lake.Lake.scan` gives them."""
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


def ordered(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in the table's order and in one chunk: delta-rs writes several chunks in any order."""
    return sort_rows(rows, [*table.partition_by, *table.sort_by]).rechunk()


def in_order(table: Table, rows: pl.LazyFrame) -> Iterator[pa.RecordBatch]:
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
        arrow = ordered(table, part).to_arrow(compat_level=pl.CompatLevel.oldest())
        yield from arrow.combine_chunks().to_batches()


def files_of(snapshot: DeltaTable, table: Table) -> pl.DataFrame:
    """Files of one version.

    Args:
        snapshot: The version.
        table: Its table.

    Returns:
        ``path``, ``size_bytes``, ``partition`` as text, empty where the table has none, and of columns of the key
        ``low.…`` and ``high.…``, between which all values are; null where the log does not tell.
    """
    files = pl.DataFrame(snapshot.get_add_actions(flatten=True))
    value = pl.col(f"partition.{table.partition_by[0]}").cast(pl.String) if table.partition_by else pl.lit("")
    bounds = []
    for name in table.key:
        if f"min.{name}" in files.columns and table.schema[name] in (pl.String, pl.Date, INSTANT):
            low, high = pl.col(f"min.{name}").cast(table.schema[name]), pl.col(f"max.{name}").cast(table.schema[name])
            is_exact = pl.col(f"null_count.{name}") == 0
            if table.schema[name] == pl.String:
                is_exact &= pl.max_horizontal(low.str.len_bytes(), high.str.len_bytes()) <= _LONGEST_BOUND
            elif table.schema[name] == INSTANT:
                low, high = low - _ROUNDED, high + _ROUNDED
            bounds += [
                pl.when(is_exact).then(low).alias(f"low.{name}"),
                pl.when(is_exact).then(high).alias(f"high.{name}"),
            ]
    return files.select("path", "size_bytes", value.alias("partition"), *bounds)


def blocks_of(files: pl.DataFrame, table: Table) -> dict[str, list[Box]]:
    """Blocks that hold every row of some files: of few files the block of each, of many one block of a partition.

    Args:
        files: As :func:`files_of` gives them.
        table: Their table.

    Returns:
        Blocks by partition, as text.
    """
    if files.height > _MOST_BLOCKS:
        lows, highs = (pl.col(f"^{end}\\..*$") for end in ("low", "high"))
        files = files.group_by("partition").agg(
            pl.when(~lows.has_nulls()).then(lows.min()), pl.when(~highs.has_nulls()).then(highs.max())
        )
    blocks: dict[str, list[Box]] = {}
    for file in files.sort("partition").iter_rows(named=True):
        ranges: dict[str, tuple[Bound, Bound]] = {
            name: (file[f"low.{name}"], file[f"high.{name}"])
            for name in table.key
            if file.get(f"low.{name}") is not None
        }
        partitions: dict[str, tuple[Bound, ...]] = {}
        for column in table.partition_by:
            by_day = table.schema[column] == pl.Date
            partitions[column] = (date.fromisoformat(file["partition"]) if by_day else file["partition"],)
        blocks.setdefault(file["partition"], []).append(Box(partitions=partitions, ranges=ranges))
    return blocks


def crowded(snapshot: DeltaTable, table: Table) -> list[str]:
    """Partitions that lie in more files than their size needs, as :meth:`warehouse.lake.Lake.overfull` gives them."""
    sizes = files_of(snapshot, table).group_by("partition").agg(pl.len(), pl.col("size_bytes").sum())
    return sizes.filter(pl.col("len") > 1 + pl.col("size_bytes") // (FILE_BYTES // 2))["partition"].sort().to_list()
