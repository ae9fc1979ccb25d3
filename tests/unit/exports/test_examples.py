"""Constructed rows show what each shipped format makes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from exports.errors import ExportError
from exports.examples import example, rows
from exports.formats import shipped
from exports.variables import ORDER, SCHEMA
from tests.unit.exports.export_rows import FACTS
from tests.unit.exports.market_rows import adapted

MOST = 6000
AUTUMN = replace(FACTS, as_of=datetime(2026, 10, 26, 5, tzinfo=UTC))
"""On the day after clocks went back."""

PARTIES: dict[str, Any] = {"sender": {"id": "9900000000001"}, "receiver": {"id": "9900000000002"}}
NAMES = {"sender": "NORTH", "receiver": "SOUTH"}
SETTINGS = {"mscons": PARTIES, "mscons-intervals": PARTIES, "nem12": NAMES, "nem13": NAMES}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_format_takes_them(name: str) -> None:
    content = example(adapted(name, **SETTINGS.get(name, {})), AUTUMN, MOST)
    assert 0 < len(content) <= MOST


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_what_a_format_still_needs_is_said(name: str) -> None:
    with pytest.raises(ExportError, match="needs a sender and a receiver"):
        example(shipped()[name], AUTUMN, MOST)


def test_a_day_of_hours_is_as_long_as_the_day() -> None:
    told = replace(AUTUMN, period_from=FACTS.period_from, period_to=FACTS.period_to)
    found = rows(shipped()["dg10s"], told)
    assert found.schema == SCHEMA
    assert found.height == 25
    assert found["period_end"].to_list()[-1] == FACTS.period_to
    assert found.equals(found.sort(ORDER, nulls_last=True))


@pytest.mark.parametrize(
    ("content", "first", "last"),
    [
        ("daily", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        ("monthly", "2026-09-01T00:00:00+02:00", "2026-10-01T00:00:00+02:00"),
        ("yearly", "2025-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"),
    ],
)
def test_periods_are_the_last_whole_ones(content: str, first: str, last: str) -> None:
    text = example(adapted("consumption-csv", content=content), AUTUMN, MOST).decode()
    assert f",{first},{last},0.125," in text


def test_no_more_is_written_than_is_asked_for() -> None:
    assert len(example(shipped()["ready-csv"], AUTUMN, 10)) == 10
