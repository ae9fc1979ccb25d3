"""Fixtures that every test folder shares."""

import os
from pathlib import Path

import pytest

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
