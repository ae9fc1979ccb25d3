"""Fixtures that every test folder shares."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import PostgreSql, programs, running

REPOSITORY = Path(__file__).resolve().parent.parent


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
