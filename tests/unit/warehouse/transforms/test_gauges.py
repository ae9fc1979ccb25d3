"""Gauges on a grid: linear, over at most three intervals, and never info codes (ALGORITHMS §3.6)."""

from datetime import timedelta

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import METER, at
from warehouse.transforms.estimation.gauges import gauge_at

HOUR = timedelta(hours=1)


def grid(rows: list[tuple[str, float | None, str]], *times: str) -> list[tuple[float | None, str]]:
    readings = pl.DataFrame(
        {
            "meter_id": METER,
            "measured_at": [at(time) for time, _, _ in rows],
            "flow_temp_c": [value for _, value, _ in rows],
            "quality": [quality for _, _, quality in rows],
        },
        schema_overrides={"flow_temp_c": pl.Float64},
    )
    instants = pl.DataFrame({"meter_id": METER, "at": [at(time) for time in times]})
    return gauge_at(readings, instants, "flow_temp_c", HOUR).select("flow_temp_c", "quality").rows()


def test_a_gauge_is_linear_between_readings() -> None:
    rows = [("06-01 00:00", 60.0, "M"), ("06-01 01:00", 64.0, "M"), ("06-01 03:00", 60.0, "M")]
    assert grid(rows, "06-01 00:00", "06-01 00:15", "06-01 02:00", "06-01 03:00") == [
        (60.0, "M"),
        (61.0, "A"),
        (62.0, "I"),
        (60.0, "M"),
    ]


def test_a_gap_of_more_than_three_intervals_stays_empty() -> None:
    for minutes, expected in ((0, (61.5, "I")), (1, (None, "N"))):
        rows = [("06-01 00:00", 60.0, "M"), (f"06-01 03:{minutes:02}", 63.0, "M")]
        assert grid(rows, "06-01 01:30") == [expected]


def test_before_the_first_and_after_the_last_reading_nothing_is_known() -> None:
    rows = [("06-01 01:00", 60.0, "M")]
    assert grid(rows, "06-01 00:59", "06-01 01:01") == [(None, "N"), (None, "N")]


def test_missing_and_rejected_values_do_not_count() -> None:
    rows = [
        ("06-01 00:00", 60.0, "M"),
        ("06-01 01:00", None, "M"),
        ("06-01 01:30", 99.0, "R"),
        ("06-01 02:00", 64.0, "M"),
    ]
    assert grid(rows, "06-01 01:00") == [(62.0, "I")]


@pytest.mark.parametrize("column", ["info_code", "volume_m3"])
def test_info_codes_and_registers_are_refused(column: str) -> None:
    empty = pl.DataFrame({"meter_id": [], "measured_at": [], "quality": [], column: []})
    with pytest.raises(ValueError, match=f"{column} is no gauge"):
        gauge_at(empty, pl.DataFrame({"meter_id": [], "at": []}), column, HOUR)
