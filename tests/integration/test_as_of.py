"""What stood at an instant is what is shown as of it, whatever comes later."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.integration.installations import House, enter, fleet, new_house
from tests.integration.test_truth import fill
from warehouse.queries import consumption, subjects
from warehouse.schemas import TABLES
from warehouse.sql import connect, query
from warehouse.versions import Past

__all__ = ["fleet"]

KEPT = [table.name for table in TABLES.values() if table.published and table.known_since and table.name != "audit_log"]
FIGURES = (
    *("consumption_hourly", "consumption_daily", "consumption_monthly", "consumption_yearly", "heat_daily"),
    *("info_code_events", "reading_performance_daily", "link_daily", "register_events"),
)
STEPS = (("meters", "keys_late", "customers", "frames_late"), ("frames",), ("exchanges",))


def told(house: House, as_of: datetime | None = None) -> dict[str, pl.DataFrame]:
    """What every table says."""
    connection = connect(house.installation.lake, house.installation.organisation, known_at=as_of)
    tables = {name: query(connection, f"from {name}") for name in KEPT}
    return {name: rows.sort(rows.columns) for name, rows in tables.items()}


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory, fleet: Path) -> tuple[House, list[tuple[datetime, dict]]]:
    """A house that learns in steps, and after each what every table said."""
    house, states = new_house(tmp_path_factory.mktemp("past")), []
    for steps in STEPS:
        fill(house, fleet, *steps)
        if "exchanges" in steps:
            house.ingest(next((fleet / "frames").iterdir()))  # files known already: the graph runs all the same
        states.append((datetime.now(UTC), told(house)))
    return house, states


def test_every_table_says_what_stood(stood: tuple[House, list]) -> None:
    house, states = stood
    for known_at, state in states:
        found = told(house, known_at)
        assert [name for name in KEPT if not found[name].equals(state[name])] == []
    same = [name for name in FIGURES if states[0][1][name].equals(states[-1][1][name])]
    assert same == [], "nothing changed, which proves nothing"


def test_history_costs_what_changed(stood: tuple[House, list]) -> None:
    house, states = stood
    for name in FIGURES:
        table = TABLES[name]
        first, last = (state[name] for _, state in (states[0], states[-1]))
        kept = house.installation.lake.scan(table.history).collect()
        assert kept.select(*table.key, "known_from").is_duplicated().any() is False
        replaced = first.join(last, on=first.columns, how="anti", nulls_equal=True).height
        assert kept.height >= replaced
        assert kept.height <= len(states) * last.height, name


def test_query_functions_take_the_past(stood: tuple[House, list]) -> None:
    house, states = stood
    lake, organisation = house.installation.lake, house.installation.organisation
    known_at, state = states[0]
    past = Past(lake, known_at)
    point = state["consumption_daily"]["metering_point"][0]
    days = state["consumption_daily"].filter(metering_point=point, register="volume_m3")
    span = {"first": days["day"].min(), "last": days["day"].max()}
    found = consumption.figures(
        past, organisation, subjects.point(point), interval="daily", register="volume_m3", **span
    )
    assert found["consumption"].to_list() == days.sort("period_start")["consumption"].to_list()


def test_the_command_takes_an_instant(stood: tuple[House, list]) -> None:
    house, states = stood
    enter(house.installation.settings.home)
    statement = "select count(*) as n, sum(consumption) as total from consumption_daily where quality <> 'N'"
    for known_at, state in states:
        done = CliRunner().invoke(app, ["sql", statement, "--as-of", known_at.isoformat(), "--format", "csv"])
        known = state["consumption_daily"].filter(pl.col("quality") != "N")
        assert done.stdout == f"n,total\n{known.height},{known['consumption'].sum()}\n"
    refused = CliRunner().invoke(app, ["sql", statement, "--as-of", "yesterday"])
    assert refused.exit_code == 1
