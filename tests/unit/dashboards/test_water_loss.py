"""Water loss of districts, and leaks of customers."""

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
    return heated.add(house.home_with_figures(tmp_path_factory.mktemp("wet") / "home"))


def test_balance_of_months_with_its_bounds_and_the_warning_of_the_index(open_page: Opened, wet: Path) -> None:
    app = open_page("water_loss", home=wet)

    shown = figures(app)
    assert shown["Loss"] == "1,054 m³"
    assert shown["Leakage index (ILI)"] == "1.4"
    assert shown["Read"] == "97.0 %"
    assert "640 connections, 51.2 per km" in messages(app)
    rows = app.dataframe[0].value
    assert rows["state"].to_list() == ["bounds alone", "known"]
    assert rows["loss_m3"].isna().to_list() == [True, False]
    assert rows["loss_low_m3"].to_list() == [26 * 24, 1054 - 186]
    assert len(app.get("plotly_chart")) == 2


def test_period_whose_loss_is_not_stated_says_so(open_page: Opened, wet: Path) -> None:
    app = open_page("water_loss", home=wet, days_364=["2025-09-05", "2025-09-20"])

    assert figures(app)["Loss"] == "unknown"
    assert "Too few meters were read" in messages(app)


def test_days_of_a_balance(open_page: Opened, wet: Path) -> None:
    app = open_page("water_loss", home=wet, interval="daily")

    assert len(app.dataframe[0].value) == 31
    assert figures(app)["Loss"] == "53 m³"


def test_night_flow_and_alarms(open_page: Opened, wet: Path) -> None:
    night = open_page("water_loss", home=wet, view="night")
    assert figures(night)["Leakage at night"] == "2.30 m³/h"
    assert figures(night)["Legitimate night use"] == "0.30 m³/h"
    assert len(night.dataframe[0].value) == heated.DAYS

    alarms = open_page("water_loss", home=wet, view="alarms")
    assert alarms.dataframe[0].value["kind"].to_list() == ["sudden"]
    assert len(alarms.get("plotly_chart")) == 1


def test_leaks_are_ranked_with_who_lives_there(open_page: Opened, wet: Path) -> None:
    app = open_page("water_loss", home=wet, view="leaks")

    rows = app.dataframe[0].value
    assert rows[["metering_point", "kind", "name"]].values.tolist() == [
        ["P-1", "continuous flow", "Sample One"],
        ["P-2", "burst", "Sample Two"],
    ]
    assert figures(app)["Water lost"] == "4.1 m³"
    assert figures(app)["Cost"] == "unknown", "the policy names no price"
    assert len(app.get("plotly_chart")) == 1
    burst = open_page("water_loss", home=wet, view="leaks", kind=["burst"], leak="P-2:burst:2025-10-27T06")
    assert burst.dataframe[0].value["metering_point"].to_list() == ["P-2"]


@pytest.mark.parametrize("view", ["balance", "night", "alarms", "leaks"])
def test_nothing_there_says_what_to_do_and_nonsense_is_no_traceback(
    open_page: Opened, empty_home: Path, wet: Path, view: str
) -> None:
    empty = open_page("water_loss", home=empty_home, view=view)
    assert "meterhouse" in messages(empty)

    days = {f"days_{back}": ["2019-01-01", "2019-01-02"] for back in (30, 90, 364)}
    odd = open_page("water_loss", home=wet, view=view, district="Atlantis", interval="x", leak="?", kind=["x"], **days)
    assert not odd.exception
    assert not odd.error


def test_another_organisation_sees_its_own_alone(open_page: Opened, wet: Path) -> None:
    other = replace(ANALYST, organisation=house.NEIGHBOUR)

    assert "No districts are named yet" in messages(open_page("water_loss", home=wet, viewer=other))
    leaks = open_page("water_loss", home=wet, viewer=other, view="leaks")
    assert leaks.dataframe[0].value["metering_point"].to_list() == ["N-9"]
