"""The walk of somebody who looks for a leak: find it, put its customer into a group, send the report, explain it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from assets.steps.mailing import deliver
from tests.integration.gateways import chromium, gateway, patience, shows, sign_in, visible
from tests.integration.installations import House, copied, kept_environment
from tests.integration.mail_server import Authority, Inbox
from tests.integration.mailing import ca, environment, inbox, installed, port
from tests.pictures import AT_REST
from tests.unit.gateway.doors import add_person
from warehouse.policies import LeakPolicy
from warehouse.queries import leaks
from warehouse.schemas import GROUP_MEMBERS

__all__ = ["ca", "inbox", "port"]

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")]

CLERK = "clerk@example.org"
CUSTOMER = "customer@elsewhere.example"
MOST_CLICKS = 11


@dataclass
class Walk:
    """A person at a browser, whose clicks are counted."""

    browser: webdriver.Chrome
    clicks: int = 0

    def click(self, what: str, by: str = By.XPATH) -> WebElement:
        visible(self.browser, by, what)
        self.rest()
        return self.press(visible(self.browser, by, what))

    def press(self, found: WebElement) -> WebElement:
        ActionChains(self.browser).scroll_to_element(found).move_to_element(found).click().perform()
        self.clicks += 1
        return found

    def rest(self) -> None:
        """Waits until nothing comes in any more that would move what is to be clicked."""
        self.browser.execute_async_script("setTimeout(arguments[arguments.length - 1], 300)")
        patience(self.browser).until(lambda opened: opened.execute_script(AT_REST))


def worst_leak(house: House) -> str:
    here = house.installation
    known = leaks.extent(here.lake, here.organisation, ZoneInfo("Europe/Copenhagen"))
    assert known is not None
    asked = leaks.Asked(ZoneInfo("Europe/Copenhagen"), *known)
    return str(leaks.report(here.lake, here.organisation, here.policy(LeakPolicy), asked, None)["metering_point"][0])


def test_from_a_leak_to_a_letter(
    everything: Path,
    tmp_path: Path,
    inbox: Inbox,
    ca: Authority,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with kept_environment():
        house = copied(everything, tmp_path)
        for name, value in environment(port, ca).items():
            monkeypatch.setenv(name, value)
        point = worst_leak(house)
        with gateway(house.installation.settings.home) as served, chromium(tmp_path / "profile") as browser:
            add_person(served.registry, CLERK, manager="administrator")
            sign_in(browser, served.address, CLERK)
            visible(browser, By.XPATH, "//h1[contains(., 'Home')]")
            walk, started = Walk(browser), time.perf_counter()
            walk.click("//*[@data-testid='stSidebarNav']//a[contains(., 'Water loss')]")
            walk.click("//button[contains(., 'Leaks')]")
            walk.click(f"//a[contains(., 'Consumption of {point}')]")
            visible(browser, By.CSS_SELECTOR, ".js-plotly-plot .barlayer .point")
            walk.click("//button[contains(., 'Add to a group')]")
            walk.click("//*[@data-testid='stPopoverBody']//input[@role='combobox']").send_keys("To call", Keys.ENTER)
            walk.click("//*[@data-testid='stPopoverBody']//button[contains(., 'Add to a group')]")
            shows(browser, "To call")
            walk.click("//button[contains(., 'Report')]")
            walk.click("//input[@aria-label='E-mail address']").send_keys(CUSTOMER)
            walk.click("//button[contains(., 'Send by e-mail')]")
            shows(browser, "sent within a minute")
            walk.rest()
            bars = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .xy .barlayer .point path")
            walk.press(max(bars, key=lambda bar: bar.size["height"]))
            walk.click("//a[contains(., 'Explain')][contains(@href, 'day=')]")
            visible(browser, By.XPATH, "//h1[contains(., 'Explain')]")
            shows(browser, "Frames (")
            assert f"point={point}" in browser.current_url
            seconds = time.perf_counter() - started
            assert "Traceback" not in browser.page_source
        with capsys.disabled():
            print(f"\nFrom a leak to a letter: {walk.clicks} clicks, {seconds:.1f} s.")
        assert walk.clicks <= MOST_CLICKS
        members = house.installation.lake.scan(GROUP_MEMBERS).filter(group="To call").collect()
        assert members["metering_point"].to_list() == [point]
        assert deliver(installed(house, port, ca), datetime.now(UTC)).sent == 1
        (message,) = inbox.messages
        assert message["To"] == CUSTOMER
        assert next(file.get_content_type() for file in message.iter_attachments()) == "application/pdf"
