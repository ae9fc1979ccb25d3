"""Fixtures that every test folder shares."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import GARBAGE
from tests.postgresql import PostgreSql, programs, running

gc.set_threshold(*GARBAGE)  # as the program does
REPOSITORY = Path(__file__).resolve().parent.parent
CASES = "corpus cases"
"""Property of a test's report: name of a corpus file, its cases, and those that came out as expected."""


def require(condition: bool, reason: str) -> None:
    """Skips the test with the reason, or fails where ``METERHOUSE_SKIP_NOTHING`` is set, as in CI."""
    if condition:
        return
    if os.environ.get("METERHOUSE_SKIP_NOTHING"):
        pytest.fail(f"not to be skipped here: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of the telegram corpus."""
    folder = Path(os.environ.get("METERHOUSE_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    require(folder.is_dir(), f"telegram corpus not found at {folder}; set METERHOUSE_CORPUS")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL server."""
    found = programs()
    require(found is not None, "PostgreSQL's server is not installed (Debian: postgresql)")
    assert found is not None
    with running(found) as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Ends the run with a table of what was compared with the corpus; reports come from other processes, too."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    noted = sorted(value for report in reports for name, value in report.user_properties if name == CASES)
    if noted:
        terminalreporter.section("corpus: cases that decode as expected")
    for file, cases, right in noted:
        terminalreporter.write_line(f"{file:28}{right:6} of {cases}")
