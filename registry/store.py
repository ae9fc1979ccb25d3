"""The registry's database: SQLite in the installation's directory by default, PostgreSQL by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session

from registry.errors import RegistryError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000


class Registry:
    """One database, at the newest schema.

    Args:
        engine: Its engine; use :meth:`open`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> "Registry":
        """Opens a database and brings it to the newest schema.

        Args:
            url: SQLAlchemy URL.

        Returns:
            The registry.

        Raises:
            RegistryError: The database cannot be opened.
        """
        try:
            engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://", 1), hide_parameters=True)
        except ArgumentError:  # its message may show a password
            raise RegistryError("The registry's URL is none that SQLAlchemy knows, such as sqlite:///….") from None
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        try:
            if not _is_newest(engine, config):
                with engine.begin() as connection:
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
        except CommandError as exc:
            raise RegistryError(f"The registry at {engine.url!r} was made by a newer version of Meterhouse.") from exc
        except DBAPIError as exc:
            raise RegistryError(f"The registry at {engine.url!r} cannot be opened: {exc.orig}") from exc
        return cls(engine)

    @contextmanager
    def begin(self, *, readonly: bool = False) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back on an error.

        Args:
            readonly: Whether nothing will be written; such transactions do not wait for writers.
        """
        engine = self.engine.execution_options(readonly=readonly)
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except OperationalError as exc:
            raise RegistryError(f"The registry cannot be read or written: {exc.orig}") from exc


def _is_newest(engine: Engine, config: Config) -> bool:
    """Whether there is nothing to migrate; asked without the write lock, which a long import may hold."""
    with engine.execution_options(readonly=True).connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current == ScriptDirectory.from_config(config).get_current_head()


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
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        readonly = connection.get_execution_options().get("readonly")
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")
