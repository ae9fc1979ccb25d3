"""How far back hours and readings are read: as far as episodes that are found in them, of the points that have one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets.steps import leaks
from assets.steps.leaks import _measured, _parts
from warehouse.lake import Lake
from warehouse.policies import LeakPolicy, read_as, shipped_document
from warehouse.schemas import CONSUMPTION_HOURLY, FLOW_DAILY, INSTALLATIONS, LEAK_EVENTS, METERING_POINTS, Table

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
SINCE = datetime(2026, 1, 18, 22, tzinfo=UTC)
"""25 hours before the local day of six intervals and an hour before the touched reading."""

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
POINTS = ("burst", "closed", "flow", "none", "slow")
POLICY = read_as(LeakPolicy, shipped_document("leaks"))
NO_RESOLUTIONS = pl.DataFrame(schema={"organisation": pl.String, "meter_id": pl.String, "resolution": pl.Float64})


def filled(table: Table, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows of a table with something in every column that may not be null."""
    some = {pl.String: "x", pl.Float64: 1.0, pl.Int32: 1}
    rest = {column.name: some.get(column.dtype, NOW) for column in table.columns if not column.nullable}
    return pl.DataFrame([{**rest, "organisation": "o", "month": "2026-01", **row} for row in rows]).select(
        name for name in table.schema.names() if name in {*rest, *rows[0]}
    )


def house(folder: Path) -> Any:
    made = Lake(folder)
    settings = SimpleNamespace(zone=ZoneInfo("Europe/Copenhagen"), expected_interval_s=3600)
    points = [{"metering_point": name, "medium": "water", "role": "consumption"} for name in POINTS]
    made.append(METERING_POINTS, filled(METERING_POINTS, points))
    places = [{"metering_point": name, "meter_id": f"m-{name}", "installed_at": BEGAN - DAY} for name in POINTS]
    made.append(INSTALLATIONS, filled(INSTALLATIONS, places))
    events = [
        ("burst", "burst", BEGAN, NOW - DAY),
        ("closed", "continuous_flow", BEGAN - 2 * DAY, BEGAN + DAY),
        ("closed", "slow_leak", BEGAN, NOW - DAY),
        ("flow", "continuous_flow", BEGAN, NOW - DAY),
        ("slow", "slow_leak", BEGAN, NOW - DAY),
        ("slow", "periodic_draws", BEGAN, NOW - DAY),
    ]
    names = ("metering_point", "kind", "first_seen", "last_seen")
    made.append(LEAK_EVENTS, filled(LEAK_EVENTS, [dict(zip(names, event, strict=True)) for event in events]))
    return SimpleNamespace(lake=made, organisation="o", settings=settings)


def test_only_episodes_of_hours_have_hours_read_from_their_beginning(tmp_path: Path) -> None:
    spans = pl.DataFrame({"meter_id": [f"m-{name}" for name in POINTS], "first_at": NOW, "last_at": NOW})
    (part,) = _parts(house(tmp_path), spans, POLICY, NOW)
    assert part.since == SINCE
    assert part.points.select("metering_point", "flow_since", "burst_since").rows() == [
        ("burst", SINCE, BEGAN),
        ("closed", SINCE, SINCE),
        ("flow", BEGAN, SINCE),
        ("none", SINCE, SINCE),
        ("slow", SINCE, SINCE),
    ]


@pytest.mark.parametrize(("newest", "parts"), [(None, 2), (NOW - DAY, 2), (NOW + 30 * HOUR, 3), (NOW + 90 * DAY, 5)])
def test_the_longer_the_stretch_the_fewer_points_are_reckoned_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newest: datetime | None, parts: int
) -> None:
    """38 hours from the beginning to the touched reading, of 150 at once; a point alone may have more."""
    monkeypatch.setattr(leaks, "HOURS_AT_ONCE", 150)
    spans = pl.DataFrame({"meter_id": [f"m-{name}" for name in POINTS], "first_at": NOW, "last_at": NOW})
    found = list(_parts(house(tmp_path), spans, POLICY, newest))
    assert len(found) == parts
    assert pl.concat([part.points for part in found])["metering_point"].to_list() == list(POINTS)


def test_hours_before_are_those_of_points_with_an_episode_and_counts_those_of_their_days(tmp_path: Path) -> None:
    made = house(tmp_path)
    starts = pl.datetime_range(BEGAN - DAY, NOW, "1h", closed="left", eager=True).to_list()
    of_hours = [
        {
            "metering_point": name,
            "meter_id": f"m-{name}",
            "register": "volume_m3",
            "day": start.date(),
            "period_start": start,
            "period_end": start + HOUR,
            "consumption": 0.005,
            "quality": "M",
        }
        for name in POINTS
        for start in starts
    ]
    made.lake.append(CONSUMPTION_HOURLY, filled(CONSUMPTION_HOURLY, of_hours))
    day = {"metering_point": "flow", "meter_id": "m-flow", "day": date(2026, 1, 6), "count_l": 10.0}
    made.lake.append(FLOW_DAILY, filled(FLOW_DAILY, [day]))
    spans = pl.DataFrame({"meter_id": [f"m-{name}" for name in POINTS], "first_at": NOW, "last_at": NOW})
    (part,) = _parts(made, spans, POLICY, NOW)
    found = _measured(made, part, NO_RESOLUTIONS)
    first = found.group_by("metering_point").agg(pl.col("start").min(), pl.len(), pl.col("count_l").unique().item())
    late, early = (NOW - SINCE) // HOUR, (NOW - BEGAN) // HOUR
    assert first.sort("metering_point").rows() == [
        ("burst", BEGAN, early, 1.0),
        ("closed", SINCE, late, 1.0),
        ("flow", BEGAN, early, 10.0),
        ("none", SINCE, late, 1.0),
        ("slow", SINCE, late, 1.0),
    ]
