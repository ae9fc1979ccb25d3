"""Whom a report is about: the members of a group, and who lives there."""

from typing import Annotated

import polars as pl
import typer

from cli.as_of import Known
from registry.customers import customer_columns
from registry.errors import RegistryError
from warehouse.queries import subjects

GroupOption = Annotated[str, typer.Option("--group", help="Only metering points of this group.")]


def with_customers(known: Known, rows: pl.DataFrame) -> pl.DataFrame:
    """Names who lives, or lived at the instant, at the metering points of a report."""
    with known.house.registry.begin(readonly=True) as session:
        there = customer_columns(session, known.organisation, known.at)
    return rows.join(there, on="metering_point", how="left", maintain_order="left")


def members(known: Known, group: str) -> pl.DataFrame | None:
    """The metering points that belong, or belonged at the instant, to a group; ``None`` where none is named.

    Raises:
        RegistryError: There is no such group.
    """
    if not group:
        return None
    if group not in subjects.groups(known.lake, known.organisation)["group"]:
        raise RegistryError(f"There is no group {group}; 'meterhouse group list' names them.")
    return subjects.members(known.lake, known.organisation, group, known.now)
