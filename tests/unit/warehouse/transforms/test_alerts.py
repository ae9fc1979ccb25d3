"""Consumption alerts (ALGORITHMS §11)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.schemas import INSTANT, REGISTER, REGISTER_EVENTS
from warehouse.transforms.alerts import Evaluated, continued, evaluate

ZONE = ZoneInfo("Europe/Copenhagen")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2025, 6, 1, 22, tzinfo=UTC)  # midnight
COURSE = {"organisation": "o", "metering_point": "p", "register": "volume_m3"}


def course(
    *readings: tuple[datetime, float, str], events: pl.DataFrame | None = None, disputed: float | None = None
) -> pl.DataFrame:
    rows = pl.DataFrame(
        [{**COURSE, "at": at, "value": Decimal(str(value)), "meter_id": meter} for at, value, meter in readings],
        schema={
            **dict.fromkeys(COURSE, pl.String), "at": INSTANT, "value": REGISTER, "meter_id": pl.String
        },
    )  # fmt: skip
    rows = rows.with_columns(disputed=pl.col("value").cast(pl.Float64).eq_missing(pl.lit(disputed, pl.Float64)))
    return continued(rows, REGISTER_EVENTS.empty() if events is None else events)


def event(at: datetime, kind: str, correction: float | None, meter: str = "m") -> pl.DataFrame:
    cells = {**COURSE, "meter_id": meter, "at": at, "kind": kind, "known_from": START}
    value = None if correction is None else Decimal(str(correction))
    rows = [cells | {"before": None, "after": None, "correction": value}]
    return pl.DataFrame(rows, schema=dict(REGISTER_EVENTS.schema))


def hourly(values: list[float], start: datetime = START) -> list[tuple[datetime, float, str]]:
    return [(start + i * HOUR, value, "m") for i, value in enumerate(values)]


def found(courses: pl.DataFrame, limit: float = 1.0, base: datetime = START, **alert: Any) -> Evaluated:
    row = {"organisation": "o", "alert_no": 1, "metering_point": "p", "register": "volume_m3", "period": "total"}
    row |= {"limit_value": Decimal(str(limit)), "base": base, "ends_at": None} | alert
    schema = {"limit_value": REGISTER, "base": INSTANT, "ends_at": INSTANT}
    return evaluate(pl.DataFrame([row], schema_overrides=schema), courses, ZONE)


def crossing(courses: pl.DataFrame, limit: float = 1.0, base: datetime = START, **alert: Any) -> dict[str, Any] | None:
    rows = found(courses, limit, base, **alert).crossings.rows(named=True)
    assert len(rows) <= 1
    return rows[0] if rows else None


def test_a_questioned_step_counts_nothing_and_what_follows_does() -> None:
    row = crossing(course(*hourly([10, 10.4, 30, 30.7]), disputed=30))
    assert row is not None
    assert (row["at"], row["used"]) == (START + 3 * HOUR, Decimal("1.1"))
    assert crossing(course(*hourly([10, 10.4, 30]), disputed=30)) is None


def test_the_first_reading_beyond_the_limit_triggers_and_the_time_between_is_reckoned() -> None:
    row = crossing(course(*hourly([10, 10.4, 10.8, 11.6, 12])))
    assert row is not None
    assert (row["at"], row["used"]) == (START + 3 * HOUR, Decimal("1.6"))
    assert row["crossed_at"] == START + 2.25 * HOUR


def test_the_limit_itself_is_not_beyond_it() -> None:
    assert crossing(course(*hourly([10, 11]))) is None
    assert crossing(course(*hourly([10, 11, 11.000001]))) is not None


def test_consumption_counts_from_the_start_or_the_reset_between_two_readings() -> None:
    readings = course(*hourly([10, 12, 12.5, 12.9, 13.1]))
    row = crossing(readings, base=START + HOUR / 2)
    assert row is not None
    assert (row["at"], row["used"]) == (START + 2 * HOUR, Decimal("1.5")), "half of the first hour counts"
    assert row["crossed_at"] == START + HOUR
    reset = crossing(readings, base=START + HOUR)
    assert reset is not None
    assert (reset["at"], reset["used"]) == (START + 4 * HOUR, Decimal("1.1"))
    assert crossing(readings, base=START + 2 * HOUR) is None


def test_without_a_reading_before_the_start_the_first_one_after_it_counts() -> None:
    readings = course(*hourly([10, 10.9, 11.5], START + DAY))
    row = crossing(readings)
    assert row is not None
    assert row["used"] == Decimal("1.5")


def test_readings_at_the_end_and_later_do_not_count() -> None:
    readings = course(*hourly([10, 10.5, 11.5]))
    assert crossing(readings, ends_at=START + 2 * HOUR) is None
    assert crossing(readings, ends_at=START + 2 * HOUR + timedelta(microseconds=1)) is not None
    usage = found(readings, ends_at=START + 2 * HOUR).usage.row(0, named=True)
    assert (usage["used"], usage["at"]) == (Decimal("0.5"), START + HOUR)


def test_an_exchange_inside_goes_on_with_the_registers_of_both_meters() -> None:
    exchanged = event(START + 1.5 * HOUR, "EXCHANGE", 10.7 - 0.1, "n")
    readings = course(
        (START, 10.0, "m"), (START + HOUR, 10.6, "m"), (START + 2 * HOUR, 0.3, "n"), (START + 3 * HOUR, 0.5, "n"),
        events=exchanged,
    )  # fmt: skip
    row = crossing(readings)
    assert row is not None
    assert (row["meter_id"], row["used"]) == ("n", Decimal("1.1")), "0.7 of the old one and 0.4 of the new one"
    assert found(readings, limit=0.9).crossings["used"].to_list() == [Decimal("1.1")], (
        "0.9 at the reading before is not beyond"
    )


def test_a_roll_over_goes_on_and_an_unknown_break_counts_for_nothing() -> None:
    values = hourly([99_999.8, 99_999.9, 0.3, 1.0])
    rolled = course(*values, events=event(START + 2 * HOUR, "ROLLOVER", 100_000))
    assert found(rolled, limit=5).usage["used"].to_list() == [Decimal("1.2")]
    unknown = course(*values, events=event(START + 2 * HOUR, "RESET", None))
    assert found(unknown, limit=5).usage["used"].to_list() == [Decimal("0.8")]


def test_a_rejected_reading_does_not_trigger() -> None:
    values = hourly([10, 10.2, 500, 10.4])
    assert crossing(course(*values, events=event(START + 2 * HOUR, "SPIKE_UP", 0))) is None


@pytest.mark.parametrize(
    ("start", "hours"),
    [(START, 24), (datetime(2025, 3, 29, 23, tzinfo=UTC), 23), (datetime(2025, 10, 25, 22, tzinfo=UTC), 25)],
)
def test_a_limit_per_day_begins_anew_at_each_local_midnight(start: datetime, hours: int) -> None:
    # 0.05 m3 an hour is 1.15 to 1.25 m3 a day.
    values = [round(10 + 0.05 * i, 2) for i in range(hours + 12)]
    rows = found(course(*hourly(values, start)), base=start - DAY, period="day").crossings
    assert rows["window_start"].to_list() == [start]
    assert rows["at"].to_list() == [start + 21 * HOUR]
    usage = found(course(*hourly(values, start)), base=start - DAY, period="day").usage
    assert usage["window_start"].to_list() == [start + hours * HOUR]


def test_a_limit_per_month_begins_anew_each_local_month() -> None:
    daily = [(datetime(2025, 5, 20, 22, tzinfo=UTC) + i * DAY, 10 + 0.1 * i, "m") for i in range(20)]
    rows = found(course(*[(at, round(value, 1), m) for at, value, m in daily]), base=daily[0][0], period="month")
    assert rows.crossings["window_start"].to_list() == [daily[0][0]]
    assert rows.usage["window_start"].to_list() == [datetime(2025, 5, 31, 22, tzinfo=UTC)]


def test_order_of_readings_does_not_matter_and_nothing_gives_nothing() -> None:
    values = hourly([10, 10.4, 10.8, 11.6, 12])
    assert course(*values[::-1]).equals(course(*values))
    assert crossing(course()) is None
