"""The audit log: the chain, noted heads, what is erasable, and reading it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry import audit, subjects
from registry.errors import RegistryError
from registry.heads import note_head, read_heads
from registry.models import AuditEvent
from registry.tables import published_events
from registry.trail import Filter, details, events

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
PERSON = {"name": "Nora Nobody", "city": "Østerby"}


def note(registry, count: int = 1, **fields) -> None:
    with registry.begin() as session:
        for number in range(count):
            at = NOW + timedelta(minutes=number)
            audit.record(
                session, **{"organisation": "default", "event": "test", "identity": "user:1", "now": at, **fields}
            )


def note_person(registry, vault, subject: str = "customer:P1") -> None:
    change = audit.PersonalChange(vault, subject, {"name": None, "city": None}, PERSON)
    note(registry, event="customer.edit", personal=change)


@pytest.mark.parametrize(
    "column", ["organisation", "event", "identity", "computer", "object", "before", "after", "reason", "details", "at"]
)
def test_each_field_is_under_the_hash(registry, column: str) -> None:
    note(registry, 3, target="P1", before={"a": 1}, after={"a": 2}, reason="because", details={"b": 1})
    assert audit.walk(registry).events == 3
    value = "2026-01-15 12:00:09.000000" if column == "at" else "{}"
    with registry.begin() as session:
        session.execute(text(f"update audit_log set {column} = :value where number = 2"), {"value": value})
    assert audit.walk(registry).broken == 2


def test_an_event_taken_out_breaks_the_chain(registry) -> None:
    note(registry, 3)
    with registry.begin() as session:
        session.execute(text("delete from audit_log where number = 1"))
    assert audit.walk(registry).broken == 2


def test_a_chain_written_anew_or_cut_off_differs_from_the_noted_heads(registry, tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    note(registry, 2)
    note_head(heads, audit.walk(registry), NOW)
    note(registry, 2)
    note_head(heads, audit.walk(registry), NOW)
    assert audit.walk(registry, read_heads(heads)).lost == ()
    with registry.begin() as session:
        session.execute(text("delete from audit_log where number = 4"))
    cut = audit.walk(registry, read_heads(heads))
    assert (cut.broken, cut.lost) == (None, (4,))
    with registry.begin() as session:
        session.execute(text("delete from audit_log"))
    note(registry, 4, event="another past")
    anew = audit.walk(registry, read_heads(heads))
    assert (anew.broken, anew.lost) == (None, (2, 4))


def test_heads_survive_a_torn_line_and_show_two_pasts(tmp_path: Path) -> None:
    heads = tmp_path / "far" / "heads"
    note_head(heads, audit.Chain(2, "a" * 64, None, ()), NOW)
    assert heads.stat().st_mode & 0o077 == 0
    with heads.open("a") as file:
        file.write("2026-01-16T00:10:00+00:00 3 abc")
    assert read_heads(heads) == {2: "a" * 64}
    with heads.open("a") as file:
        file.write("\n")
    note_head(heads, audit.Chain(2, "b" * 64, None, ()), NOW)
    with pytest.raises(RegistryError, match="two hashes for 2 events"):
        read_heads(heads)


def test_heads_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "heads").mkdir()
    with pytest.raises(RegistryError, match="cannot be written"):
        note_head(tmp_path / "heads", audit.Chain(0, audit.GENESIS, None, ()), NOW)


def test_erasing_a_person_leaves_the_chain_whole(registry, vault) -> None:
    note_person(registry, vault)
    note_person(registry, vault, "customer:P2")
    assert details(registry, vault, "default", 1)["personal"]["after"] == PERSON
    with registry.begin() as session:
        assert subjects.destroy(session, "default", "customer:P1")
        assert not subjects.destroy(session, "default", "customer:P1")
    assert details(registry, vault, "default", 1)["personal"] == "erased"
    assert details(registry, vault, "default", 2)["personal"]["after"] == PERSON
    assert audit.walk(registry).broken is None
    note_person(registry, vault)
    assert details(registry, vault, "default", 1)["personal"] == "erased", "a new key does not open what was erased"


def test_what_is_of_one_person_does_not_open_as_another(registry, vault) -> None:
    note_person(registry, vault)
    note_person(registry, vault, "customer:P2")
    with registry.begin() as session:
        first, second = session.get(AuditEvent, 1), session.get(AuditEvent, 2)
        stolen, own = second.personal, first.personal
        first.personal = stolen
    assert details(registry, vault, "default", 1)["personal"] == "erased"
    with registry.begin() as session:
        session.get(AuditEvent, 1).personal = own[:-2] + ("00" if own[-2:] != "00" else "01")
    with pytest.raises(RegistryError, match="customer:P1 does not open"):
        details(registry, vault, "default", 1)


def test_no_personal_data_lies_open(registry, vault, tmp_path: Path) -> None:
    note_person(registry, vault)
    published = published_events(registry).write_csv()
    assert "customer.edit" in published
    for word in PERSON.values():
        assert word not in published
        for file in tmp_path.rglob("registry.sqlite*"):
            assert word.encode() not in file.read_bytes(), file


def test_a_filter_for_everything(registry) -> None:
    note(registry, 3, event="meters.import", target="a.csv")
    note(registry, 2, event="meters_of_others", identity="service:x")
    note(registry, 1, organisation="elsewhere")

    def numbers(**asked) -> list[int]:
        return [row.number for row in events(registry, Filter("default", **asked))]

    assert numbers() == [5, 4, 3, 2, 1]
    assert numbers(event="meters") == [3, 2, 1]
    assert numbers(event="meters.import") == [3, 2, 1]
    assert numbers(identity="service:x") == [5, 4]
    assert numbers(target="a.csv", first=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=2)) == [2]
    assert [row.number for row in events(registry, Filter("default"), limit=1)] == [5]


def test_details_of_another_organisation_are_not_told(registry, vault) -> None:
    note(registry, 1, organisation="elsewhere")
    with pytest.raises(RegistryError, match="no audit event 1"):
        details(registry, vault, "default", 1)


def test_values_without_a_place_in_the_log(registry) -> None:
    with pytest.raises(TypeError, match="bytes has no place"):
        note(registry, details={"key": b"secret"})
    assert audit.walk(registry).events == 0
