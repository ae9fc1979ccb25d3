"""Water loss end to end: seeded losses are found within their own uncertainty, and nothing where nothing is seeded."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.installation import Installation
from simulator.district import District, simulate_district
from tests.integration.districts import district_house, document, read, readings_of
from warehouse.schemas import LOSS_ALARMS, NIGHT_FLOW_DAILY, WATER_BALANCE_DAILY, WATER_BALANCE_MONTHLY

LEAK_FROM = 60
DISTRICTS = {
    "Sound": District(members=30, seed=3),
    "Leaky": District(members=30, seed=4, leak_m3h=0.3, leak_from_day=LEAK_FROM),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    before = dict(os.environ)
    folder: Path = tmp_path_factory.mktemp("districts")
    made = district_house(folder, DISTRICTS, document(*DISTRICTS, members=30))
    read(made, pl.concat([readings_of(name, one) for name, one in DISTRICTS.items()]))
    yield made
    os.environ.clear()
    os.environ.update(before)


def of(house: Installation, table, name: str) -> pl.DataFrame:
    return house.lake.scan(table).filter(pl.col("district") == name).collect()


@pytest.mark.parametrize("name", DISTRICTS)
def test_the_loss_of_each_day_lies_within_the_stated_bounds(house: Installation, name: str) -> None:
    truth = simulate_district(DISTRICTS[name]).losses
    found = of(house, WATER_BALANCE_DAILY, name)
    assert found.join(truth, on="day", how="anti")["state"].to_list() == ["unknown"], "the day that has just begun"
    days = found.join(truth, on="day", suffix="_true")
    assert days.height == DISTRICTS[name].days
    assert days["state"].unique().to_list() == ["known"]
    assert days.filter(~pl.col("loss_m3_true").is_between("loss_low_m3", "loss_high_m3")).is_empty()
    assert (days["loss_m3"] - days["loss_m3_true"]).abs().max() < 0.05, "registers count litres"


def test_night_flow_finds_the_leak(house: Installation) -> None:
    last = of(house, NIGHT_FLOW_DAILY, "Leaky").filter(pl.col("hours") > 0).sort("day").row(-1, named=True)
    assert last["lnu_method"] == "measured"
    assert last["leak_night_m3h"] == pytest.approx(0.35, abs=0.02)
    assert last["leakage_m3"] == pytest.approx(0.35 * 24, rel=0.1)


def test_the_leak_raises_alarms_and_nothing_else_does(house: Installation) -> None:
    alarms = house.lake.scan(LOSS_ALARMS).collect().sort("first_day")
    assert set(alarms["district"]) == {"Leaky"}
    began = DISTRICTS["Leaky"].start + timedelta(days=LEAK_FROM)
    assert {row["kind"]: row["first_day"] for row in alarms.iter_rows(named=True)} == {
        "gradual": began,
        "sudden": began,
    }


def test_months_are_the_sums_of_their_days(house: Installation) -> None:
    days = of(house, WATER_BALANCE_DAILY, "Leaky").filter(pl.col("day").dt.month() == 10)
    month = of(house, WATER_BALANCE_MONTHLY, "Leaky").filter(pl.col("day").dt.month() == 10).row(0, named=True)
    assert (month["days"], month["days_balanced"]) == (31, 31)
    assert month["loss_m3"] == pytest.approx(days["loss_m3"].sum())
    assert month["sigma_meters_m3"] == pytest.approx(days["sigma_meters_m3"].sum())
    assert month["loss_l_per_connection_day"] == pytest.approx(1000 * month["loss_m3"] / 30 / 31)
    assert "30 connections" in month["ili_warning"]
