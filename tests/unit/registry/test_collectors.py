"""Comments on collectors, on either database."""

from datetime import UTC, datetime

import pytest

from registry import collectors
from registry.errors import RegistryError
from registry.models import Collector
from registry.store import Registry
from registry.trail import Filter, events

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def note(registry: Registry, collector: str, text: str, organisation: str = "o") -> None:
    with registry.begin() as session:
        collectors.set_comment(session, organisation, collector, text, identity="user:7", now=NOW)


def test_comment_is_kept_changed_and_taken_away_and_the_log_has_not_its_words(registry: Registry) -> None:
    with registry.begin() as session:
        session.add(Collector(organisation="o", collector="C-0", comment=None))
    kept = []
    for text in ("Church roof", " Water tower ", ""):
        note(registry, "C-0", text)
        with registry.begin(readonly=True) as session:
            kept.append(collectors.get(session, "o", "C-0").comment)
    assert kept == ["Church roof", "Water tower", None]
    told = events(registry, Filter("o", event="collector"))
    assert [(event.object, event.identity, event.before, event.after) for event in told] == [
        ("C-0", "user:7", None, None)
    ] * 3


def test_collector_of_others_and_long_comments_are_refused(registry: Registry) -> None:
    with registry.begin() as session:
        session.add(Collector(organisation="o", collector="C-0", comment=None))
    with pytest.raises(RegistryError, match="no collector C-0"):
        note(registry, "C-0", "Roof", organisation="p")
    with pytest.raises(RegistryError, match="at most 200"):
        note(registry, "C-0", "x" * 201)
