from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.transforms.calendar import HOUR, hours, local_day, local_days, local_months, local_years, month

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
ZONES = [
    "Europe/Copenhagen",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/Nuuk",
]


def lengths(periods: pl.DataFrame) -> list[float]:
    return [(end - start) / HOUR for start, end in periods.select("start", "end").iter_rows()]


def one_day(day: date, zone: str) -> tuple[datetime, datetime]:
    return local_days(day, day, ZoneInfo(zone)).select("start", "end").row(0)


def test_days_of_23_and_25_hours() -> None:
    assert one_day(date(2025, 3, 30), "Europe/Copenhagen") == (
        datetime(2025, 3, 29, 23, tzinfo=UTC),
        datetime(2025, 3, 30, 22, tzinfo=UTC),
    )
    assert one_day(date(2025, 10, 26), "Europe/Copenhagen") == (
        datetime(2025, 10, 25, 22, tzinfo=UTC),
        datetime(2025, 10, 26, 23, tzinfo=UTC),
    )


def test_months_and_years() -> None:
    months = local_months(date(2025, 3, 31), date(2025, 10, 1), COPENHAGEN)
    assert months["day"].to_list() == [date(2025, month, 1) for month in range(3, 11)]
    assert lengths(months)[0] == 743
    assert lengths(months)[-1] == 745
    years = local_years(date(2023, 12, 31), date(2025, 1, 1), COPENHAGEN)
    assert years["day"].to_list() == [date(2023, 1, 1), date(2024, 1, 1), date(2025, 1, 1)]
    assert lengths(years) == [8760, 8784, 8760]


def test_december_has_its_end() -> None:
    months = local_months(date(2025, 12, 5), date(2025, 12, 31), COPENHAGEN)
    assert months.rows() == [
        (date(2025, 12, 1), datetime(2025, 11, 30, 23, tzinfo=UTC), datetime(2025, 12, 31, 23, tzinfo=UTC))
    ]


def test_no_days() -> None:
    assert local_days(date(2025, 1, 2), date(2025, 1, 1), COPENHAGEN).is_empty()
    assert hours(local_days(date(2025, 1, 2), date(2025, 1, 1), COPENHAGEN)).is_empty()


@pytest.mark.parametrize(
    ("zone", "day", "start", "length"),
    [
        # Midnight was left out: clocks went from 24:00 to 01:00.
        ("America/Sao_Paulo", date(2018, 11, 4), datetime(2018, 11, 4, 3, tzinfo=UTC), 23),
        ("Asia/Beirut", date(2022, 3, 27), datetime(2022, 3, 26, 22, tzinfo=UTC), 23),
        # The last hour before midnight came twice.
        ("America/Sao_Paulo", date(2019, 2, 16), datetime(2019, 2, 16, 2, tzinfo=UTC), 25),
        ("Asia/Beirut", date(2022, 10, 29), datetime(2022, 10, 28, 21, tzinfo=UTC), 25),
        # Clocks went back from 00:01 to 23:01: the new day had begun and its midnight came twice.
        ("America/St_Johns", date(2010, 11, 7), datetime(2010, 11, 7, 2, 30, tzinfo=UTC), 25),
        # Clocks went from 23:30 to 00:30, so the day began half an hour past its midnight.
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC), 23.5),
        ("Australia/Lord_Howe", date(2025, 4, 6), datetime(2025, 4, 5, 13, tzinfo=UTC), 24.5),
        ("Australia/Lord_Howe", date(2025, 10, 5), datetime(2025, 10, 4, 13, 30, tzinfo=UTC), 23.5),
        ("Asia/Kolkata", date(2025, 6, 1), datetime(2025, 5, 31, 18, 30, tzinfo=UTC), 24),
    ],
)
def test_unusual_days(zone: str, day: date, start: datetime, length: float) -> None:
    first, end = one_day(day, zone)
    assert first == start
    assert (end - first) / HOUR == length


def test_a_date_the_zone_skipped_has_no_day() -> None:
    days = local_days(date(2011, 12, 29), date(2011, 12, 31), ZoneInfo("Pacific/Apia"))
    assert days["day"].to_list() == [date(2011, 12, 29), date(2011, 12, 31)]
    assert lengths(days) == [24, 24]


def test_hours_are_steps_in_utc() -> None:
    cut = hours(local_days(date(2025, 10, 26), date(2025, 10, 27), COPENHAGEN))
    assert cut.group_by("day", maintain_order=True).len()["len"].to_list() == [25, 24]
    assert lengths(cut) == [1] * 49
    assert cut["start"].to_list()[1:] == cut["end"].to_list()[:-1]


def test_the_last_hour_may_be_half_an_hour() -> None:
    cut = hours(local_days(date(2025, 4, 6), date(2025, 4, 6), ZoneInfo("Australia/Lord_Howe")))
    assert lengths(cut) == [1] * 24 + [0.5]


@pytest.mark.parametrize("zone", ZONES)
def test_days_cover_the_time_without_gap_or_overlap(zone: str) -> None:
    days = local_days(date(2009, 1, 1), date(2026, 12, 31), ZoneInfo(zone))
    assert days["start"].to_list()[1:] == days["end"].to_list()[:-1]
    assert set(lengths(days)) <= {23.0, 23.5, 24.0, 24.5, 25.0}


@given(
    zone=st.sampled_from(ZONES),
    instant=st.datetimes(datetime(2009, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001 - made UTC below
    near=st.sampled_from([0, 1, -1]),
)
def test_an_instant_lies_in_its_local_day(zone: str, instant: datetime, near: int) -> None:
    at = instant.replace(tzinfo=UTC)
    day = pl.select(local_day(pl.lit(at), ZoneInfo(zone))).item()
    start, end = one_day(day, zone)
    assert start <= at < end
    edge = start + near * timedelta(microseconds=1)
    there = pl.select(local_day(pl.lit(edge), ZoneInfo(zone))).item()
    assert (there == day) == (near >= 0)


def test_the_hour_that_shows_yesterdays_date_again_belongs_to_the_new_day() -> None:
    zone = ZoneInfo("America/St_Johns")
    again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert again.astimezone(zone).date() == date(2010, 11, 6)
    assert pl.select(local_day(pl.lit(again), zone)).item() == date(2010, 11, 7)
    assert pl.select(local_day(pl.lit(None, pl.Datetime("us", "UTC")), zone)).item() is None


def test_months_are_named_as_they_are_written() -> None:
    days = pl.Series([None, date(1, 1, 1), date(1969, 12, 31), date(2026, 1, 1), date(9999, 12, 31)])
    for times in (days, days.cast(pl.Datetime("us", "UTC"))):
        named = times.to_frame("at").select(month(pl.col("at"))).to_series().to_list()
        assert named == [None, "0001-01", "1969-12", "2026-01", "9999-12"]
