"""Certificates of retention, and the ledger's count of frames that are gone."""

from datetime import UTC, date, datetime

import pytest

from registry import ledger, retention
from registry.ledger import FileResult, LandedFile
from registry.store import Registry
from registry.tables import published_tables

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = date(2026, 1, 10)
RUN = {"policy_version": 0, "as_of": NOW, "identity": "user:7", "now": NOW}


def test_a_certificate_is_open_until_it_has_its_counts_and_its_hash(registry: Registry) -> None:
    with registry.begin() as session:
        number = retention.begin(session, "default", {"readings": 10, "records": 3}, **RUN).id
    with registry.begin(readonly=True) as session:
        assert retention.unfinished(session, "default")
        assert retention.unfinished(session, "other") is None
    rows = published_tables(registry)["retention_certificates"]
    assert rows.select("rows_before", "rows_removed", "digest").rows() == [(10, None, None), (3, None, None)]
    with registry.begin() as session:
        removed, after = {"readings": 4, "records": 0}, {"readings": 6, "records": 3}
        digest = retention.finish(session, number, removed, after, identity="user:7", now=NOW)
    with registry.begin(readonly=True) as session:
        assert retention.unfinished(session, "default") is None
    rows = published_tables(registry)["retention_certificates"].sort("table_name")
    assert rows.select("table_name", "rows_removed", "rows_after", "digest").rows() == [
        ("readings", 4, 6, digest),
        ("records", 0, 3, digest),
    ]


def test_the_hash_covers_every_count(registry: Registry) -> None:
    with registry.begin() as session:
        certificate = retention.begin(session, "default", {"readings": 10}, **RUN)
        digest = retention.finish(session, certificate.id, {"readings": 4}, {"readings": 6}, identity="u", now=NOW)
        assert retention.digest_of(session, certificate) == digest
        retention.counts(session, certificate.id)[0].rows_removed = 5
        assert retention.digest_of(session, certificate) != digest
        session.rollback()


@pytest.mark.parametrize("left", [{"a": 3}, {}])
def test_the_ledger_keeps_hash_and_count_of_what_is_gone(registry: Registry, left: dict[str, int]) -> None:
    files = [LandedFile(name, name, 1, NOW, DAY) for name in ("a", "b")]
    for file in files:
        assert ledger.register(registry, "default", file)
    ledger.next_batch(registry, "default", [DAY], 10)
    ledger.finish(registry, "default", [FileResult(file, frames=5) for file in files])
    assert ledger.frames_by_day(registry, "default").rows() == [(DAY, 10)]
    with registry.begin() as session:
        assert ledger.settle(session, "default", [DAY], left) == 10 - sum(left.values())
        assert ledger.settle(session, "default", [DAY], left) == 0
    assert ledger.frames_by_day(registry, "default").rows() == [(DAY, sum(left.values()))]
    assert not ledger.register(registry, "default", files[0])
