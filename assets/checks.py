"""Checks of the graph: nothing is lost, keys are unique, sums agree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dagster as dg
import polars as pl

from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.auditing import breaks_of_audit_chain
from assets.steps.decoding import latest_outcomes
from assets.steps.redaction import unsettled_days
from assets.steps.water import WATER
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    AUDIT_LOG,
    COLLECTOR_DAILY,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    ENERGY_SIGNATURES,
    FLOW_DAILY,
    GROUP_PROFILES,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INFO_CODE_EVENTS,
    LEAK_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    READING_PERFORMANCE_DAILY,
    READINGS,
    RECEPTIONS,
    RECORDS,
    REGISTER_EVENTS,
    TELEGRAMS,
    VEE_EXCEPTIONS,
    Table,
)

KEYED_LANDING = (RECEPTIONS,)
KEYED_DECODING = (OUTCOMES, TELEGRAMS, READINGS, RECORDS)
KEYED_FIGURES = (
    CONSUMPTION_HOURLY,
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    REGISTER_EVENTS,
    HEAT_DAILY,
    HEAT_CHECKS,
    HEAT_FAULTS,
    ENERGY_SIGNATURES,
    INFO_CODE_EVENTS,
    READING_PERFORMANCE_DAILY,
    MISSING_CAUSES_DAILY,
    LINK_DAILY,
    FLOW_DAILY,
    LEAK_EVENTS,
    ALERT_EVENTS,
    ALERT_USAGE,
    *WATER,
    GROUP_PROFILES,
    VEE_EXCEPTIONS,
    METER_LINKS,
    COLLECTOR_DAILY,
)
KEYED = (*KEYED_LANDING, *KEYED_DECODING, *KEYED_FIGURES)
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


def missing_frames(house: Installation) -> int:
    """Frames of read files that are neither in the lake nor known to be gone by retention or erasure (law 1)."""
    return int(unsettled_days(house)["missing"].abs().sum())


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


@dataclass(frozen=True)
class Check:
    """A check of a table.

    Attributes:
        name: Its name; several tables may have one of the same name.
        table: The table.
        meaning: What holds.
        count: Counts what does not hold.
    """

    name: str
    table: Table
    meaning: str
    count: Callable[[Installation], int]

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The check as the orchestrator knows it."""
        return dg.AssetCheckSpec(self.name, asset=self.table.name, description=self.meaning)


def _unique(table: Table) -> Check:
    meaning = f"No two rows share the key {', '.join(table.key)}."
    return Check("keys_unique", table, meaning, lambda house: repeated_keys(house, table))


def _step(name: str, *checks: Check) -> dg.AssetChecksDefinition:
    """Checks that one step makes: a step each would cost more than what it does."""
    by_key = {check.spec.key: check for check in checks}

    @dg.multi_asset_check(name=name, specs=[check.spec for check in checks], can_subset=True)
    def step(
        context: dg.AssetCheckExecutionContext, installation: InstallationResource
    ) -> Iterator[dg.AssetCheckResult]:
        house = installation.open()
        for key in sorted(context.selected_asset_check_keys):
            found = by_key[key].count(house)
            yield dg.AssetCheckResult(
                passed=found == 0, asset_key=key.asset_key, check_name=key.name, metadata={"found": found}
            )

    return step


_LOST = Check("nothing_lost", OUTCOMES, "Every reception has exactly one latest outcome.", unaccounted_receptions)
_CHAIN = Check("chain_holds", AUDIT_LOG, "The audit chain holds, also as its heads were noted.", breaks_of_audit_chain)
_SUMS = Check("hours_sum_to_day", CONSUMPTION_DAILY, "Where all hours are known, they sum to it.", days_that_differ)

CHECKS = [
    _step("landing_checks", *map(_unique, KEYED_LANDING)),
    _step("decoding_checks", *map(_unique, KEYED_DECODING), _LOST),
    _step("figures_checks", *map(_unique, KEYED_FIGURES), _SUMS),
    _step("registry_checks", _CHAIN),
]
