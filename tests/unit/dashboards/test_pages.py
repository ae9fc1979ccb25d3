"""The pages as a user drives them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.identity import METERS, ORGANISATION
from tests.conftest import REPOSITORY
from tests.unit.dashboards import house

APP = str(REPOSITORY / "dashboards" / "app.py")


def _home_alone() -> None:
    """AppTest sets no headers, so that the whole script would say that nobody is signed in."""
    from dashboards.installation import explained
    from dashboards.views import home

    with explained():
        home.page()


def _consumption_alone() -> None:
    from dashboards.installation import explained
    from dashboards.views import consumption

    with explained():
        consumption.page()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.home_with_figures(tmp_path_factory.mktemp("filled") / "home")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


def open_home(monkeypatch: pytest.MonkeyPatch, home: Path, meters: frozenset[str] | None = None) -> AppTest:
    monkeypatch.setenv("METERHOUSE_HOME", str(home))
    app = AppTest.from_function(_home_alone, default_timeout=30)
    app.session_state[ORGANISATION], app.session_state[METERS] = "default", meters
    return app.run()


def open_consumption(
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    *,
    organisation: str = "default",
    meters: frozenset[str] | None = None,
    **parameters: str | list[str],
) -> AppTest:
    monkeypatch.setenv("METERHOUSE_HOME", str(home))
    app = AppTest.from_function(_consumption_alone, default_timeout=30)
    app.session_state[ORGANISATION], app.session_state[METERS] = organisation, meters
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def figures(app: AppTest) -> dict[str, str]:
    assert not app.exception
    return {metric.label: metric.value.replace("\N{NARROW NO-BREAK SPACE}", " ") for metric in app.metric}


def messages(app: AppTest) -> str:
    assert not app.exception
    return " ".join(str(element.value) for element in (*app.info, *app.warning, *app.error, *app.caption))


def test_home_counts(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    app = open_home(monkeypatch, filled)

    assert figures(app) == {
        "Metering points": "2",
        "Meters": "4",
        "Meters without key": "1",
        "Open info codes": "1",
        "Performance": "50.0 %",
    }
    files = app.dataframe[0].value
    assert files["frames"].to_list() == [40, 43, 46, 49, 52, 55]
    assert files["landed_at"][0] == "2025-11-04 00:00 CET"
    assert (files["decoded"] + files["waiting"] + files["damaged"] == files["frames"]).all()


def test_home_of_an_empty_installation_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = open_home(monkeypatch, house.empty_home(tmp_path / "home"))

    assert "empty" in messages(app)
    assert "meterhouse import meters" in " ".join(element.value for element in app.markdown)


def test_no_installation_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = open_home(monkeypatch, tmp_path / "nowhere")

    assert "meterhouse init" in messages(app)


def test_script_shows_nothing_to_who_did_not_come_through_the_door(
    monkeypatch: pytest.MonkeyPatch, filled: Path
) -> None:
    monkeypatch.setenv("METERHOUSE_HOME", str(filled))
    app = AppTest.from_file(APP, default_timeout=30).run()

    assert "You are signed out" in messages(app)
    assert not app.metric
    assert not app.dataframe


def test_another_organisation_sees_none_of_it(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    app = open_consumption(monkeypatch, filled, organisation="other", point="P-1")

    assert "No metering points are registered yet" in messages(app)


def test_damaged_lake_is_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = house.home_with_figures(tmp_path / "home")
    for log in (home / "lake" / "metering_points" / "_delta_log").glob("*.json"):
        log.write_text("{", encoding="utf-8")

    assert "metering_points: cannot be opened" in messages(open_consumption(monkeypatch, home))


def test_consumption_of_the_first_point(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    app = open_consumption(monkeypatch, filled)

    shown = figures(app)
    assert shown["Latest reading"] == "69 m³"
    assert shown["Measured"] == "94%"
    assert shown["Info codes"] == "2"
    rows = app.dataframe[0].value
    assert len(rows) == 31
    assert rows["period_end"].iloc[-1] == "2025-11-04 00:00 CET"
    assert shown["Consumption"] == f"{rows['consumption'].sum():.2f} m³"
    assert app.dataframe[1].value["kind"].to_list() == ["ROLLOVER", "EXCHANGE"]
    assert app.dataframe[2].value["code"].to_list() == ["LEAK", "DRY"]
    assert [button.label for button in app.get("download_button")] == ["Download CSV", "Download Parquet"]
    assert len(app.get("plotly_chart")) == 1


def test_every_interval_and_the_choice_in_the_address(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    app = open_consumption(monkeypatch, filled, point="P-2", interval="Hourly")
    assert len(app.dataframe[0].value) == 7 * 24

    for interval, rows in (("monthly", 2), ("yearly", 1), ("daily", 31)):
        app.segmented_control(key="interval").set_value(interval).run()
        assert not app.exception
        assert len(app.dataframe[0].value) == rows, interval
    assert app.selectbox(key="point").value == "P-2"


def test_days_of_the_clock_change(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    days = ["2025-10-26", "2025-10-26"]
    app = open_consumption(monkeypatch, filled, interval="Hourly", days_hourly=days)

    starts = app.dataframe[0].value["period_start"].to_list()
    assert len(starts) == 25
    assert starts[2:4] == ["2025-10-26 02:00 CEST", "2025-10-26 02:00 CET"]


@pytest.mark.parametrize("asked", [house.NEW, house.OLD, "10000001", "P-1"])
def test_point_is_found_by_its_meters(monkeypatch: pytest.MonkeyPatch, filled: Path, asked: str) -> None:
    app = open_consumption(monkeypatch, filled, point=asked)

    assert set(app.dataframe[0].value["metering_point"]) == {"P-1"}


def test_group_counts_members_only_while_they_are_members(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    app = open_consumption(monkeypatch, filled, show="Group", group="Harbour")

    assert figures(app)["Metering points"] == "2"
    rows = app.dataframe[0].value.set_index("period_start")
    assert rows.loc["2025-10-20 00:00 CEST", "points"] == 1
    assert rows.loc["2025-10-21 00:00 CEST", "points"] == 2
    assert rows.loc["2025-10-25 00:00 CEST", "missing"] == 1
    assert rows.loc["2025-10-25 00:00 CEST", "quality"] == "M"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"point": "Atlantis"}, "Atlantis is registered. Choose one"),
        ({"point": house.SPARE}, "was never installed"),
        ({"point": "30000001"}, "was never installed"),
        ({"show": "Group", "group": "Nobody"}, "Nobody has no metering points"),
        ({"days_daily": ["2019-01-01", "2019-02-01"]}, "some are known from 2025-10-01 to 2025-11-03"),
    ],
)
def test_nothing_to_show_says_why(
    monkeypatch: pytest.MonkeyPatch, filled: Path, parameters: dict[str, str], said: str
) -> None:
    assert said in messages(open_consumption(monkeypatch, filled, **parameters))


def test_empty_installation_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = open_consumption(monkeypatch, house.empty_home(tmp_path / "home"))

    assert "meterhouse import customers" in messages(app)


def test_who_may_see_single_meters_sees_those_alone(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    meters = frozenset({house.OTHER})
    mine = open_consumption(monkeypatch, filled, meters=meters, point="P-2", interval="Monthly")
    assert figures(mine)
    (offered,) = [box.options for box in mine.selectbox if box.key == "point"]
    assert offered == ["P-2", house.OTHER]
    other = open_consumption(monkeypatch, filled, meters=meters, point="P-1")
    assert "No metering point, meter or serial number P-1 is registered" in messages(other)
    counted = figures(open_home(monkeypatch, filled, meters))
    assert (counted["Metering points"], counted["Meters"]) == ("1", "1")
