"""The pages in headless Chromium, served as a user starts them."""

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from dashboards.page import Page
from dashboards.pages import every_page
from tests import pictures
from tests.integration.gateways import chromium, complaints, gateway, patience, sign_in, visible
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
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert not complaints(opened)


def test_consumption_shows_bars_markers_and_downloads(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/consumption?point=P-1&interval=daily")

    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")
    bars = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .xy .barlayer .point path")
    assert len([bar for bar in bars if bar.size["height"] > 50]) == 30, "31 days, one of them without readings"
    legend = {text.text for text in browser.find_elements(By.CSS_SELECTOR, ".legendtext")}
    assert {"measured", "interpolated", "missing", "meter exchange", "roll-over"} <= legend
    assert "info code, high" in legend
    assert "Traceback" not in browser.page_source
    visible(browser, By.XPATH, "//button[contains(., 'Download')]").click()
    for form in ("CSV", "XLSX", "Parquet"):
        visible(browser, By.XPATH, f"//button[contains(., '{form}')]")


def test_home_leads_to_consumption(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    visible(browser, By.XPATH, "//h1[contains(., 'Home')]")
    browser.get(f"{address}/home")
    visible(browser, By.XPATH, "//h1[contains(., 'Home')]")
    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")

    browser.find_element(By.XPATH, "//a[contains(., 'Consumption')]").click()

    visible(browser, By.XPATH, "//h1[contains(., 'Consumption')]")
    assert browser.current_url.startswith(f"{address}/consumption")


def test_choice_stands_in_the_address_and_the_way_back_undoes_it(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/consumption?point=P-2")
    chosen = "//button[@aria-checked='true'][contains(., '{}')]"
    visible(browser, By.XPATH, chosen.format("Daily"))

    visible(browser, By.XPATH, "//button[contains(., 'Monthly')]").click()
    visible(browser, By.XPATH, chosen.format("Monthly"))
    patience(browser).until(lambda opened: opened.current_url.endswith("/consumption?point=P-2&interval=monthly"))

    browser.back()
    visible(browser, By.XPATH, chosen.format("Daily"))


def test_bar_leads_to_the_readings_of_its_day(browser: webdriver.Chrome, address: str) -> None:
    pictures.set_size(browser, 1400, 1300)
    browser.get(f"{address}/consumption?point=P-2&interval=daily")
    visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")
    plot = visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .nsewdrag")
    middle = plot.size["height"] // 4

    ActionChains(browser).move_to_element_with_offset(plot, 8, middle).pause(0.5).click().perform()
    visible(browser, By.XPATH, "//a[contains(., 'Explain 19 Oct 2025')]").click()

    visible(browser, By.XPATH, "//h1[contains(., 'Explain')]")
    assert "day=2025-10-19" in browser.current_url


def test_unknown_meter_in_the_address_is_explained(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/consumption?point=Atlantis")

    visible(browser, By.XPATH, "//*[contains(text(), 'Atlantis is registered')]")
    assert not browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")


@pytest.mark.parametrize("look", ["light", "phone"])
@pytest.mark.parametrize("page", list(every_page()), ids=lambda page: page.name)
def test_page_fits_its_window_and_names_its_controls(
    browser: webdriver.Chrome, address: str, page: Page, look: str
) -> None:
    pictures.show(browser, address, page, look)

    assert pictures.overflow(browser) <= 0
    for kind in ("stException", "stAlertContentError"):
        assert not browser.find_elements(By.CSS_SELECTOR, f"[data-testid={kind}]"), kind
    reached = (f"[data-testid=stMain] {kind}:not([tabindex='-1'])" for kind in ("input", "button"))
    controls = browser.find_elements(By.CSS_SELECTOR, ", ".join(reached))
    unnamed = [each.get_attribute("outerHTML") for each in controls if each.is_displayed() and not each.accessible_name]
    assert not unnamed


def test_language_that_is_chosen_is_the_account_s(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    for language, title in (("Deutsch", "Start"), ("English", "Home")):
        visible(browser, By.CSS_SELECTOR, "[data-testid=stSidebar] [data-testid=stSelectbox] input").click()
        visible(browser, By.XPATH, f"//*[@role='option'][contains(., '{language}')]").click()
        visible(browser, By.XPATH, f"//h1[contains(., '{title}')]")
    browser.get(f"{address}/profile")
    assert browser.find_element(By.CSS_SELECTOR, "select[name=language]").get_attribute("value") == "en"
