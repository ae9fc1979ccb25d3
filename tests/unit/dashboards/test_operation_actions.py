"""What people do on the pages of the area operation."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from registry import alerts, collectors, decisions
from registry.comments import INFO_CODES, PERFORMANCE, comments
from registry.decisions import Subject
from registry.models import AuditEvent
from registry.store import Registry
from tests.unit.dashboards import house, operations
from tests.unit.dashboards.conftest import ANALYST, OWNER, Opened, messages, pick
from warehouse.lake import Lake
from warehouse.schemas import TOUCHED

JUMP = Subject(house.NEW, "volume_m3", operations.JUMP, "V06")
NOW = datetime(2025, 11, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(operated: Path) -> Path:
    """Pages show the installation with what goes on in it."""
    return operated


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    """A copy of the small installation, to be changed."""
    return Path(shutil.copytree(filled, tmp_path / "home"))


def registry_of(home: Path) -> Registry:
    return Registry.open(f"sqlite:///{home / 'registry.sqlite'}")


def press(app: AppTest, label: str) -> AppTest:
    (button,) = [button for button in app.button if button.label == label]
    return button.click().run()


def decide(app: AppTest, decision: str, reason: str = "A pool was filled", value: str = "") -> AppTest:
    app.radio(key="decision_kind").set_value(decision)
    app.text_input(key="decision_reason").set_value(reason)
    if value:
        app.text_input(key="decision_value").set_value(value)
    return press(app, "Decide")


def test_exception_is_approved_and_leaves_the_queue_before_figures_follow(open_page: Opened, home: Path) -> None:
    app = decide(pick(open_page("exceptions", home=home, viewer=OWNER), "queue", 0), "approve")

    assert "Decided: 1. The figures follow" in messages(app)
    assert app.dataframe[0].value["rule"].to_list() == ["readings missing"]
    with registry_of(home).begin(readonly=True) as session:
        last = decisions.latest(session, "default", JUMP)
        assert last is not None
        assert (last.decision, last.reason, last.identity) == ("approve", "A pool was filled", "local:test")
        assert session.query(AuditEvent).filter_by(event="exception.approve").count() == 1
    touched = Lake(home / "lake").scan(TOUCHED).filter(pl.col("cause") == "decision").collect()
    assert touched["meter_id"].to_list() == [house.NEW]


def test_exceptions_are_rejected_together(open_page: Opened, home: Path) -> None:
    app = decide(pick(open_page("exceptions", home=home, viewer=OWNER), "queue", 0, 1), "reject")

    assert "Decided: 2." in messages(app)
    assert "No exception fits these choices" in messages(app)


def test_value_is_overridden_as_people_of_the_language_type_it(open_page: Opened, home: Path) -> None:
    app = pick(open_page("exceptions", home=home, viewer=OWNER), "queue", 0)
    assert "Give what the register showed" in messages(decide(app, "override", value="sixty"))

    app = decide(app, "override", value="64,25")
    with registry_of(home).begin(readonly=True) as session:
        last = decisions.latest(session, "default", JUMP)
        assert last is not None
        assert str(last.value.normalize()) == "64.25"  # type: ignore[union-attr]


def test_decision_needs_a_reason(open_page: Opened, home: Path) -> None:
    app = decide(pick(open_page("exceptions", home=home, viewer=OWNER), "queue", 0), "approve", reason=" ")

    assert "decided for a reason" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        assert decisions.latest(session, "default", JUMP) is None


def test_second_of_two_who_decide_hears_who_it_was(open_page: Opened, home: Path) -> None:
    app = pick(open_page("exceptions", home=home, viewer=OWNER), "queue", 0)
    with registry_of(home).begin() as session:
        decisions.decide(
            session, "default", JUMP, "reject", reason_code="checked", reason="Cable", identity="user:9", now=NOW
        )

    app = decide(app, "approve")

    assert "user:9 changed" in messages(app)
    assert "Nothing was saved" in messages(app)
    with registry_of(home).begin(readonly=True) as session:
        last = decisions.latest(session, "default", JUMP)
        assert last is not None
        assert last.decision == "reject"


def test_right_is_asked_for_again_when_somebody_decides(open_page: Opened, home: Path) -> None:
    app = decide(pick(open_page("exceptions", home=home, viewer=ANALYST), "queue", 0), "approve")

    assert "no right for this" in messages(app)


def test_alerts_are_made_for_several_points(open_page: Opened, home: Path) -> None:
    app = open_page("alerts", home=home, viewer=OWNER)
    app.text_area(key="places").set_value(f"P-3\n{house.OTHER}")
    app.number_input[0].set_value(5.5)
    app = press(app, "Make alerts")

    assert "Alerts made: 2." in messages(app)
    rows = app.dataframe[0].value.set_index("alert_no")
    assert rows.loc[[3, 4], "metering_point"].to_list() == ["P-3", "P-2"]
    assert rows.loc[3, "limit_value"] == 5.5


def test_alert_of_a_point_that_there_is_none_of_makes_none(open_page: Opened, home: Path) -> None:
    app = open_page("alerts", home=home, viewer=OWNER)
    app.text_area(key="places").set_value("P-3\nAtlantis")
    app.number_input[0].set_value(5)
    app = press(app, "Make alerts")

    assert "There is no metering point Atlantis" in messages(app)
    assert len(app.dataframe[0].value) == 2


def test_alert_is_reset_then_ended(open_page: Opened, home: Path) -> None:
    app = press(pick(open_page("alerts", home=home, viewer=OWNER), "alerts", 0), "Reset 1")
    assert "Alerts that count anew: 1." in messages(app)
    row = app.dataframe[0].value.set_index("alert_no").loc[1]
    assert (row["state"], row["alerts"]) == ("● Watching", 1)

    app = press(pick(app, "alerts", 0), "End 1")
    assert app.dataframe[0].value.set_index("alert_no").loc[1, "state"] == "○ Expired"


def test_changed_limit_makes_an_alert_in_place_of_the_former(open_page: Opened, home: Path) -> None:
    app = pick(open_page("alerts", home=home, viewer=OWNER), "alerts", 0)
    app.number_input[0].set_value(80)
    app = press(app, "Save")

    assert "Alert 3 takes the place of 1" in messages(app)
    rows = app.dataframe[0].value.set_index("alert_no")
    assert (rows.loc[1, "state"], rows.loc[3, "state"]) == ("○ Expired", "● Watching")
    assert (rows.loc[1, "limit_value"], rows.loc[3, "limit_value"]) == (10, 80)


def test_alert_that_somebody_else_has_changed_stays_as_it_is(open_page: Opened, home: Path) -> None:
    app = pick(open_page("alerts", home=home, viewer=OWNER), "alerts", 0)
    with registry_of(home).begin() as session:
        alerts.reset(session, "default", 1, identity="user:9", now=NOW)

    assert "user:9 changed 1" in messages(press(app, "Remove 1"))
    with registry_of(home).begin(readonly=True) as session:
        assert alerts.get(session, "default", 1).removed_at is None


def test_comment_stands_in_its_report_with_author_and_time(open_page: Opened, home: Path) -> None:
    app = pick(open_page("performance_report", home=home, viewer=OWNER), "poor", 0)
    app.text_area(key="poor_comment_text").set_value("Key at the caretaker's")
    app = press(app, "Write comment")

    assert "The comment is written. Meters: 1." in messages(app)
    row = app.dataframe[0].value.iloc[0]
    assert (row["comment"], row["comment_by"]) == ("Key at the caretaker's", "local:test")
    assert row["comment_at"] is not None
    assert "Key" not in str(open_page("info_codes", home=home).dataframe[0].value)
    with registry_of(home).begin(readonly=True) as session:
        assert comments(session, "default")["meter_id"].to_list() == [house.OTHER]
        assert comments(session, "default", report=INFO_CODES).is_empty()
        assert comments(session, "default", report=PERFORMANCE).height == 1


def test_comment_on_an_info_code(open_page: Opened, home: Path) -> None:
    app = pick(open_page("info_codes", home=home, viewer=OWNER), "codes", 0)
    app.text_area(key="codes_comment_text").set_value("Plumber is coming")
    app = press(app, "Write comment")

    assert app.dataframe[0].value["comment"].to_list() == ["Plumber is coming"] * 2


def test_place_of_a_collector_is_noted(open_page: Opened, home: Path) -> None:
    app = pick(open_page("infrastructure", home=home, viewer=OWNER), "collectors", 0)
    app.text_input(key="comment_C-1").set_value("Church roof")
    app = press(app, "Save")

    assert "The comment on C-1 is kept" in messages(app)
    assert app.dataframe[0].value["comment"].to_list() == ["Church roof", "Water tower"]
    with registry_of(home).begin(readonly=True) as session:
        assert collectors.get(session, "default", "C-1").comment == "Church roof"
        event = session.query(AuditEvent).filter_by(event="collector.comment").one()
        assert "Church" not in f"{event.before}{event.after}{event.details}"
