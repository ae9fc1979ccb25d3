"""Which corrections are worth telling."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.policies import ReplacementPolicy
from warehouse.queries.corrections import corrections
from warehouse.schemas import CONSUMPTION_DAILY, CORRECTIONS, REGISTER
from warehouse.transforms.replacement import worth_telling

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = ReplacementPolicy(least_absolute={"m3": "0.01"}, least_percent=1, better_quality=True)


def told(old: str | None, new: str | None, qualities: str = "AA", *, unit: str = "m3", better: bool = True) -> bool:
    row = pl.DataFrame(
        {
            "old_consumption": [old and Decimal(old)],
            "new_consumption": [new and Decimal(new)],
            "old_quality": [qualities[0]],
            "new_quality": [qualities[1]],
            "unit": [unit],
        },
        schema_overrides={"old_consumption": REGISTER, "new_consumption": REGISTER},
    )
    limits = {"least_absolute": POLICY.least_absolute, "least_percent": POLICY.least_percent}
    return not worth_telling(row, better_quality=better, **limits).is_empty()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.500", "0.510", True),
        ("0.500", "0.509", False),
        ("0.500", "0.490", True),
        ("5.000", "5.049", False),
        ("5.000", "5.050", True),
        ("0", "0.010", True),
        ("0", "0.009", False),
        ("0", "0", False),
        (None, "0", True),
        ("0", None, True),
        (None, None, False),
        ("-1", "-1.02", True),
    ],
)
def test_a_difference_counts_from_both_limits_on(old: str | None, new: str | None, expected: bool) -> None:
    assert told(old, new) is expected


def test_a_better_quality_is_enough_if_the_policy_says_so() -> None:
    assert told("1", "1", "EM")
    assert not told("1", "1", "ME")
    assert not told("1", "1", "EM", better=False)


def test_a_unit_without_a_limit_has_none() -> None:
    assert told("0.000001", "0.000002", unit="kWh")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)

    def row(point: str, version: int, old: str, new: str, organisation: str = "o", **other: object) -> dict:
        return {
            "organisation": organisation,
            "table_name": "consumption_daily",
            "metering_point": point,
            "register": "volume_m3",
            "period_start": START,
            "period_end": START + DAY,
            "old_consumption": Decimal(old),
            "old_quality": "I",
            "new_consumption": Decimal(new),
            "new_quality": "I",
            "cause": "late_data",
            "known_from": START + version * DAY,
            "known_to": START + (version + 1) * DAY,
            **other,
        }

    rows = [
        row("P1", 1, "1", "2"),
        row("P1", 2, "2", "4"),
        row("P2", 1, "1", "2"),
        row("P2", 2, "2", "1"),
        row("P3", 1, "1", "9", organisation="x"),
        row("P4", 1, "1", "9", table_name="consumption_hourly"),
        row("P5", 8, "1", "9"),
    ]
    lake.append(CORRECTIONS, pl.DataFrame(rows, schema_overrides=CORRECTIONS.schema))
    return lake


def test_a_figure_is_told_once_from_what_was_to_what_is(lake: Lake) -> None:
    found = corrections(lake, "o", CONSUMPTION_DAILY, POLICY, START, START + 5 * DAY)
    assert found.select(
        "metering_point", "old_consumption", "new_consumption", "difference", "corrected_at"
    ).rows() == [("P1", Decimal(1), Decimal(4), Decimal(3), START + 3 * DAY)]
