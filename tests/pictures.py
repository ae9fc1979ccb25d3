"""Pictures of all pages for the documents, taken from the page map: ``python -m tests.pictures [PAGE ...]``.

Each page is shown with the address of its ``sample``, in light, dark and at the width of a phone, served with the small
installation of the pages' tests to headless Chromium, and written to ``docs/pictures/<page>-<look>.png``.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from selenium import webdriver
from selenium.webdriver.common.by import By

from dashboards.page import Page
from dashboards.pages import every_page
from registry.vault import KeyVault
from tests.conftest import REPOSITORY
from tests.integration.gateways import chromium, gateway, patience, sign_in, visible
from tests.unit.dashboards import by_wire, exporting, heated, house
from tests.unit.gateway.doors import add_person

FOLDER = REPOSITORY / "docs" / "pictures"
LOOKS = {"light": (1400, "light"), "dark": (1400, "dark"), "phone": (390, "light")}
"""Width [px] and colours of each picture."""

AT_REST = """
const app = document.querySelector('[data-testid="stApp"]');
return app && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]');
"""
_HEIGHT = (
    "return Math.max(...[...document.querySelectorAll('[data-testid=stMainBlockContainer]')].map(e => e.scrollHeight))"
)
_OVERFLOW = "return document.documentElement.scrollWidth - window.innerWidth"


def show(browser: webdriver.Chrome, address: str, page: Page, look: str) -> None:
    """Opens a page as a picture shows it, and waits until it is at rest."""
    width, colours = LOOKS[look]
    set_size(browser, width, 1000)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    )
    browser.get(address_of(address, page))
    visible(browser, By.CSS_SELECTOR, "h1")
    patience(browser).until(lambda opened: opened.execute_script(AT_REST))
    height = min(4000, int(browser.execute_script(_HEIGHT)) + 80)
    set_size(browser, width, height)
    browser.execute_async_script("setTimeout(arguments[arguments.length - 1], 1200)")  # charts grow into their place


def address_of(address: str, page: Page) -> str:
    """Where a page is, as its sample shows it."""
    return f"{address}/{page.name}?{urlencode(page.sample, doseq=True)}"


def set_size(browser: webdriver.Chrome, width: int, height: int) -> None:
    """Sets what the page takes for its window; a real one is never narrower than 500 px."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def overflow(browser: webdriver.Chrome) -> int:
    """By how much a page is wider than its window [px]."""
    return int(browser.execute_script(_OVERFLOW))


def main(names: list[str]) -> None:
    """Takes the pictures of the pages named, or of all."""
    FOLDER.mkdir(exist_ok=True)
    pages = [page for page in every_page() if not names or page.name in names]
    with TemporaryDirectory() as folder:
        home = by_wire.add(heated.add(house.home_in_operation(Path(folder) / "home")))
        key = home.parent / "master.key"
        KeyVault.create(key)
        os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(key)
        exporting.fill(home)
        exporting.add_rule(home)
        with gateway(home) as served, chromium(Path(folder) / "profile") as browser:
            add_person(served.registry, "analyst@example.org", manager="administrator", keys="superuser")
            sign_in(browser, served.address, "analyst@example.org")
            for page in pages:
                for look in LOOKS:
                    show(browser, served.address, page, look)
                    browser.save_screenshot(str(FOLDER / f"{page.name}-{look}.png"))
                    print(f"{page.name}-{look}.png: {overflow(browser)} px too wide")


if __name__ == "__main__":
    main(sys.argv[1:])
