from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from warehouse.policies import PerformancePolicy, PolicyError, read_policy, shipped_document
from warehouse.schemas import GROUP_MEMBERS, GROUP_READERS, INSTALLATIONS
from warehouse.transforms.schedules import scheduled

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def day(number: int | None) -> datetime | None:
    return None if number is None else START + number * DAY


def found(named: dict[str, tuple[frozenset[str], frozenset[str]]]) -> list[tuple[object, ...]]:
    """P is a member on days 2 to 20, with A to day 10 and B since; C is one as a meter; a master reads from 5."""
    members = pl.DataFrame(
        [("o", "north", "P", day(2), day(20), None, START), ("o", "north", None, day(0), None, "C", START)],
        schema=GROUP_MEMBERS.schema,
        orient="row",
    )
    readers = pl.DataFrame([("o", "master", "north", day(5), None, START)], schema=GROUP_READERS.schema, orient="row")
    installations = pl.DataFrame(
        [
            ("o", "P", "A", day(0), day(10), START),
            ("o", "P", "B", day(10), None, START),
            ("o", "Q", "C", day(1), None, START),
        ],
        schema=INSTALLATIONS.schema,
        orient="row",
    )
    rows = scheduled(named, readers.drop("organisation"), members.drop("organisation"), installations)
    shown = rows.sort("meter_id").select("schedule", "meter_id", "installed_at", "removed_at").rows()
    return [(name, meter, (since - START).days, until and (until - START).days) for name, meter, since, until in shown]


def test_a_schedule_of_a_group_holds_while_meters_are_installed_and_members() -> None:
    named = {"s": (frozenset[str](), frozenset({"north"}))}
    assert found(named) == [("s", "A", 2, 10), ("s", "B", 10, 20), ("s", "C", 1, None)]


def test_a_schedule_of_a_master_holds_for_what_it_is_to_read() -> None:
    named = {"s": (frozenset({"master"}), frozenset[str]()), "t": (frozenset({"other"}), frozenset[str]())}
    assert found(named) == [("s", "A", 5, 10), ("s", "B", 10, 20), ("s", "C", 5, None)]


def schedule(text: str) -> PerformancePolicy:
    document = shipped_document("performance").replace("schedules: {}", f"schedules: {{x: {{{text}}}}}")
    policy = read_policy("performance", document)
    assert isinstance(policy, PerformancePolicy)
    return policy


@pytest.mark.parametrize(
    "text",
    [
        "groups: [a]",
        "every_min: 15, nothing: true",
        'at: ["06:00", "06:30"], within_min: 60',
        'at: ["00:10", "23:50"], within_min: 60',
        "every_min: 0",
    ],
)
def test_a_schedule_says_one_thing_that_can_be(text: str) -> None:
    with pytest.raises(PolicyError):
        schedule(text)


def test_a_schedule_is_read() -> None:
    policy = schedule('collectors: [master], at: ["18:00", "06:00"], within_min: 90')
    slots = policy.schedules["x"].slots
    assert [one.hour for one in slots.at] == [6, 18]
    assert slots.within == timedelta(minutes=90)
    assert schedule("every_min: 15").schedules["x"].slots.every == timedelta(minutes=15)
