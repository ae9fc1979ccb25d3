"""Comments on collectors and where they stand, on either database."""

from datetime import UTC, datetime

import pytest

from registry import collectors
from registry.collectors import Place
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


def test_place_is_kept_changed_and_taken_away_and_the_log_does_not_say_where(registry: Registry) -> None:
    with registry.begin() as session:
        session.add(Collector(organisation="o", collector="C-0", comment=None))
    here, there = Place(55.67605, 12.56834), Place(-33.5, -70.25)
    noted = []
    for place in (here, here, there, None, None):
        with registry.begin() as session:
            changed = collectors.set_place(session, "o", "C-0", place, identity="user:7", now=NOW)
        with registry.begin(readonly=True) as session:
            noted.append((changed, collectors.place_of(collectors.get(session, "o", "C-0"))))
    assert noted == [(True, here), (False, here), (True, there), (True, None), (False, None)]
    told = events(registry, Filter("o", event="collector.place"))
    assert [(event.object, event.identity, event.before, event.after) for event in told] == [
        ("C-0", "user:7", None, None)
    ] * 3


@pytest.mark.parametrize(("latitude", "longitude"), [(90.5, 0), (-91, 0), (0, 181), (0, float("nan"))])
def test_what_is_no_place_is_refused(latitude: float, longitude: float) -> None:
    with pytest.raises(RegistryError, match="between -90 and 90"):
        Place(latitude, longitude)


@pytest.mark.parametrize("text", ["55.5, 12.25", "55.5 12.25", " +55.5,12.25 "])
def test_place_is_read_as_it_is_pasted(text: str) -> None:
    assert collectors.read_place(text) == Place(55.5, 12.25)
    assert collectors.read_place(str(Place(55.5, 12.25))) == Place(55.5, 12.25)
    assert collectors.read_place(" ") is None


@pytest.mark.parametrize("text", ["55.5", "here, there", "1, 2, 3"])
def test_text_that_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="in degrees"):
        collectors.read_place(text)


def test_collectors_are_listed_by_name_and_organisation(registry: Registry) -> None:
    with registry.begin() as session:
        for organisation, name in (("o", "C-1"), ("o", "C-0"), ("p", "C-2")):
            session.add(Collector(organisation=organisation, collector=name))
        session.flush()
        collectors.set_place(session, "o", "C-1", Place(55.5, 12.25), identity="local:test", now=datetime.now(UTC))
    with registry.begin(readonly=True) as session:
        assert [row.collector for row in collectors.collectors(session, "o")] == ["C-0", "C-1"]
        noted = collectors.noted(session, "o")
    assert noted.rows() == [("C-0", None, None, None), ("C-1", None, 55.5, 12.25)]
