"""The part of a lake that a person may see who has rights to single meters."""

from collections.abc import Collection
from typing import Protocol

import polars as pl

from warehouse.schemas import INSTALLATIONS, METERING_POINTS, OUTCOMES, RECEPTIONS, Table


class Readable(Protocol):
    """What queries read from: a lake, or an excerpt of it."""

    def scan(self, table: Table) -> pl.LazyFrame:
        """One version of a table, see :meth:`warehouse.lake.Lake.scan`."""

    def partitions(self, table: Table) -> list[str]:
        """Partitions outside which there are no rows, see :meth:`warehouse.lake.Lake.partitions`."""


class Excerpt:
    """The rows of some meters.

    Tables that name a meter show its rows, receptions are those whose frame names one, metering points are those where
    one of the meters is or was installed, and all other tables are empty: what cannot be told apart is not shown.

    Args:
        whole: What the rows are taken from.
        meters: The meters, by ``meter_id``.
    """

    def __init__(self, whole: Readable, meters: Collection[str]) -> None:
        self._whole = whole
        self._meters = pl.Series(sorted(meters), dtype=pl.String).implode()

    def scan(self, table: Table) -> pl.LazyFrame:
        """The excerpt's rows of a table."""
        rows = self._whole.scan(table)
        if "meter_id" in table.schema:
            return rows.filter(pl.col("meter_id").is_in(self._meters))
        if table in (METERING_POINTS, METERING_POINTS.history):
            places = self.scan(INSTALLATIONS)
            return rows.join(places, on=["organisation", "metering_point"], how="semi", maintain_order="left")
        if table is RECEPTIONS:
            return rows.join(self.scan(OUTCOMES), on=["organisation", "frame_id"], how="semi", maintain_order="left")
        return rows.clear()

    def partitions(self, table: Table) -> list[str]:
        """Those of the whole."""
        return self._whole.partitions(table)
