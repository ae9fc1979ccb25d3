"""Pages of configuration that only read, or decide in the registry."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.viewer import Viewer
from dashboards.views.configuration import PAGES, support
from registry import audit, policies, trials
from registry.inventory.fields import fields
from registry.people.rights import AREAS, CAPABILITIES, KEYS, MANAGER
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import OWNER, READER, Opened, _draw, figures, messages
from tests.unit.dashboards.registered import registry_of

ALMIGHTY = replace(
    OWNER, areas={MANAGER: frozenset(AREAS), KEYS: frozenset(AREAS)}, capabilities=frozenset(CAPABILITIES)
)
NAMES = [page.name for page in PAGES]


def opened(name: str, viewer: Viewer = ALMIGHTY, **address: str) -> AppTest:
    st.cache_resource.clear()
    app = AppTest.from_function(_draw, default_timeout=30, kwargs={"name": name})
    app.session_state["viewer"] = viewer
    for parameter, value in address.items():
        app.query_params[parameter] = value
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    found = [button for button in app.button if button.label == label]
    assert found, f"no button {label!r} among {[button.label for button in app.button]}"
    assert not found[0].disabled
    return found[0].click().run()


@pytest.mark.parametrize("name", NAMES)
def test_page_shows_itself_on_an_empty_installation(open_page: Opened, empty: Path, name: str) -> None:
    app = open_page(name, home=empty, viewer=ALMIGHTY)

    assert not app.exception
    assert not app.error


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.empty_home(tmp_path_factory.mktemp("empty") / "home")


@pytest.mark.parametrize("name", NAMES)
def test_page_takes_nonsense_in_the_address(open_page: Opened, name: str) -> None:
    nonsense = dict.fromkeys(("kind", "part", "group", "type", "object", "search", "days", "shown"), "no<such>thing")

    app = open_page(name, viewer=ALMIGHTY, **nonsense)

    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("name", ["policies", "info_code_priority", "groups", "custom_fields"])
def test_reader_sees_and_is_offered_no_change(open_page: Opened, name: str) -> None:
    app = open_page(name, viewer=READER)

    assert not app.exception
    assert not {"Put in force", "Save", "Make the group", "Add the field"} & {button.label for button in app.button}


def test_groups_of_another_organisation_are_not_shown(open_page: Opened) -> None:
    mine = open_page("groups", viewer=ALMIGHTY).dataframe[0].value["group"].to_list()
    other = open_page("groups", viewer=replace(ALMIGHTY, organisation=house.NEIGHBOUR)).dataframe[0].value

    assert mine == ["Harbour", "Nobody"]
    assert other["group"].to_list() == ["Neighbours"]
    assert other["members"].to_list() == [1]


def test_group_shows_its_members_today(open_page: Opened) -> None:
    app = open_page("groups", viewer=ALMIGHTY, group="Harbour")

    assert app.dataframe[1].value["metering_point"].to_list() == ["P-1", "P-2"]
    assert app.dataframe[1].value["meter_id"].to_list() == [house.NEW, house.OTHER]


def test_group_by_a_filter_says_whom_it_takes_and_is_made(home: Path) -> None:
    app = opened("groups")
    app.text_input(key="new_name").set_value("Heat")
    app.toggle(key="by_rule").set_value(True)
    app.run()
    assert next(button for button in app.button if button.key == "make").disabled
    app.selectbox(key="new_rule_0_field").set_value("medium")
    app.text_input(key="new_rule_0_values").set_value("heat; cooling")
    app.run()
    assert "The conditions take 1 metering points now." in messages(app)

    app = press(app, "Make the group")

    assert "The group Heat is made." in messages(app)
    rows = app.dataframe[0].value
    assert dict(zip(rows["group"], rows["members"], strict=True))["Heat"] == 1


def test_members_are_added_by_name_and_unknown_ones_are_refused(home: Path) -> None:
    app = opened("groups", group="Nobody")
    app.text_area(key="added").set_value("P-1, P-9")
    app = press(app.run(), "Add")
    assert "P-9" in messages(app)

    app.text_area(key="added").set_value("P-1\nP-3")
    app = press(app.run(), "Add")

    assert "Nobody: 2 added, 0 removed, 0 unchanged." in messages(app)


def test_group_is_deleted_after_it_was_asked_twice(home: Path) -> None:
    app = opened("groups", group="Nobody")

    app = app.button(key="delete").click().run()

    assert "The group Nobody is deleted." in messages(app)
    assert "Nobody" not in app.dataframe[0].value["group"].to_list()


def test_group_is_renamed_and_stays_chosen(home: Path) -> None:
    app = opened("groups", group="Harbour")
    assert app.button(key="save_name").disabled
    app.text_input(key="rename_Harbour").set_value("Old harbour").run()

    app = app.button(key="save_name").click().run()

    assert "Harbour is called Old harbour now." in messages(app)
    assert app.selectbox(key="group").value == "Old harbour"
    names = app.dataframe[0].value["group"].to_list()
    assert "Old harbour" in names
    assert "Harbour" not in names
    assert app.dataframe[1].value["metering_point"].to_list() == ["P-1", "P-2"], "its members stay"


def test_group_is_not_given_the_name_of_another(home: Path) -> None:
    app = opened("groups", group="Harbour")
    app.text_input(key="rename_Harbour").set_value("Nobody").run()

    app = app.button(key="save_name").click().run()

    assert app.error
    assert app.selectbox(key="group").value == "Harbour"
    assert app.dataframe[0].value["group"].to_list() == ["Harbour", "Nobody"]


def test_policy_of_validation_is_tried_before_it_holds(home: Path) -> None:
    app = opened("policies")
    app.selectbox(key="kind").set_value("validation").run()
    assert "was not tried yet" in messages(app)
    document = app.text_area(key="document_validation_0").value
    app.text_area(key="document_validation_0").set_value(f"{document}\n# a word\n")
    app.text_input(key="reason_validation").set_value("as agreed")
    app = press(app.run(), "Put in force")
    assert app.error, "nobody has tried it"

    days = (date(2025, 11, 2), date(2025, 11, 3))
    app.date_input(key="trial_days").set_value(days)
    app = press(app.run(), "Try this document")

    assert "The document was tried; nothing is changed by it." in messages(app)
    assert "It finds the same as the document in force." in messages(app)
    assert any("over 2 Nov 2025 to 3 Nov 2025" in block.value for block in app.markdown)
    app = press(app, "Put in force")
    assert "Version 1 of the policy validation holds." in messages(app)


def test_trial_shows_the_rules_that_find_something_else_and_who_tried(home: Path) -> None:
    document = opened_policy("validation").text_area(key="document_validation_0").value
    same = dict.fromkeys(("new", "vanished", "unchanged", "changed"), 0)
    with registry_of(home).begin() as session:
        trials.note(
            session, "default", "validation", document, first_day=date(2025, 10, 1), last_day=date(2025, 10, 7),
            result={"V06": same | {"new": 3, "vanished": 1}, "V11": same | {"unchanged": 9}},
            identity="local:test", now=datetime.now(UTC),
        )  # fmt: skip

    app = opened_policy("validation")

    rows = app.dataframe[0].value
    assert rows["rule"].to_list() == ["V06"]
    assert rows[["found_new", "found_vanished", "found_unchanged"]].values.tolist() == [[3, 1, 0]]
    assert "Rules that find something else" in messages(app)
    assert any("local:test tried it" in block.value for block in app.markdown)


def test_other_policies_are_not_tried(home: Path) -> None:
    assert "try" not in [button.key for button in opened_policy("consumption").button]


def opened_policy(kind: str) -> AppTest:
    return opened("policies").selectbox(key="kind").set_value(kind).run()


def test_policy_is_checked_decided_for_a_reason_and_not_over_another_decision(home: Path) -> None:
    app = opened("policies", kind="consumption")
    kind = app.selectbox(key="kind").set_value("info_codes").run()
    assert "The shipped document holds." in " ".join(element.value for element in kind.markdown)
    document = app.text_area(key="document_info_codes_0").value
    app.text_area(key="document_info_codes_0").set_value(f"{document}\nnonsense: 1\n")
    app.text_input(key="reason_info_codes").set_value("as agreed")
    assert "nonsense" in messages(press(app.run(), "Check"))

    changed = document.replace("alert_days: 21", "alert_days: 14")
    app.text_area(key="document_info_codes_0").set_value(changed)
    with registry_of(home).begin() as session:  # somebody else was faster
        policies.decide(
            session, "default", "info_codes", document + "# a word\n", reason="other", identity="local:other",
            now=datetime.now(UTC),
        )  # fmt: skip
    app.text_input(key="reason_info_codes").set_value("as agreed")
    late = app.button(key="save").click().run()
    assert "local:other changed info_codes on" in messages(late)

    app = opened("policies")
    app.selectbox(key="kind").set_value("info_codes").run()
    app.text_area(key="document_info_codes_1").set_value(changed)
    app.text_input(key="reason_info_codes").set_value("as agreed")
    app = press(app.run(), "Put in force")

    assert "Version 2 of the policy info codes holds." in messages(app)
    assert app.dataframe[0].value["version"].to_list() == [2, 1, 0]


def test_priority_of_a_code_changes_the_list_at_once(home: Path) -> None:
    app = opened("info_code_priority")
    high = int(figures(app)["High"])
    app.selectbox(key="code_('any', None)").set_value("DRY").run()
    mark = "any_DRY_0"
    app.radio(key=f"priority_{mark}").set_value("ignore")
    app.text_input(key=f"text_da_{mark}").set_value("Ingen gennemstrømning")
    app.text_input(key=f"reason_{mark}").set_value("nobody acts on it")

    app = press(app.run(), "Save")

    assert "Version 1 of the policy info codes holds." in messages(app)
    rows = app.dataframe[0].value.set_index(["medium", "code"])
    assert rows.loc[("all media", "DRY"), "priority"] == "ignored"
    assert int(figures(app)["High"]) <= high
    from warehouse.lake import Lake
    from warehouse.schemas import INFO_CODE_EVENTS

    events = Lake(home / "lake").scan(INFO_CODE_EVENTS).filter(code="DRY").collect()
    assert events["priority"].to_list() == ["ignore"], "episodes that stand are ranked anew"


def test_field_is_added_and_a_wrong_name_is_refused_with_a_sentence(home: Path) -> None:
    app = opened("custom_fields")
    label, name = (box for box in app.text_input if box.label in ("Label", "Name in files"))
    label.set_value("Pit")
    name.set_value("Not A Name")
    assert not press(app, "Add the field").exception
    assert app.error

    app.text_input[0].set_value("Pit")
    app.text_input[1].set_value("pit")
    app = press(app, "Add the field")

    assert "The field Pit is added." in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert fields(session, "default")["pit"].label == "Pit"


def test_audit_log_names_instant_type_user_and_computer_and_says_whether_the_chain_holds(home: Path) -> None:
    with registry_of(home).begin() as session:
        audit.record(
            session, organisation="default", event="group.new", identity="local:test", now=datetime.now(UTC),
            target="Harbour", computer="192.0.2.7",
        )  # fmt: skip
        audit.record(
            session, organisation="neighbour", event="group.new", identity="local:test", now=datetime.now(UTC),
            target="Hidden",
        )  # fmt: skip

    app = opened("audit", type="group.new")
    rows = app.dataframe[0].value

    assert rows["computer"].to_list() == ["192.0.2.7"]
    assert rows["event"].to_list() == ["Group made"]
    assert rows["identity"].to_list() == ["local:test"]
    assert "The chain holds over all" in messages(press(app, "Check the chain"))


def test_broken_chain_is_said(home: Path) -> None:
    from sqlalchemy import update

    from registry.models import AuditEvent

    with registry_of(home).begin() as session:
        audit.record(session, organisation="default", event="group.new", identity="local:test", now=datetime.now(UTC))
        session.execute(update(AuditEvent).values(identity="local:nobody"))

    assert "The chain does not hold." in messages(press(opened("audit"), "Check the chain"))


def test_runbook_has_a_word_for_everything_that_can_become_of_a_frame(open_page: Opened) -> None:
    app = open_page("support", viewer=READER)

    rows = app.dataframe[0].value
    assert len(rows) == len(support.TROUBLES) == 10
    assert rows["remedy"].str.len().min() > 60
    assert rows.set_index("outcome").loc["without key", "frames"] > 0


def test_settings_are_shown_without_secrets(open_page: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METERHOUSE_SMTP_PASSWORD", "very-secret")

    app = open_page("system", viewer=ALMIGHTY)

    rows = app.dataframe[1].value.set_index("setting")["value"]
    assert rows["timezone"] == "Europe/Copenhagen"
    assert rows["smtp.password"] == "***"
    assert "very-secret" not in rows.to_string()


def test_people_of_another_organisation_do_not_import_here(open_page: Opened) -> None:
    for name in ("imports", "retention", "system"):
        app = open_page(name, viewer=replace(ALMIGHTY, organisation=house.NEIGHBOUR))
        assert "belongs to another one" in messages(app)
        assert not app.dataframe
