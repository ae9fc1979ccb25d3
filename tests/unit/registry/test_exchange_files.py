"""Files of exchanges: judged by the rules of exchanges by hand, with their events; many lines, few queries."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select, update

from registry import audit
from registry.inventory import capacity
from registry.inventory.lifecycle import install, remove
from registry.inventory.meters import find_meter
from registry.models import Exchange, Meter
from registry.store import Registry
from registry.tables import published_tables
from tests.unit.registry.conftest import PARTIAL
from tests.unit.registry.exchange_rows import AT, NEW, OLD, OTHER
from tests.unit.registry.inventory_rows import (
    BEFORE,
    LATER,
    NOW,
    WHO,
    add_meters,
    events,
    get,
    installations,
    meter_id,
    states,
)

DAY = timedelta(days=1)
HEADER = (
    "metering_point,exchanged_at,old_manufacturer,old_serial,new_manufacturer,new_serial,old_final_m3,new_initial_m3"
)


def line(point: str, at: datetime, old: int, new: int, final: str = "12.5", initial: str = "0.25") -> str:
    return f"{point},{at.isoformat()},KAM,{90000000 + old},KAM,{90000000 + new},{final},{initial}"


def file(*lines: str, header: str = HEADER) -> str:
    return "\n".join((header, *lines)) + "\n"


@pytest.fixture
def house(registry: Registry) -> Registry:
    """Four meters; the first is installed at P1."""
    add_meters(registry, 4)
    put(registry, OLD, "P1", BEFORE)
    return registry


def put(registry: Registry, name: str, point: str, at: datetime) -> None:
    with registry.begin() as session:
        install(session, "default", find_meter(session, "default", name), metering_point=point, at=at, **WHO)


def take_out(registry: Registry, name: str, at: datetime) -> None:
    with registry.begin() as session:
        remove(session, find_meter(session, "default", name), at=at, **WHO)


def set_state(registry: Registry, name: str, state: str) -> None:
    with registry.begin() as session:
        session.execute(update(Meter).where(Meter.meter_id == name).values(state=state))


def test_an_exchange_of_a_file_leaves_what_one_by_hand_leaves(house, exchanges) -> None:
    assert exchanges(file(line("P1", AT, 1, 2))).added == 1
    assert installations(house) == [("P1", OLD, BEFORE, AT), ("P1", NEW, AT, None)]
    assert len(installations(house, all_versions=True)) == 3, "what was known before stays"
    assert {name: get(house, name).state_since for name in (OLD, NEW)} == {OLD: AT, NEW: AT}
    told = {"effective_at": AT.isoformat(), "metering_point": "P1"}
    assert events(house, "meter.remove") == [(OLD, {"state": "in_use"}, {"state": "removed", **told})]
    assert events(house, "meter.install")[1:] == [(NEW, {"state": "stock"}, {"state": "in_use", **told})]
    ((point, before, after),) = events(house, "exchange.enter")
    assert (point, before, after["new_meter_id"]) == ("P1", None, NEW)
    assert after["registers"] == ["volume_m3"], "what they showed tells what somebody used"
    with house.begin(readonly=True) as session:
        assert session.scalars(select(Exchange.identity)).all() == ["test"]
    assert audit.walk(house).broken is None


def test_a_meter_that_waited_for_its_key_waits_no_more_once_it_is_installed(house, exchanges) -> None:
    with house.begin() as session:
        session.execute(update(Meter).where(Meter.meter_id == NEW).values(state_reason="no key"))
    exchanges(file(line("P1", AT, 1, 2)))
    assert get(house, NEW).state_reason is None


@pytest.mark.parametrize("state", ["scrapped", "deleted"])
def test_a_meter_that_may_not_be_in_use_is_not_put_in_place(house, exchanges, state: str) -> None:
    set_state(house, NEW, state)
    report = exchanges(file(line("P1", AT, 1, 2)), mode=PARTIAL)
    ((number, reason),) = report.rejected.rows()
    assert number == 2
    assert reason.startswith(f"meter {NEW} is {state} and cannot become in_use: ")
    assert (states(house)[NEW], states(house)[OLD]) == (state, "in_use")
    assert published_tables(house)["exchanges"].is_empty()


def test_lines_that_cannot_have_been_are_rejected_and_the_others_taken(house, exchanges) -> None:
    put(house, OTHER, "P3", BEFORE)
    take_out(house, OTHER, AT + DAY)
    put(house, meter_id(4), "P4", BEFORE)
    add_meters(house, 2, first=5)
    put(house, meter_id(5), "P5", BEFORE)
    report = exchanges(
        file(
            line("P1", LATER, 1, 2),
            line("P1", BEFORE, 1, 2),
            line("P1", AT, 1, 3),
            line("P1", AT + 2 * DAY, 1, 4),
            line("P1", AT + 3 * DAY, 1, 1),
            line("P1", AT + 4 * DAY, 4, 2),
            line("P9", AT, 1, 2),
            line("P5", AT, 5, 6),
            line("P5", AT, 5, 6),
        ),
        mode=PARTIAL,
    )
    assert report.rejected.rows() == [
        (2, "An exchange in the future cannot be entered: wait until it is done."),
        (3, f"The old meter was installed at {BEFORE.isoformat()}: the exchange lies after that."),
        (4, f"meter {OTHER} was installed until {(AT + DAY).isoformat()}."),
        (5, f"meter {meter_id(4)} is installed at P4."),
        (6, f"meter {OLD} is installed at P1."),
        (7, f"At P1 is meter {OLD}, not {meter_id(4)}."),
        (8, "No meter is installed at P9: install the new one."),
        (10, "the exchange stands in an earlier line"),
    ]
    assert report.added == 1
    held = states(house)
    assert [held[meter_id(number)] for number in range(1, 7)] == [
        *("in_use", "stock", "removed"),
        *("in_use", "removed", "in_use"),
    ]


def test_exchanges_of_one_file_follow_one_another_whatever_their_order(house, exchanges) -> None:
    put(house, meter_id(4), "P4", BEFORE)
    report = exchanges(
        file(
            line("P4", AT + 3 * DAY, 4, 2),
            line("P1", AT + DAY, 2, 3),
            line("P1", AT, 1, 2),
        )
    )
    assert (report.added, report.rejected.height) == (3, 0)
    assert sorted(installations(house), key=str) == sorted(
        [
            ("P1", OLD, BEFORE, AT),
            ("P1", NEW, AT, AT + DAY),
            ("P1", OTHER, AT + DAY, None),
            ("P4", meter_id(4), BEFORE, AT + 3 * DAY),
            ("P4", NEW, AT + 3 * DAY, None),
        ],
        key=str,
    )
    assert states(house) == {OLD: "removed", NEW: "in_use", OTHER: "in_use", meter_id(4): "removed"}
    assert [after["state"] for name, _, after in told(house) if name == NEW] == ["in_use", "removed", "in_use"]
    assert get(house, NEW).state_since == AT + 3 * DAY


def told(registry: Registry) -> list[tuple]:
    both = events(registry, "meter.install") + events(registry, "meter.remove")
    return sorted(both, key=lambda row: row[2]["effective_at"])


def test_the_plan_bounds_what_a_file_brings_into_use(house, exchanges) -> None:
    set_state(house, OLD, "stock")  # as an older version left meters that were installed
    add_meters(house, 2, state="in_use", first=5)
    with house.begin() as session:
        capacity.set_plan(session, "default", max_in_use=2, finest_interval_s=None, **WHO)
    refused = exchanges(file(line("P1", AT, 1, 2)), mode=PARTIAL)
    ((number, reason),) = refused.rejected.rows()
    assert (number, "allows 2 meters in use; 2 are, and 1 more would be 3" in reason) == (2, True)
    assert states(house)[NEW] == "stock"
    set_state(house, OLD, "in_use")
    assert exchanges(file(line("P1", AT, 1, 2))).added == 1, "it takes the place of the old one"


def test_a_register_that_an_exchange_lacked_is_added_with_its_event(house, exchanges) -> None:
    exchanges(file(line("P1", AT, 1, 2, final="")))
    header = f"{HEADER},old_final_energy_kwh,new_initial_energy_kwh"
    again = file(f"{line('P1', AT, 1, 2)},300,1", header=header)
    report = exchanges(again, now=LATER)
    assert (report.updated, report.unchanged) == (1, 0)
    assert report.changes.select("field", "before", "after").rows() == [
        ("old_final_volume_m3", None, "12.500000"),
        ("old_final_energy_kwh", None, "300.000000"),
        ("new_initial_energy_kwh", None, "1.000000"),
    ]
    rows = published_tables(house)["exchanges"].sort("register")
    assert rows.select("register", "old_final", "new_initial").rows() == [
        ("energy_kwh", Decimal(300), Decimal(1)),
        ("volume_m3", Decimal("12.5"), Decimal("0.25")),
    ]
    ((point, before, after),) = events(house, "exchange.correct")
    assert (point, before["registers"], after["registers"]) == ("P1", ["volume_m3"], ["energy_kwh", "volume_m3"])
    assert exchanges(again, now=LATER).unchanged == 1


def test_a_file_of_many_lines_asks_no_question_per_line(registry, exchanges) -> None:
    count = 400
    add_meters(registry, 2 * count)
    for number in range(1, count + 1):
        put(registry, meter_id(number), f"P{number}", BEFORE)
    lines = [line(f"P{number}", AT, number, number + count) for number in range(1, count + 1)]
    corrected = [line(f"P{number}", AT, number, number + count, final="13") for number in range(1, count + 1)]

    def statements(lines: Sequence[str], now: datetime) -> int:
        asked: list[str] = []
        listener = lambda *given: asked.append(given[2])  # noqa: E731  it is taken away again
        event.listen(registry.engine, "before_cursor_execute", listener)
        report = exchanges(file(*lines), now=now)
        event.remove(registry.engine, "before_cursor_execute", listener)
        assert (report.added + report.updated, report.rejected.height) == (len(lines), 0)
        return len(asked)

    assert statements(lines, NOW) < 60
    assert statements(corrected, LATER) < 60
    assert len(events(registry, "exchange.enter")) == len(events(registry, "exchange.correct")) == count
    assert audit.walk(registry).broken is None
