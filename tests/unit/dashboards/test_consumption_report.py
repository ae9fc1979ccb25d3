"""The page of consumption reports."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages

OCTOBER = {"period": "days", "days": ["2025-10-01", "2025-10-31"]}


def test_rows_and_totals_of_a_month(open_page: Opened) -> None:
    app = open_page("consumption_report", **OCTOBER)

    shown = figures(app)
    rows = app.dataframe[0].value
    assert rows["metering_point"].to_list() == ["P-1", "P-2", "P-3", "P-3"]
    assert rows["name"].to_list() == ["Sample One", "Sample Two", "Sample Three", "Sample Three"]
    assert rows["address"].to_list()[0] == "Sample Street 1"
    water = rows[(rows["register"] == "Volume") & (rows["metering_point"] != "P-3")]["consumption"].sum()
    assert shown["Volume · water"] == f"{water:.2f} m³"
    assert shown["Heat energy · heat"] == "1,705 kWh"
    assert shown["Volume · heat"] == "496 m³"
    assert shown["Meters"] == "3"
    assert "Neighbour" not in str(rows)


def test_row_leads_to_its_chart_with_the_days(open_page: Opened) -> None:
    app = open_page("consumption_report", **OCTOBER, limit="above", bound="1000", registers="energy_kwh")
    app.session_state["reachable"] = frozenset({"consumption"})
    app.session_state["report_rows_1"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()

    (link,) = app.get("page_link")
    assert link.proto.label == "Chart of P-3"
    expected = "point=P-3&register=energy_kwh&interval=daily&days_daily=2025-10-01&days_daily=2025-10-31"
    assert link.proto.query_string == expected


@pytest.mark.parametrize(
    ("limit", "points"),
    [
        ({"limit": "above", "bound": "490"}, ["P-3", "P-3"]),
        ({"limit": "below", "bound": "400"}, ["P-1", "P-2"]),
        ({"limit": "nonsense", "period": "days"}, ["P-1", "P-2", "P-3", "P-3"]),
        ({"group": "Harbour"}, ["P-1", "P-2"]),
        ({"registers": ["energy_kwh"]}, ["P-3"]),
    ],
)
def test_limit_group_and_registers(open_page: Opened, limit: dict[str, str], points: list[str]) -> None:
    app = open_page("consumption_report", **{**OCTOBER, **limit})

    assert app.dataframe[0].value["metering_point"].to_list() == points


def test_zero_is_not_missing(open_page: Opened) -> None:
    assert "No consumer fits" in messages(open_page("consumption_report", **OCTOBER, limit="zero"))
    assert "No consumer fits" in messages(open_page("consumption_report", **OCTOBER, limit="no_data"))
    app = open_page("consumption_report", period="days", days=["2025-09-20", "2025-10-31"], limit="no_data")
    assert app.dataframe[0].value["metering_point"].to_list() == ["P-1", "P-2", "P-3", "P-3"]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"limit": "above", "bound": "many"}, "many is no number"),
        ({"group": "Nobody"}, "Nobody has no metering points"),
        ({"days": ["2019-01-01", "2019-01-31"]}, "No consumption is known between 1 Jan 2019 and 31 Jan 2019"),
        ({"view": "changes"}, "Choose the day whose knowledge is compared"),
        ({"view": "changes", "since": "2025-11-05"}, "Nothing of this report has changed since"),
        ({"view": "changes", "since": "2025-11-05", "as_of": "2025-11-04"}, "must lie before"),
        ({"as_of": "2025-11-03"}, "as they were known at 4 Nov 2025"),
    ],
)
def test_what_there_is_to_say(open_page: Opened, parameters: dict[str, str], said: str) -> None:
    assert said in messages(open_page("consumption_report", **{**OCTOBER, **parameters}))


def test_changes_name_what_was_not_known_before(open_page: Opened) -> None:
    app = open_page("consumption_report", **OCTOBER, view="changes", since="2025-11-03")

    rows = app.dataframe[0].value
    assert rows["metering_point"].to_list() == ["P-1", "P-2", "P-3", "P-3"]
    assert set(rows["causes"]) == {"was not known yet"}
    assert figures(app)["Heat energy, 1 rows changed"] == "1,705 kWh"


def test_nobody_sees_others(open_page: Opened, tmp_path: Path) -> None:
    neighbour = open_page("consumption_report", viewer=replace(ANALYST, organisation=house.NEIGHBOUR), **OCTOBER)
    assert neighbour.dataframe[0].value["name"].to_list() == ["Neighbour One"]
    mine = open_page("consumption_report", viewer=replace(ANALYST, meters=frozenset({house.OTHER})), **OCTOBER)
    assert mine.dataframe[0].value["metering_point"].to_list() == ["P-2"]
    nobody = open_page("consumption_report", viewer=replace(ANALYST, areas={}), **OCTOBER)
    assert not nobody.dataframe
    empty = open_page("consumption_report", home=house.empty_home(tmp_path / "home"))
    assert "meterhouse import customers" in messages(empty)
