"""Which meters are read by which schedule when, and which send at an interval of their own."""

from collections.abc import Mapping

import polars as pl

from warehouse.schemas import INSTANT
from warehouse.transforms.slots import FOREVER


def configured(configurations: pl.DataFrame, installations: pl.DataFrame) -> pl.DataFrame:
    """Finds when installed meters send at an interval that their configuration names.

    Args:
        configurations: Rows of ``meter_configurations``.
        installations: Rows of ``installations``.

    Returns:
        ``interval_s``, ``organisation``, ``meter_id``, ``installed_at``, ``removed_at`` (UTC, half-open).
    """
    named = configurations.filter(pl.col("interval_s").is_not_null())
    spans = named.select("meter_id", "interval_s", "valid_from", "valid_to").join(installations, on="meter_id")
    return spans.select(
        "interval_s",
        "organisation",
        "meter_id",
        installed_at=pl.max_horizontal("installed_at", "valid_from"),
        removed_at=pl.min_horizontal("removed_at", "valid_to"),
    ).filter(pl.col("installed_at") < pl.col("removed_at").fill_null(FOREVER))


def scheduled(
    named: Mapping[str, tuple[frozenset[str], frozenset[str]]],
    readers: pl.DataFrame,
    members: pl.DataFrame,
    installations: pl.DataFrame,
) -> pl.DataFrame:
    """Finds the meters of schedules, each with the time in which it is installed and belongs to the schedule.

    Args:
        named: Collectors and groups by schedule.
        readers: Rows of ``group_readers``: which collector is expected to read which group when.
        members: Rows of ``group_members``.
        installations: Rows of ``installations``.

    Returns:
        ``schedule``, ``organisation``, ``meter_id``, ``installed_at``, ``removed_at`` (UTC, half-open).
    """
    whole = {"since": pl.lit(None, INSTANT), "until": pl.lit(None, INSTANT)}
    direct = [(name, group) for name, (_, groups) in named.items() for group in sorted(groups)]
    through = [(name, collector) for name, (collectors, _) in named.items() for collector in sorted(collectors)]
    by_group = pl.DataFrame(direct, schema={"schedule": pl.String, "group": pl.String}, orient="row")
    by_collector = pl.DataFrame(through, schema={"schedule": pl.String, "collector": pl.String}, orient="row")
    read = by_collector.join(
        readers.select("collector", "group", since="valid_from", until="valid_to"), on="collector"
    ).select("schedule", "group", "since", "until")
    chosen = pl.concat([by_group.with_columns(**whole), read]).join(members, on="group")
    chosen = chosen.select(
        "schedule",
        "metering_point",
        "meter_id",
        since=pl.max_horizontal("since", "valid_from"),
        until=pl.min_horizontal("until", "valid_to"),
    )
    points = chosen.filter(pl.col("meter_id").is_null()).drop("meter_id").join(installations, on="metering_point")
    meters = chosen.filter(pl.col("meter_id").is_not_null()).drop("metering_point").join(installations, on="meter_id")
    stretch = {
        "installed_at": pl.max_horizontal("installed_at", "since"),
        "removed_at": pl.min_horizontal("removed_at", "until"),
    }
    found = pl.concat(rows.select("schedule", "organisation", "meter_id", **stretch) for rows in (points, meters))
    return found.filter(pl.col("installed_at") < pl.col("removed_at").fill_null(FOREVER)).unique()
