"""What counts as consumption: points of that role alone; what meters districts or checks others counts nowhere."""

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import METERING_POINTS

CONSUMING = pl.col("role") == "consumption"
"""Whether a point's consumption stands in totals."""


def consuming(lake: Readable, organisation: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of points whose consumption stands in totals.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        rows: Rows with ``metering_point``.

    Returns:
        Those of points that are not known to have another role, in their order.
    """
    others = lake.scan(METERING_POINTS).filter(organisation=organisation).filter(~CONSUMING)
    return rows.join(others.select("metering_point").collect(), on="metering_point", how="anti", maintain_order="left")
