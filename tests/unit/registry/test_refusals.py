"""A refused file is tried again for a while, then left alone until it changes."""

from datetime import timedelta

from registry.refusals import TRIES, WHILE, forget_refusal, is_over, note_refusal, refusals
from registry.store import Registry
from tests.unit.registry.conftest import NOW

PATH = "/srv/imports/customers/file.csv"


def note(registry: Registry, after: timedelta, content: bytes = b"one", organisation: str = "default") -> bool:
    return note_refusal(registry, organisation, "folder", PATH, content, "no meter", NOW + after)


def test_a_file_is_tried_often_and_for_a_day(registry: Registry) -> None:
    hour = timedelta(hours=1)
    assert all(note(registry, number * hour) for number in range(TRIES + 1)), "a day is not over"
    assert not note(registry, WHILE)
    (refusal,) = refusals(registry, "default")
    assert is_over(refusal)
    assert (refusal.path, refusal.tries, refusal.first_at, refusal.last_at) == (PATH, TRIES + 2, NOW, NOW + WHILE)
    assert not note(registry, 2 * WHILE), "who asks does not set it going again"


def test_a_file_of_a_sleeping_orchestrator_has_its_tries(registry: Registry) -> None:
    assert note(registry, timedelta(0))
    assert note(registry, 3 * WHILE)


def test_a_file_that_changes_begins_anew(registry: Registry) -> None:
    for number in range(TRIES):
        last = note(registry, number * WHILE)
    assert not last
    assert note(registry, 9 * WHILE, b"two")
    (refusal,) = refusals(registry, "default")
    assert (refusal.tries, refusal.first_at) == (1, NOW + 9 * WHILE)


def test_a_file_that_is_taken_is_forgotten(registry: Registry) -> None:
    note(registry, timedelta(0))
    note(registry, timedelta(0), organisation="elsewhere")
    forget_refusal(registry, "default", "folder", PATH)
    forget_refusal(registry, "default", "sftp", PATH)
    assert refusals(registry, "default") == []
    assert len(refusals(registry, "elsewhere")) == 1
