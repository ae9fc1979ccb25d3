"""The pages in headless Chromium, served as a user starts them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.integration.gateways import chromium, complaints, gateway, sign_in, visible
from tests.unit.dashboards import house
from tests.unit.gateway.doors import add_person

pytestmark = pytest.mark.browser

READER = "reader@example.org"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = house.home_with_figures(tmp_path_factory.mktemp("browser") / "home")
    with gateway(home) as served:
        add_person(served.registry, READER, manager="user")
        yield served.address


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as browser:
        sign_in(browser, address, READER)
        yield browser


@pytest.fixture
def browser(opened: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    yield opened
    assert not complaints(opened)


def test_consumption_shows_bars_markers_and_downloads(browser: webdriver.Chrome, address: str, tmp_path: Path) -> None:
    browser.get(f"{address}/consumption?point=P-1&interval=Daily")

    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")
    visible(browser, By.XPATH, "//button[contains(., 'Download CSV')]")
    visible(browser, By.XPATH, "//button[contains(., 'Download Parquet')]")
    bars = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .xy .barlayer .point path")
    assert len([bar for bar in bars if bar.size["height"] > 50]) == 30, "31 days, one of them without readings"
    legend = {text.text for text in browser.find_elements(By.CSS_SELECTOR, ".legendtext")}
    assert {"measured", "interpolated", "missing", "meter exchange", "roll-over"} <= legend
    assert "info code, high" in legend
    assert "Traceback" not in browser.page_source
    browser.save_screenshot(str(tmp_path / "consumption.png"))


def test_home_leads_to_consumption(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    visible(browser, By.XPATH, "//h1[contains(., 'Meterhouse')]")
    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")

    browser.find_element(By.XPATH, "//a[contains(., 'Consumption')]").click()

    visible(browser, By.XPATH, "//h1[contains(., 'Consumption')]")
    assert browser.current_url.startswith(f"{address}/consumption")


def test_unknown_meter_in_the_address_is_explained(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/consumption?point=Atlantis")

    visible(browser, By.XPATH, "//*[contains(text(), 'Atlantis is registered')]")
    assert not browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")
