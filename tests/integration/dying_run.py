"""A run that is killed after its first write to any of some tables, of which it prints the name.

``python -m tests.integration.dying_run HOME TABLE,TABLE PATH``. Writes that change nothing do not count.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assets.installation import open_installation
from cli.ingest import run_ingest
from tests.integration.installations import enter
from warehouse.lake import Lake
from warehouse.schemas import Table

METHODS = ("append", "merge", "overwrite", "thin")
"""Of the lake, those that write."""


def telling(method: Callable[..., Any], written: Callable[[Table], None]) -> Callable[..., Any]:
    """A method of the lake that tells of each commit once it is made."""

    def write(lake: Lake, table: Table, *args: Any, **options: Any) -> Any:
        before = lake.version(table)
        done = method(lake, table, *args, **options)
        if lake.version(table) != before:
            written(table)
        return done

    return write


def die_after(fatal: set[str]) -> None:
    """Has this process killed when the lake has taken a commit to one of these tables."""

    def die(table: Table) -> None:
        if table.name in fatal:
            os.write(1, f"\n{table.name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    for name in METHODS:
        setattr(Lake, name, telling(getattr(Lake, name), die))


if __name__ == "__main__":
    home, fatal, *paths = sys.argv[1:]
    enter(Path(home))
    die_after(set(fatal.split(",")))
    sys.exit(run_ingest(open_installation(Path(home)), [Path(path) for path in paths]))
