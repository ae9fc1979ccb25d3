"""The page that explains a figure."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages


def test_figure_with_its_boundaries_and_readings(open_page: Opened) -> None:
    app = open_page("explain", point="P-2", day="2025-11-03")

    shown = figures(app)
    assert shown == {"Consumption": "5.4 m³", "Quality": "measured"}
    assert "Known since 4 Nov 2025 01:00 CET · Version of the policy as shipped" in messages(app)
    told = " ".join(str(part.value) for part in app.markdown)
    assert "End**, 4 Nov 2025 00:00 CET" in told
    assert "reckoned between two readings" in told or "no readings on both sides" in told
    readings = app.dataframe[0].value
    assert readings["value"].to_list() == [68.0, 69.0][-len(readings) :]
    assert set(readings["meter_id"]) == {house.OTHER}
    frame = app.dataframe[1].value.iloc[-1]
    assert (frame["collector"], frame["outcome"], frame["source_line"]) == ("C-0", "decoded", 4)
    assert frame["source_file"] == "concentrator-2025-11-03.csv"


def test_exchange_of_the_day_is_told(open_page: Opened) -> None:
    app = open_page("explain", point="P-1", day="2025-10-20")

    kinds = [list(frame.value["kind"]) for frame in app.dataframe if "kind" in frame.value.columns]
    assert kinds == [["meter exchange"]]
    installed = app.dataframe[-1].value
    assert installed["meter_id"].to_list() == [house.OLD, house.NEW]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"point": "P-1", "day": "2019-01-01"}, "No figure of P-1 is known of 1 Jan 2019"),
        ({"point": "Atlantis", "day": "2025-11-03"}, "Atlantis is registered"),
        ({"point": "P-2", "day": "2025-11-03", "as_of": "2025-11-03"}, "No figure of P-2"),
        ({"point": "P-2", "day": "someday"}, ""),
    ],
)
def test_what_there_is_to_say(open_page: Opened, parameters: dict[str, str], said: str) -> None:
    assert said in messages(open_page("explain", **parameters))


def test_nobody_sees_others(open_page: Opened, tmp_path: Path) -> None:
    neighbour = open_page("explain", viewer=replace(ANALYST, organisation=house.NEIGHBOUR), point="P-1")
    assert neighbour.dataframe[-1].value["meter_id"].to_list() == [house.FOREIGN]
    single = replace(ANALYST, meters=frozenset({house.OTHER}))
    assert "P-1 is registered" in messages(open_page("explain", viewer=single, point="P-1"))
    assert "Version of the policy" not in messages(open_page("explain", viewer=single, point="P-2"))
    assert not open_page("explain", viewer=replace(ANALYST, areas={}), point="P-2").metric
    empty = open_page("explain", home=house.empty_home(tmp_path / "home"))
    assert "meterhouse import customers" in messages(empty)
