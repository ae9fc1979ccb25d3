"""Tests of parts that are worked off side by side."""

from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from assets.steps.side_by_side import WORKERS, ahead, side_by_side


def test_every_part_is_worked_off_once() -> None:
    assert sorted(side_by_side(lambda part: part * 2, range(50))) == list(range(0, 100, 2))
    assert side_by_side(lambda part: part, []) == []


def test_parts_are_in_work_at_the_same_time() -> None:
    together = Barrier(WORKERS)
    assert len(side_by_side(lambda _: together.wait(timeout=10), range(WORKERS))) == WORKERS


def test_no_more_parts_are_made_than_are_in_work() -> None:
    made, done, most = [], [], []

    def parts() -> Iterator[int]:
        for part in range(20):
            made.append(part)
            most.append(len(made) - len(done))
            yield part

    side_by_side(done.append, parts())
    assert max(most) <= WORKERS


def test_what_fails_first_is_raised_and_the_rest_is_left() -> None:
    begun = []

    def work(part: int) -> None:
        begun.append(part)
        if part == 3:
            raise ValueError("the third")

    with pytest.raises(ValueError, match="the third"):
        side_by_side(work, range(1000))
    assert len(begun) < 1000


def test_a_part_that_cannot_be_made_is_an_error() -> None:
    def parts() -> Iterator[int]:
        yield 1
        raise LookupError("no second")

    with pytest.raises(LookupError, match="no second"):
        side_by_side(lambda part: part, parts())


def test_the_next_part_is_worked_off_while_one_is_looked_at() -> None:
    begun = [Event() for _ in range(4)]

    def work(part: int) -> int:
        begun[part].set()
        return part * 2

    taken = []
    for part, result in ahead(work, range(4)):
        assert part == 3 or begun[part + 1].wait(timeout=10)
        taken.append((part, result))
    assert taken == [(0, 0), (1, 2), (2, 4), (3, 6)]


def test_work_that_fails_ahead_raises_in_its_turn() -> None:
    results = ahead(lambda part: 1 // (2 - part), range(5))
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(ZeroDivisionError):
        next(results)
