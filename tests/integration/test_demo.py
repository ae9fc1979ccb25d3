"""The README's first command, and the orchestrator's UI on what it made."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

METERHOUSE = str(Path(sys.executable).parent / "meterhouse")


def run_demo(home: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [METERHOUSE, "demo", "--home", str(home)]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str]:
    """Directory, environment and printed report of a demo."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "HOME": str(folder)}
    for name in ("METERHOUSE_HOME", "METERHOUSE_MASTER_KEY_FILE", "DAGSTER_HOME"):
        environment.pop(name, None)
    home = folder / "home"
    done = run_demo(home, environment)
    assert done.returncode == 0, done.stderr
    assert "./meterhouse serve all" in done.stderr
    return home, environment, done.stdout


def test_the_report_agrees_with_the_truth(demo: tuple[Path, dict[str, str], str]) -> None:
    _, _, report = demo
    agreements = re.findall(r"(\d+) of (\d+)", report)
    assert len(agreements) == 2
    for equal, all_of_them in agreements:
        assert equal == all_of_them
        assert int(equal) > 500
    assert re.search(r"decoded +\d{5}", report)


def test_the_same_demo_again_changes_nothing(demo: tuple[Path, dict[str, str], str]) -> None:
    home, environment, report = demo
    again = run_demo(home, environment)
    assert (again.returncode, again.stdout) == (0, report)
    assert "Addresses: none to look up." in again.stderr


def test_the_sample_customers_have_each_state_of_an_address(demo: tuple[Path, dict[str, str], str]) -> None:
    home, environment, _ = demo
    command = [METERHOUSE, "address", "list", "--home", str(home)]
    listed = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    shown = [line.split("\t")[1] for line in listed.stdout.splitlines() if not line.startswith("\t")]
    states = {state: shown.count(state) for state in set(shown)}
    assert states == {"OK": 1, "not found": 1, "–": 1, "alternative addresses found": 1, "set by hand": len(shown) - 4}
    assert len(shown) == 62


@pytest.mark.slow
def test_the_ui_lists_the_assets(demo: tuple[Path, dict[str, str], str]) -> None:
    home, environment, _ = demo
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [METERHOUSE, "serve", "dagster", "--home", str(home), "--dagster-port", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            names = _asset_names(port)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    assert {"receptions", "readings", "consumption_daily", "heat_daily", "meters"} <= names


def _asset_names(port: int, patience_s: float = 90) -> set[str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": "{assetNodes{assetKey{path}}}"}).encode(),
        headers={"content-type": "application/json"},
    )
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                nodes = json.load(answer)["data"]["assetNodes"]
        except (urllib.error.URLError, ConnectionError):
            nodes = []
        if nodes or time.monotonic() > deadline:
            return {node["assetKey"]["path"][0] for node in nodes}
        time.sleep(1)
