"""Pressure sensors against each other, and how priority meters are read."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.dashboards import heated, house
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.empty_home(tmp_path_factory.mktemp("empty") / "home")


@pytest.fixture(scope="module")
def wet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return heated.add(house.home_with_figures(tmp_path_factory.mktemp("pressure") / "home"))


def test_levels_heads_and_surges_of_sensors(open_page: Opened, wet: Path) -> None:
    app = open_page("pressure", home=wet)

    rows = app.dataframe[0].value.set_index("metering_point")
    assert rows["surge"].to_dict() == {"S-DOWN": 1, "S-UP": 0}
    assert rows.loc["S-UP", "head_m"] == pytest.approx(31.5 + 10.197 * rows.loc["S-UP", "level_bar"])
    # From minus sin(1 h of a day) times 0.15 bar to nothing within the last hour.
    assert rows.loc["S-UP", "gradient_bar_h"] == pytest.approx(0.0388, abs=0.002)
    assert figures(app)["Surges"] == "1"
    assert "plain mean" in messages(app)


def test_head_lost_between_two_sensors_is_what_their_offset_says(open_page: Opened, wet: Path) -> None:
    app = open_page("pressure", home=wet, view="two", first="S-UP", second="S-DOWN")

    # 13.5 m of height less 1.1 bar of pressure.
    assert float(figures(app)["Median"].removesuffix(" m")) == pytest.approx(13.5 - 1.1 * 10.197, abs=0.06)
    assert figures(app)["Largest"] != figures(app)["Median"]
    assert len(app.get("plotly_chart")) == 1
    turned = open_page("pressure", home=wet, view="two", first="S-DOWN", second="S-UP")
    assert figures(turned)["Median"] == f"-{figures(app)['Median']}"


def test_events_by_kind(open_page: Opened, wet: Path) -> None:
    app = open_page("pressure", home=wet, view="events", kind=["surge"])
    assert app.dataframe[0].value["extreme_bar"].to_list() == [1.3]
    assert "No event lies" in messages(open_page("pressure", home=wet, view="events", kind=["low"]))


def test_priority_meters_with_quota_and_how_they_were_read(open_page: Opened, wet: Path) -> None:
    app = open_page("pressure", home=wet, view="priority")

    assert figures(app) == {"Priority meters": "2", "Allowed": "50", "Read every five minutes": "2"}
    assert app.dataframe[0].value["readings_24h"].to_list() == [288, 288]
    assert app.dataframe[0].value["longest_gap_min"].to_list() == [5, 5]


@pytest.mark.parametrize("view", ["sensors", "two", "events", "stretches", "priority"])
def test_nothing_there_says_what_to_do_and_nonsense_is_no_traceback(
    open_page: Opened, empty_home: Path, wet: Path, view: str
) -> None:
    empty = open_page("pressure", home=empty_home, view=view)
    assert "role POINT pressure" in messages(empty) or "has no metering points" in messages(empty)

    days = {f"days_{back}": ["2019-01-01", "2019-01-02"] for back in (1, 6, 30)}
    odd = open_page("pressure", home=wet, view=view, district="?", first="x", second="x", kind=["x"], **days)
    assert not odd.exception
    assert not odd.error


def test_another_organisation_sees_no_sensor(open_page: Opened, wet: Path) -> None:
    other = replace(ANALYST, organisation=house.NEIGHBOUR)

    assert "No district names a pressure sensor" in messages(open_page("pressure", home=wet, viewer=other))
    assert "no metering points" in messages(open_page("pressure", home=wet, viewer=other, view="priority"))
