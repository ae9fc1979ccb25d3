"""Checks of the graph: nothing is lost, keys are unique, sums agree."""

from collections.abc import Callable

import dagster as dg
import polars as pl

from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.auditing import breaks_of_audit_chain
from assets.steps.decoding import latest_outcomes
from warehouse.schemas import (
    AUDIT_LOG,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    INFO_CODE_EVENTS,
    LINK_DAILY,
    OUTCOMES,
    READING_PERFORMANCE_DAILY,
    READINGS,
    RECEPTIONS,
    RECORDS,
    REGISTER_EVENTS,
    TELEGRAMS,
    Table,
)

KEYED = (
    RECEPTIONS,
    OUTCOMES,
    TELEGRAMS,
    READINGS,
    RECORDS,
    CONSUMPTION_HOURLY,
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    REGISTER_EVENTS,
    HEAT_DAILY,
    INFO_CODE_EVENTS,
    READING_PERFORMANCE_DAILY,
    LINK_DAILY,
)
"""Tables whose key no two rows may share."""


def repeated_keys(house: Installation, table: Table) -> int:
    """Counts keys of a table and of its history that more than one row has."""
    tables = [table] if table.history is None else [table, table.history]
    rows = ((one, house.lake.scan(one).select(one.key)) for one in tables)
    return sum(_count(keys.group_by(one.key).len().filter(pl.col("len") > 1)) for one, keys in rows)


def unaccounted_receptions(house: Installation) -> int:
    """Receptions without an outcome plus outcomes without a reception (law 1: nothing is lost)."""
    receptions = house.lake.scan(RECEPTIONS).select("frame_id")
    outcomes = latest_outcomes(house).select("frame_id")
    lost = receptions.join(outcomes, on="frame_id", how="anti")
    invented = outcomes.join(receptions, on="frame_id", how="anti")
    return _count(lost) + _count(invented)


def days_that_differ(house: Installation) -> int:
    """Days whose consumption is not the sum of their hours, where all of them are known (ALGORITHMS §2.5)."""
    key = ["organisation", "metering_point", "register", "day"]
    hours = (
        house.lake.scan(CONSUMPTION_HOURLY)
        .group_by(key)
        .agg(total=pl.col("consumption").sum(), unknown=pl.col("consumption").null_count())
        .filter(pl.col("unknown") == 0)
    )
    days = house.lake.scan(CONSUMPTION_DAILY).filter(pl.col("consumption").is_not_null()).select(*key, "consumption")
    apart = days.join(hours, on=key).filter(pl.col("consumption") != pl.col("total"))
    return _count(apart)


def _count(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect(engine="streaming").item())


def _check(name: str, table: Table, meaning: str, count: Callable[[Installation], int]) -> dg.AssetChecksDefinition:
    @dg.asset_check(name=name, asset=table.name, description=meaning, blocking=False)
    def check(installation: InstallationResource) -> dg.AssetCheckResult:
        found = count(installation.open())
        return dg.AssetCheckResult(passed=found == 0, metadata={"found": found})

    return check


def _unique(table: Table) -> dg.AssetChecksDefinition:
    meaning = f"No two rows share the key {', '.join(table.key)}."
    return _check("keys_unique", table, meaning, lambda house: repeated_keys(house, table))


CHECKS = [
    *(_unique(table) for table in KEYED),
    _check("nothing_lost", OUTCOMES, "Every reception has exactly one latest outcome.", unaccounted_receptions),
    _check("chain_holds", AUDIT_LOG, "The audit chain holds, also as its heads were noted.", breaks_of_audit_chain),
    _check("hours_sum_to_day", CONSUMPTION_DAILY, "Where all hours are known, they sum to the day.", days_that_differ),
]
