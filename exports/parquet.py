"""Parquet: for auditors and programs, with types instead of texts."""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from exports.base import BaseFormat
from exports.facts import Facts
from exports.variables import FIELD_PREFIX, SCHEMA
from warehouse.transforms.calendar import month

SCHEMA_VERSION = 1
"""Grows by one when a column changes its name, type or meaning, or goes; stands in the file's metadata."""

MONTH = "month"
"""Column with the local month of the reading, or of the period's start."""

_Variable = Annotated[str, Field(max_length=120)]
_PARTITION = ("medium", MONTH)


class ParquetFormat(BaseFormat):
    """One file of typed columns.

    Each row group holds one medium and one local month in the order of the rows, so that readers skip by the statistics
    of ``medium`` and ``month`` what they are not asked for.

    Attributes:
        columns: Variables that go out, beside the month; ``None`` for all, without the utility's own fields.
    """

    layout: Literal["parquet"]
    columns: Annotated[tuple[_Variable, ...], Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        names = self.names
        strange = [name for name in names if name not in SCHEMA and not name.startswith(FIELD_PREFIX)]
        if strange:
            known = f"{', '.join(SCHEMA)} and {FIELD_PREFIX}<name>"
            raise ValueError(f"columns: there is no {strange[0]!r}; there are {known}")
        if len(set(names)) < len(names) or "medium" not in names:
            raise ValueError("columns: each stands once, and medium is among them")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The variables that go out."""
        return tuple(SCHEMA) if self.columns is None else self.columns


def write(form: ParquetFormat, pieces: Iterable[pl.DataFrame], facts: Facts) -> Iterator[bytes]:
    """Writes a file; as :func:`exports.writing.write`."""
    empty = pl.DataFrame(schema={MONTH: pl.String, **{name: SCHEMA.get(name, pl.String) for name in form.names}})
    schema = _arrow(empty).schema.with_metadata(_metadata(form, facts))
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd", write_statistics=True) as writer:

        def content(piece: pl.DataFrame) -> bytes:
            for group in _groups(form, piece, facts):
                writer.write_table(_arrow(group.select(empty.columns)).cast(schema), row_group_size=group.height)
            return sink.taken()

        yield from map(content, pieces)  # a loop would hold its piece while the next one is made
    yield sink.taken()


def _groups(form: ParquetFormat, piece: pl.DataFrame, facts: Facts) -> list[pl.DataFrame]:
    absent = [pl.lit(None, pl.String).alias(name) for name in form.names if name not in piece.columns]
    local = pl.coalesce("measured_at", "period_start").dt.convert_time_zone(facts.zone.key)
    rows = piece.with_columns(month(local).alias(MONTH), *absent)
    groups = rows.partition_by(_PARTITION, maintain_order=True, as_dict=True)
    return [groups[key] for key in sorted(groups, key=lambda key: [part or "" for part in key])]


def _arrow(rows: pl.DataFrame) -> pa.Table:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())


def _metadata(form: ParquetFormat, facts: Facts) -> dict[str, str]:
    told = {
        "schema_version": SCHEMA_VERSION,
        "content": form.content,
        "job": facts.job,
        "organisation": facts.organisation,
        "time_zone": facts.zone.key,
        "period_from": facts.period_from.isoformat(),
        "period_to": facts.period_to.isoformat(),
        "as_of": facts.as_of.isoformat(),
        "seq": facts.seq,
        "revision": facts.revision,
        "version": facts.version,
    }
    return {"meterhouse": json.dumps(told, ensure_ascii=False)}


class _Sink(io.RawIOBase):
    """Takes what the writer writes and hands it on, so that the file is never held whole."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, part: "bytes | memoryview") -> int:  # type: ignore[override]
        content = bytes(part)
        self._parts.append(content)
        self._written += len(content)
        return len(content)

    def tell(self) -> int:
        return self._written

    def taken(self) -> bytes:
        """What was written since the last time."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
