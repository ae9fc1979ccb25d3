"""A small table of values at points, for tests of the lake."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from warehouse.lake import Lake
from warehouse.schemas import Column, Table
from warehouse.schemas.table import INSTANT, REGISTER

START = datetime(2026, 1, 31, 22, tzinfo=UTC)

POINTS = Table(
    name="points",
    meaning="For these tests.",
    columns=(
        Column("organisation", pl.String, "."),
        Column("point", pl.String, "."),
        Column("at", INSTANT, "."),
        Column("value", REGISTER, ".", nullable=True),
        Column("known_from", INSTANT, "."),
        Column("month", pl.String, "."),
    ),
    key=("organisation", "point", "at"),
    sort_by=("point", "at"),
    partition_by=("month",),
)


def rows(*facts: tuple[str, int, str | None], known: datetime = START) -> pl.DataFrame:
    """Rows of ``POINTS`` from (point, hour after START, value)."""
    return pl.DataFrame(
        [
            {
                "organisation": "o",
                "point": point,
                "at": START + timedelta(hours=hour),
                "value": None if value is None else Decimal(value),
                "known_from": known,
                "month": f"{START + timedelta(hours=hour):%Y-%m}",
            }
            for point, hour, value in facts
        ],
        schema=POINTS.schema,
    )


def facts(lake: Lake) -> list[tuple[str, int, str | None]]:
    found = lake.scan(POINTS).sort("point", "at").collect()
    return [
        (point, (at - START) // timedelta(hours=1), None if value is None else str(value.normalize()))
        for point, at, value in found.select("point", "at", "value").iter_rows()
    ]


def points(*names: str) -> pl.DataFrame:
    """Points as a merge takes those that are stale."""
    return pl.DataFrame(
        {"organisation": ["o"] * len(names), "point": list(names)},
        schema={"organisation": pl.String, "point": pl.String},
    )
