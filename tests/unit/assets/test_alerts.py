"""Alerts that let estimates count: a meter that fell silent, whose days are provisional until a register arrives."""

import shutil
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.installation import Installation
from assets.steps.alerts import evaluate_alerts
from assets.steps.frozen import freeze
from assets.steps.touched import done, newest_batch, touch
from tests.unit.assets.test_estimating import FIRST, HOUR, NOW, course, house, others, take
from tests.unit.gateway.doors import make_house
from tests.unit.warehouse.transforms.metering import METER, readings
from warehouse.lake import Lake
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    CONSUMPTION_ALERTS,
    FROZEN_PERIODS,
    INSTALLATIONS,
    READINGS,
    REGISTER,
    Table,
)

__all__ = ["house"]

_DAYS = dict(FROZEN_PERIODS.schema)

LAST = 14 * 24 + 5
"""Readings of the meter: at the last, at four in the morning, it shows 14 * 0.39 m3; it uses as much a day."""


def watch(house: Installation, *, limit: str, period: str = "total", since: datetime = FIRST + 14 * 24 * HOUR) -> None:
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
            "starts_at": since,
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


def counted(house: Installation, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of readings that scans hand on, once partitions and row groups were left out."""
    found: list[int] = []
    scan = Lake.scan

    def counting(lake: Lake, table: Table, *args: Any, **options: Any) -> pl.LazyFrame:
        rows = scan(lake, table, *args, **options)
        if table is not READINGS:
            return rows

        def count(part: pl.DataFrame) -> pl.DataFrame:
            found.append(part.height)
            return part

        return rows.map_batches(count, predicate_pushdown=True, projection_pushdown=True)

    monkeypatch.setattr(Lake, "scan", counting)
    return found


def only_measured(house: Installation) -> None:
    rows = house.lake.scan(CONSUMPTION_ALERTS).filter(~pl.col("include_estimates")).collect()
    house.lake.overwrite(CONSUMPTION_ALERTS, rows)


@pytest.mark.parametrize("days", [70, 130])
def test_a_day_costs_the_same_whatever_lies_before_it(
    house: Installation, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(house, limit="0.3", period="day", since=FIRST)
    only_measured(house)
    bring(house, course(range(0, days * 24, 6)))
    assert len(told(house)) == days - 1, "0.39 m3 a day"
    bring(house, course(range(days * 24, (days + 1) * 24, 6)))
    for part in house.lake.scan(READINGS).select("month").unique().collect()["month"]:
        if part < f"{FIRST + (days - 31 - 2) * 24 * HOUR:%Y-%m}":
            shutil.rmtree(house.settings.lake_path / READINGS.name / f"month={part}")
    rows = counted(house, monkeypatch)
    assert len(told(house)) == days
    assert sum(rows) <= (31 + 2 + 31) * 4


def bring(house: Installation, part: pl.DataFrame) -> None:
    """Takes readings in; nothing is wrong with them, so that figures say nothing about registers."""
    house.lake.append(READINGS, part)
    touch(house, part.select("meter_id", "measured_at"), "readings")
    done(house, "figures", newest_batch(house), NOW)


def test_alerts_tell_day_by_day_what_they_tell_at_once(house: Installation, tmp_path: Path) -> None:
    """Late days and a long silence are among the days, and each period there is."""
    parts = [range(0, 20 * 24, 3), range(75 * 24, 76 * 24), range(24 * 24, 25 * 24), range(76 * 24, 90 * 24, 5)]
    news = [*map(course, [*parts, range(21 * 24, 22 * 24), range(90 * 24, 91 * 24), range(79 * 24 + 2, 80 * 24, 5)])]
    other = make_house(tmp_path / "other")
    other.lake.overwrite(INSTALLATIONS, house.lake.scan(INSTALLATIONS).collect())
    for one in (house, other):
        watch(one, limit="0.3", period="day", since=FIRST + 30 * HOUR)
        rows = one.lake.scan(CONSUMPTION_ALERTS).head(1).collect().with_columns(include_estimates=pl.lit(value=False))
        limits = {"total": "20", "day": "0.3", "month": "9"}
        alerts = [
            rows.with_columns(alert_no=number, period=pl.lit(period), limit_value=pl.lit(Decimal(limit), REGISTER))
            for number, (period, limit) in enumerate(limits.items())
        ]
        one.lake.overwrite(CONSUMPTION_ALERTS, CONSUMPTION_ALERTS.conform(pl.concat(alerts)))
    for part in news:
        bring(house, part)
        told(house)
    bring(other, pl.concat(news))
    at_once = told(other)
    assert {number for number, *_ in at_once} == {0, 1, 2}
    assert [row for row in told(house) if row[1] == "triggered"] == at_once
    usage, expected = (one.lake.scan(ALERT_USAGE).drop("known_from").collect() for one in (house, other))
    assert usage.equals(expected)


def test_a_silent_meter_whose_news_do_not_count_keeps_what_it_used(house: Installation) -> None:
    watch(house, limit="100", period="day", since=FIRST)
    only_measured(house)
    bring(house, course(range(10 * 24)))
    told(house)
    before = house.lake.scan(ALERT_USAGE).collect()
    bring(house, course([80 * 24]).with_columns(quality=pl.lit("R")))
    told(house)
    assert house.lake.scan(ALERT_USAGE).collect().equals(before)
