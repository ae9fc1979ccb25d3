"""Reading performance is reckoned only as often as the capacity plan allows readings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.installation import Installation
from assets.steps.performance import reckon_performance
from registry.inventory import capacity
from registry.inventory.capacity import CapacityError
from registry.policies import decide
from tests.unit.gateway.doors import make_house
from warehouse.policies import shipped_document

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEDULE = "schedules:\n  quarters:\n    every_min: 15\n    collectors: [B-1]\n"


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    made = make_house(tmp_path)
    with made.registry.begin() as session:
        who = {"identity": "local:test", "now": NOW}
        capacity.set_plan(session, "default", max_in_use=None, finest_interval_s=3600, **who)
    return made


def test_a_shorter_interval_in_the_settings_is_refused_and_both_are_named(house: Installation) -> None:
    assert not reckon_performance(house, NOW), "an hour is what the plan allows"
    finer = Installation(house.settings.model_copy(update={"expected_interval_s": 900}))
    with pytest.raises(CapacityError, match=r"every 3600 s.*expected_interval_s.*every 900 s"):
        reckon_performance(finer, NOW)


def test_a_denser_schedule_is_refused_by_its_name(house: Installation) -> None:
    document = shipped_document("performance").replace("schedules: {}\n", SCHEDULE)
    assert SCHEDULE in document
    with house.registry.begin() as session:
        decide(session, "default", "performance", document, reason="test", identity="test", now=NOW)
    with pytest.raises(CapacityError, match=r"every 3600 s.*schedule quarters.*every 900 s"):
        reckon_performance(house, NOW)
