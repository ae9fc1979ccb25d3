"""The pages on a large installation in headless Chromium: how long until a page, or a change of filter, is drawn.

    .venv/bin/python -m benchmarks.pages --home DIR [PAGE ...]

``DIR`` is the folder of an installation with figures, such as ``benchmarks/ingest.py --keep`` leaves; its master key is
beside it as ``master.key``. The door is served as users start it. A page's time runs from its address to the last
change of the document: Streamlit has said that the script ran to its end, nothing is loading, and nothing changes
any more; its first useful paint is the first key figure, table, chart, form or message in it. The first time after the
start is told alone, the next ones as their median; a change of filter is one click on another choice in the open page,
the median of as many. Seconds by the clock; say what else the machine did.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.page import Page
from dashboards.pages import every_page
from tests.integration.gateways import PATIENCE_S, chromium, gateway, sign_in
from tests.pictures import AT_REST
from tests.unit.gateway.doors import add_person

ANALYST = f"analyst-{uuid.uuid4().hex}@example.org"
"""An account of this run; the installation may have been measured before."""

AGAIN = 3
CHOICES = ", ".join(
    (
        "[data-testid=stButtonGroup] button:not([kind$=Active], [aria-checked=true])",
        "[data-testid=stCheckbox] label",
        "[data-testid=stMultiSelectTagsContainer] [aria-label^='Remove ']",
    )
)
"""What changes a filter with one click: another choice of those side by side, a switch, or one of several given up."""

USEFUL = ", ".join(
    f"[data-testid=stMain] {shown}"
    for shown in (
        "[data-testid=stMetric]",
        "[data-testid=stDataFrame] canvas",
        "[data-testid=stTable]",
        "[data-testid=stPlotlyChart] .main-svg",
        "[data-testid=stForm]",
        "[data-testid=stAlert]",
    )
)
"""What a page is opened for; headings and filters are not."""

_FAULT = "[data-testid=stException], [data-testid=stAlertContentError]"

_PROTOCOL = f"""
const FINISHED = {ForwardMsg.SCRIPT_FINISHED_FIELD_NUMBER * 8}, EARLY = {ForwardMsg.FINISHED_EARLY_FOR_RERUN};
const USEFUL = "{USEFUL}";
"""
"""The tag of the message that a script has ended, its value where another run has cut it short, and what is useful."""

_WATCH = """
window.drawing = {ended: 0, changed: 0, useful: 0};
new MutationObserver(() => {
    window.drawing.changed = Date.now();
    if (!window.drawing.useful && document.querySelector(USEFUL)) { window.drawing.useful = Date.now(); }
})
    .observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
window.WebSocket = class extends window.WebSocket {
    constructor(...given) {
        super(...given);
        this.addEventListener("message", message => {
            if (ends(new Uint8Array(message.data))) { window.drawing.ended += 1; }
        });
    }
};
function ends(bytes) {
    let at = 0;
    function number() {
        let found = 0, factor = 1, byte;
        do { byte = bytes[at++]; found += (byte & 127) * factor; factor *= 128; } while (byte & 128);
        return found;
    }
    while (at < bytes.length) {
        const tag = number(), value = number();
        if (tag === FINISHED) { return value !== EARLY; }
        if (tag % 8 === 2) { at += value; }
    }
    return false;
}
"""
"""Counts ends of the script, and notes the first useful paint and the last change of the document. A message's outer
fields are numbers, or have their length before them."""

_DRAWN = f"""
const done = arguments[arguments.length - 1], quiet = 200;
(function look() {{
    const rests = (() => {{ {AT_REST} }})();
    const loads = document.querySelector('[data-stale=true]')
        || [...document.querySelectorAll('[data-testid=stPlotlyChart]')].some(one => !one.querySelector('.main-svg'));
    if (window.drawing.ended && rests && !loads && Date.now() - window.drawing.changed > quiet) {{
        done([window.drawing.useful || window.drawing.changed, window.drawing.changed]);
    }} else {{ setTimeout(look, 20); }}
}})();
"""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, gateway(options.home) as served:
        add_person(served.registry, ANALYST, manager="administrator")
        with chromium(Path(folder) / "profile") as browser:
            browser.set_script_timeout(PATIENCE_S)
            sign_in(browser, served.address, ANALYST)
            browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _PROTOCOL + _WATCH})
            print(f"{'page':28}{'first useful':>14}{'whole':>8}{'again useful':>14}{'whole':>8}{'filter':>8}  [s]")
            for page in every_page():
                if not options.pages or page.name in options.pages:
                    print(measured(browser, served.address, page), flush=True)


def measured(browser: webdriver.Chrome, address: str, page: Page) -> str:
    """A line about a page."""
    target = f"{address}/{page.name}"  # not with what its sample names, which this installation has not
    first, *again = (timed(browser, lambda: browser.get(target)) for _ in range(AGAIN + 1))
    changes = [timed(browser, found.click)[1] for _ in range(AGAIN) if (found := choice(browser)) is not None]
    changed = f"{statistics.median(changes):8.2f}" if changes else f"{'':>8}"
    fault = "  FAILED" if browser.find_elements(By.CSS_SELECTOR, _FAULT) else ""
    useful, whole = (statistics.median(times) for times in zip(*again, strict=True))
    return f"{page.name:28}{first[0]:14.2f}{first[1]:8.2f}{useful:14.2f}{whole:8.2f}{changed}{fault}"


def choice(browser: webdriver.Chrome) -> WebElement | None:
    """What changes a filter of the open page; ``None`` where nothing does with one click."""
    shown = (found for found in browser.find_elements(By.CSS_SELECTOR, CHOICES) if found.is_displayed())
    return next(shown, None)


def timed(browser: webdriver.Chrome, act: Callable[[], object]) -> tuple[float, float]:
    """Seconds until the first useful paint of a new document, and until what was done is drawn."""
    browser.execute_script("if (window.drawing) { window.drawing.ended = 0; }")  # a new document begins with none
    started = time.time()
    act()
    useful, drawn = browser.execute_async_script(_DRAWN)
    return useful / 1000 - started, drawn / 1000 - started


if __name__ == "__main__":
    main()
