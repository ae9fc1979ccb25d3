"""Reckoned rows of several parts: committed together or in pieces, they come to the same; findings come last."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.installation import Installation
from assets.steps import figures, replacing
from tests.unit.assets.test_estimating import FIRST, NOW, course, house, take
from tests.unit.gateway.doors import make_house
from tests.unit.warehouse.transforms.metering import LONG_AGO, METER, NEXT_METER, installed
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    INSTALLATIONS,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
    Table,
)

__all__ = ["house"]

THIRD = "KAM-00000003-1b-16"
MOVED = FIRST + timedelta(days=8)
FIGURES = (CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY, CONSUMPTION_YEARLY, HEAT_DAILY)
FINDINGS = (REGISTER_EVENTS, VEE_EXCEPTIONS)


def at_places(made: Installation) -> Installation:
    """The first meter moves to the second point, a third one stays where it is."""
    places = pl.concat([
        installed((METER, LONG_AGO, MOVED)),
        installed((NEXT_METER, LONG_AGO, MOVED), (METER, MOVED, None), point="P2"),
        installed((THIRD, LONG_AGO, None), point="P3"),
    ])  # fmt: skip
    made.lake.overwrite(INSTALLATIONS, places.with_columns(organisation=pl.lit("default")))
    return made


def deliveries() -> list[list[pl.DataFrame]]:
    """Ten days, then another three: with registers that leap about the move, and one that falls."""
    leaping = course(range(13 * 24)).with_columns(
        volume_m3=pl.when(pl.col("measured_at").is_between(MOVED - timedelta(hours=2), MOVED + timedelta(hours=2)))
        .then(pl.lit(Decimal(70_000)))
        .otherwise("volume_m3")
        .cast(pl.Decimal(38, 6))
    )
    falling = course(range(13 * 24), THIRD)
    falling = falling.with_columns(
        volume_m3=pl.when(pl.col("measured_at") > FIRST + timedelta(days=9, hours=12))
        .then(pl.lit(Decimal(0)))
        .otherwise("volume_m3")
        .cast(pl.Decimal(38, 6))
    )
    whole = [leaping, course(range(8 * 24), NEXT_METER), falling]
    early = [part.filter(pl.col("measured_at") < FIRST + timedelta(days=10)) for part in whole]
    late = [part.filter(pl.col("measured_at") >= FIRST + timedelta(days=10)) for part in whole]
    return [early, [part for part in late if part.height]]


def told(made: Installation) -> dict[str, pl.DataFrame]:
    return {
        table.name: made.lake.scan(table).drop("known_from").sort(table.key).collect()
        for table in (*FIGURES, *FINDINGS)
    }


@pytest.mark.parametrize("rows_at_once", [1, 700, replacing.ROWS_AT_ONCE])
def test_parts_come_to_the_same_however_they_are_committed(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    together = at_places(make_house(tmp_path / "together"))
    for parts in deliveries():
        take(together, *parts)
    expected = told(together)
    assert set(expected["vee_exceptions"]["metering_point"].drop_nulls()) >= {"P1", "P2"}
    assert expected["register_events"].height

    monkeypatch.setattr(figures, "_points_at_once", lambda points, hours: 1)
    monkeypatch.setattr(replacing, "ROWS_AT_ONCE", rows_at_once)
    at_places(house)
    for parts in deliveries():
        take(house, *parts)
    for name, rows in told(house).items():
        assert rows.equals(expected[name]), name


def test_findings_are_committed_when_all_figures_are(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    at_places(house)
    monkeypatch.setattr(figures, "_points_at_once", lambda points, hours: 1)
    merge: Callable[..., object] = house.lake.merge
    merged: list[Table] = []

    def noted(table: Table, *args: object, **options: object) -> object:
        merged.append(table)
        return merge(table, *args, **options)

    monkeypatch.setattr(house.lake, "merge", noted)
    take(house, *deliveries()[0])
    assert merged[-2:] == list(FINDINGS)
    assert [merged.count(table) for table in FIGURES] == [3, 1, 1, 1, 1], "hours by parts, all else together"


def test_what_is_reckoned_otherwise_is_left_out() -> None:
    key = {"organisation": "default", "register": "volume_m3", "period_start": NOW}
    points = pl.DataFrame({"metering_point": ["P1", "P2"], **{name: [value] * 2 for name, value in key.items()}})
    rows = pl.concat([CONSUMPTION_DAILY.empty(), points], how="diagonal_relaxed")
    both = replacing.Replacement(CONSUMPTION_DAILY, rows, rows)
    first, second = (both.without(pl.DataFrame({"metering_point": [point]})) for point in ("P2", "P1"))
    assert first.fresh["metering_point"].to_list() == first.before["metering_point"].to_list() == ["P1"]
    assert sorted(second.applied_to(first.fresh)["metering_point"]) == ["P1", "P2"]
