"""The registry's database: SQLite in the installation's directory by default, PostgreSQL by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from registry.engines import allow_long_statements, name_of, open_engine, reason_of
from registry.errors import RegistryError
from registry.models import Cursor

MIGRATIONS = Path(__file__).parent / "migrations"
MOVED = ("", "registry moved")
"""Key of the row of ``cursors`` that names where a registry was moved to; one that has it is not written any more."""


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
            url: ``sqlite:///…`` or ``postgresql://…``.

        Returns:
            The registry.

        Raises:
            RegistryError: The database cannot be opened, or its registry was moved elsewhere.
        """
        engine = open_engine(url)
        try:
            if not _is_newest(engine):
                config = _migrations()
                with engine.begin() as connection:
                    allow_long_statements(connection)
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
        except CommandError as exc:
            raise RegistryError(
                f"The registry at {name_of(engine)} was made by a newer version of Meterhouse."
            ) from exc
        except DBAPIError as exc:
            raise RegistryError(f"The registry at {name_of(engine)} cannot be opened: {reason_of(exc)}") from exc
        registry = cls(engine)
        with registry.begin(readonly=True) as session:
            _refuse_moved(session, engine)
        return registry

    @contextmanager
    def begin(self, *, readonly: bool = False) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back on an error.

        Args:
            readonly: Whether nothing will be written; such transactions see one snapshot and do not wait for writers.

        Raises:
            RegistryError: The database is gone, another transaction holds it for too long, or it refuses a value; or
                something is to be written and the registry was moved elsewhere since it was opened.
        """
        engine = self.engine.execution_options(readonly=readonly)
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                if not readonly:
                    _refuse_moved(session, self.engine)
                yield session
        except (IntegrityError, ProgrammingError):  # ours to mend, not the user's
            raise
        except DataError as exc:  # what the database says of a value may show it
            raise RegistryError(f"The registry does not take a value: {type(exc.orig).__name__}.") from None
        except DBAPIError as exc:
            raise RegistryError(f"The registry cannot be read or written: {reason_of(exc)}") from exc


def _is_newest(engine: Engine) -> bool:
    """Whether there is nothing to migrate; asked without the write lock, which a long import may hold."""
    with engine.execution_options(readonly=True).connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current == _newest()


@cache
def _newest() -> str | None:
    """The newest schema; asked once, since every migration is loaded for it."""
    return ScriptDirectory.from_config(_migrations()).get_current_head()


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _refuse_moved(session: Session, engine: Engine) -> None:
    """Keeps everybody off a registry that lies elsewhere now: what is written here would be lost."""
    organisation, name = MOVED
    place = session.scalar(select(Cursor.value).where(Cursor.organisation == organisation, Cursor.name == name))
    if place is not None:
        raise RegistryError(
            f"The registry at {name_of(engine)} was moved to {place}: name that one in METERHOUSE_REGISTRY_URL or in "
            "registry_url of meterhouse.toml, and start again what is running."
        )
