"""Pages of configuration that work on files, accounts and the lake."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from registry import audit, mail, refusals
from registry.models import AuditEvent, LegalHold, Meter, Organisation
from registry.people import roles, users
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, figures, messages
from tests.unit.dashboards.test_configuration import ALMIGHTY, opened, press, registry_of
from tests.unit.gateway.doors import add_person
from warehouse.lake import Lake
from warehouse.schemas import METERS

METERS_FILE = (
    "manufacturer,serial,version,device_type,model,medium,key\n"
    "KAM,90000001,1b,16,flowIQ 2200,water,\n"
    "KAM,90000002,1b,16,flowIQ 2200,water,\n"
)
KEY = "000102030405060708090A0B0C0D0E0F"

pytestmark = pytest.mark.usefixtures("vault")


def test_file_is_looked_through_first_and_then_taken_as_the_person(home: Path) -> None:
    app = opened("imports")
    app.file_uploader[0].set_value(("meters.csv", METERS_FILE.encode(), "text/csv"))
    app = press(app.run(), "Show what would change")
    assert figures(app) == {"New": "2", "Changed": "0", "Unchanged": "0", "Rejected": "0"}
    assert "nothing is stored yet" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.query(Meter).filter_by(serial="90000001").count() == 0

    app = press(app, "Import")

    assert "meters.csv: 2 new, 0 changed, 0 unchanged, 0 rejected." in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.query(Meter).filter_by(serial="90000001").count() == 1
        assert session.query(AuditEvent).filter_by(event="meters.import").one().identity == "local:test"
    assert Lake(home / "lake").scan(METERS).filter(serial="90000002").collect().height == 1
    latest = app.dataframe[0].value
    assert latest["source_file"].to_list() == ["meters.csv"]
    assert latest["new_rows"].to_list() == [2]
    assert "Import of meters" in opened("tasks").dataframe[0].value["event"].to_list()


def test_rejected_line_refuses_the_file_unless_the_good_ones_are_asked_for(home: Path) -> None:
    app = opened("imports")
    bad = METERS_FILE + "KAM,not a number,1b,16,flowIQ 2200,water,\n"
    app.file_uploader[0].set_value(("meters.csv", bad.encode(), "text/csv"))
    app = press(app.run(), "Show what would change")
    assert figures(app)["Rejected"] == "1"
    assert "Lines were rejected" in messages(app)
    assert next(button for button in app.button if button.label == "Import").disabled

    app.toggle(key="partial").set_value(True).run()
    app = press(press(app, "Show what would change"), "Import")

    assert "2 new, 0 changed, 0 unchanged, 1 rejected." in messages(app)
    rejected = [frame.value for frame in app.dataframe if "source_line" in frame.value.columns]
    assert rejected[0]["source_line"].to_list() == [4]


def test_key_file_is_taken_and_no_key_stands_on_the_page(home: Path) -> None:
    app = opened("imports")
    app.segmented_control(key="kind").set_value("keys").run()
    content = f"manufacturer,serial,version,device_type,key\nKAM,30000001,1b,16,{KEY}\n"
    app.file_uploader[0].set_value(("keys.csv", content.encode(), "text/csv"))
    app = press(press(app.run(), "Show what would change"), "Import")

    assert "keys.csv: 1 new" in messages(app)
    assert KEY.lower() not in str(app).lower()
    shown = opened("keys")
    rows = shown.dataframe[0].value.set_index("meter_id")
    assert rows.loc[house.SPARE, "key_status"] == "not tried yet"
    assert figures(shown)["missing"] == "4"


def test_who_has_no_right_imports_nothing(home: Path) -> None:
    app = opened("imports", ANALYST)
    app.file_uploader[0].set_value(("meters.csv", METERS_FILE.encode(), "text/csv"))

    app = press(app.run(), "Show what would change")

    assert "no right for this (managing devices and customers)" in messages(app)


def test_file_that_is_none_is_refused_with_a_sentence(home: Path) -> None:
    app = opened("imports")
    app.file_uploader[0].set_value(("meters.csv", b"\x00\x01nothing", "text/csv"))

    app = press(app.run(), "Show what would change")

    assert not app.exception
    assert app.error


def test_refused_drops_and_runs_are_listed(home: Path) -> None:
    registry, now = registry_of(home), datetime.now(UTC)
    refusals.note_refusal(registry, "default", "sftp", "drop/meters/bad.csv", b"x", "No header.", now)
    with registry.begin() as session:
        audit.record(
            session, organisation="default", event="run.failed", identity="service:orchestrator", now=now,
            target="abcdef12-0000", details={"job": "ingest"},
        )  # fmt: skip

    dropped = [frame.value for frame in opened("imports").dataframe if "tries" in frame.value.columns]
    assert dropped[0]["source_file"].to_list() == ["meters/bad.csv"]
    tasks = opened("tasks")
    assert figures(tasks)["Failed"] == "1"
    assert tasks.dataframe[0].value["job"].to_list() == ["ingest"]


def test_retention_is_counted_first_and_a_hold_is_placed(home: Path) -> None:
    app = opened("retention")
    assert "Count first" in messages(app)
    app.selectbox(key="preset").set_value("ready-water-10y").run()
    app.text_input(key="preset_reason").set_value("as decided")
    app = press(app.run(), "Put in force")
    assert "Version 1 of the policy retention holds." in messages(app)

    app = press(app, "Count (dry run)")
    assert "0 rows would go" in messages(app)

    point, reason = (box for box in app.text_input if box.label in ("Metering point", "Reason") and not box.key)
    point.set_value("P-1")
    reason.set_value("case 12")
    app = next(button for button in app.button if button.label == "Save").click().run()
    assert "keeps the data of P-1" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.scalar(select(LegalHold.reason)) == "case 12"


def test_retention_removes_after_it_was_confirmed(home: Path) -> None:
    app = opened("retention")
    app.selectbox(key="preset").set_value("ready-water-10y").run()
    from registry import policies

    document = (
        "automatic: false\nsurvivor: last\nrules:\n- zones: [event]\n  stages:\n  - {after_months: 1, keep: none}\n"
    )
    with registry_of(home).begin() as session:
        policies.decide(
            session, "default", "retention", document, reason="test", identity="local:test", now=datetime.now(UTC)
        )
    app = press(opened("retention"), "Count (dry run)")
    rows = next(frame.value for frame in app.dataframe if "rows" in frame.value.columns)["rows"].sum()
    assert rows > 0

    app = app.button(key="run").click().run()

    assert f"Certificate 1: {rows} rows are removed." in messages(app)
    certificates = next(frame.value for frame in app.dataframe if "digest" in frame.value.columns)
    assert certificates["identity"].to_list() == ["local:test"]


def test_person_is_invited_and_another_company_s_address_waits(home: Path) -> None:
    registry = registry_of(home)
    add_person(registry, "admin@example.org", manager="administrator")
    app = opened("users")
    assert app.dataframe[0].value["email"].to_list() == ["admin@example.org"]
    assert app.dataframe[0].value["roles"].to_list() == ["Manager: administrator"]

    app.segmented_control(key="part").set_value("invitations").run()
    app = press(app, "Make the invitation")
    assert "needs a name and an address" in messages(app)
    name, email = (box for box in app.text_input if box.label in ("Name", "E-mail address"))
    name.set_value("Second Sample")
    email.set_value("second@example.org")
    app.selectbox(key="invite_manager").set_value("user")
    app = press(app, "Make the invitation")

    assert "Invitation 1 is made." in messages(app)
    assert app.dataframe[0].value["email"].to_list() == ["second@example.org"]


def test_permission_of_a_role_is_changed(home: Path) -> None:
    app = opened("users")
    app.segmented_control(key="part").set_value("permissions").run()
    app.checkbox(key="user_group_management").check()

    app = press(app, "Save")

    assert "1 permissions are changed." in messages(app)


def test_person_s_names_are_not_shown_to_another_organisation(home: Path) -> None:
    from dataclasses import replace

    add_person(registry_of(home), "admin@example.org", manager="administrator")

    app = opened("users", replace(ALMIGHTY, organisation=house.NEIGHBOUR))

    assert not app.dataframe
    assert "admin@example.org" not in messages(app)


def test_organisation_is_added_below(home: Path) -> None:
    app = opened("organisations")
    assert app.dataframe[0].value["short_name"].to_list() == ["default", "neighbour"]
    app.text_input[0].set_value("branch")
    app.text_input[1].set_value("Branch")

    app = press(app, "Add the organisation")

    assert "Branch is added." in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert session.get(Organisation, "branch").parent == "default"


def test_letter_is_previewed_copied_and_sent_from_the_copy(home: Path) -> None:
    app = opened("mail_templates")
    assert "Preview of System" in [header.value for header in app.subheader]
    assert any("Robin Sample" in text.value or "http" in text.value for text in app.text)

    app = press(app, "Copy")

    assert "the copy is not sent before it is activated" in messages(app)
    assert app.dataframe[0].value["active"].to_list() == [True, False]
    with registry_of(home).begin(readonly=True) as session:
        assert len(mail.listing(session, "default", kind="confirm_address", language="en")) == 2
    app.segmented_control(key="part").set_value("outbox").run()
    assert "No letter was written yet." in messages(app)


def test_devices_are_claimed_by_serial_number_and_unknown_ones_are_named(home: Path) -> None:
    app = opened("keys")
    app.text_area(key="claim").set_value("30000001, 99999999")

    app = press(app.run(), "Claim devices")

    assert "0 claimed, 1 pending, 0 claimed before, 1 unknown." in messages(app)
    assert "99999999" in messages(app)
    rows = app.dataframe[0].value.set_index("meter_id")
    assert rows.loc[house.SPARE, "claim_status"] == "claim requested"


def test_roles_are_given_and_an_account_is_disabled_and_signed_out(home: Path) -> None:
    registry = registry_of(home)
    add_person(registry, "admin@example.org", manager="administrator")
    number = add_person(registry, "clerk@example.org", manager="user")
    app = opened("users", search="clerk")
    app.selectbox(key=f"role_keys_{number}").set_value("user")
    app = press(app, "Save roles")
    assert "1 roles of" in messages(app)
    assert app.dataframe[0].value["roles"].to_list() == ["Keys: user; Manager: user"]

    assert "sessions of" in messages(app.button(key="sign_out").click().run())
    app = app.button(key="enable").click().run()

    assert "is disabled." in messages(app)
    assert app.dataframe[0].value["account_state"].to_list() == ["disabled"]


def test_roles_that_somebody_else_changed_are_not_given_over(home: Path) -> None:
    registry = registry_of(home)
    add_person(registry, "admin@example.org", manager="administrator")
    number = add_person(registry, "clerk@example.org", manager="user")
    app = opened("users", search="clerk")
    roles.change(registry, "default", number, "analytics", "user", identity="local:other", now=datetime.now(UTC))
    app.selectbox(key=f"role_keys_{number}").set_value("user")

    app = press(app, "Save roles")

    assert f"local:other changed user:{number} on" in messages(app)
    assert "Somebody has changed this meanwhile" in messages(app)
    with registry.begin(readonly=True) as session:
        assert users.account_of(session, "default", str(number)).roles == {"analytics": "user", "manager": "user"}


def test_chosen_rows_show_their_details(home: Path) -> None:
    with registry_of(home).begin() as session:
        audit.record(
            session, organisation="default", event="group.new", identity="local:test", now=datetime.now(UTC),
            target="Harbour", details={"why": "a test"},
        )  # fmt: skip
    app = opened("audit", type="group.new")
    app.session_state["events_rows_1"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert any("a test" in block.value for block in app.code)

    app = opened("organisations")
    app.session_state["organisations_rows_1"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    app.run()
    assert "Change Neighbour" in [header.value for header in app.subheader]
    app.text_input[0].set_value("Neighbour renamed")
    assert "Neighbour renamed is saved." in messages(press(app, "Save"))
