"""Slow leaks and periodic draws reckoned day by day are those reckoned at once, however long they last."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.steps.leaks import _labels, _Part
from tests.unit.warehouse.transforms.test_leaks import START, ZONE, hours, nights, ticks
from warehouse.lake import Lake
from warehouse.schemas import FLOW_DAILY, LEAK_EVENTS
from warehouse.transforms.leaks.days import flow_daily, reach
from warehouse.transforms.leaks.limits import Limits

FIRST, DAYS = date(2025, 6, 2), 40
LIMITS = Limits()
KNOWN = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = LEAK_EVENTS.empty()
_EXPECTED = (("a", "slow_leak"), ("b", "periodic_draws"), ("b", "slow_leak"))
"""Each twice; who refills a cistern through the night never rests for long."""


def measured() -> pl.DataFrame:
    """A leak of thirty days with a pause after five, a cistern with one, and a home that rests."""
    drawn = [0.0, 8, 0, 0, 8, 0]
    leak = [*ticks(2.5, 5), *[0.0] * 24, *ticks(2.5, 30), *[0.0] * 96]
    cistern = [*nights(drawn, 9), *nights([0.0] * 6, 8), *nights(drawn, 23)]
    home = nights([0.0] * 6, DAYS)
    return pl.concat([hours(leak, point="a", count=0.01), hours(cistern, point="b"), hours(home, point="c")])


def house(folder: Path) -> Any:
    return SimpleNamespace(lake=Lake(folder), organisation="o", settings=SimpleNamespace(zone=ZoneInfo(ZONE.key)))


def part(first: date) -> _Part:
    points = pl.DataFrame({"organisation": ["o"] * 3, "metering_point": ["a", "b", "c"]})
    return _Part(points, first, START, "a", "c")


def labelled(folder: Path, steps: list[int]) -> pl.DataFrame:
    """Events once days came in portions of so many."""
    made, every, stored, at = house(folder), measured(), NOTHING, FIRST
    for step in steps:
        end = at + timedelta(days=step)
        known = made.lake.scan(FLOW_DAILY).collect()
        today = every.filter(pl.col("day").is_between(at, end, closed="left"))
        fresh = flow_daily(today, known.drop("known_from"), LIMITS, ZONE, first=at)
        near = known.filter(pl.col("day").is_between(at - reach(LIMITS) * timedelta(days=1), at, closed="left"))
        days = pl.concat([near.select(fresh.columns), fresh])
        found, stale = _labels(made, part(at), days, stored, LIMITS)
        kept = stored.join(stale, on=LEAK_EVENTS.key, how="anti")
        stored = pl.concat([kept, found.with_columns(known_from=pl.lit(KNOWN)).select(kept.columns)])
        made.lake.append(FLOW_DAILY, fresh.with_columns(known_from=pl.lit(KNOWN)))
        at = end
    assert stored.select(LEAK_EVENTS.key).is_unique().all()
    return stored.sort(LEAK_EVENTS.key)


def test_labels_do_not_depend_on_the_portions_in_which_days_come(tmp_path: Path) -> None:
    whole = labelled(tmp_path / "whole", [DAYS])
    kinds = [(row["metering_point"], row["kind"]) for row in whole.rows(named=True)]
    assert kinds == [(point, kind) for point, kind in _EXPECTED for _ in range(2)]
    assert labelled(tmp_path / "daily", [1] * DAYS).equals(whole)
    assert labelled(tmp_path / "uneven", [3, 1, 9, 2, 14, 1, 10]).equals(whole)
