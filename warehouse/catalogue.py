"""The catalogue: one file with the published tables as views, for any SQL client that reads DuckDB's files."""

import os
from pathlib import Path

import duckdb

from warehouse.errors import LakeError
from warehouse.lake import Lake
from warehouse.views import text, view_statements

STORAGE = "v1.5.0"
"""Newest storage format that clients of DuckDB 1.5 open; without it, a file of 2.0 opens in 2.0 and later only."""


def write_catalogue(lake: Lake, file: Path, organisation: str) -> None:
    """Writes the catalogue of the lake as it is now, in the place of the one before.

    The views name the files of one version of each table by their whole paths: DuckDB takes others from the folder that
    its client was started in. When the lake has moved, or files were deleted, the catalogue is written again.

    Args:
        lake: Where the tables are.
        file: The catalogue. Who has it open keeps the one before.
        organisation: Whose rows its views show.

    Raises:
        LakeError: The file cannot be written.
    """
    partial = file.with_name(f"{file.name}.{os.getpid()}.part")
    _, views = view_statements(lake, organisation)
    try:
        partial.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            connection.execute(f"attach {text(str(partial))} as catalogue (storage_version {text(STORAGE)})")
            script = ["use catalogue", "begin", *views, "commit", "checkpoint", "use memory", "detach catalogue"]
            connection.execute(";\n".join(script))
        partial.replace(file)
    except (duckdb.Error, OSError) as exc:
        raise LakeError(f"The catalogue {file} cannot be written: {exc}") from exc
    finally:
        partial.unlink(missing_ok=True)
