from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import (
    HOURLY,
    LONG_AGO,
    METER,
    NEXT_METER,
    at,
    column,
    conforms,
    every,
    exchanged,
    figures,
    hourly_at,
    installed,
    readings,
)
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    EXCHANGES,
    REGISTER_EVENTS,
)
from warehouse.schemas.readings import LAYOUTS
from warehouse.transforms.consumption import Policy, consumption, roll_up

DAY = date(2025, 6, 1)
NEXT_DAY = date(2025, 6, 2)


# -- one meter -------------------------------------------------------------------------------------------------------


def test_hours_between_two_readings() -> None:
    result = figures(readings([(at("06-01 10:07"), "100.000"), (at("06-01 14:22"), "100.850")]), DAY)
    hours = result.hourly.filter(pl.col("period_start").dt.hour().is_between(10, 14))
    assert column(hours, "register_end")[0] == "100.177"
    assert column(hours, "consumption") == [None, "0.2", "0.2", "0.2"]
    assert column(hours, "register_end")[-1] == "100.777"
    assert column(hours, "quality") == ["N", "I", "I", "I"]
    assert column(hours, "method") == [None, "LIN", "LIN", "LIN"]
    assert result.hourly.height == hours.height, "before ten nothing is known, and the hour of the last reading goes on"


def test_what_flowed_while_a_register_stood_still_is_a_gap() -> None:
    flowing, stood = hourly_at(at("06-01 00:00"), 11), hourly_at(at("06-01 11:00"), 5, rise="0", start="11")
    again = hourly_at(at("06-01 16:00"), 9, start="11.1")
    broken = pl.col("measured_at").is_between(at("06-01 11:00"), at("06-01 15:00"))
    told = readings([*flowing, *stood, *again])

    def hours(flag: str) -> pl.DataFrame:
        flags = pl.when(broken).then(pl.lit(f"{flag},SENTINEL:flow_temp_c"))
        found = figures(told.with_columns(flags=flags), DAY).hourly
        return found.filter(pl.col("period_start").dt.hour().is_between(9, 16))

    others = hours("FROZEN:energy_kwh")
    assert column(others, "consumption") == ["0.1", "0", "0", "0", "0", "0", "0.1", "0.1"]
    assert column(others, "quality") == ["M"] * 8
    frozen = hours("FROZEN:volume_m3")
    assert column(frozen, "quality") == ["M", *["I"] * 6, "M"]
    assert sum(frozen["consumption"]) == sum(others["consumption"]), "the register stays the total"
    assert frozen["consumption"].min() > 0


def test_the_rest_of_the_hours_belongs_to_the_neighbouring_readings() -> None:
    rows = [
        (at("06-01 10:00"), "100"),
        (at("06-01 10:07"), "100"),
        (at("06-01 14:22"), "100.850"),
        (at("06-01 15:00"), "100.850"),
    ]
    hours = figures(readings(rows), DAY).hourly.filter(pl.col("period_start").dt.hour().is_between(10, 14))
    assert column(hours, "consumption") == ["0.177", "0.2", "0.2", "0.2", "0.073"]
    assert sum(hours["consumption"]) == Decimal("0.850")
    assert column(hours, "quality") == ["I", "I", "I", "I", "I"]


def test_quality_of_boundaries() -> None:
    rows = readings(
        [
            (at("06-01 00:00"), "1"),
            (at("06-01 01:00"), "2"),
            (at("06-01 01:30"), "3"),
            (at("06-01 02:45"), "4"),
            (at("06-01 04:16"), "5"),
            (at("06-01 05:00"), "6"),
        ]
    )
    result = figures(rows, DAY).hourly.head(6)
    assert column(result, "start_quality") == ["M", "M", "A", "I", "I"]
    assert column(result, "quality") == ["M", "A", "I", "I", "I"]
    assert column(result, "method") == ["EXACT", "LIN", "LIN", "LIN", "LIN"]


def test_a_bracket_of_one_and_a_half_intervals_is_aligned() -> None:
    for minutes, quality in [(0, "A"), (1, "I")]:
        rows = readings([(at("06-01 00:30"), "1"), (at("06-01 02:00") + timedelta(minutes=minutes), "2")])
        assert column(figures(rows, DAY).hourly, "end_quality")[0] == quality


def test_every_asked_day_has_its_row() -> None:
    result = figures(readings([(at("06-01 10:00"), "1")]), date(2025, 5, 31), NEXT_DAY)
    assert column(result.daily, "day") == [date(2025, 5, 31), DAY, NEXT_DAY]
    assert column(result.daily, "quality") == ["N", "N", "N"]
    assert column(result.daily, "share_interpolated") == [1, 1, 1]
    assert column(result.daily, "unit") == ["m3"] * 3


@pytest.mark.parametrize("minute", [0, 50])
def test_readings_that_come_in_order_add_hours_and_change_none(minute: int) -> None:
    rows = readings(hourly_at(at("06-01 00:00") + timedelta(minutes=minute), 30))
    before = figures(rows.filter(pl.col("measured_at") < at("06-01 19:30")), DAY, NEXT_DAY).hourly
    after = figures(rows, DAY, NEXT_DAY).hourly
    assert before.height < after.height
    assert after.head(before.height).equals(before)


def test_registers_that_no_reading_has_get_no_rows() -> None:
    volume = readings([(at("06-01 00:00"), "1")])
    energy = readings([(at("06-01 00:00"), "5")], NEXT_METER, register="energy_kwh", layout="kWh")
    points = pl.concat([installed((METER, LONG_AGO, None)), installed((NEXT_METER, LONG_AGO, None), point="P2")])
    result = figures(pl.concat([volume, energy]), DAY, installations=points)
    assert result.daily.select("metering_point", "register", "unit").rows() == [
        ("P1", "volume_m3", "m3"),
        ("P2", "energy_kwh", "kWh"),
    ]


def test_rows_fit_their_tables() -> None:
    rows = readings(hourly_at(at("05-31 22:10"), 60))
    swap = exchanged(at("06-01 12:30"), "11.450", "0.000")
    points = installed((METER, LONG_AGO, at("06-01 12:30")), (NEXT_METER, at("06-01 12:30"), None))
    result = figures(rows, DAY, NEXT_DAY, exchanges=swap, installations=points)
    conforms(CONSUMPTION_HOURLY, result.hourly)
    conforms(CONSUMPTION_DAILY, result.daily)
    conforms(REGISTER_EVENTS, result.events)
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    conforms(CONSUMPTION_MONTHLY, months)
    conforms(CONSUMPTION_YEARLY, years)


def test_no_readings_at_all() -> None:
    result = figures(readings([(at("06-01 10:00"), None)]), DAY)
    assert result.hourly.is_empty()
    conforms(CONSUMPTION_DAILY, result.daily)
    conforms(REGISTER_EVENTS, result.events)
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    conforms(CONSUMPTION_MONTHLY, months)
    conforms(CONSUMPTION_YEARLY, years)


def test_no_days_asked() -> None:
    points = installed((METER, LONG_AGO, None))
    days = points.select("metering_point", first_day=pl.lit(DAY), last_day=pl.lit(DAY)).clear()
    result = consumption(
        readings([(at("06-01 10:00"), "1")]),
        LAYOUTS.empty(),
        points,
        EXCHANGES.empty(),
        days=days,
        zone=ZoneInfo("UTC"),
        policy=HOURLY,
    )
    conforms(CONSUMPTION_HOURLY, result.hourly)


def test_each_point_gets_its_own_days() -> None:
    points = pl.concat([installed((METER, LONG_AGO, None)), installed((NEXT_METER, LONG_AGO, None), point="P2")])
    rows = pl.concat([readings(hourly_at(at("05-30 00:00"), 24 * 6), meter) for meter in (METER, NEXT_METER)])
    days = pl.DataFrame(
        {
            "metering_point": ["P1", "P2", "P2"],
            "first_day": [DAY, DAY, date(2025, 6, 3)],
            "last_day": [NEXT_DAY, DAY, date(2025, 6, 3)],
        }
    )
    result = consumption(
        rows,
        LAYOUTS.empty(),
        points,
        EXCHANGES.empty(),
        days=days,
        zone=ZoneInfo("UTC"),
        policy=HOURLY,
    )
    assert result.daily.select("metering_point", "day").rows() == [
        ("P1", DAY),
        ("P1", NEXT_DAY),
        ("P2", DAY),
        ("P2", date(2025, 6, 3)),
    ]
    assert column(result.daily, "consumption") == ["2.4"] * 4
    assert column(result.hourly, "consumption") == ["0.1"] * 96


def test_a_long_gap_tells_only_its_total() -> None:
    rows = readings([(at("05-01 00:00"), "10"), (at("06-10 00:00"), "50")])
    result = figures(rows, date(2025, 5, 1), date(2025, 6, 9))
    assert set(column(result.daily, "consumption")) == {None}
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "consumption") == [None, None]
    assert column(years, "quality") == ["N"]
    shorter = readings([(at("05-01 00:00"), "10"), (at("06-05 00:00"), "45")])
    assert column(figures(shorter, date(2025, 5, 1), date(2025, 6, 4)).daily, "consumption") == ["1"] * 35


def test_a_month_is_measured_though_days_inside_are_not() -> None:
    rows = readings([*hourly_at(at("04-30 22:00"), 30), *hourly_at(at("05-31 20:00"), 30, start="90")])
    result = figures(rows, date(2025, 5, 1), date(2025, 5, 31), policy=Policy(timedelta(hours=1), timedelta(days=3)))
    assert column(result.daily, "quality")[1:3] == ["N", "N"]
    months, _ = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "consumption") == ["80.2"]
    assert column(months, "quality") == ["M"]
    assert column(months, "method") == ["EXACT"]
    assert column(months, "share_interpolated")[0] == pytest.approx(1 - 31 / 744, abs=0.002)


def test_share_of_a_day() -> None:
    rows = readings([*hourly_at(at("06-01 00:00"), 13), *hourly_at(at("06-01 18:00"), 10, start="12")])
    day = figures(rows, DAY).daily
    assert column(day, "share_interpolated") == [0.25]
    assert column(day, "quality") == ["M"]


def test_rejected_and_missing_readings_do_not_count() -> None:
    good = hourly_at(at("06-01 00:00"), 3)
    rejected = readings([(at("06-01 00:30"), "10.09")], quality="R")
    result = figures(pl.concat([readings(good), rejected]), DAY)
    assert result.hourly.equals(figures(readings(good), DAY).hourly)
    edited = pl.concat([readings(good[:2]), readings(good[2:], quality="X")])
    assert column(figures(edited, DAY).hourly, "quality") == ["M", "X"]
    assert column(figures(edited, DAY).hourly, "method")[1] == "EXACT"


def test_order_of_the_readings_does_not_matter() -> None:
    rows = readings(hourly_at(at("05-31 22:17"), 60))
    result = figures(rows, DAY, NEXT_DAY)
    shuffled = figures(rows.sample(fraction=1, shuffle=True, seed=7), DAY, NEXT_DAY)
    assert shuffled.hourly.equals(result.hourly)
    assert shuffled.daily.equals(result.daily)


def test_more_readings_around_the_days_do_not_matter() -> None:
    rows = readings(hourly_at(at("05-28 22:17"), 240))
    near = rows.filter(pl.col("measured_at").is_between(at("05-31 22:00"), at("06-02 02:00")))
    assert figures(near, DAY).daily.equals(figures(rows, DAY).daily)


def test_days_with_a_clock_change() -> None:
    rows = readings(hourly_at(at("10-24 22:00"), 24 * 5))
    result = figures(rows, date(2025, 10, 25), date(2025, 10, 27), zone="Europe/Copenhagen")
    assert column(result.daily, "consumption") == ["2.4", "2.5", "2.4"]
    assert result.hourly.height == 73


# -- resolutions -----------------------------------------------------------------------------------------------------


def test_registers_are_rounded_to_their_own_resolution() -> None:
    rows = readings([(at("06-01 00:30"), "10.00"), (at("06-01 03:30"), "10.10")], layout="ten litres")
    assert column(figures(rows, DAY).hourly, "register_end") == ["10.02", "10.05", "10.08"]


def test_halves_are_rounded_up() -> None:
    rows = readings([(at("06-01 00:30"), "10"), (at("06-01 01:30"), "11")], register="energy_kwh", layout="kWh")
    assert column(figures(rows, DAY).hourly, "register_end")[0] == "11"


def test_a_gigajoule_register_is_reckoned_in_its_own_counts() -> None:
    def gigajoules(hundredths: int) -> Decimal:
        return (Decimal(hundredths) * 25 / 9).quantize(Decimal("0.000001"))

    rows = readings(
        [
            (at("06-01 00:00"), gigajoules(1000)),
            (at("06-01 00:40"), gigajoules(1001)),
            (at("06-01 02:40"), gigajoules(1011)),
            (at("06-01 04:00"), gigajoules(1014)),
        ],
        register="energy_kwh",
        layout="0.01 GJ",
    )
    hours = figures(rows, DAY).hourly.head(4)
    # A sixth and two thirds of ten counts, and a quarter of three, rounded.
    counts = [1000, 1003, 1008, 1012, 1014]
    expected = [gigajoules(after) - gigajoules(before) for before, after in pairwise(counts)]
    assert hours["consumption"].to_list() == expected
    assert column(hours, "unit") == ["kWh"] * 4


def test_readings_without_layout_have_three_decimals_or_more() -> None:
    rows = readings([(at("06-01 00:30"), "10"), (at("06-01 03:30"), "11")], layout=None)
    assert column(figures(rows, DAY).hourly, "register_end") == ["10.167", "10.5", "10.833"]
    finer = readings([(at("06-01 00:30"), "10.00001"), (at("06-01 03:30"), "11")], layout=None)
    assert column(figures(finer, DAY).hourly, "register_end")[:2] == ["10.16668", "10.50001"]


def test_the_finer_resolution_of_two_readings_counts() -> None:
    coarse = readings([(at("06-01 00:30"), "10.00"), (at("06-01 02:30"), "10.20")], layout="ten litres")
    fine = readings([(at("06-01 01:30"), "10.101")])
    hours = figures(pl.concat([coarse, fine]), DAY).hourly
    assert column(hours, "register_end") == ["10.051", "10.151"]


def test_rounding_never_passes_a_reading() -> None:
    imported = readings([(at("06-01 01:00"), "10.004")], layout=None)
    sent = readings([(at("06-01 03:30"), "10.01")], layout="ten litres")
    hours = figures(pl.concat([imported, sent]), DAY).hourly
    assert column(hours, "register_end") == ["10.004", "10.01"]


def test_large_registers_stay_exact() -> None:
    rows = readings([(at("06-01 00:00"), "0"), (at("06-03 00:00"), "99999999.999")])
    generous = Policy(timedelta(hours=1), largest_rates={"volume_m3": 1e9})
    result = figures(rows, DAY, NEXT_DAY, policy=generous)
    assert sum(result.hourly["consumption"]) == Decimal("99999999.999")
    assert sum(result.daily["consumption"]) == Decimal("99999999.999")


# -- months and years ------------------------------------------------------------------------------------------------


def test_months_and_years_cross_an_exchange() -> None:
    when = at("06-15 12:30")
    old = readings(every(timedelta(hours=6), at("01-01 00:00"), 700, "0.25", "99800"))
    first_old = at("01-01 00:00")
    new = readings(every(timedelta(hours=6), at("06-15 18:00"), 1000, "0.25", "0.2"), NEXT_METER)
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    final = Decimal(99800) + Decimal(str((when - first_old) / timedelta(hours=24)))
    record = exchanged(when, f"{final:.3f}", "0.000")
    result = figures(
        pl.concat([old, new]), date(2025, 1, 1), date(2025, 12, 31), installations=points, exchanges=record
    )
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert months.height == 12
    assert years.height == 1
    assert sum(months["consumption"]) == years["consumption"][0] == sum(result.daily["consumption"])
    assert column(months, "method")[4:7] == ["EXACT", "EXCHANGE", "EXACT"]
    assert column(years, "method") == ["EXCHANGE"]
    assert column(years, "quality") == ["M"]
    assert column(years, "unit") == ["m3"]


def test_a_month_with_a_reset_is_not_known() -> None:
    rows = readings([*hourly_at(at("05-31 20:00"), 400), *hourly_at(at("06-17 12:00"), 800, start="0")])
    result = figures(rows, date(2025, 6, 1), date(2025, 7, 10))
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "consumption") == [None, None]
    assert column(months, "start_quality") == ["M", "M"]
    assert column(years, "quality") == ["N"]


def test_a_month_with_a_roll_over() -> None:
    rising = every(timedelta(hours=1), at("05-31 20:00"), 760, "0.25", "99900")
    rows = readings([(time, value % 100_000) for time, value in rising])
    result = figures(rows, date(2025, 6, 1), date(2025, 6, 30))
    months, _ = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "consumption") == ["180"]
    assert column(months, "quality") == ["M"]
    assert result.events["kind"].to_list() == ["ROLLOVER"]


def test_an_event_at_the_end_of_a_month_belongs_to_it() -> None:
    when = at("07-01 00:00")
    old = readings(hourly_at(at("05-31 20:00"), 724))
    new = readings(hourly_at(at("07-01 01:00"), 760, start="5.1"), NEXT_METER)
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    record = exchanged(when, "82.4", "5")
    result = figures(pl.concat([old, new]), date(2025, 6, 1), date(2025, 7, 31), installations=points, exchanges=record)
    months, _ = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "consumption") == ["72", "74.4"]
    assert column(months, "meter_id") == [METER, NEXT_METER]


def test_a_month_with_an_estimated_exchange_is_estimated() -> None:
    when = at("06-15 12:30")
    old = readings(hourly_at(at("05-31 20:00"), 353))
    new = readings(hourly_at(at("06-15 13:00"), 400, start="5"), NEXT_METER)
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    result = figures(
        pl.concat([old, new]),
        date(2025, 6, 1),
        date(2025, 6, 30),
        installations=points,
        exchanges=exchanged(when, None, "4.95"),
    )
    months, _ = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "quality") == ["E"]
    assert sum(result.daily["consumption"]) == months["consumption"][0]


def test_a_running_month_has_its_row() -> None:
    rows = readings(hourly_at(at("05-31 20:00"), 100))
    result = figures(rows, date(2025, 6, 1), date(2025, 6, 4))
    months, years = roll_up(result.daily, result.events, zone=ZoneInfo("UTC"))
    assert column(months, "period_end") == [at("07-01 00:00")]
    assert column(months, "register_start") == ["10.4"]
    assert column(months, "quality") == ["N"]
    assert column(years, "period_start") == [at("01-01 00:00")]
    assert column(years, "end_quality") == ["N"]
