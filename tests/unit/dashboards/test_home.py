"""The first page."""

from dataclasses import replace
from pathlib import Path

from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages


def test_home_counts(open_page: Opened) -> None:
    app = open_page("home")

    assert figures(app) == {
        "Metering points": "3",
        "Meters": "5",
        "Meters without key": "1",
        "Open info codes": "1",
        "Performance": "50.0 %",
        "Waiting frames": "55",
    }
    files = app.dataframe[0].value
    assert files["frames"].to_list() == [40, 43, 46, 49, 52, 55]
    assert (files["decoded"] + files["waiting"] + files["damaged"] == files["frames"]).all()


def test_home_of_an_empty_installation_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    app = open_page("home", home=house.empty_home(tmp_path / "home"))

    assert "empty" in messages(app)
    assert "meterhouse import meters" in " ".join(element.value for element in app.markdown)


def test_no_installation_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    assert "meterhouse init" in messages(open_page("home", home=tmp_path / "nowhere"))


def test_who_may_see_single_meters_counts_those_alone(open_page: Opened) -> None:
    shown = figures(open_page("home", viewer=replace(ANALYST, meters=frozenset({house.OTHER}))))

    assert (shown["Metering points"], shown["Meters"]) == ("1", "1")


def test_another_organisation_sees_its_own(open_page: Opened) -> None:
    app = open_page("home", viewer=replace(ANALYST, organisation=house.NEIGHBOUR))

    assert figures(app)["Meters"] == "1"
    assert not app.dataframe
