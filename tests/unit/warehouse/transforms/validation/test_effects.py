"""Effects of findings and decisions on what consumption takes."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
import yaml

from tests.unit.warehouse.transforms.metering import METER, column, figures
from tests.unit.warehouse.transforms.validation.rows import HOUR, START, readings
from warehouse.policies import PolicyError, ValidationPolicy, read_policy, shipped_document
from warehouse.schemas import VEE_EXCEPTIONS
from warehouse.transforms.validation.catalogue import RULES
from warehouse.transforms.validation.effects import DECISION, apply, effects, exceptions
from warehouse.transforms.validation.rules import FINDING

NOW = datetime(2025, 7, 1, tzinfo=UTC)


def finding(rule: str = "V13", severity: str = "reject", register: str = "volume_m3", hour: int = 1) -> pl.DataFrame:
    row = ("utility", METER, "P1", register, START + hour * HOUR, rule, "X", severity, "Because.", "{}")
    return pl.DataFrame([row], schema=FINDING, orient="row")


def decided(decision: str, value: str | None = None, rule: str = "V13") -> pl.DataFrame:
    number = None if value is None else Decimal(value)
    row = ("utility", METER, "volume_m3", START + HOUR, rule, decision, number, "checked", NOW, "local:first")
    return pl.DataFrame([row], schema=DECISION, orient="row")


NONE = pl.DataFrame(schema=DECISION)


def standing(
    found: pl.DataFrame, decisions: pl.DataFrame = NONE, before: pl.DataFrame | None = None, version: int = 3
) -> pl.DataFrame:
    rows = exceptions(found, VEE_EXCEPTIONS.empty() if before is None else before, decisions, version)
    return VEE_EXCEPTIONS.conform(rows.with_columns(known_from=pl.lit(NOW)))


def test_states_follow_severity_decision_and_cause() -> None:
    assert standing(finding())["state"].to_list() == ["open"]
    assert standing(finding(severity="estimate"))["state"].to_list() == ["estimated"]
    assert standing(finding(severity="pass")).is_empty()
    assert standing(finding(), decided("reject")).select("state", "policy_version", "decided_by").rows() == [
        ("rejected", 3, "local:first")
    ]
    before = standing(finding())
    gone = standing(finding().clear(), before=before)
    assert gone["state"].to_list() == ["resolved"]
    assert standing(finding().clear(), decided("approve"), before)["state"].to_list() == ["approved"]
    assert standing(finding(), before=gone, version=3).equals(before)


ROWS = [{"volume_m3": "1"}, {"volume_m3": "1.1"}, {"volume_m3": "1.3"}]


def taken(found: pl.DataFrame, decisions: pl.DataFrame = NONE) -> list[tuple[str, str]]:
    """Consumption and quality of the first two hours."""
    rows = apply(readings(ROWS), effects(standing(found, decisions), decisions))
    hourly = figures(rows, START.date()).hourly.head(2)
    return list(zip(column(hourly, "consumption"), column(hourly, "quality"), strict=True))


@pytest.mark.parametrize(
    ("found", "decisions", "expected"),
    [
        (finding(severity="warn"), NONE, [("0.1", "M"), ("0.2", "M")]),
        (finding(), NONE, [("0.15", "I"), ("0.15", "I")]),
        (finding(register="*"), NONE, [("0.15", "I"), ("0.15", "I")]),
        (finding(severity="estimate"), NONE, [("0.15", "I"), ("0.15", "I")]),
        (finding("V06"), NONE, [(None, "M"), ("0.2", "M")]),
        (finding("V23", "warn"), NONE, [("0.1", "M"), ("0.2", "M")]),
        (finding(), decided("approve"), [("0.1", "M"), ("0.2", "M")]),
        (finding(severity="warn"), decided("reject"), [("0.15", "I"), ("0.15", "I")]),
        (finding(), decided("override", "1.25"), [("0.25", "X"), ("0.05", "X")]),
    ],
)
def test_consumption_takes_what_counts(
    found: pl.DataFrame, decisions: pl.DataFrame, expected: list[tuple[str, str]]
) -> None:
    result = taken(found, decisions)
    unknown = [(use, quality if use is not None else "M") for use, quality in result]
    assert unknown == expected


def test_an_override_takes_one_register_and_leaves_the_others() -> None:
    rows = readings([{"volume_m3": "1", "energy_kwh": "5"}, {"volume_m3": "2", "energy_kwh": "6"}])
    made = apply(rows, effects(VEE_EXCEPTIONS.empty(), decided("override", "1.5")))
    at = made.filter(pl.col("measured_at") == START + HOUR).sort("quality")
    assert at.select("quality", "volume_m3", "energy_kwh", "source").rows() == [
        ("M", None, Decimal(6), "radio"),
        ("X", Decimal("1.5"), None, "radio"),
    ]


def test_a_reset_that_is_approved_counts_from_zero() -> None:
    rows = readings([{"volume_m3": "90"}, {"volume_m3": "0.2"}, {"volume_m3": "0.3"}])
    unknown = figures(rows, START.date()).hourly.head(2)
    assert column(unknown, "consumption") == [None, "0.1"]
    known = apply(rows, effects(VEE_EXCEPTIONS.empty(), decided("approve", rule="V05")))
    assert column(figures(known, START.date()).hourly.head(2), "consumption") == ["0.2", "0.1"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("V07: {severity: warn", "V07: {severity: reject", "looks at figures"),
        ("ahead_min: 15", "ahead_s: 15", "no parameter ahead_s"),
        ("  V13: {severity: reject}\n", "", "V13 is missing"),
        ("V24: {severity: reject}", "V24: {severity: reject}\n  V25: {severity: warn}", "V25 is no rule"),
        ("V13: {severity: reject}", "V13: {severity: ignore}", "severity"),
    ],
)
def test_a_document_that_says_nothing_sensible_is_refused(before: str, after: str, message: str) -> None:
    document = shipped_document("validation")
    assert before in document
    with pytest.raises(PolicyError, match=message):
        read_policy("validation", document.replace(before, after))


def test_a_document_older_than_a_parameter_takes_the_shipped_one() -> None:
    shipped, older = shipped_document("validation"), shipped_document("validation")
    for part in (", least_k: 3", "latency_most_min: 2, ", "ahead_min: 15"):
        assert part in older
        older = older.replace(part, "")
    older = older.replace("expected_counts: 20", "expected_counts: 30")
    read = read_policy("validation", older)
    assert isinstance(read, ValidationPolicy)
    assert read.rules["V11"].parameters == {"days_d": 3, "expected_counts": 30, "history_d": 28, "least_k": 3}
    assert read.rules["V02"].parameters == {"ahead_min": 15}
    assert read.rules["V04"] == read_policy("validation", shipped).rules["V04"]  # type: ignore[attr-defined]
    read.compiled(1)


def test_every_parameter_is_shipped() -> None:
    rules = yaml.safe_load(shipped_document("validation"))["rules"]
    assert {code: set(rule.get("parameters", {})) for code, rule in rules.items()} == {
        code: set(rule.parameters) for code, rule in RULES.items()
    }


def test_an_override_of_nothing_in_particular_is_refused() -> None:
    with pytest.raises(PolicyError, match="names a medium"):
        read_policy("validation", shipped_document("validation") + "overrides: [{rules: {V06: {severity: warn}}}]\n")
