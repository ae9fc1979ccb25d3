"""The map of meters and collectors."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, READER, Opened, messages
from warehouse.lake import Lake
from warehouse.queries import fleet


def drawn(app: object) -> str:
    return str(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]


def test_map_shows_meters_by_rule_and_collectors_and_counts_those_without_coordinates(open_page: Opened) -> None:
    app = open_page("map", viewer=READER)

    assert "1 of these meters have no coordinates" in messages(app)
    spec = drawn(app)
    assert "P-2 \\u00b7 20000001 \\u00b7 flowIQ 2200 \\u00b7 Sample Street 2" in spec
    assert "C-0 \\u00b7 Water tower \\u00b7 hears 2 meters \\u00b7 place estimated" in spec
    assert "#7d3c98" in spec, "collectors are purple"
    assert "P-1 \\u00b7 10000002" in spec


@pytest.mark.parametrize(
    ("address", "there", "gone"),
    [
        ({"status": "ok"}, "10000002", "20000001"),
        ({"status": "silent"}, "20000001", "10000002"),
        ({"kind": "meter"}, "10000002", "C-0"),
        ({"group": "Harbour", "kind": ["meter"]}, "20000001", "C-0"),
        ({"status": "nonsense", "kind": "lava", "group": "gone"}, "20000001", "nothing"),
    ],
)
def test_map_is_filtered_by_its_address(
    open_page: Opened, address: dict[str, str | list[str]], there: str, gone: str
) -> None:
    spec = drawn(open_page("map", **address))

    assert there in spec
    assert gone not in spec.replace("collector", "")


def test_empty_map_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    assert "meterhouse import customers" in messages(open_page("map", home=house.empty_home(tmp_path / "home")))
    assert "at the points of the group Nobody" in messages(open_page("map", group="Nobody"))


def test_map_of_another_organisation_and_of_single_meters(open_page: Opened) -> None:
    theirs = drawn(open_page("map", viewer=replace(ANALYST, organisation=house.NEIGHBOUR)))
    assert "50000001" in theirs
    assert "10000002" not in theirs

    mine = drawn(open_page("map", viewer=replace(READER, meters=frozenset({house.OTHER}))))
    assert "20000001" in mine
    assert "10000002" not in mine


def test_meter_with_a_high_code_needs_attention_and_one_read_days_ago_is_silent(filled: Path) -> None:
    found = fleet.installed(Lake(filled / "lake"), house.ORGANISATION).rows_by_key("metering_point", named=True)

    assert {point: (row[0]["status"], row[0]["priority"]) for point, row in found.items()} == {
        "P-1": ("ok", "normal"),
        "P-2": ("silent", None),
        "P-3": ("silent", None),
    }


def test_collector_lies_nearer_to_the_meter_that_it_hears_better() -> None:
    heard = pl.DataFrame(
        {
            "collector": ["C", "C", "C", "D"],
            "meter_id": ["A", "B", "nowhere", "nowhere"],
            "rssi_dbm": [-60.0, -80.0, -50.0, None],
        }
    )
    noted = pl.DataFrame(
        {"collector": ["D", "E"], "comment": ["far", None], "latitude": [None, 57.0], "longitude": [None, 9.0]}
    )
    located = pl.DataFrame(
        {"meter_id": ["A", "B", "nowhere"], "latitude": [55.0, 56.0, None], "longitude": [12.0, 13.0, None]}
    )

    first, second, third = fleet.centres(heard, located, noted).to_dicts()

    assert first["latitude"] == pytest.approx(55 + 1 / 11)
    assert first["longitude"] == pytest.approx(12 + 1 / 11)
    assert (first["meters"], second["meters"], third["meters"]) == (3, 1, 0)
    assert (first["is_noted"], second["latitude"], second["comment"]) == (False, None, "far")
    assert (third["is_noted"], third["latitude"], third["longitude"]) == (True, 57.0, 9.0)


def test_noted_place_of_a_collector_counts_more_than_the_meters_that_it_hears() -> None:
    heard = pl.DataFrame({"collector": ["C"], "meter_id": ["A"], "rssi_dbm": [-60.0]})
    located = pl.DataFrame({"meter_id": ["A"], "latitude": [55.0], "longitude": [12.0]})
    noted = pl.DataFrame({"collector": ["C"], "comment": [None], "latitude": [56.0], "longitude": [11.0]})

    (row,) = fleet.centres(heard, located, noted).to_dicts()

    assert (row["latitude"], row["longitude"], row["is_noted"], row["meters"]) == (56.0, 11.0, True, 1)
