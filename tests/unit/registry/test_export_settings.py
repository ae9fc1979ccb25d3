"""Formats, destinations and jobs in the registry: versions, secrets, two people at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.errors import RegistryError
from registry.exports import destinations, formats, jobs, runs
from registry.models import AuditEvent, ExportDestination, SubjectKey
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.registry.conftest import NOW

ORG, LATER = "default", NOW + timedelta(hours=1)
BY = {"identity": "user:7", "now": NOW}
SECRET = b"correct horse battery staple"


def test_formats_keep_their_versions(registry: Registry) -> None:
    with registry.begin() as session:
        assert formats.current(session, ORG, "own") is None
        assert formats.save(session, ORG, "own", "a: 1\n", **BY) == 1
        assert formats.save(session, ORG, "own", "a: 1\n", **BY) == 1, "the same is no new version"
        assert formats.save(session, ORG, "own", "a: 2\n", identity="user:8", now=LATER) == 2
    with registry.begin(readonly=True) as session:
        assert formats.current(session, ORG, "own") == "a: 2\n"
        assert formats.current(session, ORG, "own", NOW) == "a: 1\n"
        assert formats.current(session, ORG, "own", NOW - timedelta(seconds=1)) is None
        assert formats.current(session, "other", "own") is None
        assert {name: row.version for name, row in formats.listing(session, ORG).items()} == {"own": 2}
    with registry.begin() as session:
        formats.remove(session, ORG, "own", identity="user:8", now=LATER + timedelta(hours=1))
        assert formats.current(session, ORG, "own") is None
        assert formats.current(session, ORG, "own", LATER) == "a: 2\n", "manifests name it"
        assert formats.listing(session, ORG) == {}
        with pytest.raises(RegistryError, match="There is no format own of your own"):
            formats.remove(session, ORG, "own", **BY)
    with registry.begin(readonly=True) as session:
        events = session.scalars(select(AuditEvent.event).order_by(AuditEvent.number)).all()
    assert [event for event in events if "format" in event] == [
        *["export.format.save"] * 2,
        "export.format.remove",
    ]


def test_a_secret_is_sealed_kept_and_destroyed(
    registry: Registry, vault: KeyVault, stored: Callable[[], bytes]
) -> None:
    with registry.begin() as session:
        assert destinations.save(session, vault, ORG, "billing", "kind: sftp\n", secret=SECRET, **BY) == 1
    with registry.begin(readonly=True) as session:
        opened = destinations.open_(session, vault, ORG, "billing")
    assert (opened.document, opened.secret) == ("kind: sftp\n", SECRET)
    assert SECRET.decode() not in repr(opened)
    assert SECRET not in stored()
    with registry.begin() as session:
        destinations.save(session, vault, ORG, "billing", "kind: sftp\nport: 2\n", **BY)
        assert destinations.open_(session, vault, ORG, "billing").secret == SECRET, "it stays"
        destinations.save(session, vault, ORG, "billing", "kind: folder\n", keep_secret=False, **BY)
        assert destinations.open_(session, vault, ORG, "billing").secret is None
        destinations.save(session, vault, ORG, "billing", "kind: sftp\n", secret=b"another", **BY)
        destinations.remove(session, ORG, "billing", **BY)
        assert session.scalars(select(SubjectKey)).all() == [], "with its key it is gone from back-ups, too"
        assert destinations.listing(session, ORG) == []
        with pytest.raises(RegistryError, match="There is no destination billing"):
            destinations.open_(session, vault, ORG, "billing")
    with registry.begin(readonly=True) as session:
        told = "".join(f"{row.before}{row.after}{row.details}" for row in session.scalars(select(AuditEvent)))
    assert "kind" not in told, "documents may name addresses"
    assert '"secret": "changed"' not in told
    assert '"secret": "set"' in told


def test_a_destroyed_secret_is_told(registry: Registry, vault: KeyVault) -> None:
    with registry.begin() as session:
        destinations.save(session, vault, ORG, "billing", "kind: sftp\n", secret=SECRET, **BY)
    with registry.begin() as session:
        session.query(SubjectKey).delete()
        with pytest.raises(RegistryError, match="was destroyed: save it again"):
            destinations.open_(session, vault, ORG, "billing")
    with registry.begin() as session:
        destinations.save(session, vault, ORG, "billing", "kind: sftp\n", secret=SECRET, **BY)
        row = session.get_one(ExportDestination, (ORG, "billing"))
        row.secret = (row.secret or b"")[:-1] + b"\0"
        with pytest.raises(RegistryError, match="does not open"):
            destinations.open_(session, vault, ORG, "billing")


def test_the_second_of_two_who_edit_at_once_is_told(registry: Registry, vault: KeyVault) -> None:
    with registry.begin() as session:
        destinations.save(session, vault, ORG, "a", "one\n", version=0, **BY)
        jobs.save(session, ORG, "a", "one\n", active=True, version=0, **BY)
    with registry.begin() as session:
        destinations.save(session, vault, ORG, "a", "two\n", version=1, **BY)
        jobs.save(session, ORG, "a", "two\n", active=True, version=1, **BY)
    for version in (0, 1):
        with registry.begin() as session, pytest.raises(RegistryError, match="a was changed meanwhile"):
            destinations.save(session, vault, ORG, "a", "three\n", version=version, **BY)
        with registry.begin() as session, pytest.raises(RegistryError, match="a was changed meanwhile"):
            jobs.save(session, ORG, "a", "three\n", active=True, version=version, **BY)


def test_a_job_is_active_since_somebody_said_so(registry: Registry) -> None:
    def save(document: str, now: datetime, **more: bool) -> datetime | None:
        with registry.begin() as session:
            return jobs.save(session, ORG, "billing", document, identity="user:7", now=now, **more).active_since

    later = [NOW + timedelta(hours=hours) for hours in range(6)]
    assert save("1", later[0], active=True) == NOW
    assert save("2", later[1], active=True) == NOW, "a change keeps it"
    assert save("3", later[2], active=False) is None
    assert save("4", later[3], active=True) == later[3], "what was due meanwhile is not asked for"
    assert save("5", later[4], active=True, rescheduled=True) == later[4]
    assert save("5", later[5], active=True, rescheduled=True) == later[4], "nothing was changed"


def test_a_removed_job_leaves_its_name_and_its_runs(registry: Registry) -> None:
    with registry.begin() as session:
        job_id = jobs.save(session, ORG, "billing", "1", active=True, **BY).job_id
        waits, claimed = (
            runs.ask(session, ORG, job_id, NOW + timedelta(days=day), NOW + timedelta(days=day + 1), **BY).run_id
            for day in range(2)
        )
    assert runs.claim(registry, ORG, NOW, run_id=claimed) is not None
    with registry.begin() as session:
        jobs.remove(session, ORG, "billing", **BY)
        with pytest.raises(RegistryError, match="There is no job billing"):
            jobs.get(session, ORG, "billing")
        assert runs.get(session, ORG, waits).state == "cancelled"
        assert runs.get(session, ORG, claimed).state == "building", "somebody is at it"
        other = jobs.save(session, ORG, "billing", "2", active=True, version=0, **BY)
        assert other.job_id != job_id
        assert [row.job_id for row in jobs.listing(session, ORG)] == [other.job_id]


def test_a_registry_is_peeked_into_without_a_change(registry_url: str, tmp_path: Path) -> None:
    registry = Registry.open(registry_url)
    with registry.begin() as session:
        jobs.save(session, ORG, "billing", "1", active=True, **BY)
    assert [row.name for row in jobs.peek(registry_url, ORG)] == ["billing"]
    assert jobs.peek(registry_url, "other") == []
    registry.engine.dispose()
    absent = tmp_path / "absent.sqlite"
    assert jobs.peek(f"sqlite:///{absent}", ORG) == []
    assert not absent.exists()


def test_a_registry_without_tables_or_server_is_told(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).touch()
    with pytest.raises(RegistryError, match="cannot be read"):
        jobs.peek(empty_url, ORG)
    with pytest.raises(RegistryError, match="cannot be read"):
        jobs.peek("postgresql://nobody@127.0.0.1:1/none", ORG)
