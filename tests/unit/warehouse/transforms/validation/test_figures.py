"""Rules over figures: each passes and fails."""

import calendar
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tests.unit.warehouse.transforms.validation.rows import (
    ELIMINATED,
    HOUR,
    METER,
    START,
    changed,
    days,
    hours,
    shipped,
)
from warehouse.transforms.enthalpy import heat_coefficient
from warehouse.transforms.validation import statistics
from warehouse.transforms.validation.heat import judge_energy
from warehouse.transforms.validation.rules import Rules, Scope, Setting
from warehouse.transforms.validation.statistics import judge_hours, judge_months, judge_sums


def judge_days(rows: pl.DataFrame, rules: Rules | None = None) -> pl.DataFrame:
    return statistics.judge_days(rows, rules or shipped(), date(2025, 5, 1), date(2025, 12, 31))


def rules_of(found: pl.DataFrame) -> list[str]:
    return found["rule"].unique().sort().to_list()


@pytest.mark.parametrize(
    ("uses", "found"),
    [
        ([0.1, 0.2, 0.11, 0.1], []),
        ([0.1, 0.4, 0.11, 0.12], ["V07"]),  # 264 % above the third-highest
        ([0.0, 0.4, 0.0, 0.12], []),  # the third-highest is zero
        ([0.001, 0.019, 0.002, 0.002], []),  # below 20 counts (§2.7)
        ([0.1, None, 0.4], []),
    ],
)
def test_v07_an_hour_above_the_rest_of_its_day(uses: list[float], found: list[str]) -> None:
    assert rules_of(judge_hours(hours(uses), shipped())) == found


def test_v07_noise_of_coarse_counts_is_no_spike() -> None:
    assert judge_hours(hours([0, 1, 0, 3, 1, 0, 1], count=1.0, register="energy_kwh"), shipped()).is_empty()


@pytest.mark.parametrize(
    ("uses", "found"),
    [([0.05] * 6, ["V18"]), ([0.05] * 5 + [0.06], []), ([0.0] * 8, []), ([0.001] * 8, []), ([None] * 8, [])],
)
def test_v18_the_same_use_hour_after_hour(uses: list[float], found: list[str]) -> None:
    assert rules_of(judge_hours(hours(uses), shipped())) == found


@pytest.mark.parametrize(("total", "found"), [(10.049, []), (10.06, ["V08"]), (None, [])])
def test_v08_intervals_sum_to_the_register(total: float | None, found: list[str]) -> None:
    rows = days([10.0]).with_columns(total=pl.lit(total, pl.Float64))
    assert rules_of(judge_sums(rows, shipped())) == found
    tiny = days([0.001]).with_columns(total=pl.lit(0.003))
    assert judge_sums(tiny, shipped()).is_empty()  # two counts


def courses(odd: dict[int, float], by_hour: float = 1, count: float = 0.001) -> list[int]:
    """Hours after the beginning found in four weeks with two odd hours at their end."""
    nights = [0.02 + 0.001 * (n % 4) for n in range(7)] + [0.2 + 0.01 * (n % 5) for n in range(17)]
    uses = [use + 0.001 * (day % 3) for day in range(29) for use in nights]
    uses = [odd.get(n, use) for n, use in enumerate(uses)]
    rows = hours(uses, count=count).with_columns(day=pl.col("at").dt.date(), hour=pl.col("at").dt.hour())
    rows = rows.with_columns(
        day_class=pl.when(pl.col("day").dt.weekday() < 5).then(0).otherwise(pl.col("day").dt.weekday())
    )
    rules = changed("V23", Setting(parameters={"by_hour": by_hour}))
    found, judged = statistics.judge_courses(rows, rules, date(2025, 6, 30), date(2025, 6, 30))
    assert judged.height == (by_hour == 1)
    return [(at - START) // HOUR for at in found["at"]]


def test_v23_hours_are_held_against_the_same_hours_of_such_days() -> None:
    night = 28 * 24 + 3
    assert courses({}) == []
    assert courses({night: 0.2}) == [night], "usual at noon, far off at night"
    assert courses({night: 0.1, night + 1: 0.2}) == [night + 1], "of a day the hour that is furthest off"
    assert courses({night: 0.2}, by_hour=0) == []
    assert courses({night: 0.2}, count=0.02) == [], "ten counts are noise"


def test_v23_days_whose_hours_are_judged_are_not_judged_as_a_whole() -> None:
    rows = days([0.1, 0.12, 0.11, 0.13, 0.2, 0.3, 0.3] * 4 + [0.5])
    assert rules_of(judge_days(rows)) == ["V23"]
    by_hour = rows.select("metering_point", "register", "day").tail(1)
    whole = statistics.judge_days(rows, shipped(), date(2025, 5, 1), date(2025, 12, 31), by_hour)
    assert rules_of(whole) == []


@pytest.mark.parametrize(("zeros", "found"), [(29, []), (30, ["V10"]), (45, ["V10"])])
def test_v10_nothing_used_for_long_is_told_once(zeros: int, found: list[str]) -> None:
    rows = days([0.1] * 2 + [0.0] * zeros, count=1.0)
    result = judge_days(rows).filter(pl.col("rule") == "V10")
    assert rules_of(result) == found
    if found:
        assert result["at"].to_list() == [rows["at"][31]]


def test_v10_missing_is_not_zero_and_a_new_meter_was_never_used() -> None:
    assert judge_days(days([0.0] * 15 + [None] + [0.0] * 20, count=1.0)).is_empty()
    fresh = days([0.0] * 40).with_columns(register_start=pl.lit(0.0))
    assert judge_days(fresh).is_empty()


def test_v10_nothing_is_used_where_nobody_lives() -> None:
    rows = days([0.0] * 70)
    vacant = rows.with_columns(is_vacant=pl.col("day") >= date(2025, 5, 20))
    assert "V10" in rules_of(judge_days(rows))
    assert "V10" not in rules_of(judge_days(vacant))
    back = rows.with_columns(is_vacant=pl.col("day") <= date(2025, 6, 1))
    (at,) = judge_days(back).filter(pl.col("rule") == "V10")["at"]
    assert at.date() == date(2025, 7, 1), "thirty days since somebody lives there"


@pytest.mark.parametrize(("use", "zeros", "found"), [(0.1, 2, []), (0.1, 3, ["V11"]), (0.005, 3, [])])
def test_v11_a_register_that_should_have_counted(use: float, zeros: int, found: list[str]) -> None:
    result = judge_days(days([use] * 10 + [0.0] * zeros))
    assert rules_of(result.filter(pl.col("rule") == "V11")) == found


@pytest.mark.parametrize(("rule", "history", "found"), [("V11", 28, True), ("V11", 8, False), ("V23", 8, True)])
def test_v11_has_a_history_of_its_own(rule: str, history: int, found: bool) -> None:
    rules = changed(rule, Setting(parameters={"history_d": history}), Scope(medium="water"))
    rows = days([0.1] * 10 + [0.001] * 8 + [0.0] * 3)  # 0.045 a day in three weeks, 0.001 in one
    assert ("V11" in rules_of(judge_days(rows, rules))) is found


def test_v23_looks_back_as_far_as_its_history() -> None:
    rows = days([0.10, 0.12, 0.11, 0.13, 0.2, 0.3, 0.3] * 4 + [0.5])
    assert rules_of(judge_days(rows)) == ["V23"]
    short = changed("V23", Setting(parameters={"history_d": 4}), Scope(medium="water"))
    assert judge_days(rows, short).is_empty()  # Friday to Sunday, and one like day


def test_v23_a_day_far_from_its_like() -> None:
    usual = [0.10, 0.12, 0.11, 0.13, 0.2, 0.3, 0.3] * 4
    assert judge_days(days([*usual, 0.14])).is_empty()
    found = judge_days(days([*usual, 0.30]))
    assert rules_of(found) == ["V23"]
    assert found["at"].to_list() == [datetime(2025, 6, 2, tzinfo=UTC)]
    assert judge_days(days([*usual, 0.30], count=0.1)).is_empty()  # too few counts


def months(uses: dict[date, float], medium: str = "water", degree_days: tuple[float, ...] = ()) -> pl.DataFrame:
    given = {"medium": medium, "register": "volume_m3", "count": 0.001, "meter_id": METER} | ELIMINATED
    return pl.DataFrame(
        {
            "day": list(uses),
            "days": [calendar.monthrange(day.year, day.month)[1] for day in uses],
            "at": [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in uses],
            "consumption": list(uses.values()),
            "degree_days": pl.Series(degree_days or [None] * len(uses), dtype=pl.Float64),
        }
    ).with_columns(**{name: pl.lit(value) for name, value in given.items()})


MAY, JUNE, LAST = date(2025, 5, 1), date(2025, 6, 1), date(2024, 6, 1)


@pytest.mark.parametrize(
    ("uses", "found"),
    [
        ({MAY: 3.1, JUNE: 8.9}, []),  # per day, not per month
        ({MAY: 3.1, JUNE: 9.1}, ["V09"]),
        ({MAY: 3.1, JUNE: 0.9}, ["V09"]),
        ({MAY: 3.1, LAST: 9.0, JUNE: 9.1}, []),  # last year counts more
        ({MAY: 0.001, JUNE: 0.019}, []),  # below 20 counts
    ],
)
def test_v09_months_far_apart(uses: dict[date, float], found: list[str]) -> None:
    assert rules_of(judge_months(months(uses), shipped(), 50)) == found


def test_v09_heat_is_compared_with_last_year_alone() -> None:
    assert judge_months(months({MAY: 300, JUNE: 50}, "heat"), shipped(), 50).is_empty()
    assert rules_of(judge_months(months({LAST: 300, JUNE: 50}, "heat"), shipped(), 50)) == ["V09"]


@pytest.mark.parametrize(
    ("uses", "degree_days", "found"),
    [
        ({LAST: 300, JUNE: 50}, (300, 60), []),  # a fifth of the heat for a fifth of the cold
        ({LAST: 300, JUNE: 300}, (300, 60), ["V09"]),
        ({LAST: 300, JUNE: 50}, (300, 40), ["V09"]),  # too little cold to scale by
        ({MAY: 300, JUNE: 50}, (300, 60), []),
        ({MAY: 300, JUNE: 300}, (300, 60), ["V09"]),  # the month before, where weather makes it comparable
    ],
)
def test_v09_heat_is_scaled_by_degree_days(
    uses: dict[date, float], degree_days: tuple[float, ...], found: list[str]
) -> None:
    assert rules_of(judge_months(months(uses, "heat", degree_days), shipped(), 50)) == found
    of_cooling = judge_months(months(uses, "cooling", degree_days), shipped(), 50)
    assert rules_of(of_cooling) == (["V09"] if LAST in uses and uses[JUNE] == 50 else [])


@pytest.mark.parametrize(
    ("july", "use", "found"),
    [
        (310, 31, []),  # 10 + 90 * 0.1 are expected a day
        (310, 58, ["V09"]),
        (310, 6, ["V09"]),
        (None, 31, ["V09"]),  # 10 are, where no summer tells of hot water
        (None, 6, []),
        (9300, 301, ["V09"]),  # a base above last year's use is all of it: 100
    ],
)
def test_v09_hot_water_is_not_scaled_by_degree_days(july: float | None, use: float, found: list[str]) -> None:
    uses = {date(2024, 1, 1): 3100.0, date(2025, 1, 1): use * 31}
    cold: tuple[float, ...] = (600, 60)
    if july is not None:
        uses, cold = uses | {date(2024, 7, 1): july}, (*cold, 5)
    judged = judge_months(months(uses, "heat", cold), shipped(), 50)
    assert rules_of(judged.filter(pl.col("at") == datetime(2025, 1, 1, tzinfo=UTC))) == found


def heat_day(energy: float, *, scale: float = 1.0, volume: float = 10.0) -> pl.DataFrame:
    flow, back = 70.0, 30.0
    given = {"medium": "heat", "count": 1.0, "count_vt": 0.01, "meter_id": METER.replace("-16", "-04")} | ELIMINATED
    return pl.DataFrame(
        {
            "at": [datetime(2025, 6, 2, tzinfo=UTC)],
            "volume_m3": volume,
            "energy_kwh": energy,
            "cooling_energy_kwh": pl.Series([None], dtype=pl.Float64),
            "volume_temp_flow_m3c": volume * flow * scale,
            "volume_temp_return_m3c": volume * back * scale,
        }
    ).with_columns(**{name: pl.lit(value) for name, value in given.items()})


def test_v15_heat_is_that_of_volume_and_temperatures() -> None:
    right = 10 * 40 * 1.15615  # kWh, sensor in the return (§7.4)
    assert judge_energy(heat_day(right), shipped()).is_empty()
    assert judge_energy(heat_day(right * 1.02), shipped()).is_empty()
    assert rules_of(judge_energy(heat_day(right * 1.04), shipped())) == ["V15"]
    assert rules_of(judge_energy(heat_day(right / 10), shipped())) == ["V15"]  # a wrong scale of E8 and E9
    assert judge_energy(heat_day(12, volume=0.2), shipped()).is_empty()  # below 20 counts
    coarse = heat_day(right * 1.04).with_columns(count_vt=pl.lit(10.0))
    assert judge_energy(coarse, shipped()).is_empty()  # within two counts of E8 and E9


def test_v15_real_telegrams_agree() -> None:
    """MULTICAL 303 and 402 of the specification (§7.4): within 0.2 % and 1.3 %."""
    given = {"medium": "heat", "count": 1.0, "count_vt": 0.01, "meter_id": "KAM-00000001-1b-04"} | ELIMINATED
    rows = pl.DataFrame(
        {
            "at": [datetime(2025, 6, 2, tzinfo=UTC)] * 2,
            "volume_m3": [1652.69, 155_434.7],
            "energy_kwh": [11_895.0, 432_280.0],
            "cooling_energy_kwh": [396.0, 0.0],
            "volume_temp_flow_m3c": [55_703.0, 12_199_430.0],
            "volume_temp_return_m3c": [45_750.0, 11_823_190.0],
        }
    ).with_columns(**{name: pl.lit(value) for name, value in given.items()})
    assert judge_energy(rows, shipped()).is_empty()
    wrong = rows.with_columns(pl.col("^volume_temp_.*$") / 10)
    assert judge_energy(wrong, shipped()).filter(pl.col("rule") == "V15").height == 2
    k = heat_coefficient(pl.lit(70.0), pl.lit(30.0), is_inlet=pl.lit(value=False))
    assert pl.select(k).item() == pytest.approx(1.15615, rel=2e-4)
