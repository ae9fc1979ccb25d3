"""Choices in the address bar."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from tests.unit.dashboards.conftest import ANALYST, Opened


@pytest.mark.parametrize("language", ["en", "fr"])
def test_address_names_choices_the_same_in_every_language(open_page: Opened, language: str) -> None:
    app = open_page("consumption", viewer=replace(ANALYST, language=language), point="P-3", register="energy_kwh")
    app.segmented_control(key="interval").set_value("monthly").run()

    assert _address(app) == {"point": ["P-3"], "interval": ["monthly"], "register": ["energy_kwh"]}
    assert app.selectbox(key="register").value == "energy_kwh"


def test_what_is_so_anyway_is_not_in_the_address(open_page: Opened) -> None:
    app = open_page("consumption", point="P-3", register="energy_kwh", interval="hourly")
    app.segmented_control(key="interval").set_value("daily").run()
    app.selectbox(key="register").set_value("volume_m3").run()

    assert "interval" not in _address(app)
    assert app.segmented_control(key="interval").value == "daily"
    app.selectbox(key="register").set_value("energy_kwh").run()
    assert app.selectbox(key="register").value == "energy_kwh"


def test_way_back_changes_what_is_chosen(open_page: Opened) -> None:
    app = open_page("consumption", point="P-2", interval="monthly")
    app.segmented_control(key="interval").set_value("yearly").run()

    app.query_params["interval"] = "monthly"
    app.run()

    assert app.segmented_control(key="interval").value == "monthly"


def _address(app: AppTest) -> dict[str, list[str]]:
    return {name: values if isinstance(values, list) else [values] for name, values in dict(app.query_params).items()}
