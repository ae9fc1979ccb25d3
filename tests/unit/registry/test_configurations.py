"""How meters are set: noted with its time, corrected with its past, published."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.inventory import capacity
from registry.inventory.configurations import configurations, configure
from registry.inventory.errors import InventoryError
from registry.tables import published_tables
from tests.unit.registry.inventory_rows import BEFORE, NOW, WHO, add_meters, events

DAY = timedelta(days=1)


@pytest.fixture
def meter(registry) -> str:
    return add_meters(registry, 1)[0]


def note(registry, meter: str, at: datetime, now: datetime = NOW, **changes: Any) -> bool:
    with registry.begin() as session:
        return configure(session, "default", meter, changes, at=at, **(WHO | {"now": now}))


def held(registry, meter: str) -> list[tuple[Any, ...]]:
    with registry.begin(readonly=True) as session:
        rows = configurations(session, "default", meter)
        return [(row.valid_from, row.valid_to, row.interval_s, row.tariffs, row.package) for row in rows]


def test_a_change_ends_what_held_and_keeps_what_it_does_not_name(registry, meter: str) -> None:
    assert note(registry, meter, BEFORE, interval_s=3600, package="A8ED")
    assert note(registry, meter, BEFORE + 9 * DAY, package="B34D")
    assert not note(registry, meter, BEFORE + 10 * DAY, package="B34D"), "nothing changes"
    assert held(registry, meter) == [
        (BEFORE, BEFORE + 9 * DAY, 3600, None, "A8ED"),
        (BEFORE + 9 * DAY, None, 3600, None, "B34D"),
    ]
    assert events(registry, "meter.configure") == [
        (meter, {"interval_s": None, "package": None}, {"interval_s": 3600, "package": "A8ED"}),
        (meter, {"package": "A8ED"}, {"package": "B34D"}),
    ]


def test_what_is_noted_late_holds_until_the_next_change(registry, meter: str) -> None:
    note(registry, meter, BEFORE + 9 * DAY, tariffs="two")
    note(registry, meter, BEFORE, interval_s=900)
    note(registry, meter, BEFORE + 2 * DAY, interval_s="")
    assert held(registry, meter) == [
        (BEFORE, BEFORE + 2 * DAY, 900, None, None),
        (BEFORE + 2 * DAY, BEFORE + 9 * DAY, None, None, None),
        (BEFORE + 9 * DAY, None, None, "two", None),
    ]


def test_a_correction_keeps_what_was_known_before(registry, meter: str) -> None:
    note(registry, meter, BEFORE, interval_s=900)
    note(registry, meter, BEFORE, NOW + DAY, interval_s=1800)
    tables = published_tables(registry)
    columns = ("meter_id", "valid_from", "valid_to", "interval_s", "known_from")
    assert tables["meter_configurations"].select(columns).rows() == [(meter, BEFORE, None, 1800, NOW + DAY)]
    before = tables["meter_configurations_history"].select(*columns, "known_to")
    assert before.rows() == [(meter, BEFORE, None, 900, NOW, NOW + DAY)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval_s": 59}, "lies between 60 and 86400 s, not at 59"),
        ({"package": "=1+1"}, "does not begin as a formula"),
        ({"tariffs": "x" * 201}, "up to 200"),
        ({"colour": "red"}, "no setting colour"),
        ({"interval_s": 300}, "every 900 s at most"),
    ],
)
def test_what_cannot_be_is_refused(registry, meter: str, changes: dict[str, Any], message: str) -> None:
    with registry.begin() as session:
        capacity.set_plan(session, "default", max_in_use=None, finest_interval_s=900, **WHO)
    with pytest.raises(InventoryError, match=message):
        note(registry, meter, BEFORE, **changes)
    with pytest.raises(InventoryError, match="in the future"):
        note(registry, meter, datetime(2026, 2, 1, tzinfo=UTC), package="A8ED")
    assert held(registry, meter) == []
