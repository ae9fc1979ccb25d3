"""The page Meter update: what a file would change is looked at, and nothing else is done."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry.inventory.by_hand import edit_meter
from registry.inventory.fields import Entity, Field, Type, add_field
from registry.inventory.standing import standing
from registry.inventory.updates import Outdated, update_inventory
from registry.models import AuditEvent, Meter, MeteringPoint
from registry.people.locale import Locale
from registry.people.spreadsheets import csv_of
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, figures, messages
from tests.unit.dashboards.test_configuration import opened, press, registry_of

WHO = {"identity": "local:test", "now": datetime(2026, 1, 1, tzinfo=UTC)}
FILE = f"meter_id;model;meter_number\n{house.NEW};flowIQ 3200;N-1\n{house.OTHER};flowIQ 2200;\n"


def given(content: str, app: AppTest | None = None) -> AppTest:
    """The page with a file that was looked through."""
    app = app or opened("meter_update")
    app.file_uploader[0].set_value(("changes.csv", content.encode(), "text/csv"))
    return press(app.run(), "Show what would change")


def model_of(home: Path, meter: str) -> str | None:
    with registry_of(home).begin(readonly=True) as session:
        return session.get_one(Meter, ("default", meter)).model


def test_changes_are_shown_first_and_then_made_with_an_event_each(home: Path) -> None:
    app = given(FILE)

    assert figures(app) == {"Changed": "1", "Unchanged": "1", "Rejected": "0"}
    assert "nothing is stored yet" in messages(app)
    shown = app.dataframe[0].value
    assert shown[["meter_id", "field", "before", "after"]].values.tolist()[0] == [
        house.NEW,
        "model",
        "flowIQ 2200",
        "flowIQ 3200",
    ]
    assert model_of(home, house.NEW) == "flowIQ 2200"

    app = press(app, "Make these changes")

    assert "changes.csv: 1 changed, 1 unchanged, 0 rejected." in messages(app)
    assert model_of(home, house.NEW) == "flowIQ 3200"
    latest = app.dataframe[0].value
    assert latest["object"].to_list() == [house.NEW]
    assert latest["after"].to_list() == ["meter_number: N-1; model: flowIQ 3200"]
    assert latest["source_file"].to_list() == ["changes.csv"]
    with registry_of(home).begin(readonly=True) as session:
        assert session.query(AuditEvent).filter_by(event="meters.update").one().identity == "local:test"


def test_roles_of_points_are_changed(home: Path) -> None:
    app = press(given("metering_point,role\nP-1,district_inflow\n"), "Make these changes")

    assert "1 changed" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.get_one(MeteringPoint, ("default", "P-1")).role == "district_inflow"


def test_rejected_line_keeps_all_from_being_done_unless_the_good_ones_are_asked_for(home: Path) -> None:
    app = given(f"meter_id,model\n{house.NEW},flowIQ 3200\nKAM-99999999-1b-16,flowIQ 3200\n")
    assert figures(app)["Rejected"] == "1"
    assert app.button(key="apply").disabled
    assert "is not registered" in app.dataframe[0].value["reason"][0]

    app.toggle(key="partial").set_value(True).run()
    app = press(app, "Make these changes")

    assert "1 changed, 0 unchanged, 1 rejected." in messages(app)
    assert model_of(home, house.NEW) == "flowIQ 3200"


def test_nothing_is_done_where_somebody_has_changed_a_meter_meanwhile(home: Path) -> None:
    app = given(FILE)
    with registry_of(home).begin() as session:
        edit_meter(session, "default", house.NEW, {"model": "flowIQ 9"}, **WHO)

    app = press(app, "Make these changes")

    assert "look through the file again" in messages(app)
    assert model_of(home, house.NEW) == "flowIQ 9"
    assert press(app, "Show what would change").dataframe[0].value["before"].to_list()[0] == "flowIQ 9"


def test_file_of_what_stands_changes_nothing_and_can_be_given_back(home: Path) -> None:
    registry = registry_of(home)
    with registry.begin() as session:
        add_field(session, "default", Field(Entity.meter, "pit", "Pit", Type.text, ()), **WHO)
    given_values = update_inventory(
        registry, f"meter_id,pit\n{house.NEW},=1+1\n".encode(), organisation="default", source_name="p.csv", **WHO
    )
    assert given_values.applied
    with registry.begin(readonly=True) as session:
        table = standing(session, "default", Entity.meter)
        points = standing(session, "default", Entity.metering_point)
    assert dict(table.select("meter_id", "pit").drop_nulls().rows()) == {house.NEW: "=1+1"}
    assert points["metering_point"].to_list() == ["P-1", "P-2", "P-3"]

    for frame, locale in ((table, Locale(csv_delimiter=";")), (points, Locale(csv_delimiter=","))):
        report = update_inventory(
            registry, csv_of(frame, locale), organisation="default", source_name="same.csv", **WHO, dry_run=True
        )
        assert (report.unchanged, report.changes.height, report.rejected.height) == (frame.height, 0, 0)


def test_other_changes_than_those_shown_are_refused(home: Path) -> None:
    registry, content = registry_of(home), FILE.encode()
    report = update_inventory(registry, content, organisation="default", source_name="a.csv", **WHO, dry_run=True)
    with pytest.raises(Outdated, match="not what was shown"):
        update_inventory(
            registry, content, organisation="default", source_name="a.csv", **WHO, shown=report.changes.head(1)
        )
    assert model_of(home, house.NEW) == "flowIQ 2200"


def test_file_that_names_neither_meters_nor_points_is_refused_with_a_sentence(home: Path) -> None:
    app = given("colour,size\nred,2\n")

    assert "names neither meters" in messages(app)
    assert "apply" not in [button.key for button in app.button]


def test_who_has_no_right_changes_nothing(home: Path) -> None:
    app = opened("meter_update", ANALYST)

    assert "no right for this (managing devices and customers)" in messages(given(FILE, app))
