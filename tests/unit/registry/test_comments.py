from datetime import UTC, datetime, timedelta

import pytest

from registry.comments import LONGEST, comment, comments, erase_comments
from registry.errors import RegistryError
from registry.models import Meter
from registry.store import Registry
from registry.trail import Filter, events

NOW = datetime(2026, 3, 1, tzinfo=UTC)
METER = "KAM-00000001-1b-16"


@pytest.fixture
def known(registry: Registry) -> Registry:
    with registry.begin() as session:
        session.add(
            Meter(
                organisation="o",
                meter_id=METER,
                manufacturer="KAM",
                serial="00000001",
                version="1b",
                device_type="16",
                medium="water",
                state="in_use",
            )
        )
    return registry


def write(registry: Registry, text: str, organisation: str = "o", hours: int = 0) -> int:
    with registry.begin() as session:
        return comment(session, organisation, METER, text, identity="user:7", now=NOW + timedelta(hours=hours))


def shown(registry: Registry, organisation: str = "o") -> list[tuple[object, ...]]:
    with registry.begin(readonly=True) as session:
        return comments(session, organisation).rows()


def test_the_newest_comment_is_shown_with_author_and_time(known: Registry) -> None:
    assert [write(known, " first "), write(known, "second", hours=1)] == [1, 2]
    assert shown(known) == [(METER, "second", "user:7", NOW + timedelta(hours=1))]
    assert shown(known, "p") == []
    with known.begin(readonly=True) as session:
        assert comments(session, "o", NOW)["comment"].to_list() == ["first"]


def test_the_audit_log_knows_that_and_not_what(known: Registry) -> None:
    write(known, "the words")
    (event,) = events(known, Filter("o", event="report.comment"))
    assert (event.object, event.identity) == (METER, "user:7")
    assert "words" not in str(vars(event))


@pytest.mark.parametrize("text", ["  ", "x" * (LONGEST + 1)])
def test_a_comment_has_some_words_and_not_too_many(known: Registry, text: str) -> None:
    with pytest.raises(RegistryError, match="1 to 500 characters"):
        write(known, text)


def test_meters_of_others_are_unknown(known: Registry) -> None:
    with pytest.raises(RegistryError, match="There is no meter"):
        write(known, "hello", "p")


def test_comments_are_erased(known: Registry) -> None:
    write(known, "hello")
    with known.begin() as session:
        erase_comments(session, "p", [METER])
        erase_comments(session, "o", [])
    assert shown(known)
    with known.begin() as session:
        erase_comments(session, "o", [METER])
    assert shown(known) == []
