"""Registers that somebody read, and their erasure: final readings go, exchanges stay without registers."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select

from registry import audit, trail
from registry.erasures import ErasedDays, Request, begin
from registry.imports import import_exchanges
from registry.inventory.erasing import erase_registers, registers_between
from registry.inventory.errors import InventoryError
from registry.inventory.final_readings import enter_final_reading
from registry.inventory.new_exchanges import NewExchange
from registry.models import Exchange, FinalReading, SubjectKey
from registry.tables import published_events, published_tables
from registry.trail import Filter
from tests.unit.registry.exchange_rows import NEW, OLD, ZONE, correct, enter_exchange, hand, house
from tests.unit.registry.inventory_rows import BEFORE, LATER, NOW, installations

__all__ = ["hand", "house"]

FIRST, LAST = (NOW - timedelta(days=20)).date(), (NOW - timedelta(days=11)).date()
START = datetime.combine(FIRST, time(), ZONE)
END = datetime.combine(LAST + timedelta(days=1), time(), ZONE)
INSIDE, BEYOND = END - timedelta(hours=3), END + timedelta(hours=3)
EXCHANGE = NewExchange(
    metering_point="P1",
    exchanged_at=INSIDE,
    old_meter_id=OLD,
    new_meter_id=NEW,
    finals={"volume_m3": Decimal("12.5")},
    initials={"volume_m3": Decimal("0.25")},
)
BLANK = {(None, None)}


enter = partial(enter_exchange, EXCHANGE)


def read(registry, hand, at, value: int, now=LATER) -> None:
    with registry.begin() as session:
        registers = {"volume_m3": Decimal(value)}
        enter_final_reading(session, "default", "P1", at, registers, **hand, identity="test", now=now)


def put_up_tombstone(registry) -> None:
    begin(registry, Request("default", "P1", FIRST, LAST, "request 7"), identity="test", now=LATER)


def erase(registry) -> dict[str, int]:
    with registry.begin() as session:
        found = registers_between(session, "default", "P1", START, END)
        counts = found.counts
        erase_registers(session, "default", "P1", found)
    return counts


def registers(registry) -> list[tuple]:
    """Time, final and initial of every version of every exchange."""
    with registry.begin(readonly=True) as session:
        return [(r.exchanged_at, r.old_final, r.new_initial) for r in session.scalars(select(Exchange))]


def personal(registry, vault, event: str) -> list[Any]:
    asked = reversed(trail.events(registry, Filter("default", event=event)))
    return [trail.details(registry, vault, "default", found.number)["personal"] for found in asked]


def test_final_readings_go_with_the_period_that_they_end(house, hand) -> None:
    for at, value in ((START, 1), (START + timedelta(days=1), 2), (END, 3), (BEYOND, 4)):
        read(house, hand, at, value)
    read(house, hand, END, 5, now=LATER + timedelta(hours=1))
    assert erase(house) == {"final_readings": 3, "exchanges": 0}
    with house.begin(readonly=True) as session:
        left = [(row.read_at, row.value) for row in session.scalars(select(FinalReading).order_by(FinalReading.id))]
        assert session.scalar(select(func.count()).select_from(SubjectKey)) == 2
    assert left == [(START, Decimal(1)), (BEYOND, Decimal(4))], "the first is of who moved out before"
    told = personal(house, hand["vault"], "final_reading.enter")
    assert [each if each == "erased" else each["after"]["volume_m3"] for each in told] == [
        *("1", "erased", "erased", "4", "erased")
    ]
    assert audit.walk(house).broken is None
    assert erase(house) == {"final_readings": 0, "exchanges": 0}


def test_an_exchange_stays_without_its_registers(house, hand) -> None:
    enter(house, hand)
    correct(house, hand, INSIDE, finals={"volume_m3": Decimal("13.5")})
    there = installations(house, all_versions=True)
    assert erase(house) == {"final_readings": 0, "exchanges": 2}
    assert {row[1:] for row in registers(house)} == BLANK
    tables = published_tables(house)
    assert tables["exchanges"].select("exchanged_at", "new_meter_id", "register", "new_initial").rows() == [
        (INSIDE, NEW, "volume_m3", None)
    ]
    assert tables["final_readings"].is_empty()
    assert installations(house, all_versions=True) == there
    for event in ("exchange.enter", "exchange.correct"):
        assert personal(house, hand["vault"], event) == ["erased"]
    texts = pl.concat_str("before", "after", "details", separator=" ", ignore_nulls=True)
    logged = " ".join(published_events(house).select(texts).to_series())
    assert not any(value in logged for value in ("12.5", "13.5", "0.25"))
    assert audit.walk(house).broken is None


def test_what_was_believed_before_goes_with_what_is_believed_now(house, hand) -> None:
    enter(house, hand, exchanged_at=BEYOND)
    correct(house, hand, BEYOND, moved_to=INSIDE)
    assert erase(house)["exchanges"] == 2
    assert {row[1:] for row in registers(house)} == BLANK
    assert personal(house, hand["vault"], "exchange") == ["erased", "erased"]


def test_an_exchange_that_was_not_in_the_period_keeps_its_registers(house, hand) -> None:
    enter(house, hand, exchanged_at=INSIDE)
    correct(house, hand, INSIDE, moved_to=BEYOND)
    assert erase(house)["exchanges"] == 1
    assert sorted(registers(house)) == [(INSIDE, None, None), (BEYOND, Decimal("12.5"), Decimal("0.25"))]


def test_nothing_of_it_is_entered_again(house, hand) -> None:
    put_up_tombstone(house)
    with house.begin(readonly=True) as session:
        asked = [(START, True), (END - timedelta(seconds=1), True), (END, False), (START - timedelta(seconds=1), False)]
        erased = ErasedDays.read(session, "default", ZONE)
        assert [(at, erased.covers("P1", at)) for at, _ in asked] == asked
        assert not erased.covers("P2", INSIDE)
    with pytest.raises(InventoryError, match="What was read at P1 on that day is erased"):
        read(house, hand, END, 3)
    read(house, hand, START, 1)
    assert not enter(house, hand)
    assert not correct(house, hand, INSIDE, finals={"volume_m3": Decimal(13)})
    assert {row[1:] for row in registers(house)} == BLANK
    true = {"moved_to": BEYOND, "finals": EXCHANGE.finals, "initials": EXCHANGE.initials}
    assert correct(house, hand, INSIDE, LATER + timedelta(hours=1), **true)
    assert registers(house)[-1] == (BEYOND, Decimal("12.5"), Decimal("0.25"))


def test_the_database_holds_no_trace_of_what_is_deleted(house, hand, stored) -> None:
    read(house, hand, END, 987654)
    with house.begin(readonly=True) as session:
        wrapped = session.scalars(select(SubjectKey.wrapped)).one()
    trace = (b"987654", wrapped, wrapped.hex().encode())
    house.engine.dispose()
    assert any(each in stored() for each in trace)
    erase(house)
    house.engine.dispose()
    assert not any(each in stored() for each in trace)


@pytest.mark.parametrize("known", [True, False])
def test_a_file_of_exchanges_does_not_bring_registers_back(house, hand, known: bool) -> None:
    header = "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,"
    content = f"{header}new_initial_m3\nP1,{INSIDE.isoformat()},KAM,90000001,12.5,KAM,90000002,0.25\n".encode()

    def take():
        return import_exchanges(
            house, content, organisation="default", identity="test", zone=ZONE, now=LATER, source_name="exchanges.csv"
        )

    if known:
        take()
        erase(house)
    put_up_tombstone(house)
    report = take()
    assert (report.added, report.updated, report.unchanged) == ((0, 0, 1) if known else (1, 0, 0))
    assert report.stored
    assert {row[1:] for row in registers(house)} == BLANK
    assert installations(house) == [("P1", OLD, BEFORE, INSIDE), ("P1", NEW, INSIDE, None)]
