"""What the registry promises on either database: writers one by one, snapshots, the same values, clear failures."""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from alembic import command
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from registry import audit, engines, ledger
from registry.engines import open_engine
from registry.errors import RegistryError
from registry.keys import NewKey, store_keys
from registry.ledger import LandedFile
from registry.models import AuditEvent, Customer, File, MeterKey
from registry.store import Registry
from registry.tables import published_events, published_tables, registered_meters
from registry.vault import KeyVault
from tests.conftest import REPOSITORY
from tests.postgresql import PASSWORD, PostgreSql, running
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, METERS, NOW
from tests.unit.registry.migrating import migrate

DAY = date(2026, 1, 15)
METER = "KAM-90000001-1b-16"
WRITERS = 4
ROUNDS = 12


def side_by_side(url: str, work: Callable[[Registry, int], None]) -> None:
    """Runs the work of several writers, each over connections of its own."""

    def run(writer: int) -> None:
        registry = Registry.open(url)
        try:
            for number in range(ROUNDS):
                work(registry, writer * ROUNDS + number)
        finally:
            registry.engine.dispose()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(run, range(WRITERS)))


def landed(name: str, size: int = 1) -> LandedFile:
    return LandedFile(sha256=name, name=name, size=size, landed_at=NOW, landed_day=DAY)


def note(registry: Registry, **fields) -> None:
    with registry.begin() as session:
        audit.record(session, **{"organisation": "default", "event": "t", "identity": "t", "now": NOW, **fields})


# Writers one by one


def test_writers_side_by_side_never_give_a_batch_number_twice(registry, registry_url: str) -> None:
    def work(own: Registry, number: int) -> None:
        ledger.register(own, f"o{number}", landed(f"f{number}"))
        assert ledger.next_batch(own, f"o{number}", [DAY], 5)

    side_by_side(registry_url, work)
    with registry.begin(readonly=True) as session:
        numbers = session.scalars(select(File.batch_no).order_by(File.batch_no)).all()
    assert numbers == list(range(1, WRITERS * ROUNDS + 1))


def test_readers_of_one_batch_side_by_side_get_the_same_files(registry, registry_url: str) -> None:
    for number in range(20):
        ledger.register(registry, "default", landed(f"f{number:02}"))
    batches: list[tuple[int, list[LandedFile]] | None] = []
    side_by_side(registry_url, lambda own, _: batches.append(ledger.next_batch(own, "default", [DAY], 5)))
    assert all(batch == batches[0] for batch in batches)


def test_a_file_that_comes_twice_at_once_is_new_once(registry, registry_url: str) -> None:
    new: list[bool] = []
    side_by_side(registry_url, lambda own, n: new.append(ledger.register(own, "default", landed(f"f{n % ROUNDS}"))))
    assert sum(new) == ROUNDS


def test_the_chain_holds_with_writers_side_by_side(registry, registry_url: str) -> None:
    side_by_side(registry_url, lambda own, number: note(own, details={"number": number}))
    chain = audit.walk(registry)
    assert (chain.events, chain.broken) == (WRITERS * ROUNDS, None)
    assert audit.walk(registry, {chain.events: chain.head}).lost == ()


def test_keys_stored_side_by_side_have_numbers_of_their_own(registry, registry_url: str, vault: KeyVault) -> None:
    def work(own: Registry, number: int) -> None:
        with own.begin() as session:
            store_keys(session, vault, "default", [NewKey(METER, number.to_bytes(16))], NOW, identity="test")

    side_by_side(registry_url, work)
    with registry.begin(readonly=True) as session:
        numbers = session.scalars(select(MeterKey.key_no).order_by(MeterKey.key_no)).all()
    assert numbers == list(range(1, WRITERS * ROUNDS + 1))


OPEN = "import sys; from registry.store import Registry; Registry.open(sys.argv[1])"


def test_processes_that_open_a_new_database_at_once(empty_url: str) -> None:
    openers = [subprocess.Popen([sys.executable, "-c", OPEN, empty_url], cwd=REPOSITORY) for _ in range(2)]
    assert [opener.wait(60) for opener in openers] == [0, 0]
    registry = Registry.open(empty_url)
    assert published_tables(registry)["meters"].is_empty()
    registry.engine.dispose()


def test_migrations_go_down_and_up_again(empty_url: str) -> None:
    Registry.open(empty_url).engine.dispose()
    engine = open_engine(empty_url)
    migrate(engine, command.downgrade, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    registry = Registry.open(empty_url)
    assert published_tables(registry)["meters"].is_empty()
    for opened in (registry.engine, engine):
        opened.dispose()


def test_a_database_of_a_newer_version_is_left_alone(empty_url: str) -> None:
    Registry.open(empty_url).engine.dispose()
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = 'later'"))
    with pytest.raises(RegistryError, match="newer version"):
        Registry.open(empty_url)
    with engine.begin() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "later"
    engine.dispose()


# Snapshots


def test_a_reader_sees_one_instant_and_waits_for_nobody(registry, registry_url: str) -> None:
    other = Registry.open(registry_url)
    count = select(AuditEvent.number)
    note(registry)
    with registry.begin(readonly=True) as session:
        assert len(session.scalars(count).all()) == 1
        note(other)
        assert len(session.scalars(count).all()) == 1
    with other.begin() as writer:
        audit.record(writer, organisation="default", event="t", identity="t", now=NOW)
        with registry.begin(readonly=True) as session:
            assert len(session.scalars(count).all()) == 2, "what is not committed is not there"
    other.engine.dispose()


def test_published_tables_are_of_one_instant(meters, customers, exchanges, registry, registry_url: str) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    waiting = [exchanges]

    def meanwhile(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if waiting and statement.startswith("SELECT"):
            waiting.pop()(EXCHANGES)

    reader = Registry.open(registry_url)
    event.listen(reader.engine, "after_cursor_execute", meanwhile)  # the exchange comes after the first statement
    tables = published_tables(reader)
    reader.engine.dispose()
    assert not waiting, "the exchange was imported"
    assert tables["installations"]["meter_id"].to_list() == [METER]
    assert tables["exchanges"].is_empty()
    assert published_tables(registry)["exchanges"].height == 1


# The same values


def test_instants_are_the_same_whatever_zone_server_and_caller_have(registry) -> None:
    at = datetime(2025, 10, 26, 0, 30, 0, 123_456, tzinfo=UTC)
    note(registry, now=at.astimezone(timezone(timedelta(hours=-9, minutes=-30))))
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(AuditEvent.at)).one() == at
        raw = session.connection().exec_driver_sql("select at from audit_log").scalar_one()
        assert session.scalars(select(AuditEvent.number).where(AuditEvent.at >= at)).all() == [1]
        assert not session.scalars(select(AuditEvent.number).where(AuditEvent.at > at)).all()
    assert str(raw) == "2025-10-26 00:30:00.123456"
    assert published_events(registry)["at"].to_list() == [at]


def test_bytes_of_every_value_come_back(registry) -> None:
    every = bytes(range(256)) * 3
    row = {"organisation": "o", "meter_id": METER, "key_no": 1, "key_class": "oms", "algorithm": "AES-128"}
    with registry.begin() as session:
        session.execute(
            insert(MeterKey), [{**row, "usage": "any", "wrapped": every, "digest": b"\0\\x", "created_at": NOW}]
        )
    with registry.begin(readonly=True) as session:
        stored = session.execute(select(MeterKey.wrapped, MeterKey.digest)).one()
    assert tuple(stored) == (every, b"\0\\x")


def test_text_in_any_script_and_long_details_come_back(registry) -> None:
    details = {"text": "Grüße aus Ærø, 水道メーター, 💧 'quoted' \\ %s %(x)s :name\n" * 5000}
    note(registry, target="水" * 400, details=details)
    with registry.begin(readonly=True) as session:
        stored = session.scalars(select(AuditEvent)).one()
    assert stored.object == "水" * 200, "cut to what the column takes"
    assert stored.details is not None
    assert len(stored.details) > 200_000
    assert audit.walk(registry).broken is None


def test_a_file_of_any_size_is_registered(registry) -> None:
    assert ledger.register(registry, "default", landed("a", size=5 * 2**40))
    assert [file.size for file in (ledger.next_batch(registry, "default", [DAY], 1) or (0, []))[1]] == [5 * 2**40]


def test_a_long_file_name_is_cut(registry) -> None:
    assert ledger.register(registry, "default", replace(landed("a"), name="n" * 300))
    assert ledger.landed_since(registry, "default", NOW)["name"].to_list() == ["n" * 255]


@pytest.mark.parametrize("value", ["C" * 201, "Customer\0", "Customer \udce9"])
def test_texts_that_one_database_would_not_take_are_taken_by_neither(registry, value: str) -> None:
    row = {"organisation": "o", "metering_point": "p", "customer_number": "c"}
    with pytest.raises(RegistryError, match=r"customers.name takes") as caught, registry.begin() as session:
        session.execute(insert(Customer), [{**row, "name": value}])
    assert "Customer" not in str(caught.value)
    with pytest.raises(RegistryError, match=r"customers.name takes"), registry.begin() as session:
        session.add(Customer(**row, name=value))
    with registry.begin() as session:
        session.add(Customer(**row, name="C" * 200))
    with pytest.raises(RegistryError, match=r"customers.name takes"), registry.begin() as session:
        session.scalars(select(Customer)).one().name = value


def test_collectors_whose_names_do_not_fit_hold_nothing_up(registry) -> None:
    names = pl.Series(["c" * 128, "c" * 129, "c\0"])
    ledger.note_collectors(registry, "default", names)
    assert published_tables(registry)["collectors"]["collector"].to_list() == ["c" * 128]


def test_lines_whose_texts_do_not_fit_are_rejected(meters, customers) -> None:
    report = meters(METERS.replace("flowIQ", "m" * 65, 1).replace("flowIQ", "m" * 64, 1))
    assert report.rejected.rows() == [(2, "model is longer than 64 characters")]
    meters(METERS)
    report = customers(CUSTOMERS.replace("Customer 0001", "C" * 201))
    assert report.rejected.rows() == [(2, "name is longer than 200 characters")]
    assert customers(CUSTOMERS.replace("Customer 0001", "C" * 200)).added == 1


def test_a_row_that_does_not_fit_is_not_shown(registry) -> None:
    row = {"organisation": "o", "metering_point": "p", "customer_number": None, "name": "Customer 0001"}
    with pytest.raises(IntegrityError) as caught, registry.begin() as session:
        session.execute(insert(Customer), [row])
    shown = "".join(traceback.format_exception(caught.value))
    assert "customer_number" in shown
    assert "Customer 0001" not in shown


# Clear failures


@pytest.fixture
def on_server(postgresql: PostgreSql) -> Iterator[Registry]:
    with postgresql.fresh() as url:
        registry = Registry.open(url)
        yield registry
        registry.engine.dispose()


def kill(server: PostgreSql, connection: Connection) -> None:
    process = connection.exec_driver_sql("select pg_backend_pid()").scalar_one()
    server.execute(f"select pg_terminate_backend({process}, 10000)")


def test_a_connection_that_breaks_is_told_and_the_next_one_works(postgresql: PostgreSql, on_server: Registry) -> None:
    def begun(then: Callable[[Session], object]) -> None:
        with on_server.begin() as session:
            audit.record(session, organisation="default", event="t", identity="t", now=NOW)
            kill(postgresql, session.connection())
            then(session)

    with pytest.raises(RegistryError, match="cannot be read or written"):
        begun(lambda session: session.scalars(select(AuditEvent)).all())
    assert audit.walk(on_server).events == 0
    with pytest.raises(RegistryError, match="cannot be read or written"):
        begun(lambda _: None)  # the commit fails
    note(on_server)
    assert audit.walk(on_server).events == 1


def test_a_server_that_goes_and_comes_back(postgresql: PostgreSql) -> None:
    with running(postgresql.programs) as server, server.fresh() as url:
        registry = Registry.open(url)
        note(registry)
        server.stop()
        with pytest.raises(RegistryError, match="cannot be read or written"):
            note(registry)
        with pytest.raises(RegistryError, match="cannot be opened"):
            Registry.open(url)
        server.start()
        note(registry)
        assert audit.walk(registry).events == 2
        registry.engine.dispose()


@contextmanager
def shortened(monkeypatch: pytest.MonkeyPatch, wait: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name in ("_BEGIN_READING", "_BEGIN_WRITING"):
            patch.setattr(engines, name, getattr(engines, name).replace(wait, "200ms"))
        yield


def stand_idle(registry: Registry) -> None:
    with registry.begin() as session:
        session.execute(text("select 1"))
        time.sleep(0.5)
        session.execute(text("select 1"))


def test_waiting_and_working_have_an_end(on_server: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_server.begin() as first, shortened(monkeypatch, f"{engines.PATIENCE_S}s"):
        first.execute(text("select 1"))
        with pytest.raises(RegistryError, match="lock timeout"):
            note(on_server)
    with (
        shortened(monkeypatch, f"{engines.STATEMENT_S}s"),
        pytest.raises(RegistryError, match="statement timeout"),
        on_server.begin(readonly=True) as session,
    ):
        session.execute(text("select pg_sleep(10)"))
    with (
        shortened(monkeypatch, f"{engines.IDLE_S}s"),
        pytest.raises(RegistryError, match="cannot be read or written"),
    ):
        stand_idle(on_server)
    note(on_server)


def test_a_reading_transaction_cannot_write(on_server: Registry) -> None:
    with pytest.raises(RegistryError, match="read-only transaction"), on_server.begin(readonly=True) as session:
        audit.record(session, organisation="default", event="t", identity="t", now=NOW)


def test_the_roles_own_defaults_do_not_matter(postgresql: PostgreSql, on_server: Registry) -> None:
    name = on_server.engine.url.database
    for setting in ("default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"):
        postgresql.execute(f"alter database {name} set {setting}")
    test_the_chain_holds_with_writers_side_by_side(on_server, postgresql.url(str(name)))


def test_tables_stand_in_the_roles_own_schema(postgresql: PostgreSql, on_server: Registry) -> None:
    schemas = "select distinct table_schema, tableowner from information_schema.tables join pg_tables"
    found = postgresql.execute(
        f"{schemas} on tablename = table_name where table_type = 'BASE TABLE' and tableowner <> 'postgres'",
        str(on_server.engine.url.database),
    )
    assert found == [("meterhouse", "meterhouse")]


def refused(url: str) -> str:
    """What is said of a registry that does not open; the password stands nowhere in it."""
    with pytest.raises(RegistryError) as caught:
        Registry.open(url)
    shown = "".join(traceback.format_exception(caught.value))
    for secret in (PASSWORD, quote(PASSWORD, safe=""), "s3cret"):
        assert secret not in shown
    return str(caught.value)


def test_registries_that_do_not_open_say_why(postgresql: PostgreSql, on_server: Registry) -> None:
    place = f"127.0.0.1:{postgresql.port}/{on_server.engine.url.database}"
    good = f"postgresql://meterhouse:{quote(PASSWORD, safe='')}@{place}"
    assert registered_meters(Registry.open(good), "default").is_empty()
    assert registered_meters(Registry.open(good.replace("postgresql:", "postgres:")), "default").is_empty()
    assert "password authentication failed" in refused(f"postgresql://meterhouse:s3cret@{place}")
    assert "password authentication failed" in refused(f"postgresql://meterhouse@{place}?password=s3cret")
    assert "no password supplied" in refused(f"postgresql://meterhouse@{place}")
    assert "write @ as %40" in refused(f"postgresql://meterhouse:{PASSWORD}@{place}")
    assert '"absent" does not exist' in refused(f"{good}_absent".replace(place + "_", f"127.0.0.1:{postgresql.port}/"))
    assert "refused" in refused(f"postgresql://meterhouse:s3cret@127.0.0.1:1/{on_server.engine.url.database}")
    assert "option" in refused(f"{good}?nonsense=s3cret")
    assert "neither" in refused(f"mysql://meterhouse:s3cret@{place}")
    assert "neither" in refused("postgresql://meterhouse:s3cret@host:port/name")


def test_a_database_without_a_schema_or_in_another_encoding_is_refused(postgresql: PostgreSql) -> None:
    postgresql.execute("create database bare template template0")
    postgresql.execute("revoke all on schema public from public", "bare")
    assert "schema" in refused(postgresql.url("bare"))
    postgresql.execute("create database latin template template0 encoding 'LATIN1' locale 'C'")
    assert "make the database with ENCODING 'UTF8'" in refused(postgresql.url("latin"))


def test_a_file_of_sqlite_that_cannot_be_made(tmp_path: Path) -> None:
    assert "cannot be opened" in refused(f"sqlite:///{tmp_path / 'absent' / 'registry.sqlite'}")
