"""How tests of the corpus say what they compared; the table of it ends the run (``tests/conftest.py``)."""

from collections.abc import Callable

import pytest

from tests.conftest import CASES


class Counts:
    """Cases and those that came out as expected, by file."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def note(self, file: str, cases: int, wrong: int) -> None:
        self._record(CASES, (file, cases, cases - wrong))


@pytest.fixture
def counts(record_property: Callable[[str, object], None]) -> Counts:
    return Counts(record_property)
