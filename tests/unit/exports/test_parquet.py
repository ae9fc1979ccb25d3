"""Parquet files."""

import io
import json
from datetime import timedelta

import polars as pl
import pyarrow.parquet as pq

from exports.formats import shipped
from exports.parquet import SCHEMA_VERSION, ParquetFormat
from exports.variables import SCHEMA
from tests.unit.exports.export_rows import FACTS, days, readings, written

PLAIN = shipped()["parquet"]


def test_file_holds_the_rows_with_their_types() -> None:
    read = pl.read_parquet(written(PLAIN, readings()[:3], readings()[3:]))
    expected = readings().sort("medium", maintain_order=True, descending=True).select(*SCHEMA)
    assert read.drop("month").equals(expected)
    assert read["month"].unique().to_list() == ["2026-10"]


def test_row_groups_hold_one_medium_and_local_month_each() -> None:
    """23:30 UTC on 31 October is November in Copenhagen."""
    later = readings().with_columns(pl.col("measured_at") + timedelta(days=6, hours=23, minutes=30))
    file = pq.ParquetFile(io.BytesIO(written(PLAIN, pl.concat([readings(), later]))))
    names = file.schema_arrow.names
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    ranges = [
        [
            (group.column(names.index(name)).statistics.min, group.column(names.index(name)).statistics.max)
            for name in ("medium", "month")
        ]
        for group in groups
    ]
    assert ranges == [
        [(medium, medium), (month, month)] for medium in ("heat", "water") for month in ("2026-10", "2026-11")
    ]
    assert [group.num_rows for group in groups] == [3, 3, 3, 3]


def test_metadata_tells_version_and_facts() -> None:
    metadata = pq.read_schema(io.BytesIO(written(PLAIN, readings()))).metadata
    told = json.loads(metadata[b"meterhouse"])
    assert told == {
        "schema_version": SCHEMA_VERSION,
        "content": "readings",
        "job": "billing",
        "organisation": "Northtown Water",
        "time_zone": "Europe/Copenhagen",
        "period_from": "2026-10-24T22:00:00+00:00",
        "period_to": "2026-10-25T23:00:00+00:00",
        "as_of": "2026-10-26T05:00:07+00:00",
        "seq": 42,
        "revision": 2,
        "version": FACTS.version,
    }


def test_same_rows_are_the_same_bytes() -> None:
    assert written(PLAIN, readings(), days()) == written(PLAIN, readings(), days())


def test_columns_are_those_that_are_asked_for() -> None:
    chosen = ParquetFormat.model_validate(
        {"layout": "parquet", "title": "A", "file_name": "a", "columns": ["field:Pipe", "medium", "value"]}
    )
    read = pl.read_parquet(written(chosen, readings()[:3], readings()[3:].drop("field:Pipe")))
    assert read.columns == ["month", "field:Pipe", "medium", "value"]
    assert read["field:Pipe"].drop_nulls().to_list() == ["DN 20"]


def test_file_without_rows_has_its_columns() -> None:
    read = pl.read_parquet(written(PLAIN))
    assert read.is_empty()
    assert read.schema == {"month": pl.String, **SCHEMA}
