"""A door before an API whose lake holds rows of two organisations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from assets.installation import Installation
from tests.unit.gateway.doors import Served, make_house, served
from tests.unit.passwords import quick_passwords
from tests.unit.warehouse.test_tenants import OURS, THEIRS, fill

__all__ = ["quick_passwords"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = make_house(tmp_path_factory.mktemp("api"))
    fill(Path(made.settings.lake_path), OURS, THEIRS)
    return made


@pytest.fixture(autouse=True)
def without_people(house: Installation) -> Iterator[None]:
    yield
    people = ("service_identities", "service_permissions", "sign_in_throttles", "users", "user_roles")
    with house.registry.begin() as session:
        for table in (*people, "meter_grants", "user_sessions"):
            session.execute(text(f"delete from {table}"))


@pytest.fixture
def door(house: Installation) -> Iterator[Served]:
    with served(house) as found:
        yield found
