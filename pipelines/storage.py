"""The orchestrator's own storage with connections that stay open.

Dagster's SQLite storage opens and closes a file for each event and each question: a run of 200 events does so a
thousand times, and each closing writes the log of the database back. Kept open, the same files cost a tenth.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dagster import EventLogEntry
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

MOST_OPEN = 8
"""Files of events that stay open: the index and those of the runs looked at last."""


def keep(address: str) -> sa.Engine:
    """A database whose connections stay open, one per thread at work.

    Args:
        address: SQLAlchemy address of the file.
    """
    engine = sa.create_engine(address, poolclass=sa.QueuePool, connect_args={"timeout": 20, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def settle(connection: Any, _: object) -> None:
        # Whole after a crash of the process; the last events of a run may be lost with the machine's power.
        connection.execute("pragma synchronous = normal")

    return engine


class KeptEvents(SqliteEventLogStorage):
    """Events of runs, a file for each run and one of all assets."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._open: dict[str, sa.Engine] = {}
        self._there: set[str] = set()
        super().__init__(*args, **options)

    def has_table(self, table_name: str) -> bool:
        """Whether there is a table; one that was seen once stays."""
        return self._is_there(table_name, lambda: super(KeptEvents, self).has_table(table_name))

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        look = super()._has_asset_key_col_on_connection
        return self._is_there(f"{AssetKeyTable.name}.{column_name}", lambda: look(conn, column_name))

    def _is_there(self, name: str, look: Callable[[], bool]) -> bool:
        """Looks once: each event is asked about before it is stored."""
        if name not in self._there and look():
            self._there.add(name)
        return name in self._there

    def _store_asset_event(self, conn: sa.Connection, event: EventLogEntry, event_id: int) -> None:
        """Notes the latest event of an asset, which as a rule is known."""
        if not (event.dagster_event and event.dagster_event.asset_key):
            return
        values = self._get_asset_entry_values(event, event_id, self._has_asset_key_index_cols_on_connection(conn))
        if not values:
            return
        name = event.dagster_event.asset_key.to_string()
        key = AssetKeyTable.c.asset_key
        if not conn.execute(AssetKeyTable.update().where(key == name), values).rowcount:
            super()._store_asset_event(conn, event, event_id)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._open.pop(shard, None) or keep(self.conn_string_for_shard(shard))
            self._open[shard] = engine  # the latest last
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            try:
                with engine.begin() as connection:
                    yield connection
            finally:
                while len(self._open) > MOST_OPEN:
                    self._open.pop(next(iter(self._open))).dispose()

    def wipe(self) -> None:
        """Deletes all events with their files."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Closes what is open."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._open:
                self._open.popitem()[1].dispose()


class KeptRuns(SqliteRunStorage):
    """Runs, in one file."""

    def __init__(self, conn_string: str, *args: Any, **options: Any) -> None:
        self._engine = keep(conn_string)
        super().__init__(conn_string, *args, **options)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Closes what is open."""
        self._engine.dispose()


class KeptStorage(DagsterSqliteStorage):
    """Storage in the folder of the installation, as :mod:`pipelines.instance` configures it."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call,arg-type]  # not the parent's: it opens the other kind
        self.base_dir = base_dir
        self._inst_data = inst_data
        history = Path(base_dir) / "history"
        self._run_storage = KeptRuns.from_local(str(history))
        self._event_log_storage = KeptEvents(str(history / "runs"))
        self._schedule_storage = SqliteScheduleStorage.from_local(str(Path(base_dir) / "schedules"))

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "KeptStorage":
        """As the orchestrator makes it from its configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)
