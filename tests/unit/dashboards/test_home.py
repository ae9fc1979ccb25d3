"""The first page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.models import File
from tests.unit.dashboards import house, operations
from tests.unit.dashboards.conftest import ANALYST, Opened, figures, messages
from tests.unit.dashboards.registered import registry_of
from tests.unit.dashboards.test_configuration import opened


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


def test_home_and_infrastructure_say_that_nothing_arrives_any_more(home: Path) -> None:
    operations.fill(home)
    last = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    with registry_of(home).begin() as session:
        for number in range(400):
            at = last - timedelta(hours=number)
            known = {"sha256": str(number), "name": "f", "size": 1, "state": "read", "frames": 5}
            session.add(File(organisation=house.ORGANISATION, landed_at=at, landed_day=at.date(), **known))

    for page in ("home", "infrastructure"):
        assert "Nothing has arrived from any collector since" in messages(opened(page, ANALYST))
    assert "Nothing has arrived" not in messages(opened("home", replace(ANALYST, organisation=house.NEIGHBOUR)))
