"""The audit log in the lake: grows by what is new, is replaced where it is that of another registry."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from assets.installation import Installation
from assets.steps import publishing
from assets.steps.publishing import publish_events
from registry import audit
from tests.unit.gateway.doors import make_house
from warehouse.schemas import AUDIT_LOG

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    return make_house(tmp_path)


def note(house: Installation, event: str, times: int = 1) -> None:
    with house.registry.begin() as session:
        for _ in range(times):
            audit.record(session, organisation="default", event=event, identity="test", now=NOW)


def published(house: Installation) -> list[str]:
    """Events in order, but for the one of the organisation that a new installation makes."""
    events = house.lake.scan(AUDIT_LOG).sort("number").collect()["event"]
    return [event for event in events if event != "organisations.add"]


def test_only_what_is_new_is_added(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole = publishing.published_events
    monkeypatch.setattr(
        publishing, "published_events", lambda registry, after=0: asked.append(after) or whole(registry, after)
    )
    publish_events(house)
    assert published(house) == []
    note(house, "first", 3)
    publish_events(house)
    note(house, "second")
    publish_events(house)
    publish_events(house)
    assert published(house) == ["first"] * 3 + ["second"]
    assert asked == [0, 1, 4, 5]


def test_the_log_of_another_registry_is_replaced(house: Installation) -> None:
    note(house, "lost", 2)
    publish_events(house)
    with house.registry.begin() as session:  # as after a restored back-up
        session.execute(text("delete from audit_log"))
    note(house, "new", 2)
    publish_events(house)
    assert published(house) == ["new", "new"]


def test_many_appends_become_one_file(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_FILES", 4)
    for number in range(7):
        note(house, f"event.{number}")
        publish_events(house)
        assert len(house.lake.files(AUDIT_LOG)) <= 4
    assert published(house) == [f"event.{number}" for number in range(7)]
