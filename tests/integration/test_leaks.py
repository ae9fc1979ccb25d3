"""Leaks and bursts in an installation: the simulator's seeded ones come first, in whatever order the files came."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator import simulate
from tests.integration.installations import FLEET, House, new_house
from warehouse.schemas import FLOW_DAILY, LEAK_EVENTS, METERING_POINTS


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trickling")
    simulate(replace(FLEET, trickles=True), folder)
    return folder


def seeded(fleet: Path, what: str) -> dict[str, object]:
    """An incident by its name, or by its info code."""
    incidents = pl.read_csv(fleet / "truth" / "incidents.csv", infer_schema=False)
    (found,) = incidents.filter((pl.col("detail") == what) | (pl.col("incident") == what)).rows(named=True)
    return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, fleet: Path) -> House:
    made = new_house(tmp_path_factory.mktemp("leaks"))
    for kind in ("meters", "keys_late", "customers", "exchanges"):
        made.take("meters" if kind == "keys_late" else kind, fleet / f"{kind}.csv")
    made.ingest(fleet / "frames", fleet / "frames_late")
    return made


def test_seeded_leaks_and_bursts_come_first_and_nothing_unseeded_before_them(filled: House, fleet: Path) -> None:
    result = CliRunner().invoke(app, ["report", "leaks", "--format", "json"])
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    leak, burst, slow = (seeded(fleet, what) for what in ("LEAK", "BURST", "slow_leak"))
    expected = [(leak, "continuous_flow"), (burst, "burst"), (slow, "slow_leak")]
    first = [(row["meter_id"], row["kind"]) for row in found[:3]]
    assert sorted(first) == sorted((truth["subject"], kind) for truth, kind in expected), found[:5]
    for row in found[:3]:
        if row["kind"] == "slow_leak":
            assert row["state"] == "suspected"
            assert row["rate_low_lh"] < 4 < row["rate_high_lh"]
            continue
        truth = leak if row["kind"] == "continuous_flow" else burst
        began, ended = (datetime.fromisoformat(str(row[name])) for name in ("first_seen", "last_seen"))
        starts, ends = (datetime.fromisoformat(str(truth[name])) for name in ("starts_at", "ends_at"))
        # Who uses water all the time had a smaller flow before.
        assert began <= starts + timedelta(hours=2), row
        assert ended >= ends - timedelta(hours=2), row
        assert row["state"] == "confirmed"


def test_a_cistern_is_labelled_and_a_sound_coarse_meter_is_in_no_list(filled: House, fleet: Path) -> None:
    result = CliRunner().invoke(app, ["report", "leaks", "--format", "json"])
    found = json.loads(result.stdout)
    leak, cistern = (seeded(fleet, what)["subject"] for what in ("slow_leak", "refilling_cistern"))
    labelled = [row for row in found if row["kind"] == "periodic_draws"]
    assert [(row["meter_id"], row["period_h"], row["severity_l"]) for row in labelled] == [(cistern, 3, 0)]
    assert {row["meter_id"] for row in found if row["meter_id"].endswith("-04-07")} == {leak}


def test_nobody_but_water_points_is_looked_at(filled: House) -> None:
    media = filled.ask("select distinct medium from flow_daily join metering_points using (metering_point)")
    assert media["medium"].to_list() == ["water"]
    assert filled.ask("select count(*) from flow_daily where measured_hours > 25").item() == 0


def test_order_of_arrival_does_not_matter(filled: House, fleet: Path, house: House) -> None:
    house.ingest(fleet / "frames")
    for kind in ("meters", "customers", "exchanges"):
        house.take(kind, fleet / f"{kind}.csv")
    house.ingest(fleet / "frames_late")
    house.take("meters", fleet / "keys_late.csv")
    for table in (FLOW_DAILY, LEAK_EVENTS):
        ours, theirs = (
            made.installation.lake.scan(table).drop("known_from").sort(table.key).collect() for made in (filled, house)
        )
        assert ours.equals(theirs), table.name
    assert house.installation.lake.scan(METERING_POINTS).collect().height > 0
