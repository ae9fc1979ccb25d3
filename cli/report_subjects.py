"""Whom a report is about: the members of a group, and who lives there."""

from datetime import UTC, datetime
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from registry.customers import customer_columns
from registry.errors import RegistryError
from warehouse.queries import subjects

GroupOption = Annotated[str, typer.Option("--group", help="Only metering points of this group.")]


def with_customers(house: Installation, rows: pl.DataFrame) -> pl.DataFrame:
    """Names who lives at the metering points of a report now."""
    with house.registry.begin(readonly=True) as session:
        present = customer_columns(session, house.organisation)
    return rows.join(present, on="metering_point", how="left", maintain_order="left")


def members(house: Installation, group: str) -> pl.DataFrame | None:
    """The metering points that belong to a group now; ``None`` where none is named.

    Raises:
        RegistryError: There is no such group.
    """
    if not group:
        return None
    if group not in subjects.groups(house.lake, house.organisation)["group"]:
        raise RegistryError(f"There is no group {group}; 'meterhouse group list' names them.")
    now = pl.lit(datetime.now(UTC))
    points = subjects.group(house.lake, house.organisation, group)
    begun = (pl.col("valid_from") <= now).fill_null(value=True)
    return points.filter(begun, (pl.col("valid_to") > now).fill_null(value=True)).select("metering_point")
