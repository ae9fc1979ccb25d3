"""A run that is killed right after its n-th write to the lake: ``python -m tests.integration.dying_run HOME N PATH …``.

Prints the name of every table written to, in order. Writes that change nothing do not count.
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


def die_after(writes: int) -> None:
    """Has this process killed when the lake has taken so many commits."""
    left = writes

    def dying(method: Callable[..., Any]) -> Callable[..., Any]:
        def write(lake: Lake, table: Table, *args: Any, **options: Any) -> Any:
            nonlocal left
            before = lake.version(table)
            done = method(lake, table, *args, **options)
            if lake.version(table) != before:
                print(table.name, flush=True)
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return done

        return write

    for name in ("append", "merge", "overwrite"):
        setattr(Lake, name, dying(getattr(Lake, name)))


if __name__ == "__main__":
    enter(Path(sys.argv[1]))
    die_after(int(sys.argv[2]))
    sys.exit(run_ingest(open_installation(Path(sys.argv[1])), [Path(path) for path in sys.argv[3:]]))
