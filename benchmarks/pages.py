"""The pages on a large installation in headless Chromium: first useful paint, a change of filter, memory, many at once.

    .venv/bin/python -m benchmarks.pages --home DIR [--sessions 20] [PAGE ...]

``DIR`` is the folder of an installation with figures, such as ``benchmarks/ingest.py --keep`` leaves; its master key is
beside it as ``master.key``. The door is served as users start it. A page's paint is the time from its address to the
moment at which nothing is drawn any more: the first one after the start, and the median of the next ones. A change of
filter is the same from one choice to another in the open page. Memory is what the server holds more per session.
Seconds by the clock; say what else the machine did.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By

from dashboards.page import Page
from dashboards.pages import every_page
from tests.integration.gateways import chromium, gateway, patience, sign_in, visible
from tests.pictures import AT_REST, address_of
from tests.unit.gateway.doors import add_person

ANALYST = f"analyst-{uuid.uuid4().hex}@example.org"
"""An account of this run; the installation may have been measured before."""

AGAIN = 3
CHOICES = "[data-testid=stButtonGroup] button:not([kind$=Active]), [data-testid=stCheckbox] label"
"""What changes a filter with one click: another choice of those side by side, or a switch."""

_FAULT = "[data-testid=stException]"
KIB_PER_MIB = 1024


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, gateway(options.home) as served:
        add_person(served.registry, ANALYST, manager="administrator")
        with chromium(Path(folder) / "profile") as browser:
            sign_in(browser, served.address, ANALYST)
            print(f"{'page':28}{'first':>8}{'again':>8}{'filter':>8}  [s]")
            for page in every_page():
                if not options.pages or page.name in options.pages:
                    print(measured(browser, served.address, page), flush=True)
        many(Path(folder), served.address, served.process, options.sessions)


def measured(browser: webdriver.Chrome, address: str, page: Page) -> str:
    """A line about a page."""
    target = address_of(address, page)
    first, *again = (timed(browser, lambda: browser.get(target)) for _ in range(AGAIN + 1))
    choices = [found for found in browser.find_elements(By.CSS_SELECTOR, CHOICES) if found.is_displayed()]
    changed = f"{timed(browser, choices[0].click):8.2f}" if choices else f"{'':>8}"
    fault = "  FAILED" if browser.find_elements(By.CSS_SELECTOR, _FAULT) else ""
    return f"{page.name:28}{first:8.2f}{statistics.median(again):8.2f}{changed}{fault}"


def timed(browser: webdriver.Chrome, act: Callable[[], None]) -> float:
    """Seconds until the page is at rest again."""
    started = time.perf_counter()
    act()
    browser.execute_async_script("setTimeout(arguments[arguments.length - 1], 50)")  # the page notices what was done
    visible(browser, By.CSS_SELECTOR, "h1")
    patience(browser).until(lambda opened: opened.execute_script(AT_REST))
    return time.perf_counter() - started


def many(folder: Path, address: str, process: int, count: int) -> None:
    """Opens the first pages in sessions of their own at once, and says what they took."""
    pages = list(every_page())
    before = memory(process)
    with ExitStack() as open_ones, ThreadPoolExecutor(count) as workers:
        browsers = [open_ones.enter_context(chromium(folder / f"many{number}")) for number in range(count)]

        def visit(number: int) -> tuple[float, bool]:
            sign_in(browsers[number], address, ANALYST)
            page = pages[number % len(pages)]
            seconds = timed(browsers[number], lambda: browsers[number].get(address_of(address, page)))
            return seconds, bool(browsers[number].find_elements(By.CSS_SELECTOR, _FAULT))

        visits = list(workers.map(visit, range(count)))
        held = memory(process) - before
    seconds = [one for one, _ in visits]
    print(
        f"{count} sessions at once: median {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s, "
        f"{sum(failed for _, failed in visits)} with an error; {held / count:.0f} MiB more per session"
    )


def memory(process: int) -> float:
    """Resident memory of a process [MiB]."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / KIB_PER_MIB


if __name__ == "__main__":
    main()
