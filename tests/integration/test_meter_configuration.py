"""A meter that is set to another package in the middle of a day: its figures go on, its interval is followed."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from simulator import Fleet, simulate
from tests.integration.installations import House, kept_environment, new_house

FLEET = Fleet(meters=4, days=5, start=date(2025, 6, 2), incidents=False, reconfigured=True, seed=3)
NOON = "2025-06-04 12:00"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Path, str]]:
    """An installation with the fleet, its files, and the meter that was set to another package."""
    folder = tmp_path_factory.mktemp("town")
    simulate(FLEET, folder / "fleet")
    incidents = pl.read_csv(folder / "fleet" / "truth" / "incidents.csv", infer_schema=False)
    with kept_environment():
        made = new_house(folder)
        for kind in ("meters", "customers"):
            assert made.take(kind, folder / "fleet" / f"{kind}.csv") == 0
        assert made.ingest(folder / "fleet" / "frames") == 0
        yield made, folder / "fleet", incidents.row(0)[1]


def test_its_daily_series_has_no_gap_and_no_double(town: tuple[House, Path, str]) -> None:
    house, fleet, meter = town
    layouts = (
        "select count(distinct layout_id) from readings where meter_id = '{}' and measured_at {} '2025-06-04 10:00+00'"
    )
    assert [house.ask(layouts.format(meter, sign)).item() for sign in ("<", ">=")] == [1, 1]
    assert house.ask(f"select count(distinct layout_id) from readings where meter_id = '{meter}'").item() == 2
    days = house.ask(
        "select day::varchar as day, consumption, quality, metering_point from consumption_daily "
        f"where meter_id = '{meter}' and register = 'volume_m3' order by 1"
    )
    wanted = pl.read_csv(fleet / "truth" / "consumption_daily.csv", infer_schema=False).filter(
        metering_point=days["metering_point"][0], register="volume_m3"
    )
    within = days.filter(pl.col("day").is_between(pl.lit("2025-06-02"), pl.lit("2025-06-06")))
    assert within["day"].to_list() == [f"2025-06-0{day}" for day in range(2, 7)]
    assert set(within["quality"]) <= {"M", "A", "I"}
    expected = wanted.sort("day")["consumption_expected"].cast(pl.Decimal(18, 6)).to_list()
    assert within["consumption"].to_list() == expected
    hours = house.ask(
        "select count(*) as n, count(distinct period_start) as starts, count(consumption) as known "
        f"from consumption_hourly where meter_id = '{meter}' and register = 'volume_m3' and day = '2025-06-04'"
    )
    assert hours.row(0) == (24, 24, 24)


def test_performance_follows_the_interval_that_the_configuration_names(town: tuple[House, Path, str]) -> None:
    house, _, meter = town

    def counted(criterion: str) -> list[tuple[str, int, int]]:
        return house.ask(
            "select day::varchar as day, expected, received from reading_performance_daily "
            f"where meter_id = '{meter}' and criterion = '{criterion}' and day between '2025-06-03' and '2025-06-05' "
            "order by day"
        ).rows()

    def configure(*options: str) -> str:
        done = CliRunner().invoke(app, ["meter", "configure", meter, *options])
        assert done.exit_code == 0, (done.stderr, done.exception)
        return done.stdout

    assert counted("schedule") == []
    configure("--at", NOON, "--package", "B34D", "--interval", "7200", "--reason", "set from the street")
    assert counted("schedule") == [("2025-06-04", 6, 6), ("2025-06-05", 12, 12)]
    assert counted("hourly") == [("2025-06-03", 24, 24), ("2025-06-04", 12, 12), ("2025-06-05", 0, 0)]
    configure("--at", NOON, "--interval", "1800")
    assert counted("schedule") == [("2025-06-04", 24, 12), ("2025-06-05", 48, 24)], "it sends half of them"
    assert counted("hourly")[-1] == ("2025-06-05", 24, 24)
    (_, listed) = configure().splitlines()
    assert listed == f"{meter},2025-06-04T10:00:00+00:00,,1800,,,B34D"
    rows = house.ask("select interval_s, package from meter_configurations").rows()
    assert rows == [(1800, "B34D")]
    assert house.ask("select interval_s from meter_configurations_history").rows() == [(7200,)]
