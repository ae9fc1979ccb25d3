"""Whatever is stored after an instant was fixed is known later."""

from datetime import UTC, datetime, timedelta

from registry.known_instants import fix, later
from registry.store import Registry

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
STEP = timedelta(microseconds=1)


def test_who_looked_at_the_clock_before_stores_after(registry: Registry) -> None:
    with registry.begin() as session:
        assert later(session, "default", NOW) == NOW, "nothing was fixed yet"
        assert fix(session, "default", NOW) == NOW
        assert later(session, "default", NOW - timedelta(hours=1)) == NOW + STEP
        assert later(session, "default", NOW) == NOW + STEP
        assert later(session, "default", NOW + timedelta(hours=1)) == NOW + timedelta(hours=1)


def test_instants_rise_though_the_clock_is_set_back(registry: Registry) -> None:
    with registry.begin() as session:
        first = fix(session, "default", NOW)
        second = fix(session, "default", NOW - timedelta(days=1))
        assert second == first + STEP
        assert fix(session, "other", NOW - timedelta(days=1)) == NOW - timedelta(days=1)
