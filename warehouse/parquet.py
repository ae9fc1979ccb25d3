"""How the rows of a table lie in its files: order, encoding, statistics, and the shape in which they are read."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import ColumnProperties, DeltaTable, WriterProperties

from warehouse.ordering import sort_rows
from warehouse.schemas import INSTANT, Table

FILE_BYTES = 64 * 1024 * 1024
"""Size that files are to have."""

LOG = {"delta.logRetentionDuration": "interval 3650 days"}
_ROW_GROUP_ROWS = 122_880
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
    return WriterProperties(
        compression="ZSTD",
        compression_level=3,
        max_row_group_size=_ROW_GROUP_ROWS,
        column_properties={column.name: instants for column in table.columns if column.dtype == INSTANT},
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
    """Files of one version: ``path``, ``size_bytes``, and ``partition`` as text, empty where the table has none."""
    files = pl.DataFrame(snapshot.get_add_actions(flatten=True))
    value = pl.col(f"partition.{table.partition_by[0]}").cast(pl.String) if table.partition_by else pl.lit("")
    return files.select("path", "size_bytes", partition=value)


def crowded(snapshot: DeltaTable, table: Table) -> list[str]:
    """Partitions that lie in more files than their size needs, as :meth:`warehouse.lake.Lake.overfull` gives them."""
    sizes = files_of(snapshot, table).group_by("partition").agg(pl.len(), pl.col("size_bytes").sum())
    return sizes.filter(pl.col("len") > 1 + pl.col("size_bytes") // (FILE_BYTES // 2))["partition"].sort().to_list()
