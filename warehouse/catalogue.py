"""The catalogue: one file with the published tables as views, for any SQL client that reads DuckDB's files."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import duckdb

from warehouse.errors import LakeError
from warehouse.lake import Lake
from warehouse.views import text, texts, view_statements

STORAGE = "v1.5.0"
"""Newest storage format that clients of DuckDB 1.5 open; without it, a file of 2.0 opens in 2.0 and later only."""

_STATE = "state.views"
"""Table of the catalogue: SHA-256 of the statements that made each view."""


def write_catalogue(lake: Lake, file: Path, organisation: str) -> None:
    """Writes the catalogue of the lake as it is now, in the place of the one before.

    The views name the files of one version of each table by their whole paths: DuckDB takes others from the folder that
    its client was started in. When the lake has moved, or files were deleted, the catalogue is written again. Views
    that would be the same are taken over: to make one, DuckDB opens all files of its table.

    Args:
        lake: Where the tables are.
        file: The catalogue. Who has it open keeps the one before.
        organisation: Whose rows its views show.

    Raises:
        LakeError: The file cannot be written.
    """
    partial = file.with_name(f"{file.name}.{os.getpid()}.part")
    _, views = view_statements(lake, organisation)
    wanted = {view: sha256("\n".join(statements).encode()).hexdigest() for view, statements in views.items()}
    try:
        partial.unlink(missing_ok=True)
        written = _written(file)
        if written == wanted:
            return
        if written.keys() == wanted.keys():
            shutil.copyfile(file, partial)
        else:
            written = {}
        changed = [statement for view in views if written.get(view) != wanted[view] for statement in views[view]]
        state = f"select unnest([{texts(wanted)}]) as view, unnest([{texts(wanted.values())}]) as sha256"
        with duckdb.connect() as connection:
            connection.execute(f"attach {text(str(partial))} as catalogue (storage_version {text(STORAGE)})")
            script = [
                "use catalogue",
                "begin",
                *changed,
                "create schema if not exists state",
                f"create or replace table {_STATE} as {state}",
                "commit",
                "checkpoint",
                "use memory",
                "detach catalogue",
            ]
            connection.execute(";\n".join(script))
        partial.replace(file)
    except (duckdb.Error, OSError) as exc:
        raise LakeError(f"The catalogue {file} cannot be written: {exc}") from exc
    finally:
        partial.unlink(missing_ok=True)


def _written(file: Path) -> dict[str, str]:
    """What made the views of a catalogue; nothing where there is none that can be read."""
    if not file.exists():
        return {}
    try:
        with duckdb.connect(file, read_only=True) as connection:
            return dict(connection.execute(f"select view, sha256 from {_STATE}").fetchall())
    except duckdb.Error:
        return {}
