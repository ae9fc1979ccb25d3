"""Exchanges by hand: entered, corrected, withdrawn; what was believed before; final readings."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import polars as pl
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from registry import trail
from registry.imports import import_exchanges
from registry.inventory import capacity, exchanges, new_exchanges
from registry.inventory.errors import InventoryError
from registry.inventory.final_readings import enter_final_reading
from registry.inventory.lifecycle import install, remove
from registry.inventory.meters import find_meter
from registry.inventory.new_exchanges import ExchangeError, NewExchange
from registry.inventory.registers import parse_registers
from registry.store import Registry
from registry.tables import published_tables
from registry.trail import Filter
from tests.unit.registry.exchange_rows import AT, NEW, OLD, OTHER, ZONE, correct, enter_exchange, hand, house
from tests.unit.registry.inventory_rows import (
    BEFORE,
    LATER,
    NOW,
    WHO,
    events,
    installations,
    meter_id,
    states,
)
from tests.unit.registry.migrating import migrate

__all__ = ["hand", "house"]

EXCHANGE = NewExchange(
    metering_point="P1",
    exchanged_at=AT,
    old_meter_id=OLD,
    new_meter_id=NEW,
    finals={"volume_m3": Decimal("12.5"), "energy_kwh": Decimal(300)},
    initials={"volume_m3": Decimal(0), "energy_kwh": Decimal(1), "input_a": Decimal(2)},
    reason="calibration period over",
)


enter = partial(enter_exchange, EXCHANGE)


def personal(registry, vault, event: str) -> list[dict[str, Any]]:
    """What the events of a type keep under a key of their own."""
    asked = reversed(trail.events(registry, Filter("default", event=event)))
    return [trail.details(registry, vault, "default", found.number)["personal"] for found in asked]


def published(registry) -> list[tuple]:
    rows = published_tables(registry)["exchanges"].sort("exchanged_at", "register")
    return rows.select("exchanged_at", "new_meter_id", "register", "old_final", "new_initial").rows()


def known_at(registry, instant) -> list[tuple]:
    with registry.begin(readonly=True) as session:
        rows = exchanges.versions(session, "default", "P1", as_of=instant)
        return [(row.exchanged_at, row.new_meter_id, row.register, row.old_final, row.new_initial) for row in rows]


def test_an_exchange_with_any_number_of_registers(house, hand) -> None:
    enter(house, hand)
    assert installations(house) == [("P1", OLD, BEFORE, AT), ("P1", NEW, AT, None)]
    assert states(house) == {OLD: "removed", NEW: "in_use", OTHER: "stock"}
    assert published(house) == [
        (AT, NEW, "energy_kwh", Decimal(300), Decimal(1)),
        (AT, NEW, "input_a", None, Decimal(2)),
        (AT, NEW, "volume_m3", Decimal("12.5"), Decimal(0)),
    ]
    ((point, before, after),) = events(house, "exchange.enter")
    assert (point, before, after["registers"]) == ("P1", None, ["energy_kwh", "input_a", "volume_m3"])
    (told,) = personal(house, hand["vault"], "exchange.enter")
    assert told["after"]["volume_m3"] == ["12.5", "0"]
    with house.begin(readonly=True) as session:
        row = exchanges.versions(session, "default", "P1")[0]
    assert (row.reason, row.identity) == ("calibration period over", "test")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metering_point": "P9"}, "No meter is installed at P9"),
        ({"old_meter_id": OTHER}, f"At P1 is meter {OLD}"),
        ({"exchanged_at": BEFORE}, "lies after that"),
        ({"exchanged_at": LATER}, "future"),
        ({"new_meter_id": "KAM-1"}, "not registered"),
        ({"new_meter_id": OLD}, f"meter {OLD} is installed at P1"),
        ({"initials": {}}, "needs a start register"),
        ({"initials": {"volume_m3": Decimal(0)}}, "start register energy_kwh is missing"),
    ],
)
def test_exchanges_that_cannot_be_change_nothing(house, hand, changes, message: str) -> None:
    before = states(house), installations(house)
    with pytest.raises(InventoryError, match=message):
        enter(house, hand, **changes)
    assert (states(house), installations(house)) == before


def test_wrong_registers_are_corrected_and_stay_known(house, hand) -> None:
    enter(house, hand)
    first = published(house)
    correct(house, hand, finals={"volume_m3": Decimal("13.5")}, initials={"cooling_energy_kwh": Decimal(7)})
    assert {row[2]: row[3:] for row in published(house)} == {
        "cooling_energy_kwh": (None, Decimal(7)),
        "energy_kwh": (Decimal(300), Decimal(1)),
        "input_a": (None, Decimal(2)),
        "volume_m3": (Decimal("13.5"), Decimal(0)),
    }
    assert known_at(house, NOW) == first, "as of the instant before the correction"
    (told,) = personal(house, hand["vault"], "exchange.correct")
    assert (told["before"]["volume_m3"][0], told["after"]["volume_m3"][0]) == ("12.5", "13.5")


def test_a_wrong_time_and_a_wrong_meter_are_corrected_with_the_installations(house, hand) -> None:
    enter(house, hand)
    first = published(house)
    true = AT - timedelta(days=2)
    correct(house, hand, moved_to=true, new_meter_id=OTHER)
    assert installations(house) == [("P1", OLD, BEFORE, true), ("P1", OTHER, true, None)]
    assert states(house) == {OLD: "removed", NEW: "stock", OTHER: "in_use"}
    assert {row[:2] for row in published(house)} == {(true, OTHER)}
    assert known_at(house, NOW) == first
    enter_again = replace(EXCHANGE, exchanged_at=NOW, old_meter_id=OTHER, new_meter_id=NEW)
    with house.begin() as session:
        new_exchanges.enter(session, "default", enter_again, **hand, identity="test", now=LATER)
    with pytest.raises(ExchangeError, match="correct that first"):
        correct(house, hand, at=true, new_meter_id=meter_id(9))
    with pytest.raises(ExchangeError, match="lies before that"):
        correct(house, hand, at=true, moved_to=LATER)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"at": NOW}, "no exchange of"),
        ({"moved_to": BEFORE}, "lies after that"),
        ({"new_meter_id": OLD}, "withdraw the exchange"),
        ({"finals": {"input_b": Decimal(1)}}, "start register input_b is missing"),
    ],
)
def test_corrections_that_cannot_be_change_nothing(house, hand, changes, message: str) -> None:
    enter(house, hand)
    before = published(house), installations(house)
    with pytest.raises(ExchangeError, match=message):
        correct(house, hand, **changes)
    assert (published(house), installations(house)) == before


def test_an_exchange_that_never_was_is_withdrawn(house, hand) -> None:
    enter(house, hand)
    first = published(house)
    with house.begin() as session:
        exchanges.withdraw(
            session, "default", "P1", AT, vault=hand["vault"], identity="test", now=LATER, reason="other house"
        )
    assert published(house) == []
    assert installations(house) == [("P1", OLD, BEFORE, None)]
    assert states(house) == {OLD: "in_use", NEW: "stock", OTHER: "stock"}
    assert known_at(house, NOW) == first
    with house.begin() as session, pytest.raises(ExchangeError, match="no exchange"):
        exchanges.withdraw(
            session, "default", "P1", AT, vault=hand["vault"], identity="test", now=LATER, reason="again"
        )
    enter(house, hand)
    assert published(house) == first


def test_a_withdrawn_exchange_cannot_take_a_meter_from_where_it_is_now(house, hand) -> None:
    enter(house, hand)
    with house.begin() as session:
        install(session, "default", find_meter(session, "default", OLD), metering_point="P2", at=AT, **WHO)
    with house.begin() as session, pytest.raises(ExchangeError, match="is installed at P2 by now"):
        exchanges.withdraw(
            session, "default", "P1", AT, vault=hand["vault"], identity="test", now=LATER, reason="wrong"
        )
    with house.begin() as session:
        remove(session, find_meter(session, "default", NEW), at=NOW, **WHO)
    with house.begin() as session, pytest.raises(ExchangeError, match="correct that first"):
        exchanges.withdraw(
            session, "default", "P1", AT, vault=hand["vault"], identity="test", now=LATER, reason="wrong"
        )


def test_an_imported_correction_keeps_the_version_before(house) -> None:
    header = "metering_point,exchanged_at,old_manufacturer,old_serial,old_final_m3,new_manufacturer,new_serial,"
    for final, now in (("12.5", NOW), ("13.5", LATER)):
        line = f"P1,{AT.isoformat()},KAM,90000001,{final},KAM,90000002,0\n"
        content = f"{header}new_initial_m3\n{line}".encode()
        import_exchanges(
            house, content, organisation="default", identity="test", zone=ZONE, now=now, source_name="exchanges.csv"
        )
    assert published(house) == [(AT, NEW, "volume_m3", Decimal("13.5"), Decimal(0))]
    assert known_at(house, NOW) == [(AT, NEW, "volume_m3", Decimal("12.5"), Decimal(0))]


def test_an_exchange_needs_no_free_place_in_the_plan(house, hand) -> None:
    with house.begin() as session:
        capacity.set_plan(session, "default", max_in_use=1, finest_interval_s=None, **WHO)
    enter(house, hand)
    assert states(house)[NEW] == "in_use"


def test_final_readings_are_told_apart(house, hand) -> None:
    enter(house, hand)
    at = AT + timedelta(days=1)
    for value, now in ((Decimal(5), NOW), (Decimal(6), LATER)):
        with house.begin() as session:
            meter = enter_final_reading(
                session, "default", "P1", at, {"volume_m3": value}, **hand, identity="test", now=now, reason="moved out"
            )
        assert meter == NEW
    rows = published_tables(house)["final_readings"].sort("read_at", "register")
    assert rows.select("meter_id", "read_at", "register", "value", "cause").rows() == [
        (OLD, AT, "energy_kwh", Decimal(300), "exchange"),
        (OLD, AT, "volume_m3", Decimal("12.5"), "exchange"),
        (NEW, at, "volume_m3", Decimal(6), "move_out"),
    ]
    told = personal(house, hand["vault"], "final_reading.enter")
    assert [each["after"] for each in told] == [{"volume_m3": "5"}, {"volume_m3": "6"}]
    assert events(house, "final_reading.enter") == [("P1", None, None)] * 2, "no value stands in clear"
    correct(house, hand, finals={"volume_m3": Decimal(11)})
    again = published_tables(house)["final_readings"].filter(pl.col("cause") == "exchange")
    assert again.sort("register")["value"].to_list() == [Decimal(300), Decimal(11)]
    for point, when, message in (("P1", BEFORE - timedelta(1), "no meter was installed"), ("P1", LATER, "future")):
        with house.begin() as session, pytest.raises(InventoryError, match=message):
            enter_final_reading(session, "default", point, when, {"volume_m3": Decimal(1)}, **hand, **WHO)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"bananas": "1"}, "no register"),
        ({"m3": "1", "volume_m3": "1"}, "twice"),
        ({"m3": "1,5"}, "no value of volume_m3"),
    ],
)
def test_registers_are_typed_as_numbers(texts, message: str) -> None:
    assert parse_registers({"m3": "12.345678"}) == {"volume_m3": Decimal("12.345678")}
    with pytest.raises(InventoryError, match=message):
        parse_registers(texts)


def test_exchanges_of_before_survive_the_migration(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    engine = create_engine(url)
    insert = (
        "insert into exchanges values ('default', 'P1', '2025-06-01 08:00:00.000000', 'volume_m3', 'A', 'B', "
        "'12.5', '0.25', '2025-06-02 08:00:00.000000')"
    )
    migrate(engine, command.upgrade, "0003")
    with engine.begin() as connection:
        connection.execute(text(insert))
    rows = published_tables(Registry.open(url))["exchanges"]
    assert rows.select("old_meter_id", "old_final", "new_initial").rows() == [("A", Decimal("12.5"), Decimal("0.25"))]
    migrate(engine, command.downgrade, "0003")
    with engine.connect() as connection:
        assert connection.execute(text("select old_final from exchanges")).scalar() == "12.5"
