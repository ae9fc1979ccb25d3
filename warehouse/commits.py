"""Commits of several writers: each is tried until it meets no other one."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from threading import RLock
from typing import TypeVar

from deltalake.exceptions import CommitFailedError, DeltaError

from warehouse.errors import LakeError, write_failure

_TRIES = 20
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0

_TURNS: dict[str, RLock] = defaultdict(RLock)
"""Whose turn it is to write to each table, among the threads of this process."""

_Result = TypeVar("_Result")


def committed(attempt: Callable[[], _Result], uri: str, table: str, root: str) -> _Result:
    """Runs an attempt until it meets no other writer; those of this process wait for one another.

    Args:
        attempt: Reads a table, and commits what follows from it; does all of that again when it is repeated.
        uri: Where the table is.
        table: Its name, for messages.
        root: Where the lake is, for messages.

    Raises:
        LakeError: The rows could not be written, or other writers were faster each time.
    """
    pause = _FIRST_PAUSE_S
    for _ in range(_TRIES):
        try:
            with _TURNS[uri]:
                return attempt()
        except CommitFailedError as exc:
            failure: Exception = exc
        except (DeltaError, OSError) as exc:
            if "already exists" not in str(exc).lower():  # another writer made the table at the same moment
                raise write_failure(table, root, exc) from exc
            failure = exc
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  jitter is no secret
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    raise LakeError(
        f"{table}: other writers were faster {_TRIES} times; nothing was written. Repeat when they are done."
    ) from failure
