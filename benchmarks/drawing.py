"""What the server alone does to draw a page, in seconds of the processor: for machines on which a clock says little.

    .venv/bin/python -m benchmarks.drawing --home DIR

``DIR`` as for :mod:`benchmarks.pages`. Pages run in this process, without door and browser, as the tests run them; the
test harness is part of each figure. Each is drawn three times: the first, and the least of the other two.
"""

import argparse
import os
import time
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboards.viewer import Viewer
from registry.people.rights import AREAS, MANAGER

ANALYST = Viewer("user:1", "default", areas={MANAGER: frozenset(AREAS)})
PAGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("support", {}),
    ("home", {}),
    ("map", {}),
    ("map", {"status": "ok"}),
    ("performance", {}),
    ("performance", {"criterion": "hourly", "missing": "false"}),
    ("performance", {"threshold_daily": "90"}),
    ("performance_report", {"threshold_daily": "100"}),
    ("meters", {}),
    ("meters", {"text": "Lane 7"}),
    ("consumption_report", {}),
)
PATIENCE_S = 300


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    os.environ.update(METERHOUSE_HOME=str(home), METERHOUSE_MASTER_KEY_FILE=str(home.parent / "master.key"))
    for name, parameters in PAGES:
        first, *again = (drawn(name, parameters) for _ in range(3))
        said = " ".join(f"{key}={value}" for key, value in parameters.items())
        print(f"{name:20}{said:34}{first:6.2f}{min(again):6.2f} s", flush=True)
    st.cache_resource.clear()
    print(f"{'home':20}{'with nothing remembered':34}{drawn('home', {}):6.2f} s")


def drawn(name: str, parameters: dict[str, str]) -> float:
    """Seconds of the processor that a page takes in a new session."""
    app = AppTest.from_function(_draw, default_timeout=PATIENCE_S, kwargs={"name": name})
    app.session_state["viewer"] = ANALYST
    for key, value in parameters.items():
        app.query_params[key] = value
    started = time.process_time()
    app.run()
    seconds = time.process_time() - started
    if app.exception:
        raise SystemExit(f"{name} fails.")
    return seconds


def _draw(name: str) -> None:
    """What the harness runs, from its text alone."""
    from dashboards.pages import open_page, page_named

    open_page(page_named(name))


if __name__ == "__main__":
    main()
