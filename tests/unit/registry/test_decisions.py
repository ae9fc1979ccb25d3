"""Decisions about exceptions, on either database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from sqlalchemy import select

from registry import decisions, policies, trials
from registry.decisions import Subject
from registry.errors import RegistryError
from registry.models import Decision
from registry.store import Registry
from warehouse.policies import shipped_document

NOW = datetime(2025, 7, 1, tzinfo=UTC)
AT = datetime(2025, 6, 2, 1, tzinfo=UTC)
ABOUT = Subject("KAM-00000001-1b-16", "volume_m3", AT, "V06")
BY = {"identity": "local:first", "now": NOW, "reason_code": "checked", "reason": "Seen."}


def decide(registry: Registry, decision: str, about: Subject = ABOUT, **options: object) -> bool:
    with registry.begin() as session:
        return decisions.decide(session, "default", about, decision, **(BY | options))  # type: ignore[arg-type]


def in_force(registry: Registry, organisation: str = "default") -> list[tuple[object, ...]]:
    with registry.begin(readonly=True) as session:
        found = decisions.in_force(session, organisation)
    return found.sort("at").select("decision", "value", "decided_by").rows()


def test_the_newest_decision_counts_and_the_others_stay(registry: Registry) -> None:
    assert decide(registry, "reject")
    assert decide(registry, "override", value=Decimal("1.25"))
    assert in_force(registry) == [("override", Decimal("1.25"), "local:first")]
    assert in_force(registry, "other") == []
    with registry.begin(readonly=True) as session:
        events = session.scalars(select(Decision.decision).order_by(Decision.id)).all()
    assert events == ["reject", "override"]


def test_a_decision_of_one_person_waits_for_a_second_one(registry: Registry) -> None:
    assert not decide(registry, "approve", four_eyes=True)
    assert in_force(registry) == []
    with pytest.raises(RegistryError, match="second person"):
        decide(registry, "approve", four_eyes=True)
    assert not decide(registry, "reject", four_eyes=True, identity="local:second")  # another decision
    assert decide(registry, "reject", four_eyes=True, identity="local:third")
    assert in_force(registry) == [("reject", None, "local:third")]


@pytest.mark.parametrize(
    ("decision", "options"),
    [("guess", {}), ("override", {}), ("approve", {"value": Decimal(1)}), ("approve", {"reason": " "})],
)
def test_what_is_no_decision_is_refused(registry: Registry, decision: str, options: dict[str, object]) -> None:
    with pytest.raises(RegistryError):
        decide(registry, decision, **options)


def test_decisions_are_erased_with_their_readings(registry: Registry) -> None:
    decide(registry, "approve")
    decide(registry, "approve", Subject(ABOUT.meter_id, "volume_m3", AT + timedelta(days=2), "V06"))
    shares = pl.DataFrame({"meter_id": [ABOUT.meter_id], "start": [AT], "end": [AT + timedelta(days=1)]})
    with registry.begin() as session:
        assert decisions.erase(session, "default", shares) == 1
    assert len(in_force(registry)) == 1


def test_a_policy_of_validation_is_tried_before_it_holds(registry: Registry) -> None:
    document = shipped_document("validation").replace("four_eyes: false", "four_eyes: true")
    by = {"identity": "local:first", "now": NOW}

    def put(**options: object) -> int:
        with registry.begin() as session:
            return policies.decide(session, "default", "validation", document, reason="Audit.", **by, **options)  # type: ignore[arg-type]

    with pytest.raises(RegistryError, match="dry-run"):
        put()
    with registry.begin() as session:
        days = {"first_day": AT.date(), "last_day": AT.date()}
        trials.note(session, "default", "validation", document + "#", result={}, **days, **by)  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="dry-run"):
        put()  # another document was tried
    with registry.begin() as session:
        trials.note(session, "default", "validation", document, result={}, **days, **by)  # type: ignore[arg-type]
    assert put() == 1


def test_a_policy_may_hold_untried_and_the_log_says_so(registry: Registry) -> None:
    document = shipped_document("validation").replace("four_eyes: false", "four_eyes: true")
    with registry.begin() as session:
        version = policies.decide(
            session, "default", "validation", document, reason="At once.", identity="local:first", now=NOW, untried=True
        )
    assert version == 1


def test_exceptions_stand_as_decided_last_before_anything_is_reckoned(registry: Registry) -> None:
    later = Subject(ABOUT.meter_id, "volume_m3", AT + timedelta(hours=1), "V06")
    gone = Subject(ABOUT.meter_id, "volume_m3", AT + timedelta(hours=2), "V06")
    decide(registry, "reject")
    decide(registry, "approve", about=later, four_eyes=True)
    decide(registry, "approve", about=gone)
    with registry.begin(readonly=True) as session:
        told = decisions.told(session, "default", [ABOUT.meter_id])
        assert decisions.told(session, "other", [ABOUT.meter_id]).is_empty()
        assert decisions.told(session, "default", ["KAM-00000002-1b-16"]).is_empty()
    columns = {"meter_id": pl.String, "register": pl.String, "at": told.schema["at"], "rule": pl.String}
    columns |= {"state": pl.String, "decided_at": told.schema["decided_at"], "decided_by": pl.String}
    rows = pl.DataFrame(
        [
            (ABOUT.meter_id, "volume_m3", AT, "V06", "open", None, None),
            (ABOUT.meter_id, "volume_m3", AT, "V07", "open", None, None),
            (ABOUT.meter_id, "volume_m3", later.at, "V06", "open", None, None),
            (ABOUT.meter_id, "volume_m3", gone.at, "V06", "resolved", None, None),
        ],
        schema=columns,
        orient="row",
    )
    standing = decisions.standing(rows, told)
    assert standing["state"].to_list() == ["rejected", "open", "open", "resolved"]
    assert standing["decided_by"].to_list() == ["local:first", None, None, None]
    assert standing["waits"].to_list() == [False, False, True, False]
    assert [number > 0 for number in standing["number"]] == [True, False, True, True]
    reckoned = rows.with_columns(state=pl.lit("approved"), decided_at=pl.lit(NOW + timedelta(days=1)))
    assert set(decisions.standing(reckoned, told)["state"]) == {"approved"}
