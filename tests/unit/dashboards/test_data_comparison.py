"""The page that compares data."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, Opened, messages


def test_two_points_on_one_grid(open_page: Opened) -> None:
    app = open_page("data_comparison", point=["P-1", "P-2"], days_hourly=["2025-10-06", "2025-10-07"])

    rows = app.dataframe[0].value
    assert list(rows.columns) == ["at", "P-1 volume_m3", "P-2 volume_m3"]
    assert len(rows) == 48
    assert (rows["P-2 volume_m3"] == 2 * rows["P-1 volume_m3"]).all()
    assert "P-2 · Volume (m³) and P-1 · Volume (m³): correlation 1.00, no shift" in messages(app)
    assert len(app.get("plotly_chart")) == 1


def test_day_of_the_clock_change_has_25_hours(open_page: Opened) -> None:
    app = open_page("data_comparison", point=["P-2"], days_hourly=["2025-10-26", "2025-10-26"])

    assert len(app.dataframe[0].value) == 25


def test_units_of_one_meter_have_an_axis_each_and_no_more(open_page: Opened) -> None:
    app = open_page(
        "data_comparison", point=house.HEAT, quantity=["volume_m3", "energy_kwh", "flow_temp_c"], step="daily"
    )

    assert list(app.dataframe[0].value.columns) == ["at", "P-3 volume_m3", "P-3 energy_kwh"]
    assert "Left out: Flow temperature (°C)" in messages(app)
    assert app.dataframe[0].value["P-3 energy_kwh"].to_list()[-1] == 73


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"point": "Atlantis"}, "Atlantis is registered"),
        ({"point": "P-1", "quantity": "pressure_bar"}, "None of these has values"),
        ({"point": "P-1", "days_hourly": ["2019-01-01", "2019-01-02"]}, "None of these has values"),
        (
            {"point": ["P-1", "P-2"], "quantity": "nonsense", "step": "yearly", "as_of": "2025-11-03"},
            "as to be compared",
        ),
    ],
)
def test_what_there_is_to_say(open_page: Opened, parameters: dict[str, str], said: str) -> None:
    if said == "as to be compared":
        said = "Choose what to compare"
    assert said in messages(open_page("data_comparison", **parameters))


def test_nobody_sees_others(open_page: Opened, tmp_path: Path) -> None:
    neighbour = open_page("data_comparison", viewer=replace(ANALYST, organisation=house.NEIGHBOUR), step="daily")
    assert set(neighbour.dataframe[0].value["P-1 volume_m3"]) >= {780, 810}
    other = open_page("data_comparison", viewer=replace(ANALYST, meters=frozenset({house.OTHER})), point=["P-1"])
    assert "P-1 is registered" in messages(other)
    assert not open_page("data_comparison", viewer=replace(ANALYST, areas={})).dataframe
    empty = open_page("data_comparison", home=house.empty_home(tmp_path / "home"))
    assert "meterhouse import customers" in messages(empty)
