"""What is decided for groups, as it holds for each metering point."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl


def assigned(
    points: pl.Series, members: pl.DataFrame, of_groups: Sequence[tuple[str, Any]], default: Any
) -> pl.DataFrame:
    """Gives every point the value of its first group, or the default.

    Args:
        points: Metering points.
        members: ``group`` and ``metering_point``; other groups do no harm.
        of_groups: Group and value, the most important first.
        default: Value of points in none of them.

    Returns:
        ``metering_point`` and ``value``, in the order of the points, each once.
    """
    values = [default, *(value for _, value in of_groups)]
    order = pl.DataFrame(
        {"group": [group for group, _ in of_groups], "place": range(1, len(of_groups) + 1)},
        schema={"group": pl.String, "place": pl.Int64},
    )
    first = members.join(order, on="group").group_by("metering_point").agg(pl.col("place").min())
    chosen = pl.DataFrame({"place": range(len(values)), "value": values}, schema_overrides={"place": pl.Int64})
    return (
        points.unique(maintain_order=True)
        .alias("metering_point")
        .to_frame()
        .join(first, on="metering_point", how="left", maintain_order="left")
        .with_columns(pl.col("place").fill_null(0))
        .join(chosen, on="place", how="left", maintain_order="left")
        .select("metering_point", "value")
    )


def stations(
    points: pl.Series,
    members: pl.DataFrame,
    *,
    of_points: Mapping[str, str],
    of_groups: Mapping[str, str],
    default: str,
) -> pl.DataFrame:
    """The weather station of every point: its own, else that of its first group, else the default.

    Returns:
        ``metering_point`` and ``station``.
    """
    own = pl.DataFrame(
        {"metering_point": list(of_points), "own": list(of_points.values())},
        schema={"metering_point": pl.String, "own": pl.String},
    )
    return (
        assigned(points, members, list(of_groups.items()), default)
        .join(own, on="metering_point", how="left", maintain_order="left")
        .select("metering_point", station=pl.coalesce("own", "value"))
    )


def members_at(members: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Which points belong to which groups at an instant.

    Args:
        members: Rows of ``group_members``.
        at: Instant, UTC.

    Returns:
        ``group`` and ``metering_point``.
    """
    begun = (pl.col("valid_from") <= at).fill_null(value=True)
    lasts = (pl.col("valid_to") > at).fill_null(value=True)
    return (
        members.filter(begun, lasts, pl.col("metering_point").is_not_null()).select("group", "metering_point").unique()
    )
