"""Leaks and bursts in an installation: the simulator's seeded ones come first, in whatever order the files came."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.integration.installations import House, copied, kept_environment
from warehouse.schemas import FLOW_DAILY, LEAK_EVENTS, METERING_POINTS


def seeded(fleet: Path, code: str) -> dict[str, object]:
    incidents = pl.read_csv(fleet / "truth" / "incidents.csv", infer_schema=False)
    (found,) = incidents.filter(incident="info_code", detail=code).rows(named=True)
    return found


@pytest.fixture
def filled(everything: Path, tmp_path: Path) -> Iterator[House]:
    """Everything came in time."""
    with kept_environment():
        yield copied(everything, tmp_path / "prompt")


def test_seeded_leaks_and_bursts_come_first_and_nothing_unseeded_before_them(filled: House, fleet: Path) -> None:
    result = CliRunner().invoke(app, ["report", "leaks", "--format", "json"])
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    leak, burst = seeded(fleet, "LEAK"), seeded(fleet, "BURST")
    first = [(row["meter_id"], row["kind"]) for row in found[:2]]
    assert sorted(first) == sorted([(leak["subject"], "continuous_flow"), (burst["subject"], "burst")]), found[:4]
    for row in found[:2]:
        truth = leak if row["kind"] == "continuous_flow" else burst
        began, ended = (datetime.fromisoformat(str(row[name])) for name in ("first_seen", "last_seen"))
        starts, ends = (datetime.fromisoformat(str(truth[name])) for name in ("starts_at", "ends_at"))
        # Who uses water all the time had a smaller flow before.
        assert began <= starts + timedelta(hours=2), row
        assert ended >= ends - timedelta(hours=2), row
        assert row["state"] == "confirmed"


def test_nobody_but_water_points_is_looked_at(filled: House) -> None:
    media = filled.ask("select distinct medium from flow_daily join metering_points using (metering_point)")
    assert media["medium"].to_list() == ["water"]
    assert filled.ask("select count(*) from flow_daily where measured_hours > 25").item() == 0


def test_order_of_arrival_does_not_matter(filled: House, everything_late: Path, tmp_path: Path) -> None:
    house = copied(everything_late, tmp_path / "late")
    for table in (FLOW_DAILY, LEAK_EVENTS):
        ours, theirs = (
            made.installation.lake.scan(table).drop("known_from").sort(table.key).collect() for made in (filled, house)
        )
        assert ours.equals(theirs), table.name
    assert house.installation.lake.scan(METERING_POINTS).collect().height > 0
