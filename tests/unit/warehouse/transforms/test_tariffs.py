"""Consumption by tariff: exact numbers, and what is not told."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.warehouse.transforms.metering import METER, NEXT_METER, at, installed
from warehouse.schemas import EXCHANGES
from warehouse.transforms import calendar
from warehouse.transforms.exchanges import spans
from warehouse.transforms.tariffs import by_tariff, rest

KWH = 1_000_000
HOUR = timedelta(hours=1)
ZONE = ZoneInfo("Europe/Copenhagen")
ALWAYS = [(METER, at("01-01 00:00"), None)]
EXCHANGED = at("06-01 12:30")

Row = tuple[int, datetime, float]


def counted(rows: Sequence[Row], meter: str = METER, count: tuple[int, int] = (1, 100)) -> pl.DataFrame:
    """Readings of tariffs: number, time, kWh."""
    return pl.DataFrame(
        {
            "tariff": [tariff for tariff, _, _ in rows],
            "meter_id": [meter] * len(rows),
            "at": [time for _, time, _ in rows],
            "value": [round(value * KWH) for _, _, value in rows],
            "numerator": [count[0]] * len(rows),
            "denominator": [count[1]] * len(rows),
        },
        schema_overrides={
            "tariff": pl.Int64,
            "meter_id": pl.String,
            "at": pl.Datetime("us", "UTC"),
            "value": pl.Int64,
            "numerator": pl.Int64,
            "denominator": pl.Int64,
        },
    )


def hours(first: datetime, count: int) -> pl.DataFrame:
    starts = [first + number * HOUR for number in range(count)]
    return pl.DataFrame({"period_start": starts, "period_end": [start + HOUR for start in starts]})


def found(
    readings: pl.DataFrame,
    periods: pl.DataFrame,
    parts: list[tuple[str, datetime, datetime | None]] = ALWAYS,
    gap: timedelta = 1.5 * HOUR,
) -> dict[int, list[float | str]]:
    """kWh of each period by tariff, or why there are none."""
    rows = by_tariff(readings, spans(installed(*parts), EXCHANGES.empty()), periods, longest_gap=gap)
    assert rows.select(known=pl.col("consumption").is_null() != pl.col("reason").is_null())["known"].all()
    told: dict[int, list[float | str]] = {}
    for tariff, consumption, reason in rows.select("tariff", "consumption", "reason").rows():
        told.setdefault(tariff, []).append(reason or consumption / KWH)
    return told


def test_boundaries_lie_on_the_line_between_readings_and_are_rounded_to_counts() -> None:
    # ALGORITHMS 2.1: 10:07 100.000 and 14:22 100.850 make 100.177, 100.377, 100.577 and 100.777 at the hours.
    rows = [(1, at("06-01 10:07"), 100.0), (1, at("06-01 14:22"), 100.85)]
    readings = counted(rows, count=(1, 1000))
    assert found(readings, hours(at("06-01 11:00"), 3), gap=5 * HOUR) == {1: [0.2, 0.2, 0.2]}
    # Of 5 kWh in the same time 1.039, 2.216, 3.392 and 4.569 have passed; the register shows whole ones.
    coarse = counted([(1, at("06-01 10:07"), 0.0), (1, at("06-01 14:22"), 5.0)], count=(1, 1))
    assert found(coarse, hours(at("06-01 11:00"), 3), gap=5 * HOUR) == {1: [1, 1, 2]}


def test_each_tariff_counts_by_itself() -> None:
    times = [at(f"06-01 {hour:02}:00") for hour in range(4)]
    rows = [*zip((1,) * 4, times, (10, 12, 12, 12), strict=True), *zip((2,) * 4, times, (5, 5, 6, 9.5), strict=True)]
    assert found(counted(rows), hours(times[0], 3)) == {1: [2, 0, 0], 2: [0, 1, 3.5]}


@pytest.mark.parametrize(("day", "length"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_days_are_local_and_as_long_as_they_are(day: date, length: int) -> None:
    local = calendar.local_days(day, day, ZONE)
    start = local["start"][0]
    # A kilowatt all the time: as many kilowatt-hours as the day has hours.
    readings = counted([(1, start + number * HOUR - timedelta(minutes=20), number) for number in range(-3, 30)])
    days = local.select(period_start="start", period_end="end")
    assert found(readings, days) == {1: [length]}
    each = calendar.hours(local).select(period_start="start", period_end="end")
    assert found(readings, each) == {1: [1.0] * length}


def test_nothing_is_told_across_an_exchange() -> None:
    parts = [(METER, at("01-01 00:00"), EXCHANGED), (NEXT_METER, EXCHANGED, None)]
    old = counted([(1, at(f"06-01 {time}"), value) for time, value in (("10:00", 110), ("11:00", 111), ("12:00", 112))])
    stock = counted([(1, at(f"06-01 {time}"), 112) for time in ("12:50", "13:50", "14:50")])
    new = counted([(1, at(f"06-01 {hour}:45"), hour - 12) for hour in (12, 13, 14, 15)], NEXT_METER)
    # What the old meter sent when it was off the wall does not count.
    both = pl.concat([old, stock, new])
    assert found(both, hours(at("06-01 10:00"), 5), parts) == {1: [1, 1, "exchange", 1, 1]}
    # One whose first register is higher does not look like a fall, and is no consumption either.
    higher = pl.concat([old, new.with_columns(pl.col("value") + 500 * KWH)])
    assert found(higher, hours(at("06-01 10:00"), 5), parts) == {1: [1, 1, "exchange", 1, 1]}
    day = pl.DataFrame({"period_start": [at("06-01 10:00")], "period_end": [at("06-01 15:00")]})
    assert found(higher, day, parts) == {1: ["exchange"]}


def test_a_fall_is_no_consumption_and_is_named() -> None:
    values = (99_998, 99_999.5, 0.5, 2)
    readings = counted([(1, at(f"06-01 1{number}:30"), value) for number, value in enumerate(values)])
    periods = hours(at("06-01 10:00"), 4)
    assert found(readings, periods) == {1: ["missing", "fall", "fall", "missing"]}
    # Also where the register rises beyond what it was: the difference would be a number, and a wrong one.
    risen = counted([(1, at(f"06-01 1{number}:00"), value) for number, value in enumerate((10, 12, 3, 40))])
    long = pl.DataFrame({"period_start": [at("06-01 10:00")], "period_end": [at("06-01 13:00")]})
    assert found(risen, long) == {1: ["fall"]}
    assert found(risen, hours(at("06-01 10:00"), 3)) == {1: [2, "fall", 37]}


def test_a_gap_is_missing_and_not_zero_yet_longer_periods_are_known() -> None:
    readings = counted([(1, at(f"06-01 {hour}:00"), float(hour)) for hour in (10, 11, 14, 15)])
    periods = hours(at("06-01 10:00"), 5)
    assert found(readings, periods) == {1: [1, "missing", "missing", "missing", 1]}
    assert found(readings, periods, gap=3 * HOUR) == {1: [1, 1, 1, 1, 1]}
    whole = pl.DataFrame({"period_start": [at("06-01 10:00")], "period_end": [at("06-01 15:00")]})
    assert found(readings, whole) == {1: [5]}
    outside = hours(at("06-01 08:00"), 1)
    assert found(readings, outside) == {1: ["missing"]}


def test_no_readings_are_no_tariffs() -> None:
    assert found(counted([]), hours(at("06-01 10:00"), 2)) == {}


def left(totals: Sequence[float | None], count: int = 10_000) -> list[tuple[float | None, str | None]]:
    """What two tariffs of 1 kWh and 2 kWh an hour leave of totals; the second one stops after two hours."""
    rows = [(1, at(f"06-01 1{hour}:00"), float(hour)) for hour in range(6)]
    rows += [(2, at(f"06-01 1{hour}:00"), 2.0 * hour) for hour in range(3)]
    periods = hours(at("06-01 10:00"), len(totals))
    each = by_tariff(counted(rows), spans(installed(*ALWAYS), EXCHANGES.empty()), periods, longest_gap=HOUR)
    values = pl.Series([None if total is None else round(total * KWH) for total in totals], dtype=pl.Int64)
    told = rest(each, periods.with_columns(total=values, count=pl.lit(count, pl.Int64)))
    rows_told = told.select("consumption", "reason").rows()
    return [(None if value is None else value / KWH, reason) for value, reason in rows_told]


def test_the_rest_is_what_goes_beyond_rounding() -> None:
    assert left([3.0, 3.5]) == [(0, None), (0.5, None)]
    # Three registers of 0.01 kWh may be 0.03 kWh apart, and no more.
    assert left([3.03, 3.04]) == [(0, None), (0.04, None)]
    assert left([2.97, 2.96]) == [(0, None), (None, "excess")]
    # The total counts whole kilowatt-hours.
    assert left([4.0, 5.0], count=KWH) == [(0, None), (2, None)]


def test_the_rest_is_unknown_where_a_tariff_or_the_total_is() -> None:
    assert left([3.0, None, 3.0]) == [(0, None), (None, None), (None, None)]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(0, 5000), st.integers(0, 5000)), min_size=2, max_size=30),
    st.integers(1, 40),
)
def test_tariffs_add_up_to_the_total_register(steps: list[tuple[int, int, int]], length: int) -> None:
    """Where the registers of the tariffs add up to the total one at each reading."""
    now, one, two, rows = at("06-01 00:00"), 0, 0, []
    for minutes, first, second in steps:
        now, one, two = now + timedelta(minutes=minutes), one + first, two + second
        rows += [(1, now, one / 100), (2, now, two / 100), (3, now, (one + two) / 100)]
    ends = [at("06-01 00:00") + number * timedelta(minutes=20 * length) for number in range(40)]
    periods = pl.DataFrame({"period_start": ends[:-1], "period_end": ends[1:]})
    each = by_tariff(counted(rows), spans(installed(*ALWAYS), EXCHANGES.empty()), periods, longest_gap=2 * HOUR)
    total = each.filter(tariff=3).select("period_start", "period_end", "count", total="consumption")
    told = rest(each.filter(pl.col("tariff") < 3), total.with_columns(pl.col("count").fill_null(0)))
    assert told["reason"].null_count() == told.height
    assert told["consumption"].fill_null(0).max() == 0
    assert told["consumption"].null_count() == total["total"].null_count()
    # On readings there is nothing to round: the sums agree to the last digit.
    whole = pl.DataFrame({"period_start": [rows[0][1]], "period_end": [rows[-1][1]]})
    amounts = by_tariff(counted(rows), spans(installed(*ALWAYS), EXCHANGES.empty()), whole, longest_gap=2 * HOUR)
    first, second, together = amounts["consumption"].to_list()
    assert first + second == together == round((rows[-1][2] - rows[2][2]) * KWH)
