"""A real PostgreSQL for tests: started once per test process, a fresh database for each test."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg2

from registry.store import Registry

ROLE = "meterhouse"
"""Owns its schema and nothing else, as docs/postgresql.md advises."""
PASSWORD = "p@ss/word %"

_SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
# Nothing here outlives the tests.
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
# Neither the server's zone nor its style of dates may matter.
timezone = 'Pacific/Chatham'
datestyle = 'German'
log_min_error_statement = panic
"""
_ACCESS = """\
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""

_EMPTY = f"""\
set session_replication_role = replica;
do $$
declare name text;
begin
    for name in select tablename from pg_tables where schemaname = '{ROLE}' and tablename <> 'alembic_version' loop
        execute format('delete from {ROLE}.%I', name);
    end loop;
    perform setval(format('{ROLE}.%I', sequencename), 1, false)
    from pg_sequences where schemaname = '{ROLE}' and last_value is not null;
end $$
"""
# A row of a catalog gets another transaction number when it is changed.
_SCHEMA = f"""\
select 'version', version_num, '' from {ROLE}.alembic_version
union all select 'table', relname, xmin::text from pg_class where relnamespace = '{ROLE}'::regnamespace
union all select 'column', attrelid::regclass || '.' || attname, a.xmin::text from pg_attribute a
    join pg_class c on c.oid = attrelid where relnamespace = '{ROLE}'::regnamespace
union all select 'constraint', conname, xmin::text from pg_constraint where connamespace = '{ROLE}'::regnamespace
union all select 'trigger', tgname, xmin::text from pg_trigger
union all select 'schema', nspname, xmin::text from pg_namespace
union all select 'setting', setconfig::text, '' from pg_db_role_setting join pg_database d on d.oid = setdatabase
    where datname = current_database()
order by 1, 2, 3
"""


@dataclass
class PostgreSql:
    """A running server, reached through a socket in its folder without a password, and by loopback with one."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)
    empty: list[str] = field(default_factory=list)
    made: list[tuple[object, ...]] = field(default_factory=list)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                _as_nobody_special(self.programs / "postgres", "-D", self.folder / "data"), stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg2.OperationalError):
                self.execute("select 1")
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """Stops the server, connections or not."""
        if self.process is not None:
            # Its signals: SIGTERM waits for clients, SIGINT does not.
            self.process.send_signal(2)
            self.process.wait(timeout=30)

    def url(self, database: str, role: str = ROLE) -> str:
        """The URL of a database through the socket."""
        return f"postgresql://{role}@/{database}?host={self.folder}&port={self.port}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Runs a statement as the server's superuser; gives its rows."""
        with closing(
            psycopg2.connect(host=str(self.folder), port=self.port, user="postgres", dbname=database)
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def make(self, name: str, options: str = "template template0 encoding 'UTF8'") -> str:
        """Makes a database with a schema of the role's own, as docs/postgresql.md says; gives its URL."""
        self.execute(f"create database {name} {options}")
        self.execute(f"create schema if not exists {ROLE} authorization {ROLE}", name)
        self.execute("revoke all on schema public from public", name)
        return self.url(name)

    def dump(self, database: str) -> bytes:
        """All that a database holds, as SQL."""
        command = [self.programs / "pg_dump", "-h", self.folder, "-p", str(self.port), "-U", "postgres", database]
        return subprocess.run(command, check=True, capture_output=True).stdout

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of an empty database at the newest schema.

        It is emptied afterwards and serves again, which costs a third of a new one; a changed schema goes.
        """
        if not self.made:
            Registry.open(self.make("migrated")).engine.dispose()
            self.made = self._schema_of("migrated")
        if not self.empty:
            name = f"test_{next(self.numbers)}"
            self.execute(f"create database {name} template migrated")
            self.empty.append(name)
        name = self.empty.pop()
        try:
            yield self.url(name)
        finally:
            self.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")
            if self._schema_of(name) == self.made:
                self.execute(_EMPTY, name)
                self.empty.append(name)
            else:
                self.execute(f"drop database {name} with (force)")

    def _schema_of(self, database: str) -> list[tuple[object, ...]]:
        """What differs once a part of the schema, a setting or its version was changed."""
        return self.execute(_SCHEMA, database)


def programs() -> Path | None:
    """Folder of the newest server's programs; ``None`` where there is no server."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    named = shutil.which("initdb")
    if not found and named:
        found = [Path(named).resolve().parent]
    return max(found, key=lambda path: float(path.parent.name), default=None) if found else None


@contextmanager
def running(programs: Path) -> Iterator[PostgreSql]:
    """A server in a temporary folder."""
    # A short path: sockets take about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        data = folder / "data"
        subprocess.run(
            _as_nobody_special(
                programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"
            ),
            check=True,
            capture_output=True,
        )
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        with (data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS.format(port=port, folder=folder))
        (data / "pg_hba.conf").write_text(_ACCESS)
        server = PostgreSql(programs, folder, port)
        server.start()
        try:
            server.execute(f"create role {ROLE} login password '{PASSWORD}'")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody_special(*command: str | Path) -> list[str | Path]:
    """The command as a user that the server accepts, ended when this process dies."""
    user = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.getuid() == 0 else []
    return ["setpriv", "--pdeathsig", "QUIT", *user, "--", *command]
