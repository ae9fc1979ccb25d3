"""Checks of the graph: nothing is lost, keys are unique, sums agree.

A check looks at what is new since it last held; one that fails looks at the same again until it is mended.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl

from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.auditing import breaks_of_audit_chain
from assets.steps.figures import LONGEST_DAY
from assets.steps.redaction import unsettled_days
from assets.steps.rezoning import FIGURES
from assets.steps.unseen import Unseen, note_seen, unseen
from assets.steps.water import WATER
from warehouse.predicates import Bound, Box, inside
from warehouse.repeats import repeated
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    AUDIT_LOG,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    OUTCOMES,
    READINGS,
    RECEPTIONS,
    RECORDS,
    TABLES,
    TELEGRAMS,
    VEE_EXCEPTIONS,
    Table,
)

KEYED_LANDING = (RECEPTIONS,)
KEYED_DECODING = (OUTCOMES, TELEGRAMS, READINGS, RECORDS)
KEYED_FIGURES = (*FIGURES, ALERT_EVENTS, ALERT_USAGE, *WATER, VEE_EXCEPTIONS)
KEYED = (*KEYED_LANDING, *KEYED_DECODING, *KEYED_FIGURES)
"""Tables whose key no two rows may share."""


def repeated_keys(look: Unseen) -> int:
    """Counts keys of a table, and of its history, that more than one row has."""
    tables = (TABLES[name] for name in look.versions)
    return sum(repeated(look.rows(one), one.key) for one in tables)


def unaccounted_receptions(look: Unseen) -> int:
    """Receptions without an outcome plus outcomes without a reception (law 1: nothing is lost)."""
    frames = [
        Box(box.partitions, {name: ends for name, ends in box.ranges.items() if name in RECEPTIONS.key})
        for box in look.boxes(RECEPTIONS, OUTCOMES)
    ]
    # By hashes: of each hundred thousand million lost ones, one might not be told by its own.
    hashes = [
        look.house.lake.scan(table).filter(inside(frames)).select(pl.col("frame_id").hash()).unique().collect()
        for table in (RECEPTIONS, OUTCOMES)
    ]
    return int(pl.concat(hashes).to_series().is_unique().sum())


def missing_frames(look: Unseen) -> int:
    """Frames of read files that are neither in the lake nor known to be gone by retention or erasure (law 1)."""
    days = [date.fromisoformat(day) for day in look.news()]
    with look.house.alone("landing"):  # between the rows of a file and the ledger's word of it nothing adds up
        return int(unsettled_days(look.house, days)["missing"].abs().sum())


def days_that_differ(look: Unseen) -> int:
    """Days whose consumption is not the sum of their hours, where all of them are known (ALGORITHMS §2.5)."""
    near = inside(map(_whole_days, look.boxes(CONSUMPTION_HOURLY, CONSUMPTION_DAILY)))
    hourly, daily = (look.house.lake.scan(table).filter(near) for table in (CONSUMPTION_HOURLY, CONSUMPTION_DAILY))
    key = ["organisation", "metering_point", "register", "day"]
    length = pl.col("period_end") - pl.col("period_start")
    hours = hourly.group_by(key).agg(
        total=pl.col("consumption").sum(), known=length.filter(pl.col("consumption").is_not_null()).sum()
    )
    days = daily.filter(pl.col("consumption").is_not_null())
    whole = (
        days.select(*key, "consumption", length=length).join(hours, on=key).filter(pl.col("known") == pl.col("length"))
    )
    return _count(whole.filter(pl.col("consumption") != pl.col("total")))


def _whole_days(box: Box) -> Box:
    """A block that holds the days which one reaches into with all their hours; of further days it may hold some."""
    ranges = {
        name: (low - LONGEST_DAY, high + LONGEST_DAY)
        if isinstance(low, datetime) and isinstance(high, datetime)
        else (low, high)
        for name, (low, high) in box.ranges.items()
    }
    # Months are of UTC: a local day's hours lie in the month of its start or in the next one.
    months = [_month(month, step) for month in box.partitions["month"] for step in (-1, 0, 1)]
    return Box({"month": tuple(months)}, ranges)


def _month(month: Bound, later: int) -> str:
    year, number = divmod(int(str(month)[:4]) * 12 + int(str(month)[5:]) - 1 + later, 12)
    return f"{year:04}-{number + 1:02}"


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
        others: Tables that it looks at, too.
    """

    name: str
    table: Table
    meaning: str
    count: Callable[[Unseen], int]
    others: tuple[Table, ...] = ()

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """The check as the orchestrator knows it."""
        return dg.AssetCheckSpec(self.name, asset=self.table.name, description=self.meaning)

    def look(self, house: Installation) -> Unseen:
        """What is new to it since it last held."""
        return unseen(house, f"{self.name}:{self.table.name}", (self.table, *self.others))


def unique_keys(table: Table) -> Check:
    """The check that no two rows of a table, or of its history, share its key."""
    meaning = f"No two rows share the key {', '.join(table.key)}."
    return Check("keys_unique", table, meaning, repeated_keys, (table.history,) if table.history else ())


def _step(name: str, *checks: Check) -> dg.AssetChecksDefinition:
    """Checks that one step makes: a step each would cost more than what it does."""
    by_key = {check.spec.key: check for check in checks}

    @dg.multi_asset_check(name=name, specs=[check.spec for check in checks], can_subset=True)
    def step(
        context: dg.AssetCheckExecutionContext, installation: InstallationResource
    ) -> Iterator[dg.AssetCheckResult]:
        house, well = installation.open(), []
        for key in sorted(context.selected_asset_check_keys):
            look = by_key[key].look(house)
            found = by_key[key].count(look) if look.news() else 0
            well += [] if found else [look]
            yield dg.AssetCheckResult(
                passed=found == 0, asset_key=key.asset_key, check_name=key.name, metadata={"found": found}
            )
        note_seen(well, datetime.now(UTC))

    return step


LOST = Check("nothing_lost", OUTCOMES, "Every reception has an outcome.", unaccounted_receptions, (RECEPTIONS,))
MISSING = Check(
    "as_the_ledger_says", RECEPTIONS, "Every frame of a read file is there, or known to be gone.", missing_frames
)
SUMS = Check(
    "hours_sum_to_day",
    CONSUMPTION_DAILY,
    "Where all hours are known, they sum to it.",
    days_that_differ,
    (CONSUMPTION_HOURLY,),
)
CHAIN = Check(
    "chain_holds",
    AUDIT_LOG,
    "The audit chain holds, also as its heads were noted.",
    lambda look: breaks_of_audit_chain(look.house),
)

CHECKS = [
    _step("landing_checks", *map(unique_keys, KEYED_LANDING), MISSING),
    _step("decoding_checks", *map(unique_keys, KEYED_DECODING), LOST),
    _step("figures_checks", *map(unique_keys, KEYED_FIGURES), SUMS),
    _step("registry_checks", CHAIN),
]
