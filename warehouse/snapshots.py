"""One version of a lake's table as the files that make it up, for a copy of them."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from warehouse.errors import LakeError
from warehouse.schemas import TABLES

_LOG = "_delta_log"
_NUMBERED = re.compile(r"(\d{20})\.")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table's version.

    Attributes:
        version: Its number.
        rows: Rows it has.
        files: Paths below the lake's root: Parquet files, then the log up to the version. Versions before it cannot be
            read from them.
    """

    version: int
    rows: int
    files: tuple[str, ...]


def snapshots(root: Path) -> dict[str, Snapshot]:
    """The latest version of every table of a lake on this machine, by the table's name.

    Raises:
        LakeError: A table cannot be opened.
    """
    stored = (table.name for table in TABLES.values() if table.kind == "stored")
    return {name: _snapshot(root, name) for name in stored if (root / name / _LOG).is_dir()}


def _snapshot(root: Path, name: str) -> Snapshot:
    try:
        table = DeltaTable(str(root / name))
        version = table.version()
        data = [unquote(uri).removeprefix("file://") for uri in table.file_uris()]
        adds = pl.DataFrame(table.get_add_actions(flatten=True))
    except (DeltaError, OSError) as exc:
        raise LakeError(f"{name}: cannot be opened in {root}: {exc}") from exc
    rows = int(adds["num_records"].sum()) if adds.height else 0
    # Without the hint of the newest checkpoint, which may name one made later: readers find the newest by themselves.
    log = sorted(
        path
        for path in (root / name / _LOG).iterdir()
        if (found := _NUMBERED.match(path.name)) and int(found[1]) <= version
    )
    files = [*sorted(data), *map(str, log)]
    return Snapshot(version, rows, tuple(str(Path(file).relative_to(root)) for file in files))
