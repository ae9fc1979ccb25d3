"""Engines: what SQLite and PostgreSQL each need to keep the registry's promises.

On both, one writing transaction runs at a time, and what it reads is what the one before it left: numbers of batches,
of keys and of audit events follow one another, and an import sees all of the import before. Reading transactions see
one snapshot from their first statement on, and neither wait for writers nor make them wait.
"""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, make_url, select
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError

from registry.errors import RegistryError
from registry.limits import check_texts

PATIENCE_S = 30
"""How long a writing transaction waits for the one before it [s]."""

STATEMENT_S = 120
"""How long one statement may take on PostgreSQL [s]; none of the registry's takes more than a few."""

IDLE_S = 600
"""How long a transaction may stand idle on PostgreSQL [s]: a process that hangs must not hold up writers for good."""

WRITER_LOCK = 0x4D45_5445_5248_5345
"""Advisory lock of the one writing transaction; a number that nobody else is likely to use."""

_TIMEOUTS = (
    f"SET LOCAL statement_timeout = '{STATEMENT_S}s'; SET LOCAL idle_in_transaction_session_timeout = '{IDLE_S}s'"
)
_BEGIN_READING = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {_TIMEOUTS}"
# READ COMMITTED: each statement after the lock sees what was committed before it was granted.
_BEGIN_WRITING = (
    f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; {_TIMEOUTS}; "
    f"SET LOCAL lock_timeout = '{PATIENCE_S}s'; SELECT pg_advisory_xact_lock({WRITER_LOCK})"
)

_KEEPALIVE = {"connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
"""A server that is gone is noticed within a minute."""


def open_engine(address: str) -> Engine:
    """Makes the engine of a registry; nothing connects yet.

    Args:
        address: SQLAlchemy URL: ``sqlite:///…`` or ``postgresql://…``.

    Returns:
        The engine.

    Raises:
        RegistryError: The URL is none of these, or the place of an SQLite file cannot be written.
    """
    url = _parsed(address)
    if url.drivername == "sqlite":
        engine = create_engine(url, hide_parameters=True)
        _prepare_sqlite(engine)
    else:
        engine = _postgresql(url)
    event.listen(engine, "before_execute", check_texts)
    return engine


def name_of(engine: Engine) -> str:
    """A database's name for messages: without password, and without options, which may hold one."""
    return engine.url.set(password=None, query={}).render_as_string()


def reason_of(error: DBAPIError) -> str:
    """What the driver says of an error, in one line."""
    return " ".join(str(error.orig).split())


def allow_long_statements(connection: Connection) -> None:
    """Lifts the limit on statements until the transaction ends, for migrations."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")


def continue_numbers(connection: Connection, table: Table) -> None:
    """Lets a table's own numbers go on after the highest one, where rows were put in with theirs.

    SQLite does so by itself.
    """
    counted = table.autoincrement_column
    if counted is not None and connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, counted.name)
        following = select(func.coalesce(func.max(counted), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(sequence, following, False)))


def _parsed(address: str) -> URL:
    # What SQLAlchemy says of a URL it cannot read may show a password.
    wrong = RegistryError(
        "The registry's URL is neither sqlite:///… nor postgresql://…; in passwords write @ as %40, / as %2F, % as %25."
    )
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise wrong from None
    if "@" in (url.host or "") or ("@" in (url.database or "") and url.drivername != "sqlite"):
        raise wrong
    if url.drivername in {"postgresql", "postgres"}:
        # SQLAlchemy would take psycopg 3, the orchestrator's storage cannot: one driver serves both.
        url = url.set(drivername="postgresql+psycopg2")
    if url.drivername not in {"sqlite", "postgresql+psycopg2"}:
        raise wrong
    return url


def _prepare_sqlite(engine: Engine) -> None:
    """Write-ahead log, and the write lock at the start of each writing transaction.

    SQLite's deferred transactions ignore the busy timeout when they turn to writing. Each commit reaches the disk: a
    batch number that a power cut took back would be given again, and the lake would skip that batch.
    """
    database = engine.url.database
    if database and database != ":memory:":
        try:
            Path(database).touch(mode=0o600)  # it holds names and addresses
        except OSError as exc:
            raise RegistryError(f"The registry {database} cannot be opened: {exc.strerror}.") from exc

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]  # the driver's own type
        connection.isolation_level = None
        pragmas = (
            *(f"busy_timeout={PATIENCE_S * 1000}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
            "secure_delete=ON",  # what is erased is overwritten; not every build does so by itself
        )
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if _reads_only(connection) else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(
            url.set(query={**_KEEPALIVE, **url.query}),
            client_encoding="utf8",
            executemany_mode="values_plus_batch",
            hide_parameters=True,
            pool_pre_ping=True,
        )
    except ImportError as exc:
        raise RegistryError("PostgreSQL needs the package psycopg2: install meterhouse[postgres].") from exc

    @event.listens_for(engine, "connect")
    def _connect(connection, _record) -> None:  # type: ignore[no-untyped-def]  # the driver's own type
        encoding = connection.get_parameter_status("server_encoding")
        if encoding != "UTF8":
            raise RegistryError(
                f"{name_of(engine)} has the encoding {encoding}: make the database with ENCODING 'UTF8'."
            )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(_BEGIN_READING if _reads_only(connection) else _BEGIN_WRITING)

    @event.listens_for(engine, "handle_error")
    def _handle_error(context: ExceptionContext) -> None:
        """Cuts an error to its first sentence: the server goes on with the row, which may tell of a person."""
        original, wrapped = context.original_exception, context.sqlalchemy_exception
        sentence = getattr(getattr(original, "diag", None), "message_primary", None)
        if sentence:
            whole = str(original)
            original.args = (sentence,)
            if wrapped is not None:
                wrapped.args = tuple(str(part).replace(whole, sentence) for part in wrapped.args)

    return engine


def _reads_only(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("readonly"))
