"""Heat reports: temperatures and ratings, months without the weather, signatures, motivation tariff."""

from dataclasses import replace
from pathlib import Path

import pytest

from registry.models import AuditEvent
from registry.store import Registry
from tests.unit.dashboards import heated, house
from tests.unit.dashboards.conftest import ANALYST, OWNER, READER, Opened, figures, messages

DAYS = ["2025-10-01", "2025-10-31"]


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.empty_home(tmp_path_factory.mktemp("empty") / "home")


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return heated.add(house.home_with_figures(tmp_path_factory.mktemp("warm") / "home"))


def test_cooling_is_ranked_and_what_stands_still_has_no_value(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, days=DAYS)

    rows = app.dataframe[0].value
    assert rows["metering_point"].to_list()[:2] == ["H-8", "H-6"]
    assert rows["metering_point"].to_list()[-1] == "H-7", "N/A stands last"
    assert rows.set_index("metering_point").loc["H-8", ["rating", "rank", "address"]].to_list() == [
        "poor", 1, "Heat Street 7"
    ]  # fmt: skip
    still = rows.set_index("metering_point").loc["H-7"]
    assert still["volume_m3"] == 0
    assert still[["cooling_k", "rating"]].isna().all()
    assert app.dataframe[0].proto.placeholder == "N/A"
    assert figures(app)["Poor cooling"] == "1"
    assert figures(app)["Metering points"] == "8"
    assert len(app.get("plotly_chart")) == 1


def test_filters_of_level_difference_and_group(open_page: Opened, warm: Path) -> None:
    poor = open_page("heat_reports", home=warm, days=DAYS, rating=["poor"])
    assert poor.dataframe[0].value["metering_point"].to_list() == ["H-8"]

    between = open_page("heat_reports", home=warm, days=DAYS, from_k="35", to_k="39")
    assert sorted(between.dataframe[0].value["metering_point"]) == ["H-3", "H-4"]

    few = open_page("heat_reports", home=warm, days=DAYS, group="Nobody")
    assert sorted(few.dataframe[0].value["metering_point"]) == ["H-7", "H-8"]

    crossed = open_page("heat_reports", home=warm, days=DAYS, from_k="39", to_k="35")
    assert "lies below the least" in messages(crossed)


def test_outlet_temperatures_above_a_limit(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, days=DAYS, type="outlet", higher_than="40")

    rows = app.dataframe[0].value
    assert rows["metering_point"].to_list() == ["H-8", "H-6", "H-5"]
    assert rows["return_temp_c"].round(3).to_list() == [65, 43, 41]
    assert figures(app)["Mean outlet temperature"].endswith("°C")


def test_map_shows_the_points_of_the_report(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, days=DAYS, shown="map")

    assert "8 of 8 have coordinates" in messages(app)
    assert len(app.get("plotly_chart")) == 1


def test_months_are_normalised(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, view="normalised", months=DAYS)

    rows = app.dataframe[0].value.set_index("metering_point")
    assert rows.loc["H-1", ["consumption_kwh", "normalised_kwh"]].to_list() == [2522.9, 2096.908]
    assert rows.loc["H-8", "reason"] == "share without weather unknown"
    assert len(app.get("plotly_chart")) == 1


def test_signature_of_a_point_with_its_line(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, view="signatures", point="H-1")

    shown = figures(app)
    assert shown["Slope"] == "0.250 kW/K"
    assert shown["Heating from"] == "16.0 °C"
    assert len(app.get("plotly_chart")) == 1
    assert app.dataframe[0].value.set_index("metering_point").loc["H-8", "fit"] == "weak"
    assert "No days of P-1" in messages(open_page("heat_reports", home=warm, view="signatures", point="P-1"))


def test_tariff_of_a_year_and_who_is_left_out(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, view="tariff")

    shown = figures(app)
    assert shown["Points charged"] == "7"
    assert shown["Points left out"] == "1"
    rows = app.dataframe[0].value.set_index("metering_point")
    assert rows.loc["H-8", "amount"] > 0 > rows.loc["H-1", "amount"]
    assert rows.loc["H-7", "excluded"] == "no figures"


def test_tariff_without_a_price_says_what_to_do(open_page: Opened, tmp_path: Path) -> None:
    home = heated.add(house.home_with_figures(tmp_path / "home"), price=False)

    assert "meterhouse policy set motivation_tariff" in messages(open_page("heat_reports", home=home, view="tariff"))


def test_rating_is_decided_by_who_may_and_counts_at_once(open_page: Opened, tmp_path: Path) -> None:
    home = heated.add(house.home_with_figures(tmp_path / "home"))
    app = open_page("heat_reports", home=home, viewer=OWNER, view="ratings")
    app.selectbox(key="ratings_group").set_value("Nobody").run()
    app.number_input(key="good_k_heating_Nobody").set_value(9.0)
    app.number_input(key="poor_k_heating_Nobody").set_value(5.0)
    app.text_input(key="ratings_reason").set_value("bakeries").run()

    app.button(key="ratings_save").click().run()

    assert "Version 1 of the ratings holds." in messages(app)
    rating = heated.ratings_of(home).rating_of("heating", "Nobody")
    assert rating is not None
    assert rating.good_k == 9
    registry = Registry.open(f"sqlite:///{home / 'registry.sqlite'}")
    with registry.begin(readonly=True) as session:
        events = [row.reason for row in session.query(AuditEvent).filter_by(event="policy.decide", object="ratings")]
    assert events == ["bakeries"]
    report = open_page("heat_reports", home=home, viewer=OWNER, days=DAYS)
    assert report.dataframe[0].value.set_index("metering_point").loc["H-8", "rating"] == "good"


def test_rating_that_somebody_else_has_changed_is_not_written_over(open_page: Opened, tmp_path: Path) -> None:
    home = heated.add(house.home_with_figures(tmp_path / "home"))
    app = open_page("heat_reports", home=home, viewer=OWNER, view="ratings")
    app.session_state["ratings_read"] = 7
    app.text_input(key="ratings_reason").set_value("bakeries").run()

    app.button(key="ratings_save").click().run()

    assert "Nothing was saved" in messages(app)
    assert heated.ratings_of(home).groups == ()


def test_who_may_not_configure_sees_the_ratings_alone(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, viewer=READER, view="ratings")

    assert app.dataframe[0].value["good_k"].to_list() == [30, 6]
    assert "ratings_save" not in {button.key for button in app.button}


@pytest.mark.parametrize("view", ["report", "normalised", "signatures", "tariff", "ratings"])
def test_neither_an_empty_installation_nor_nonsense_is_a_traceback(
    open_page: Opened, empty_home: Path, warm: Path, view: str
) -> None:
    empty = open_page("heat_reports", home=empty_home, view=view)
    assert view == "ratings" or "meterhouse" in messages(empty)

    odd = {"type": "x", "rating": ["<b>", "poor"], "from_k": "much", "year": "0", "reference": "'", "heating_year": "?"}
    app = open_page("heat_reports", home=warm, view=view, days=["yesterday"], group="Atlantis", point="Atlantis", **odd)
    assert not app.exception
    assert not app.error


def test_another_organisation_sees_none_of_it(open_page: Opened, warm: Path) -> None:
    app = open_page("heat_reports", home=warm, viewer=replace(ANALYST, organisation=house.NEIGHBOUR))

    assert "No heat has been reckoned yet" in messages(app)
    assert not app.dataframe
