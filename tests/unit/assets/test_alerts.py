"""Alerts that let estimates count: a meter that fell silent, whose days are provisional until a register arrives."""

from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from assets.installation import Installation
from assets.steps.alerts import evaluate_alerts
from assets.steps.frozen import freeze
from tests.unit.assets.test_estimating import FIRST, HOUR, NOW, course, house, others, take
from tests.unit.warehouse.transforms.metering import METER, readings
from warehouse.schemas import ALERT_EVENTS, CONSUMPTION_ALERTS, FROZEN_PERIODS, READINGS, REGISTER

__all__ = ["house"]

_DAYS = dict(FROZEN_PERIODS.schema)

LAST = 14 * 24 + 5
"""Readings of the meter: at the last, at four in the morning, it shows 14 * 0.39 m3; it uses as much a day."""


def watch(house: Installation, *, limit: str, period: str = "total") -> None:
    """Watches from the last reading on: 1 with what was measured alone, 2 with estimates."""
    rows = [
        {
            "organisation": "default",
            "alert_no": number,
            "metering_point": "P1",
            "register": "volume_m3",
            "limit_value": Decimal(limit),
            "period": period,
            "include_estimates": number == 2,
            "starts_at": FIRST + 14 * 24 * HOUR,
            "resets": 0,
            "changed_at": FIRST,
            "known_from": FIRST,
        }
        for number in (1, 2)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"limit_value": REGISTER, "resets": pl.Int32})
    house.lake.append(CONSUMPTION_ALERTS, CONSUMPTION_ALERTS.conform(frame))


def told(house: Installation, now: datetime = NOW) -> list[tuple[object, ...]]:
    evaluate_alerts(house, now)
    events = house.lake.scan(ALERT_EVENTS).sort("alert_no", "window_start").collect()
    return events.select("alert_no", "state", "at", "used").rows()


def test_estimated_days_cross_a_limit_where_they_are_asked_for_and_a_lower_register_takes_it_back(
    house: Installation,
) -> None:
    watch(house, limit="1")
    take(house, course(range(LAST)), others(LAST))
    assert told(house) == []
    later = others(19 * 24).filter(pl.col("measured_at") > FIRST + LAST * HOUR)
    take(house, later)
    crossed = (2, "triggered", FIRST + 17 * 24 * HOUR, Decimal("1.105"))
    assert told(house) == [crossed], "20 hours and two days of 0.39 m3 a day, to the millionth"
    take(house, readings([(FIRST + 20 * 24 * HOUR, Decimal("5.5"))], METER, layout=None).with_columns(
        organisation=pl.lit("default")
    ))  # fmt: skip
    assert told(house, NOW + HOUR) == [(2, "retracted", *crossed[2:])]


def test_the_windows_of_estimated_days_begin_at_midnight(house: Installation) -> None:
    watch(house, limit="0.3", period="day")
    take(house, course(range(LAST)), others(19 * 24))
    days = [FIRST + timedelta(days=number) for number in (15, 16, 17, 18)]
    used = [Decimal("0.325"), *[Decimal("0.39")] * 3]
    assert told(house) == [(2, "triggered", at, one) for at, one in zip(days, used, strict=True)]


def test_what_was_told_of_thinned_days_stands(house: Installation) -> None:
    watch(house, limit="0.2")
    take(house, course(range(17 * 24)), others(17 * 24))
    before = told(house)
    assert [(number, state) for number, state, *_ in before] == [(1, "triggered"), (2, "triggered")]
    days = {"metering_point": "P1", "meter_id": None, "first_day": FIRST.date(), "last_day": before[0][2].date()}
    freeze(house, pl.DataFrame([{**days, "figures_last_day": None}], schema_overrides=_DAYS), NOW)
    thinned = house.lake.scan(READINGS).filter(
        pl.col("meter_id") == METER, pl.col("measured_at") < FIRST + 16 * 24 * HOUR, pl.col("measured_at") != FIRST
    )
    house.lake.merge(READINGS, READINGS.empty(), stale=thinned.select(READINGS.key).collect())
    take(house, course(range(17 * 24, 17 * 24 + 2)))
    assert told(house, NOW + HOUR) == before
