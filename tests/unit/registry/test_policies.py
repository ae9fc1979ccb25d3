"""Policies: documents that are checked, versions that stay."""

from datetime import UTC, datetime, timedelta

import pytest

from registry import policies
from registry.errors import RegistryError
from registry.tables import published_events, published_tables
from warehouse.policies import KINDS, ConsumptionPolicy, PolicyError, read_policy, shipped_document
from warehouse.transforms.policy import Policy

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
KIND = "consumption"
SHORTER = shipped_document(KIND).replace("gap_limit_days: 35", "gap_limit_days: 7")


def decide(registry, document: str, now: datetime = NOW, reason: str = "Shorter gaps", organisation="default") -> int:
    with registry.begin() as session:
        return policies.decide(session, organisation, KIND, document, reason=reason, identity="user:1", now=now)


def gap_limit(registry, as_of: datetime | None = None, organisation: str = "default") -> float:
    with registry.begin(readonly=True) as session:
        return policies.current(session, organisation, ConsumptionPolicy, as_of).gap_limit_days


@pytest.mark.parametrize("name", KINDS)
def test_every_shipped_document_is_understood(name: str) -> None:
    assert isinstance(read_policy(name, shipped_document(name)), KINDS[name].model)


def test_the_shipped_policy_of_consumption_is_the_one_that_transforms_default_to() -> None:
    hour = timedelta(hours=1)
    shipped = read_policy(KIND, shipped_document(KIND))
    assert isinstance(shipped, ConsumptionPolicy)
    assert shipped.limits(hour) == Policy(hour)


def test_a_decision_holds_from_its_instant_and_the_one_before_stays_known(registry) -> None:
    assert gap_limit(registry) == 35
    assert decide(registry, SHORTER) == 1
    assert decide(registry, SHORTER.replace("days: 7", "days: 3"), LATER) == 2
    found = [gap_limit(registry, as_of) for as_of in (NOW - timedelta(seconds=1), NOW, LATER, None)]
    assert found == [35, 7, 3, 3]
    with registry.begin(readonly=True) as session:
        versions = policies.history(session, "default", KIND)
    assert [(one.version, one.known_from) for one in versions] == [(2, LATER), (1, NOW), (0, None)]


def test_a_decision_is_of_one_organisation(registry) -> None:
    decide(registry, SHORTER)
    assert gap_limit(registry, organisation="other") == 35


def test_the_same_document_is_no_new_version(registry) -> None:
    decide(registry, SHORTER)
    assert decide(registry, SHORTER, LATER) == 1
    assert published_tables(registry)["policies"].height == 1


def test_decisions_are_audited_and_published(registry) -> None:
    decide(registry, SHORTER)
    decide(registry, shipped_document(KIND), LATER, "Back again")
    rows = published_tables(registry)["policies"]
    assert rows.select("version", "known_to", "reason").rows() == [(1, LATER, "Shorter gaps"), (2, None, "Back again")]
    events = published_events(registry).filter(event="policy.decide")
    assert events.select("identity", "object", "reason").rows() == [
        ("user:1", KIND, "Shorter gaps"),
        ("user:1", KIND, "Back again"),
    ]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (SHORTER.replace("gap_limit_days: 7", "gap_limit_days: -1"), "gap_limit_days"),
        (SHORTER + "surprise: 1\n", "surprise"),
        (SHORTER.replace("volume_m3: 10", "volume_l: 10"), "volume_l is no register"),
        (SHORTER.replace("digits: {}", "digits: {KAM: {volume_m3: 8}}"), "digits"),
        ("gap_limit_days: 1\n", "largest_rates"),
        ("- a list", "holds no settings"),
        ("a: &x 1\nb: *x", "aliases"),
        ("a: 1\n" * 20_000, "larger than"),
        ("a: 1\na: 2", "stands twice"),
    ],
)
def test_a_document_that_is_not_understood_is_refused_with_its_place(registry, document: str, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        decide(registry, document)
    assert gap_limit(registry) == 35


def test_a_decision_needs_a_reason_and_a_policy_that_exists(registry) -> None:
    with pytest.raises(RegistryError, match="reason"):
        decide(registry, SHORTER, reason="  ")
    with registry.begin(readonly=True) as session, pytest.raises(PolicyError, match="There is no policy tides"):
        policies.stored(session, "default", "tides")
