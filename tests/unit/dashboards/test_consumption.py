"""The page of consumption."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest
import streamlit as st

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


@pytest.fixture(scope="module")
def by_tariff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small installation, where the heat of P-3 is counted by tariff, too; nobody changes it."""
    home = house.home_with_figures(tmp_path_factory.mktemp("tariffs") / "home")
    house.add_tariffs(home)
    return home


HEAT = {"point": "P-3", "register": "energy_kwh"}


def test_tariffs_are_stacked_and_have_columns(open_page: Opened, by_tariff: Path) -> None:
    app = open_page("consumption", home=by_tariff, **HEAT, by="tariff")

    assert app.segmented_control(key="by").options == ["Total", "By tariff"]
    # 31 days, of which two have a boundary that was not read and one a register that fell back.
    shown = figures(app)
    assert (shown["T1"], shown["T2"]) == ("870 kWh", "224 kWh")
    assert shown["Other"] == f"{sum(2 + day for day in range(3, 34) if day not in (4, 9, 10))} kWh"
    assert "in all of the 31 periods: no reading near a boundary (2), a register fell back (1)." in messages(app)
    rows = app.dataframe[0].value
    assert list(rows.columns) == [
        *("period_start", "period_end", "consumption", "tariff_1", "tariff_2", "tariff_other"),
        *("unit", "quality", "tariff_reason"),
    ]
    assert rows.loc[0, ["consumption", "tariff_1", "tariff_2", "tariff_other"]].to_list() == [43, 30, 8, 5]
    assert rows["tariff_reason"].dropna().to_dict() == {
        1: "a register fell back",
        6: "no reading near a boundary",
        7: "no reading near a boundary",
    }
    assert rows.loc[[1], ["tariff_2", "tariff_other"]].isna().all(axis=None)
    assert rows.loc[1, "tariff_1"] == 30
    bars = {bar["name"]: bar for bar in json.loads(app.get("plotly_chart")[0].proto.spec)["data"]}
    assert list(bars) == ["T1: measured", "T2: measured", "Other: measured", "Not divided: measured"]
    assert [bar["base"][0] for bar in bars.values()] == [0, 30, 38, 0]
    assert bars["T2: measured"]["customdata"][0][1].replace("\N{NARROW NO-BREAK SPACE}", " ") == "8 kWh"
    assert bars["Not divided: measured"]["y"] == [44, 49, 50]
    assert bars["Not divided: measured"]["customdata"][0][1] == "44 kWh<br>a register fell back"
    assert len({bar["marker"]["color"] for bar in bars.values()}) == 4


def test_downloads_have_a_column_per_tariff(
    open_page: Opened, by_tariff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[str, Callable[[], bytes]] = {}

    def button(label: str, data: Callable[[], bytes], *_: str, key: str, **__: str) -> bool:
        written[key] = data
        return False

    monkeypatch.setattr(st, "download_button", button)
    assert not open_page("consumption", home=by_tariff, **HEAT, by="tariff").exception
    csv, xlsx, parquet = (written[f"figures_by_tariff_{form}"]() for form in ("csv", "xlsx", "parquet"))

    exact = pl.read_parquet(parquet)
    assert exact.select("tariff_1", "tariff_2", "tariff_other", "tariff_reason").rows()[:2] == [
        (Decimal(30), Decimal(8), Decimal(5), None),
        (Decimal(30), None, None, "fall"),
    ]
    assert exact["unit"].unique().to_list() == ["kWh"]
    sheet = fastexcel.read_excel(xlsx).load_sheet(0).to_polars()
    assert sheet.select("T1", "T2", "Other").row(0) == (30, 8, 5)
    assert pl.read_csv(csv).select("tariff_1", "tariff_2", "tariff_other").row(0) == (30, 8, 5)


def test_tariffs_of_longer_periods_reach_across_what_days_do_not(open_page: Opened, by_tariff: Path) -> None:
    app = open_page("consumption", home=by_tariff, **HEAT, by="tariff", interval="monthly")
    rows = app.dataframe[0].value

    assert rows["tariff_1"].to_list() == [930, 90]
    assert rows["tariff_reason"].dropna().to_dict() == {0: "a register fell back"}


def test_tariffs_are_a_choice_and_the_address_keeps_it(open_page: Opened, by_tariff: Path) -> None:
    app = open_page("consumption", home=by_tariff, **HEAT)
    assert app.segmented_control(key="by").value == "total"
    assert "tariff_1" not in app.dataframe[0].value

    app.segmented_control(key="by").set_value("tariff").run()
    assert "tariff_1" in app.dataframe[0].value
    assert app.query_params["by"] == "tariff"


@pytest.mark.parametrize(
    "asked",
    [{"point": "P-3", "register": "volume_m3"}, {"point": "P-2"}, {"show": "group", "group": "Harbour"}],
)
def test_without_tariffs_there_is_no_choice(open_page: Opened, by_tariff: Path, asked: dict[str, str]) -> None:
    app = open_page("consumption", home=by_tariff, **asked, by="tariff")

    assert figures(app)
    assert "by" not in [control.key for control in app.segmented_control]


def test_days_without_a_register_of_a_tariff_stay_whole(open_page: Opened, tmp_path: Path) -> None:
    home = house.home_with_figures(tmp_path / "home")
    house.add_tariffs(home, unread=range(6, 16))
    app = open_page("consumption", home=home, **HEAT, by="tariff", days_daily=["2025-10-11", "2025-10-11"])

    assert "No register of a tariff was read" in messages(app)
    assert app.dataframe[0].value["consumption"].to_list() == [50]


def test_tariffs_are_not_known_as_of_a_day(open_page: Opened, by_tariff: Path) -> None:
    app = open_page("consumption", home=by_tariff, **HEAT, by="tariff", as_of="2025-11-04")

    assert "Tariffs are known as of now alone" in messages(app)
    assert "by" not in [control.key for control in app.segmented_control]


def test_who_may_not_see_the_meter_sees_no_tariffs(open_page: Opened, by_tariff: Path) -> None:
    who = replace(ANALYST, meters=frozenset({house.OTHER}))
    app = open_page("consumption", home=by_tariff, viewer=who, **HEAT, by="tariff")

    assert "P-3 is registered" in messages(app)
    assert not app.dataframe


@pytest.mark.parametrize("language", ["da", "de", "fr", "nb", "sv"])
def test_tariffs_are_named_in_each_language(open_page: Opened, by_tariff: Path, language: str) -> None:
    who = replace(ANALYST, language=language)
    app = open_page("consumption", home=by_tariff, viewer=who, **HEAT, by="tariff")

    assert {"T1", "T2"} < set(figures(app))
    assert "(1)" in messages(app)
