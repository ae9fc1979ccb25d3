"""The pages in headless Chromium, served as a user starts them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as condition
from selenium.webdriver.support.wait import WebDriverWait

from tests.conftest import REPOSITORY, require
from tests.unit.dashboards import house

pytestmark = pytest.mark.browser

PATIENCE_S = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1300",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = house.home_with_figures(tmp_path_factory.mktemp("browser") / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "dashboards" / "app.py")]
    options = ["--server.address", "127.0.0.1", "--server.port", str(port), "--server.headless", "true"]
    environment = {**os.environ, "METERHOUSE_HOME": str(home)}
    log = (home.parent / "streamlit.log").open("w")
    with log, subprocess.Popen([*command, *options], env=environment, cwd=home, stdout=log, stderr=log) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    require(bool(chromium and driver), "Chromium and its driver are not installed (chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(chromium)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "the pages did not start"
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError("the pages did not answer")


def _visible(browser: webdriver.Chrome, by: str, what: str) -> None:
    WebDriverWait(browser, PATIENCE_S).until(condition.visibility_of_element_located((by, what)))


def test_consumption_shows_bars_markers_and_downloads(browser: webdriver.Chrome, address: str, tmp_path: Path) -> None:
    browser.get(f"{address}/consumption?point=P-1&interval=Daily")

    _visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")
    _visible(browser, By.XPATH, "//button[contains(., 'Download CSV')]")
    _visible(browser, By.XPATH, "//button[contains(., 'Download Parquet')]")
    bars = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .xy .barlayer .point path")
    assert len([bar for bar in bars if bar.size["height"] > 50]) == 30, "31 days, one of them without readings"
    legend = {text.text for text in browser.find_elements(By.CSS_SELECTOR, ".legendtext")}
    assert {"measured", "interpolated", "missing", "meter exchange", "roll-over"} <= legend
    assert "info code, high" in legend
    assert "Traceback" not in browser.page_source
    browser.save_screenshot(str(tmp_path / "consumption.png"))


def test_home_leads_to_consumption(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    _visible(browser, By.XPATH, "//h1[contains(., 'Meterhouse')]")
    _visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")

    browser.find_element(By.XPATH, "//a[contains(., 'Consumption')]").click()

    _visible(browser, By.XPATH, "//h1[contains(., 'Consumption')]")
    assert browser.current_url.startswith(f"{address}/consumption")


def test_unknown_meter_in_the_address_is_explained(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}/consumption?point=Atlantis")

    _visible(browser, By.XPATH, "//*[contains(text(), 'Atlantis is registered')]")
    assert not browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")
