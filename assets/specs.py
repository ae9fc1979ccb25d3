"""Specs of the graph's assets, derived from the table declarations."""

from collections.abc import Iterable

import dagster as dg

from warehouse.schemas import Table

OWNER = "team:data-engineering"


def table_spec(table: Table, group: str, deps: Iterable[str] = ()) -> dg.AssetSpec:
    """An asset that is a table of the lake.

    Args:
        table: The table.
        group: Group in the graph.
        deps: Asset keys it is made from.

    Returns:
        The spec: description, columns with meaning and unit, kinds and owner.
    """
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        group_name=group,
        description=table.meaning,
        kinds={"deltalake", "polars"},
        owners=[OWNER],
        metadata={"dagster/column_schema": column_schema(table), "key": ", ".join(table.key)},
    )


def column_schema(table: Table) -> dg.TableSchema:
    """The table's columns in the orchestrator's words."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=str(table.schema[column.name]),
                description=f"{column.meaning} [{column.unit}]" if column.unit else column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )
