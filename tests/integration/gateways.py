"""The door as a user starts it, and a browser before it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as condition
from selenium.webdriver.support.wait import WebDriverWait

import settings
from registry.store import Registry
from registry.vault import KeyVault
from tests.conftest import REPOSITORY, require
from tests.unit.gateway.doors import PASSWORD

PATIENCE_S = 60
LOOK_EVERY_S = 0.1
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


@dataclass(frozen=True)
class Gateway:
    """A door that runs in a process of its own."""

    address: str
    home: Path
    registry: Registry
    log: Path
    process: int

    def setup_link(self) -> str:
        """What it printed for the first administrator."""
        found = re.search(r"http://\S+/setup\?token=\S+", self.log.read_text(encoding="utf-8"))
        assert found, self.log.read_text(encoding="utf-8")
        return found[0]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def gateway(home: Path, *options: str) -> Iterator[Gateway]:
    """Runs the door of an installation; its master key lies beside it."""
    key = home.parent / "master.key"
    if not key.exists():
        KeyVault.create(key)
    port = free_port()
    command = [sys.executable, "-m", "gateway", "--port", str(port), *options]
    environment = {**os.environ, "METERHOUSE_HOME": str(home), "METERHOUSE_MASTER_KEY_FILE": str(key)}
    path = home.parent / "gateway.log"
    registry = Registry.open(settings.load(home).registry_address)
    with (
        path.open("w") as log,
        subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=log, stderr=log) as server,
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, path)
            yield Gateway(f"http://127.0.0.1:{port}", home, registry, path, server.pid)
        finally:
            server.terminate()
            server.wait(20)


def wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError, HTTPException):  # a port without a server may be given to the caller itself
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A headless browser with a fresh profile."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    require(bool(browser and driver), "Chromium and its driver are not installed (chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()


def forget(browser: webdriver.Chrome) -> webdriver.Chrome:
    """A browser that somebody else may use: signed in nowhere, and nothing complained of."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    complaints(browser)
    return browser


def patience(browser: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    """What waits for something to show."""
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=LOOK_EVERY_S)


def visible(browser: webdriver.Chrome, by: str, what: str) -> WebElement:
    return patience(browser).until(condition.visibility_of_element_located((by, what)))


def shows(browser: webdriver.Chrome, text: str) -> WebElement:
    return visible(browser, By.XPATH, f"//body//*[contains(text(), '{text}')]")


def fill_in(browser: webdriver.Chrome, **fields: str) -> None:
    """Fills in a form of the door's and sends it."""
    for name, value in fields.items():
        field = visible(browser, By.NAME, name)
        field.clear()
        field.send_keys(value)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()


def sign_in(browser: webdriver.Chrome, address: str, email: str, password: str = PASSWORD) -> None:
    browser.get(f"{address}/login")
    fill_in(browser, email=email, password=password)
    patience(browser).until(lambda opened: "/login" not in opened.current_url)


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser refused to load or run."""
    return [entry["message"] for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]
