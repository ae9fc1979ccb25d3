"""Collectors with their places, and meters that are read by wire."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from registry import collectors
from registry.collectors import Place
from registry.models import AuditEvent
from tests.unit.dashboards import by_wire, house
from tests.unit.dashboards.conftest import READER, Opened, figures, messages
from tests.unit.dashboards.test_configuration import ALMIGHTY, opened, press, registry_of
from warehouse.lake import Lake
from warehouse.queries import wired
from warehouse.schemas import COLLECTORS

TOWER = Place(55.7001, 12.5501)


def drawn(app: object) -> str:
    return str(app.get("plotly_chart")[0].proto.spec)  # type: ignore[attr-defined]


def place_of(home: Path, name: str = "C-0") -> Place | None:
    with registry_of(home).begin(readonly=True) as session:
        return collectors.place_of(collectors.get(session, "default", name))


def typed(place: str) -> AppTest:
    app = opened("gateways", collector="C-0")
    app.text_input(key="place_C-0").set_value(place)
    return app


def test_collectors_are_listed_with_what_they_hear_and_stand_on_the_map(open_page: Opened) -> None:
    app = open_page("gateways", viewer=READER)

    rows = app.dataframe[0].value.set_index("collector")
    assert rows["comment"].dropna().to_dict() == {"C-0": "Water tower"}
    assert rows["meters"].to_dict() == {"C-0": 2, "C-1": 2}
    assert "place estimated" in drawn(app)
    assert "Noted places: 0 of 2." in messages(app)
    assert not app.text_input, "a reader is offered no change"


def numbers(spec: str) -> list[float]:
    """Numbers that a figure draws, which come as arrays of bytes."""
    arrays = re.findall(r'"dtype":"f8","bdata":"([^"]+)"', spec)
    return [number for text in arrays for number in np.frombuffer(base64.b64decode(json.loads(f'"{text}"')))]


def test_place_is_noted_in_the_registry_and_on_maps(home: Path) -> None:
    app = typed("55.7001, 12.5501")
    app.text_input(key="comment_C-0").set_value("Old water tower")

    app = press(app, "Save")

    assert "C-0 is saved." in messages(app)
    assert place_of(home) == TOWER
    with registry_of(home).begin(readonly=True) as session:
        event = session.query(AuditEvent).filter_by(event="collector.place").one()
    assert (event.object, event.identity) == ("C-0", "local:test")
    rows = Lake(home / "lake").scan(COLLECTORS).filter(organisation="default", collector="C-0").collect()
    assert rows["comment"].to_list() == ["Old water tower"]
    assert not {"latitude", "longitude"} & set(rows.columns), "where somebody lives is not told in open tables"
    spec = drawn(opened("map", kind="collector"))
    assert "C-0 \\u00b7 Old water tower \\u00b7 hears 2 meters" in spec
    assert "C-0 \\u00b7 Old water tower \\u00b7 hears 2 meters \\u00b7 place" not in spec
    assert 55.7001 in numbers(spec)


@pytest.mark.parametrize("text", ["55.7", "north, east", "55,7; 12,5", "95.0, 12.5", "1 2 3"])
def test_what_is_no_place_is_not_saved(home: Path, text: str) -> None:
    app = press(typed(text), "Save")

    assert "latitude" in messages(app)
    assert app.error
    assert place_of(home) is None


def test_place_is_taken_away(home: Path) -> None:
    press(typed("55.7001, 12.5501"), "Save")

    app = press(typed(""), "Save")

    assert "C-0 is saved." in messages(app)
    assert place_of(home) is None


def test_what_somebody_else_noted_meanwhile_is_not_written_over(home: Path) -> None:
    app = typed("1 2")
    with registry_of(home).begin() as session:
        now = datetime.now(UTC)
        collectors.set_place(session, "default", "C-0", TOWER, identity="local:other", now=now)

    app = press(app, "Save")

    assert "local:other changed C-0 on" in messages(app)
    assert place_of(home) == TOWER


def test_who_has_no_right_notes_nothing(home: Path) -> None:
    app = opened("gateways", replace(ALMIGHTY, identity="user:99"), collector="C-0")
    app.text_input(key="place_C-0").set_value("1, 2")

    assert "no right for this" in messages(press(app, "Save"))
    assert place_of(home) is None


@pytest.fixture
def read_by_wire(home: Path) -> Path:
    """The small installation with meters that are read by wire."""
    return by_wire.add(home)


def test_meters_read_by_wire_with_their_master_and_missing_days(read_by_wire: Path) -> None:
    app = opened("wired", READER, days=["2025-11-01", "2025-11-03"])

    assert figures(app) == {"Meters read": "2", "Masters": "1", "With missing days": "2"}
    rows = app.dataframe[0].value.set_index("meter_id")
    assert rows["collector"].dropna().to_dict() == {house.HEAT: "mbus-1"}
    assert rows["readings"].to_dict() == {house.HEAT: 2, house.OTHER: 1}
    assert rows["days_missing"].to_dict() == {house.HEAT: 1, house.OTHER: 2}
    assert rows["metering_point"].to_dict() == {house.HEAT: "P-3", house.OTHER: "P-2"}
    assert app.dataframe[1].value[["collector", "group"]].values.tolist() == [["mbus-1", "Harbour"]]

    only = opened("wired", READER, days=["2025-11-01", "2025-11-03"], master="mbus-1")
    assert only.dataframe[0].value["meter_id"].to_list() == [house.HEAT]


def test_radio_readings_are_not_among_them(open_page: Opened, filled: Path) -> None:
    assert "No meter was read by wire yet." in messages(open_page("wired"))
    assert wired.extent(Lake(filled / "lake"), "default", house.ZONE) is None


def test_days_without_readings_by_wire_say_so(read_by_wire: Path) -> None:
    assert "No meter was read by wire in these days." in messages(opened("wired", days=["2025-10-01", "2025-10-02"]))
