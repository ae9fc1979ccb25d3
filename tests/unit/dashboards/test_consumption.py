"""The page of consumption."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages


def test_consumption_of_the_first_point(open_page: Opened) -> None:
    app = open_page("consumption")

    shown = figures(app)
    assert shown["Latest reading"] == "69 m³"
    assert shown["Measured"] == "94 %"
    assert shown["Info codes"] == "2"
    rows = app.dataframe[0].value
    assert len(rows) == 31
    assert str(rows["period_end"].iloc[-1]) == "2025-11-03 23:00:00+00:00"
    assert shown["Consumption"] == f"{rows['consumption'].sum():.2f} m³"
    assert app.dataframe[1].value["kind"].to_list() == ["roll-over", "meter exchange"]
    assert app.dataframe[2].value["code"].to_list() == ["LEAK", "DRY"]
    assert [button.label for button in app.get("download_button")] == ["PDF", "HTML"] + ["CSV", "XLSX", "Parquet"] * 3
    assert len(app.get("plotly_chart")) == 1


def test_every_interval_and_the_choice_in_the_address(open_page: Opened) -> None:
    app = open_page("consumption", point="P-2", interval="hourly")
    assert len(app.dataframe[0].value) == 7 * 24

    for interval, rows in (("monthly", 2), ("yearly", 1), ("daily", 31)):
        app.segmented_control(key="interval").set_value(interval).run()
        assert not app.exception
        assert len(app.dataframe[0].value) == rows, interval
    assert app.selectbox(key="point").value == "P-2"


def test_days_of_the_clock_change(open_page: Opened) -> None:
    days = ["2025-10-26", "2025-10-26"]
    app = open_page("consumption", interval="hourly", days_hourly=days)

    assert len(app.dataframe[0].value) == 25


def test_heat_has_registers_of_its_own(open_page: Opened) -> None:
    app = open_page("consumption", point="P-3", register="energy_kwh")

    assert app.selectbox(key="register").value == "energy_kwh"
    assert figures(app)["Latest reading"] == "12,345 kWh"


@pytest.mark.parametrize("asked", [house.NEW, house.OLD, "10000001", "P-1"])
def test_point_is_found_by_its_meters(open_page: Opened, asked: str) -> None:
    app = open_page("consumption", point=asked)

    assert set(app.dataframe[0].value["metering_point"]) == {"P-1"}


def test_group_counts_members_only_while_they_are_members(open_page: Opened) -> None:
    app = open_page("consumption", show="group", group="Harbour")

    assert figures(app)["Metering points"] == "2"
    rows = app.dataframe[0].value
    rows = rows.set_index(rows["period_start"].dt.tz_convert("Europe/Copenhagen").dt.date.astype(str))
    assert rows.loc["2025-10-20", "points"] == 1
    assert rows.loc["2025-10-21", "points"] == 2
    assert rows.loc["2025-10-25", "missing"] == 1
    assert rows.loc["2025-10-25", "quality"] == "measured"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"point": "Atlantis"}, "Atlantis is registered. It may have been deleted. Choose one"),
        ({"point": house.SPARE}, "was never installed"),
        ({"point": "30000001"}, "was never installed"),
        ({"point": house.FOREIGN}, f"{house.FOREIGN} is registered. It may have been deleted"),
        ({"show": "group", "group": "Nobody"}, "Nobody has no metering points"),
        ({"days_daily": ["2019-01-01", "2019-02-01"]}, "some are known from 1 Oct 2025 to 3 Nov 2025"),
    ],
)
def test_nothing_to_show_says_why(open_page: Opened, parameters: dict[str, str], said: str) -> None:
    assert said in messages(open_page("consumption", **parameters))


@pytest.mark.parametrize(
    "parameters",
    [
        {"show": "x", "interval": "'; drop", "register": "<b>", "days_daily": "yesterday"},
        {"show": "group", "group": "Atlantis"},
        {"interval": "hourly", "days_hourly": ["2025-13-45", "x"]},
        {"days_daily": ["2025-10-26"] * 5},
        {"nothing": "at all", "figures_page": "99999"},
    ],
)
def test_nonsense_in_the_address_shows_a_page_all_the_same(open_page: Opened, parameters: dict[str, str]) -> None:
    app = open_page("consumption", **parameters)

    assert not app.exception
    assert not app.error
    assert app.dataframe


def test_empty_installation_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    app = open_page("consumption", home=house.empty_home(tmp_path / "home"))

    assert "meterhouse import customers" in messages(app)


def test_damaged_lake_is_a_message(open_page: Opened, tmp_path: Path) -> None:
    home = house.home_with_figures(tmp_path / "home")
    for log in (home / "lake" / "metering_points" / "_delta_log").glob("*.json"):
        log.write_text("{", encoding="utf-8")

    assert "metering_points: cannot be opened" in messages(open_page("consumption", home=home))


def test_who_may_see_single_meters_sees_those_alone(open_page: Opened) -> None:
    who = replace(ANALYST, meters=frozenset({house.OTHER}))

    mine = open_page("consumption", viewer=who, point="P-2", interval="monthly")
    assert figures(mine)
    (offered,) = [box.options for box in mine.selectbox if box.key == "point"]
    assert offered == ["P-2", house.OTHER]
    other = open_page("consumption", viewer=who, point="P-1")
    assert "No metering point, meter or serial number P-1 is registered" in messages(other)


def test_point_of_the_same_name_shows_the_figures_of_who_looks(open_page: Opened) -> None:
    neighbour = open_page("consumption", viewer=replace(ANALYST, organisation=house.NEIGHBOUR), point="P-1")

    assert set(neighbour.dataframe[0].value["meter_id"]) == {house.FOREIGN}
    assert set(open_page("consumption", point="P-1").dataframe[0].value["meter_id"]) == {house.OLD, house.NEW}


def test_page_speaks_the_language_of_who_looks(open_page: Opened) -> None:
    app = open_page("consumption", viewer=replace(ANALYST, language="de"), point="P-3", register="energy_kwh")

    assert app.title[0].value == "Verbrauch"
    assert figures(app)["Letzte Ablesung"] == "12.345 kWh"
    assert app.segmented_control(key="interval").options == ["Stündlich", "Täglich", "Monatlich", "Jährlich"]


def test_figures_as_they_were_known(open_page: Opened) -> None:
    before = open_page("consumption", point="P-1", as_of="2025-11-03")
    assert "as they were known at 4 Nov 2025 00:00 CET" in messages(before)
    assert "There is no consumption of P-1 yet" in messages(before)

    after = open_page("consumption", point="P-1", as_of="2025-11-04")
    assert "as they were known at 5 Nov 2025" in messages(after)
    assert figures(after) == figures(open_page("consumption", point="P-1"))


def test_chosen_day_leads_to_its_readings(open_page: Opened) -> None:
    app = open_page("consumption", point="P-2", interval="daily")
    assert "Click a bar" in messages(app)

    app.session_state["reachable"] = frozenset({"explain"})
    app.session_state["figures_rows_1"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()

    (link,) = app.get("page_link")
    assert link.proto.label == "Explain 4 Oct 2025"
    assert link.proto.query_string == "point=P-2&day=2025-10-04"


def test_heat_and_cooling_are_stacked(open_page: Opened, tmp_path: Path) -> None:
    home = house.home_with_figures(tmp_path / "home")
    house.add_register(home, "P-3", house.HEAT, "cooling_energy_kwh", "kWh", 5)

    app = open_page("consumption", home=home, point="P-3", register="thermal", interval="monthly")

    shown = figures(app)
    assert (shown["Heat energy"], shown["Cooling energy"]) == ("1,921 kWh", "731 kWh")
    rows = app.dataframe[0].value
    assert set(rows["register"]) == {"Heat energy", "Cooling energy"}
    bars = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    assert [bar["name"] for bar in bars if bar["type"] == "bar"] == [
        "Heat energy: measured",
        "Cooling energy: measured",
    ]
