"""Passwords at little cost: tests make hundreds, and at full cost each takes a quarter of a second."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from registry.people import passwords


@pytest.fixture(autouse=True)
def quick_passwords() -> Iterator[None]:
    with costing(memory_kib=64, passes=1):
        yield


@pytest.fixture
def full_cost(quick_passwords: None) -> Iterator[None]:
    """For tests that are about the cost."""
    with costing(*FULL):
        yield


def kept(password: str) -> str:
    """A password as it is kept, at little cost."""
    with costing(memory_kib=64, passes=1):
        return passwords.derive(password)


FULL = (passwords._MEMORY_KIB, passwords._PASSES)


@contextmanager
def costing(memory_kib: int, passes: int) -> Iterator[None]:
    before = passwords._MEMORY_KIB, passwords._PASSES
    passwords._MEMORY_KIB, passwords._PASSES = memory_kib, passes
    passwords._nobody.cache_clear()
    yield
    passwords._MEMORY_KIB, passwords._PASSES = before
    passwords._nobody.cache_clear()
