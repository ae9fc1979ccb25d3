"""Water loss end to end: seeded losses are found within their own uncertainty, and nothing where nothing is seeded."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.installation import Installation
from assets.steps.districts import read_scope
from assets.steps.erasing import erase
from assets.steps.publishing import publish_registry
from assets.steps.retention import run
from assets.steps.water import reckon_water
from cli.main import app
from pipelines.runs import catch_up
from registry import groups, policies
from registry.erasures import Request
from registry.groups import Author
from simulator.district import DOWNSTREAM, INFLOW, UPSTREAM, District, simulate_district
from tests.integration.districts import NOW, district_house, document, read, readings_of
from warehouse.policies import DistrictsPolicy, PolicyError, shipped_document
from warehouse.queries import water
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    LOSS_ALARMS,
    NIGHT_FLOW_DAILY,
    PRESSURE_EVENTS,
    READINGS,
    WATER_BALANCE_DAILY,
    WATER_BALANCE_MONTHLY,
    Table,
)

LEAK_FROM = 60
DAY_8 = date(2025, 8, 23)
DISTRICTS = {
    "Sound": District(members=30, seed=3),
    "Leaky": District(members=30, seed=4, leak_m3h=0.3, leak_from_day=LEAK_FROM),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    before = dict(os.environ)
    folder: Path = tmp_path_factory.mktemp("districts")
    made = district_house(folder, DISTRICTS, document(*DISTRICTS, members=30, weighted="Sound"))
    read(made, pl.concat([readings_of(name, one) for name, one in DISTRICTS.items()]))
    yield made
    os.environ.clear()
    os.environ.update(before)


def of(house: Installation, table: Table, name: str) -> pl.DataFrame:
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


def test_two_sensors_lose_the_head_that_is_known(house: Installation) -> None:
    """The offset between the sensors shows where hardly anything flows; the pipe's resistance in what flow adds."""
    district = DISTRICTS["Sound"]
    last = district.start + timedelta(days=district.days - 1)
    asked = water.Asked(house.settings.zone, last, last, "Sound")
    policy = house.policy(DistrictsPolicy)
    grid = water.pressures(house.lake, "default", policy, asked)
    up, down = (grid.filter(pl.col("metering_point") == f"Sound-{name}") for name in (UPSTREAM, DOWNSTREAM))
    night = up.join(down, on="at").filter(pl.col("at").dt.hour() == 1)
    head = (night["mean_bar"] - night["mean_bar_right"]).mean() * 10.197
    assert head == pytest.approx(district.offset_m, abs=0.1)
    (row,) = water.stretches(house.lake, "default", policy, asked).iter_rows(named=True)
    assert row["loss_m"] == pytest.approx(district.offset_m + 0.1, abs=0.15)
    assert of(house, PRESSURE_EVENTS, "Sound").is_empty()


def test_average_pressure_is_weighted_by_the_consumption_of_the_sensors_points(house: Installation) -> None:
    district = DISTRICTS["Sound"]
    last = district.start + timedelta(days=district.days - 1)
    balances = {name: of(house, WATER_BALANCE_DAILY, name).filter(day=last).row(0, named=True) for name in DISTRICTS}
    assert {name: row["pressure_method"] for name, row in balances.items()} == {
        "Sound": "consumption",
        "Leaky": "plain",
    }
    used = house.lake.scan(CONSUMPTION_DAILY).filter(day=last, register="volume_m3").collect()
    amounts = dict(used.select("metering_point", pl.col("consumption").cast(pl.Float64)).rows())
    sensors = house.policy(DistrictsPolicy).districts["Sound"].sensors
    weights = {name: sum(amounts[point] for point in sensor.points) for name, sensor in sensors.items()}
    asked = water.Asked(house.settings.zone, last, last, "Sound")
    grid = water.pressures(house.lake, "default", house.policy(DistrictsPolicy), asked)
    means = dict(grid.group_by("metering_point").agg(pl.col("mean_bar").mean() * 10.197).rows())
    expected = sum(means[name] * weight for name, weight in weights.items()) / sum(weights.values())
    assert balances["Sound"]["pressure_m"] == pytest.approx(expected, abs=1e-3)


def report(*words: str) -> str:
    found = CliRunner().invoke(app, ["report", *words, "--format", "csv"])
    assert found.exit_code == 0, found.exception
    return found.stdout


@pytest.mark.usefixtures("house")
def test_reports_on_the_command_line() -> None:
    october = ("--from", "2025-10-01", "--to", "2025-10-31")
    monthly = pl.read_csv(report("water-loss", *october).encode())
    assert monthly.select("district", "days_balanced", "state").rows() == [
        ("Leaky", 31, "known"),
        ("Sound", 31, "known"),
    ]
    assert (
        pl.read_csv(report("water-loss", "--interval", "daily", "--district", "Sound", *october).encode()).height == 31
    )
    assert pl.read_csv(report("water-loss", "--alarms", *october).encode())["district"].unique().to_list() == ["Leaky"]
    assert pl.read_csv(report("night-flow", *october).encode()).height == 62
    last = ("--from", "2025-11-12", "--to", "2025-11-12", "--district", "Sound")
    assert report("pressure", *last).splitlines() == ["district,metering_point,kind,at,until,samples,extreme_bar"]
    assert pl.read_csv(report("pressure", "--show", "grid", *last).encode()).height == 2 * 288
    assert pl.read_csv(report("pressure", "--show", "stretches", *last).encode())["samples"].to_list() == [288]
    unknown = CliRunner().invoke(app, ["report", "water-loss", "--district", "Nowhere"])
    assert "There is no district Nowhere; there are Sound, Leaky." in str(unknown.exception)


def small(folder: Path) -> tuple[Installation, pl.DataFrame]:
    district = District(members=6, days=12, seed=7)
    made = district_house(folder, {"D": district}, document("D", members=6))
    return made, readings_of("D", district)


def figures(house: Installation, *tables: Table) -> list[pl.DataFrame]:
    return [house.lake.scan(table).drop("known_from").collect().sort(table.key) for table in tables]


LATER = NOW + timedelta(days=1)
ALL = (WATER_BALANCE_DAILY, WATER_BALANCE_MONTHLY, NIGHT_FLOW_DAILY, PRESSURE_EVENTS)


@pytest.fixture
def environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures("environment")
def test_late_readings_come_to_the_same_figures_and_change_what_they_touch_alone(tmp_path: Path) -> None:
    straight, readings = small(tmp_path / "straight")
    read(straight, readings)
    late = (pl.col("meter_id") == "KAM-D-M0001") & (pl.col("measured_at").dt.date() >= DAY_8)
    house, _ = small(tmp_path / "late")
    read(house, readings.filter(~late))
    before = of(house, WATER_BALANCE_DAILY, "D")
    assert set(before.filter(pl.col("day") >= DAY_8)["state"]) <= {"interval", "unknown"}
    read(house, readings.filter(late), LATER)
    for found, expected in zip(figures(house, *ALL), figures(straight, *ALL), strict=True):
        assert found.equals(expected)
    changed = of(house, WATER_BALANCE_DAILY, "D").filter(pl.col("known_from") == LATER)
    assert changed["day"].min() >= DAY_8 - timedelta(days=1)
    assert read(house, READINGS.empty(), LATER) == {}, "nothing came, nothing is reckoned"


@pytest.mark.usefixtures("environment")
def test_what_is_erased_of_a_member_leaves_the_balance_of_its_district(tmp_path: Path) -> None:
    house, readings = small(tmp_path)
    read(house, readings)
    days = (DAY_8, DAY_8 + timedelta(days=1))
    before = of(house, WATER_BALANCE_DAILY, "D").filter(pl.col("day").is_between(*days))
    erase(house, Request("default", "D-M0001", *days, "request 7"), identity="test", now=LATER)
    after = of(house, WATER_BALANCE_DAILY, "D").filter(pl.col("day").is_between(*days))
    assert before["members_measured"].to_list() == [6, 6]
    assert after["members_measured"].to_list() == [5, 5]
    assert (after["consumption_measured_m3"] < before["consumption_measured_m3"]).all()
    old = set(before["consumption_measured_m3"])
    for file in (house.settings.lake_path / WATER_BALANCE_DAILY.name).rglob("*.parquet"):
        if "_delta_log" not in file.parts:
            assert not set(pl.read_parquet(file)["consumption_measured_m3"]) & old


@pytest.mark.usefixtures("environment")
def test_a_district_that_names_what_there_is_not_is_refused_and_one_taken_away_is_forgotten(tmp_path: Path) -> None:
    house, readings = small(tmp_path)
    read(house, readings)

    def decide(text: str) -> None:
        with house.registry.begin() as session:
            policies.decide(session, "default", "districts", text, reason="r", identity="test", now=LATER)

    decide(document("D", members=7))
    with pytest.raises(PolicyError, match="District D: there is no metering point D-M0007"):
        reckon_water(house, LATER)
    decide(document("D", members=6).replace("inflow: [D-DM-1]", "inflow: [D-M0001]"))
    with pytest.raises(PolicyError, match="D-M0001 counts as consumption"):
        reckon_water(house, LATER)
    decide(shipped_document("districts"))
    reckon_water(house, LATER)
    assert all(found.is_empty() for found in figures(house, *ALL))


@pytest.mark.usefixtures("environment")
def test_members_may_be_a_group_and_count_while_they_belong_to_it(tmp_path: Path) -> None:
    by_name = document("D", members=6)
    points = ", ".join(f"D-M{number:04d}" for number in range(1, 7))
    house = district_house(tmp_path, {"D": District(members=6)}, by_name.replace(f"points: [{points}]", "group: zone"))
    author = Author("default", "test", NOW)
    with pytest.raises(PolicyError, match="District D: there is no group zone"):
        reckon_water(house, NOW)
    since = datetime(2025, 9, 1, tzinfo=UTC)
    with house.registry.begin() as session:
        groups.create(session, author, "zone")
        groups.add(session, author, "zone", ["D-M0001", f"D-{INFLOW}"], valid_from=since)
    publish_registry(house)
    members = read_scope(house).members
    assert members.select("metering_point", "start", "end").rows() == [("D-M0001", since, None)]
    reckon_water(house, NOW)


def decide(house: Installation, kind: str, text: str) -> None:
    with house.registry.begin() as session:
        policies.decide(session, house.organisation, kind, text, reason="test", identity="test", now=LATER)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("gone", "cut"),
    [("zones: [interval]", DAY_8), ("media: [pressure]\n    zones: [reading]", DAY_8 + timedelta(days=3))],
)
def test_figures_of_thinned_days_stay_and_the_days_after_them_are_reckoned_anew(
    tmp_path: Path, gone: str, cut: date
) -> None:
    house, readings = small(tmp_path)
    read(house, readings)
    catch_up(house, identity="test")
    thin = f"automatic: false\nsurvivor: last\nrules:\n  - {gone}\n    stages: [{{after_months: 1, keep: day}}]\n"
    decide(house, "retention", thin)
    assert run(house, identity="test", now=datetime(2025, 9, cut.day, 12, tzinfo=UTC))
    before = {table: of(house, table, "D").sort(table.key) for table in ALL}
    decide(house, "districts", document("D", members=6).replace("tariff: 2", "tariff: 3"))
    reckon_water(house, LATER)
    dailies = [rows.sort("day") for rows in (before[WATER_BALANCE_DAILY], of(house, WATER_BALANCE_DAILY, "D"))]
    thinned = pl.col("day") < cut
    assert dailies[1].filter(thinned).equals(dailies[0].filter(thinned))
    assert dailies[1].filter(thinned).height > 5
    costs = [rows.filter(~thinned, pl.col("nrw_cost") > 0)["nrw_cost"].to_list() for rows in dailies]
    assert costs[1]
    assert costs[1] == pytest.approx([cost * 1.5 for cost in costs[0]])
    assert of(house, NIGHT_FLOW_DAILY, "D").sort("day").equals(before[NIGHT_FLOW_DAILY].sort("day"))
    assert of(house, PRESSURE_EVENTS, "D").sort(PRESSURE_EVENTS.key).equals(before[PRESSURE_EVENTS])
