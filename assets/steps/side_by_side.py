"""Parts of a step worked off at the same time: one is reckoned while another is written."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TypeVar

WORKERS = 2
"""Parts in work at a time. Reckoning uses all cores already, writing a file one: more parts would only take memory."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], parts: Iterable[_Item]) -> list[_Result]:
    """Works off parts in threads.

    Args:
        work: What is done with a part; parts must not depend on one another.
        parts: The parts; one is taken from them, and so made, only when there is somebody to work it off.

    Returns:
        What the work gave, in no certain order.

    Raises:
        Exception: What the work or the making of a part raised first; parts that were not begun by then are left.
    """
    coming, turn = iter(parts), Lock()
    failed: list[BaseException] = []

    def worker() -> list[_Result]:
        results = []
        while not failed:
            try:
                with turn:
                    taken = list(islice(coming, 1))
                if not taken:
                    break
                results.append(work(taken[0]))
            except BaseException as exc:  # noqa: BLE001  raised below, when no part is in work any more
                failed.append(exc)
        return results

    with ThreadPoolExecutor(WORKERS) as pool:
        workers = [pool.submit(worker) for _ in range(WORKERS)]
    if failed:
        raise failed[0]
    return [result for done in workers for result in done.result()]


def ahead(work: Callable[[_Item], _Result], parts: Iterable[_Item]) -> Iterator[tuple[_Item, _Result]]:
    """Works off parts in a thread, one ahead of the one that is taken.

    Args:
        work: What is done with a part; it must not need what is made of the part before.
        parts: The parts.

    Yields:
        Each part with what the work gave, in the order of the parts.

    Raises:
        Exception: What the work raised, in the place of its result.
    """
    with ThreadPoolExecutor(1) as pool:
        begun = deque[tuple[_Item, Future[_Result]]]()
        for part in parts:
            begun.append((part, pool.submit(work, part)))
            if len(begun) > 1:
                taken, result = begun.popleft()
                yield taken, result.result()
                del taken, result
        for taken, result in begun:
            yield taken, result.result()
