"""A registry moves from one database to another, and nothing is lost on the way."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from registry import audit, ledger
from registry.copying import move
from registry.errors import RegistryError
from registry.groups import Author, add, create
from registry.models import AuditEvent, Base, Claim, Group, MeterKey, Organisation
from registry.store import MOVED, Registry
from registry.subjects import seal
from tests.postgresql import PostgreSql
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, METERS, NOW

WHO = {"organisation": "default", "identity": "test", "now": NOW}
Open = Callable[[str], Registry]


@pytest.fixture
def other(request: pytest.FixtureRequest, registry: Registry, tmp_path: Path) -> Iterator[Registry]:
    """An empty registry of the other kind."""
    if registry.engine.dialect.name == "postgresql":
        moved = Registry.open(f"sqlite:///{tmp_path / 'other.sqlite'}")
        yield moved
        moved.engine.dispose()
        return
    server: PostgreSql = request.getfixturevalue("postgresql")
    with server.fresh() as url:
        moved = Registry.open(url)
        yield moved
        moved.engine.dispose()


@pytest.fixture
def filled(registry: Registry, vault, meters, customers, exchanges) -> Registry:
    meters(METERS)
    customers(CUSTOMERS)
    exchanges(EXCHANGES)
    with registry.begin() as session:
        create(session, Author("default", "test", NOW), "Harbour")
        add(session, Author("default", "test", NOW), "Harbour", ["P1"])
        seal(session, vault, "default", "user:1", b"Customer 0001", NOW)
        for name, parent in (("zz-top", None), ("child", "zz-top"), ("grandchild", "child")):
            session.add(
                Organisation(
                    organisation=name, public_id=name, name=name, parent=parent, may_create_children=True,
                    accepts_partners=True, created_at=NOW,
                )
            )  # fmt: skip
            session.flush()
        session.add(Claim(organisation="default", meter_id="m", state="claimed", claimant="default", requested_at=NOW))
    ledger.write_cursor(registry, "default", "touched:figures", "7", NOW)
    return registry


def rows(registry: Registry) -> dict[str, list[tuple]]:
    with registry.begin(readonly=True) as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in Base.metadata.sorted_tables
        }


def without(told: dict[str, list[tuple]], moved_to: bool = False) -> dict[str, list[tuple]]:
    """Rows but for what the move itself leaves: its event in the new one, its mark in the old one."""
    kept = dict(told)
    kept["audit_log"] = [row for row in kept["audit_log"] if "registry.move" not in row]
    kept["cursors"] = [row for row in kept["cursors"] if MOVED[1] not in row]
    return kept


def test_every_row_of_every_table_moves_and_the_chain_holds(filled: Registry, other: Registry, vault) -> None:
    before = rows(filled)
    counts = move(filled, other, **WHO)
    assert counts == {name: len(found) for name, found in before.items()}
    assert without(rows(other)) == before
    assert without(rows(filled)) == before, "the old one stays as it is"
    chain = audit.walk(other)
    assert (chain.events, chain.broken) == (counts["audit_log"] + 1, None)
    with other.begin(readonly=True) as session:
        key = session.scalars(select(MeterKey)).first()
        assert vault.unwrap(key.wrapped, "default", key.meter_id)


def test_the_old_one_is_read_and_written_by_nobody_any_more(filled: Registry, other: Registry) -> None:
    before = audit.walk(filled)
    move(filled, other, **WHO)
    place = f"was moved to {other.engine.url.drivername.split('+')[0]}"
    with pytest.raises(RegistryError, match=place):  # it was open when it moved
        ledger.write_cursor(filled, "default", "touched:figures", "8", NOW)
    with pytest.raises(RegistryError, match=place):
        Registry.open(filled.engine.url.render_as_string(hide_password=False))
    assert audit.walk(filled) == before


def test_numbers_go_on_in_the_new_one(filled: Registry, other: Registry) -> None:
    move(filled, other, **WHO)
    highest = {}
    with other.begin(readonly=True) as session:
        highest = {model: session.scalar(select(func.max(key))) for model, key in NUMBERED.items()}
    with other.begin() as session:
        create(session, Author("default", "test", NOW), "East area")
        audit.record(session, event="t", **WHO)
    with other.begin(readonly=True) as session:
        for model, key in NUMBERED.items():
            assert session.scalar(select(func.max(key))) > highest[model], model
    assert audit.walk(other).broken is None


NUMBERED = {Group: Group.id, AuditEvent: AuditEvent.number}


def test_a_target_with_rows_is_refused_and_nothing_is_touched(filled: Registry, other: Registry) -> None:
    ledger.write_cursor(other, "default", "timezone", "Europe/Copenhagen", NOW)
    before = rows(filled), rows(other)
    with pytest.raises(RegistryError, match="is not empty: there are rows in cursors"):
        move(filled, other, **WHO)
    assert (rows(filled), rows(other)) == before
    with pytest.raises(RegistryError, match="lies there already"):
        move(filled, filled, **WHO)


def test_a_chain_that_was_altered_does_not_move(filled: Registry, other: Registry) -> None:
    with filled.begin() as session:
        session.scalars(select(AuditEvent)).first().event = "altered"
    with pytest.raises(RegistryError, match="chain of audit events does not hold"):
        move(filled, other, **WHO)
    assert not any(rows(other).values())
    ledger.write_cursor(filled, "default", "timezone", "Europe/Copenhagen", NOW)


def test_there_and_back_again(filled: Registry, other: Registry, tmp_path: Path, request) -> None:
    before = rows(filled)
    move(filled, other, **WHO)
    back = Registry.open(f"sqlite:///{tmp_path / 'back.sqlite'}")
    move(other, back, **WHO | {"now": NOW + timedelta(hours=1)})
    assert without(rows(back)) == before
    assert audit.walk(back).broken is None
    back.engine.dispose()
