"""Tables that stay open: the latest version of a local table is opened anew only where its log has grown."""

from collections import OrderedDict
from pathlib import Path
from threading import Lock

import polars as pl
from deltalake import DeltaTable

from warehouse.parquet import Snapshot, shaped
from warehouse.schemas import Table

MOST_OPEN = 256
"""Tables that stay open in one process, the ones asked for last."""

_Mark = tuple[int, int, int]


class Latest:
    """The latest version of a table, for reading."""

    def __init__(self, snapshot: DeltaTable | None) -> None:
        self.snapshot = snapshot
        self._rows: dict[Table, pl.LazyFrame] = {}

    def rows(self, table: Table) -> pl.LazyFrame:
        """As :func:`warehouse.parquet.shaped` gives them."""
        if table not in self._rows:
            self._rows[table] = shaped(self.snapshot, table)
        return self._rows[table]


class _Opened:
    """Open tables by their folders, each with what its newest log entry looked like."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Latest, int, _Mark]] = OrderedDict()
        self._lock = Lock()

    def latest(self, folder: str) -> Latest:
        with self._lock:
            known = self._known.get(folder)
        log = Path(folder, "_delta_log")
        if known is not None:
            latest, version, mark = known
            if _mark(log, version) == mark and not _entry(log, version + 1).exists():
                return latest
        snapshot = Snapshot(folder)
        latest, version = Latest(snapshot), snapshot.version()
        found = _mark(log, version)
        with self._lock:
            self._known.pop(folder, None)
            if found is not None:  # a log that was just tidied is looked at again
                self._known[folder] = (latest, version, found)
            while len(self._known) > MOST_OPEN:
                self._known.popitem(last=False)
        return latest


def _entry(log: Path, version: int) -> Path:
    return log / f"{version:020}.json"


def _mark(log: Path, version: int) -> _Mark | None:
    """What tells an entry from one of the same number that took its place, as when a lake is put back."""
    try:
        found = _entry(log, version).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


_OPENED = _Opened()


def latest_of(folder: str) -> Latest:
    """The latest version of a table in a local folder.

    Args:
        folder: Holds a Delta table.

    Raises:
        DeltaError: It holds none that can be read.
    """
    return _OPENED.latest(folder)
