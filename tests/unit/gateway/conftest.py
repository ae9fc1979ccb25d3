"""A door for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.installation import Installation
from tests.unit.gateway.doors import Served, make_house, served
from tests.unit.passwords import quick_passwords

__all__ = ["quick_passwords"]


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    return make_house(tmp_path)


@pytest.fixture
def door(house: Installation) -> Iterator[Served]:
    with served(house) as found:
        yield found
