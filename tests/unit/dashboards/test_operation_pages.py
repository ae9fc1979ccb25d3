"""What the pages of the area operation show."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from dashboards.viewer import Viewer
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, READER, Opened, figures, messages, pick
from warehouse.lake import Lake
from warehouse.schemas import INFO_CODE_EVENTS

PAGES = ("info_codes", "performance", "performance_report", "exceptions", "alerts", "exchanges", "infrastructure")
NEIGHBOUR = replace(ANALYST, organisation=house.NEIGHBOUR)
NONSENSE = {
    "days": "yesterday",
    "group": "Atlantis",
    "order": "<b>",
    "high": "perhaps",
    "active": "x",
    "show": "'; drop",
    "criterion": "x",
    "threshold_daily": "many",
    "state": "gone",
    "rule": "V99",
    "without": ["C-9"],
    "of": "C-9",
    "fragile": "x",
    "missing": "x",
    "places": "",
}


@pytest.fixture(scope="module")
def filled(operated: Path) -> Path:
    """Pages show the installation with what goes on in it."""
    return operated


@pytest.mark.parametrize("page", PAGES)
def test_nonsense_in_the_address_shows_a_page_all_the_same(open_page: Opened, page: str) -> None:
    app = open_page(page, **NONSENSE)

    assert not app.exception
    assert not app.error
    assert app.dataframe


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("info_codes", "No meter has sent an info code yet"),
        ("performance", "No readings were expected yet"),
        ("performance_report", "No readings were expected yet"),
        ("exceptions", "Validation has questioned nothing yet"),
        ("alerts", "There are no consumption alerts yet"),
        ("exchanges", "meterhouse import exchanges FILE"),
        ("infrastructure", "No collector has delivered anything yet"),
    ],
)
def test_empty_installation_says_what_is_the_case(open_page: Opened, tmp_path: Path, page: str, said: str) -> None:
    assert said in messages(open_page(page, home=house.empty_home(tmp_path / "home")))


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_rows_of_another_organisation(open_page: Opened, page: str) -> None:
    app = open_page(page, viewer=NEIGHBOUR)

    assert not app.exception
    shown = " ".join(element.value.to_string() for element in app.dataframe)
    assert "Sample Street" not in shown
    assert house.NEW[4:12] not in shown
    if page == "exceptions":
        assert "Other Street 1" in shown


@pytest.mark.parametrize("page", PAGES)
def test_who_may_see_a_single_meter_sees_no_other(open_page: Opened, page: str) -> None:
    app = open_page(page, viewer=replace(ANALYST, meters=frozenset({house.OTHER})))

    assert not app.exception
    shown = " ".join(element.value.to_string() for element in app.dataframe)
    assert "Sample Street 1" not in shown
    assert "C-0" not in shown


@pytest.mark.parametrize("page", PAGES[::3])
def test_who_has_no_right_is_told_so(open_page: Opened, page: str) -> None:
    app = open_page(page, viewer=Viewer("user:3", house.ORGANISATION))

    assert "is not open to your account" in messages(app)
    assert not app.dataframe


def test_group_without_members_says_so(open_page: Opened) -> None:
    assert "The group Nobody has no metering points now" in messages(open_page("performance", group="Nobody"))


def test_info_codes_newest_first_with_both_histories(open_page: Opened) -> None:
    app = open_page("info_codes")

    assert figures(app) == {"Meters": "1", "Active": "0", "High priority": "1", "Lasting": "0"}
    rows = app.dataframe[0].value
    assert rows["info_code"].to_list() == ["▽ Dry", "☂ Leak"]
    assert rows["state"].to_list() == ["◌ no recent reading", "○ cleared"]
    assert rows["serial"].to_list() == ["10000002"] * 2
    assert rows["address"].to_list() == ["Sample Street 1"] * 2
    assert rows["by_meter"][1] == "Leak has been recorded for more than 21 days within the last 30 days"
    assert rows["by_readings"][1].startswith("Recorded on 0 of 0 observed days")


def test_info_codes_of_high_priority_the_most_important_first(open_page: Opened) -> None:
    app = open_page("info_codes", high="true")
    assert app.dataframe[0].value["info_code"].to_list() == ["☂ Leak"]

    app.toggle(key="high").set_value(False)
    app.segmented_control(key="order").set_value("important").run()
    assert app.dataframe[0].value["priority"].to_list() == ["high", "normal"]


def test_active_info_codes_are_those_of_recent_readings(open_page: Opened, filled: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    now = datetime.now(UTC)
    event = {"organisation": house.ORGANISATION, "meter_id": house.OTHER, "code": "BURST", "priority": "high"}
    event |= {"first_seen": now - timedelta(days=3), "last_seen": now - timedelta(minutes=5), "known_from": now}
    event |= {"days_observed_30": 3, "days_active_30": 3, "cleared_at": None, "max_class": None, "volume_m3": None}
    Lake(home / "lake").append(INFO_CODE_EVENTS, pl.DataFrame([event]))

    app = open_page("info_codes", home=home, active="true")

    assert figures(app)["Active"] == "1"
    rows = app.dataframe[0].value
    assert rows["info_code"].to_list() == ["✸ Burst"]
    assert rows["by_readings"][0].startswith("Recorded on 2 of 2 observed days")


def test_info_codes_speak_the_language_of_who_looks(open_page: Opened) -> None:
    app = open_page("info_codes", viewer=replace(ANALYST, language="da"))

    assert app.title[0].value == "Infokoder"
    assert "mere end 21 dage" in app.dataframe[0].value["by_meter"][1]


def test_performance_as_counted_by_hand(open_page: Opened) -> None:
    app = open_page("performance")

    assert figures(app) == {
        "Average performance": "90.00 %",
        "On time": "90.00 %",
        "All readings": "89.66 %",
        "Meters in group": "3",
        "With missing readings": "1",
        "Poor meters": "1",
    }
    assert app.dataframe[0].value["serial"].to_list() == ["20000001"]
    app.toggle(key="missing").set_value(False).run()
    rows = app.dataframe[0].value
    assert rows["address"].to_list() == ["Sample Street 2", "Sample Street 1", "Sample Street 3"]
    assert rows["performance"].to_list() == [70.0, 100.0, 100.0]
    assert str(rows["last_missing"][0]) == "2025-10-29 00:00:00+00:00"
    assert len(app.get("plotly_chart")) == 1


def test_performance_of_a_group_and_under_another_threshold(open_page: Opened) -> None:
    app = open_page("performance", group="Harbour", threshold_daily="60")

    assert (figures(app)["Meters in group"], figures(app)["Poor meters"]) == ("2", "0")
    assert app.dataframe[0].value["serial"].to_list() == ["20000001"]


def test_causes_name_the_collector(open_page: Opened) -> None:
    app = open_page("performance")
    app.segmented_control(key="show").set_value("causes").run()

    rows = app.dataframe[0].value
    assert list(zip(rows["collector"], rows["cause"], rows["slots"], strict=True)) == [
        ("C-1", "wrong key", 2),
        ("C-1", "not heard", 1),
    ]
    app.segmented_control(key="criterion").set_value("bsr").run()
    assert "Causes are known of" in messages(app)


def test_exceptions_that_are_open_and_those_that_are_not(open_page: Opened) -> None:
    app = open_page("exceptions")
    rows = app.dataframe[0].value
    assert rows["rule"].to_list() == ["rise too fast", "readings missing"]
    assert rows["severity"].to_list() == ["✕ does not count", "! counts, with a warning"]

    app.segmented_control(key="state").set_value("approved").run()
    assert app.dataframe[0].value["serial"].to_list() == ["40000001"]


def test_exception_shows_the_readings_around_it_and_its_evidence(open_page: Opened) -> None:
    app = pick(open_page("exceptions"), "queue", 0)

    assert not app.exception
    assert len(app.get("plotly_chart")) == 1
    assert app.table[0].value.to_numpy().tolist() == [["rise_m3", "4"], ["credible_m3", "2.5"]]
    assert app.radio(key="decision_kind").options == [
        "Approve: the value is right",
        "Reject: the value does not count",
        "Override: another value",
    ]


def test_several_exceptions_are_not_overridden_together(open_page: Opened) -> None:
    app = pick(open_page("exceptions"), "queue", 0, 1)

    assert len(app.radio(key="decision_kind").options) == 2


@pytest.mark.parametrize(
    ("page", "table"), [("exceptions", "queue"), ("alerts", "alerts"), ("infrastructure", "collectors")]
)
def test_a_reader_changes_nothing(open_page: Opened, page: str, table: str) -> None:
    app = pick(open_page(page, viewer=READER), table, 0)

    assert not app.exception
    assert not app.radio
    assert not app.text_input
    assert not [button for button in app.button if button.key and button.key.startswith("do_")]


def test_alerts_beyond_their_limit_come_first(open_page: Opened) -> None:
    app = open_page("alerts")

    assert figures(app) == {"⚠ Beyond the limit": "1", "● Watching": "0", "◌ Not begun": "0", "○ Expired": "1"}
    rows = app.dataframe[0].value
    assert rows["alert_no"].to_list() == [1, 2]
    assert (rows["limit_value"][0], rows["used"][0], rows["unit"][0]) == (10.0, 32.0, "m³")
    app.segmented_control(key="state").set_value("expired").run()
    assert app.dataframe[0].value["alert_no"].to_list() == [2]


def test_alert_shows_what_it_told(open_page: Opened) -> None:
    told = pick(open_page("alerts"), "alerts", 0).dataframe[1].value

    assert told["state"].to_list() == ["triggered"]
    assert told["used"].to_list() == [12.0]


def test_exchanges_with_registers_and_who_recorded_them(open_page: Opened) -> None:
    app = open_page("exchanges")

    assert figures(app) == {"Exchanges": "1", "Without final register": "0"}
    row = app.dataframe[0].value.iloc[0]
    assert (row["old_meter_id"], row["new_meter_id"]) == (house.OLD, house.NEW)
    assert (row["old_final"], row["new_initial"], row["unit"]) == (57.0, 0.0, "m³")
    assert row["recorded_by"] == "local:test"
    assert row["address"] == "Sample Street 1"
    assert "No exchange lies in these days" in messages(open_page("exchanges", days=["2025-10-01", "2025-10-02"]))


def test_collectors_with_comment_state_and_who_rests_on_them(open_page: Opened) -> None:
    app = open_page("infrastructure")

    assert figures(app) == {"Delivering": "1", "Silent": "1", "Never heard": "0", "Critical": "2"}
    rows = app.dataframe[0].value
    assert rows["collector"].to_list() == ["C-1", "C-0"]
    assert rows["state"].to_list() == ["✕ silent", "● delivers"]
    assert rows["only_for"].to_list() == [1, 1]
    assert rows["longest_gap_h"].to_list() == [24, 0]
    assert rows["comment"][1] == "Water tower"


def test_coverage_of_meters_that_one_collector_hears(open_page: Opened) -> None:
    app = open_page("infrastructure", fragile="true")
    app.segmented_control(key="show").set_value("meters").run()

    assert set(app.dataframe[0].value["serial"]) == {"20000001", "40000001"}


def test_what_would_be_lost_without_a_collector(open_page: Opened) -> None:
    app = open_page("infrastructure", without=["C-0"])
    app.segmented_control(key="show").set_value("what_if").run()

    assert figures(app)["Meters lost"] == "1"
    assert figures(app)["Hourly performance without"] == "77.78 %"
    assert app.dataframe[1].value["serial"].to_list() == ["40000001"]


def test_map_shows_meters_and_about_where_collectors_stand(open_page: Opened) -> None:
    app = open_page("infrastructure")
    app.segmented_control(key="show").set_value("map").run()

    assert not app.exception
    assert "4 of 5 have coordinates" in messages(app)
    assert len(app.get("plotly_chart")) == 1
