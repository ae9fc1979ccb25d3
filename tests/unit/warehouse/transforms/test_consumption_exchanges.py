"""Consumption of a metering point across the exchange of its meter."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import (
    LONG_AGO,
    METER,
    NEXT_METER,
    at,
    column,
    exchanged,
    figures,
    hourly_at,
    installed,
    readings,
)
from warehouse.transforms.consumption import Figures, roll_up

DAY = date(2025, 6, 1)
NEXT_DAY = date(2025, 6, 2)


def swap(
    when: datetime, old_final: str | None, new_initial: str | None, *, last: date = DAY, recorded: bool = True
) -> Figures:
    """An old meter that rises by 0.1 an hour from 10, and a new one read on the hour, too, from 5."""
    old = readings([row for row in hourly_at(at("06-01 00:00"), 49) if row[0] < when])
    first = when.replace(minute=0) + timedelta(hours=1)
    new = readings(hourly_at(first, 40, start="5"), NEXT_METER)
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    record = exchanged(when, old_final, new_initial)
    return figures(
        pl.concat([old, new]),
        DAY,
        last,
        installations=points,
        exchanges=record if recorded else record.clear(),
    )


def test_exchange_inside_an_hour() -> None:
    result = swap(at("06-01 12:30"), "11.260", "4.970", last=NEXT_DAY)
    hours = result.hourly.filter(pl.col("day") == DAY)
    assert column(hours, "consumption")[11:14] == ["0.1", "0.09", "0.1"]
    assert column(hours, "method")[11:14] == ["EXACT", "EXCHANGE", "EXACT"]
    assert column(hours, "quality")[11:14] == ["M", "M", "M"]
    assert column(hours, "meter_id")[11:14] == [METER, NEXT_METER, NEXT_METER]
    assert column(result.daily, "consumption") == ["2.39", "2.4"]
    assert column(result.daily, "method") == ["EXCHANGE", "EXACT"]
    assert column(result.daily, "meter_id") == [NEXT_METER, NEXT_METER]
    row = result.events.row(0, named=True)
    assert (row["kind"], row["at"], row["meter_id"]) == ("EXCHANGE", at("06-01 12:30"), NEXT_METER)
    assert (row["before"], row["after"], row["correction"]) == (Decimal("11.26"), Decimal("4.97"), Decimal("6.29"))


def test_nothing_is_interpolated_across_an_exchange() -> None:
    old = readings([(at("06-01 10:30"), "11.000")])
    new = readings([(at("06-01 13:30"), "6.000")], NEXT_METER)
    points = installed((METER, LONG_AGO, at("06-01 11:30")), (NEXT_METER, at("06-01 11:30"), None))
    record = exchanged(at("06-01 11:30"), "11.100", "5.000")
    hours = figures(pl.concat([old, new]), DAY, installations=points, exchanges=record).hourly
    assert column(hours, "register_end") == ["11.05", "5.25", "5.75"]
    assert column(hours, "consumption") == [None, "0.3", "0.5"]


@pytest.mark.parametrize("when", [at("06-01 12:00"), at("06-02 00:00")])
def test_exchange_on_a_boundary(when: datetime) -> None:
    hours_before = int((when - at("06-01 00:00")) / timedelta(hours=1))
    final = 10 + hours_before * Decimal("0.1") - Decimal("0.02")
    result = swap(when, str(final), "4.900", last=NEXT_DAY)
    before, after = (
        result.hourly.filter(pl.col("period_end") == when),
        result.hourly.filter(pl.col("period_start") == when),
    )
    assert column(before, "consumption") == ["0.08"]
    assert column(before, "meter_id") == [METER]
    assert column(after, "consumption") == ["0.1"]
    assert column(after, "meter_id") == [NEXT_METER]
    assert column(after, "register_start") == ["4.9"]
    total = sum(result.daily["consumption"])
    assert total == sum(result.hourly["consumption"])
    # The event is among those of either day, so that rewriting one of them keeps it.
    assert result.events.height == 1
    days = {DAY, NEXT_DAY} if when == at("06-02 00:00") else {DAY}
    for day in days:
        assert swap_events(when, str(final), day).equals(result.events)


def swap_events(when: datetime, final: str, day: date) -> pl.DataFrame:
    old = readings([row for row in hourly_at(at("06-01 00:00"), 49) if row[0] < when])
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    return figures(old, day, installations=points, exchanges=exchanged(when, final, "4.900")).events


def test_exchange_without_the_last_register_of_the_old_meter() -> None:
    result = swap(at("06-01 12:30"), None, "4.970")
    hours = column(result.hourly, "consumption")
    assert hours[11:14] == ["0.1", "0.03", "0.1"]
    assert column(result.hourly, "quality")[11:14] == ["M", "E", "M"]
    assert column(result.daily, "quality") == ["E"]
    assert result.events["correction"].to_list() == [Decimal("6.23")]
    months, _ = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "quality") == ["N"]  # the month has only one day here


def test_the_old_meters_last_reading_holds_until_the_exchange() -> None:
    old = readings([(at("06-01 09:30"), "11.000"), (at("06-01 10:30"), "11.100")])
    new = readings([(at("06-01 13:00"), "6.000")], NEXT_METER)
    points = installed((METER, LONG_AGO, at("06-01 12:30")), (NEXT_METER, at("06-01 12:30"), None))
    record = exchanged(at("06-01 12:30"), None, "5.900")
    hours = figures(pl.concat([old, new]), DAY, installations=points, exchanges=record).hourly
    assert column(hours, "consumption")[1:4] == ["0.05", "0", "0.1"]
    assert column(hours, "quality")[1:4] == ["E", "E", "E"]
    assert column(hours, "method")[1:4] == ["HOLD", "HOLD", "EXCHANGE"]


def test_exchange_that_nobody_wrote_down() -> None:
    result = swap(at("06-01 12:30"), None, "0", recorded=False)
    assert column(result.hourly, "consumption")[11:14] == ["0.1", None, "0.1"]
    assert column(result.daily, "consumption") == [None]
    assert column(result.daily, "quality") == ["N"]
    assert result.events.select("kind", "correction").rows() == [("EXCHANGE", None)]


def test_a_point_without_a_meter_for_a_while() -> None:
    points = installed((METER, LONG_AGO, at("06-01 06:00")), (NEXT_METER, at("06-01 18:00"), None))
    rows = pl.concat(
        [readings(hourly_at(at("06-01 00:00"), 24)), readings(hourly_at(at("06-01 00:00"), 48, start="50"), NEXT_METER)]
    )
    hours = figures(rows, DAY, installations=points).hourly
    assert column(hours, "consumption") == ["0.1"] * 5 + [None] * 13 + ["0.1"] * 6
    assert column(hours, "meter_id") == [METER] * 18 + [NEXT_METER] * 6


def test_readings_of_another_point_do_not_count() -> None:
    elsewhere = pl.concat(
        [
            installed((METER, LONG_AGO, at("06-01 12:00"))),
            installed((METER, at("06-01 12:00"), None), point="P2"),
        ]
    )
    result = figures(readings(hourly_at(at("06-01 00:00"), 25)), DAY, installations=elsewhere)
    known = result.hourly.filter(pl.col("consumption").is_not_null())
    assert known.group_by("metering_point", maintain_order=True).len().rows() == [("P1", 11), ("P2", 12)]


def test_an_exchange_whose_registers_are_erased_is_like_one_that_nobody_wrote_down() -> None:
    when = at("06-01 12:30")
    blank = swap(when, None, None, last=NEXT_DAY)
    unknown = swap(when, None, "4.970", last=NEXT_DAY, recorded=False)
    assert blank.hourly.equals(unknown.hourly)
    assert blank.daily.equals(unknown.daily)


def test_two_exchanges_on_a_day() -> None:
    third = "KAM-00000009-1b-16"
    first, second = at("06-01 08:30"), at("06-01 16:30")
    rows = pl.concat(
        [
            readings(hourly_at(at("06-01 00:00"), 9)),
            readings(hourly_at(at("06-01 09:00"), 8, start="0.05"), NEXT_METER),
            readings(hourly_at(at("06-01 17:00"), 8, start="0.05"), third),
        ]
    )
    points = installed((METER, LONG_AGO, first), (NEXT_METER, first, second), (third, second, None))
    records = pl.concat(
        [exchanged(first, "10.850", "0.000"), exchanged(second, "0.800", "0.000", old=NEXT_METER, new=third)]
    )
    result = figures(rows, DAY, installations=points, exchanges=records)
    assert column(result.hourly, "consumption") == ["0.1"] * 24
    assert column(result.daily, "consumption") == ["2.4"]


def test_the_exchange_tells_the_instant_where_the_installations_are_vague() -> None:
    when = at("06-01 12:30")
    old = readings([*hourly_at(at("06-01 00:00"), 13), (at("06-01 12:20"), "11.230")])
    tried = readings([(at("06-01 12:10"), "0.003")], NEXT_METER)
    new = readings(hourly_at(at("06-01 13:00"), 12, start="5"), NEXT_METER)
    rows, record = pl.concat([old, tried, new]), exchanged(when, "11.260", "4.970")
    exactly = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    vaguely = installed((METER, LONG_AGO, at("06-01 12:00")), (NEXT_METER, at("06-01 12:00"), None))
    result = figures(rows, DAY, installations=vaguely, exchanges=record)
    assert result.hourly.equals(figures(rows, DAY, installations=exactly, exchanges=record).hourly)
    assert column(result.hourly, "consumption")[12] == "0.09"


def test_an_installation_ends_with_the_next_one() -> None:
    points = installed((METER, LONG_AGO, None), (NEXT_METER, at("06-01 12:30"), None))
    both = [readings(hourly_at(at("06-01 00:00"), 24), meter) for meter in (METER, NEXT_METER)]
    hours = figures(pl.concat(both), DAY, installations=points).hourly
    assert column(hours, "consumption") == ["0.1"] * 12 + [None] + ["0.1"] * 10


def test_a_meter_that_comes_back() -> None:
    first, second, third = at("06-01 06:30"), at("06-01 12:30"), at("06-01 18:30")
    points = installed(
        (METER, LONG_AGO, first), (NEXT_METER, first, second), (METER, second, third), (NEXT_METER, third, None)
    )
    records = pl.concat(
        [
            exchanged(first, "10.650", "0.000"),
            exchanged(second, "0.600", "20.000", old=NEXT_METER, new=METER),
            exchanged(third, "20.600", "30.000"),
        ]
    )
    rows = pl.concat(
        [
            readings(hourly_at(at("06-01 00:00"), 7)),
            readings(hourly_at(at("06-01 07:00"), 6, start="0.05"), NEXT_METER),
            readings(hourly_at(at("06-01 13:00"), 6, start="20.05")),
            readings(hourly_at(at("06-01 19:00"), 6, start="30.05"), NEXT_METER),
        ]
    )
    result = figures(rows, DAY, installations=points, exchanges=records)
    assert column(result.hourly, "consumption") == ["0.1"] * 24
    assert column(result.hourly, "meter_id") == [METER] * 6 + [NEXT_METER] * 6 + [METER] * 6 + [NEXT_METER] * 6
    assert result.events["at"].to_list() == [first, second, third]


def test_an_exchange_outside_the_installation_does_not_count() -> None:
    points = installed((METER, LONG_AGO, at("06-01 06:30")), (NEXT_METER, at("06-01 06:30"), at("06-01 12:30")))
    rows = pl.concat([readings(hourly_at(at("06-01 00:00"), 7)), readings(hourly_at(at("06-01 07:00"), 6), NEXT_METER)])
    record = exchanged(at("06-01 15:00"), "10.650", "9.950")
    result = figures(rows, DAY, installations=points, exchanges=record)
    assert column(result.hourly, "consumption")[5:8] == ["0.1", None, "0.1"]
    assert result.events.select("at", "correction").rows() == [(at("06-01 06:30"), None)]


def test_a_meter_nobody_ever_read_breaks_the_chain() -> None:
    third = "KAM-00000009-1b-16"
    points = installed(
        (METER, LONG_AGO, at("06-01 06:30")),
        (NEXT_METER, at("06-01 06:30"), at("06-01 12:30")),
        (third, at("06-01 12:30"), None),
    )
    rows = pl.concat(
        [readings(hourly_at(at("06-01 00:00"), 7)), readings(hourly_at(at("06-01 13:00"), 12, start="5"), third)]
    )
    record = exchanged(at("06-01 12:30"), None, "4.950", old=NEXT_METER, new=third)
    result = figures(rows, DAY, installations=points, exchanges=record)
    assert column(result.daily, "consumption") == [None]
    assert column(result.hourly, "quality")[5:14] == ["M"] + ["N"] * 7 + ["M"]
    assert result.events["correction"].to_list() == [None, None]


def test_a_reading_at_the_instant_of_an_exchange_yields_to_the_one_taken_there() -> None:
    when = at("06-01 12:00")
    old, new = hourly_at(at("06-01 00:00"), 12), hourly_at(when, 13, start="5.02")
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    result = figures(
        pl.concat([readings(old), readings(new, NEXT_METER)]),
        DAY,
        installations=points,
        exchanges=exchanged(when, "11.2", "5"),
    )
    assert column(result.hourly, "register_start")[12] == "5"
    assert column(result.daily, "consumption") == ["2.42"]


def test_an_exchange_of_one_register_says_nothing_about_another() -> None:
    when = at("06-01 12:30")
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    parts = []
    for register in ("volume_m3", "energy_kwh"):
        parts += [
            readings(hourly_at(at("06-01 00:00"), 13), register=register),
            readings(hourly_at(at("06-01 13:00"), 13, start="1"), NEXT_METER, register=register),
        ]
    rows = pl.concat(parts).group_by("meter_id", "measured_at").agg(pl.all().drop_nulls().first())
    result = figures(
        rows.select(parts[0].columns), DAY, installations=points, exchanges=exchanged(when, "11.25", "0.95")
    )
    totals = dict(result.daily.select("register", "consumption").rows())
    assert totals == {"energy_kwh": None, "volume_m3": Decimal("2.4")}
