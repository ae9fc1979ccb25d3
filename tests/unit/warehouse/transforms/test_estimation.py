"""How closed gaps are filled: methods, their choice, and what they never do (ALGORITHMS §3)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
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
    stored,
)
from warehouse.schemas import CONSUMPTION_HOURLY
from warehouse.transforms.consumption import Evidence, Figures, Policy, roll_up
from warehouse.transforms.estimation.methods import cubic, linear, shown, slopes
from warehouse.transforms.estimation.policy import EstimationPolicy
from warehouse.transforms.estimation.profiles import group_profiles

HOUR = timedelta(hours=1)
DAY = date(2025, 6, 18)  # a Wednesday
GAP = (at("06-18 06:00"), at("06-18 12:00"))
Use = Callable[[datetime], int]


def by_hour(local: datetime) -> int:
    return 10 * local.hour


def hours(
    use: Use, first: datetime, last: datetime, *, zone: str = "UTC", point: str = "P1", register: str = "volume_m3"
) -> pl.DataFrame:
    """Stored hours of a point that uses so many litres by the local time."""
    count = (last - first) // HOUR
    starts = [first + number * HOUR for number in range(count)]
    rows = [(start, start + HOUR, use(start.astimezone(ZoneInfo(zone)))) for start in starts]
    return stored(CONSUMPTION_HOURLY, rows, zone=zone, point=point, register=register)


def gap(
    evidence: Evidence | None = None,
    *,
    between: tuple[datetime, datetime] = GAP,
    used: int = 600,
    policy: EstimationPolicy | None = None,
    zone: str = "UTC",
    source: str = "radio",
    register: str = "volume_m3",
    layout: str = "litres",
) -> Figures:
    """Figures of the days of one gap between two hourly readings, in which so many counts flowed."""
    start, end = between
    before = [(start - number * HOUR, Decimal(100)) for number in range(3)]
    after = [(end + number * HOUR, Decimal(100) + Decimal(used) / 1000) for number in range(3)]
    rows = readings([*before, *after], register=register, layout=layout).with_columns(source=pl.lit(source))
    first, last = (time.astimezone(ZoneInfo(zone)).date() for time in between)
    chosen = Policy(HOUR, estimation=policy or EstimationPolicy())
    return figures(rows, first, last, evidence=evidence, policy=chosen, zone=zone)


def inside(found: Figures, between: tuple[datetime, datetime] = GAP) -> pl.DataFrame:
    return found.hourly.filter(pl.col("period_start") >= between[0], pl.col("period_end") <= between[1])


def litres(found: Figures, between: tuple[datetime, datetime] = GAP) -> list[int]:
    return [int(value * 1000) for value in inside(found, between)["consumption"]]


OWN = Evidence(hours=hours(by_hour, at("05-21 00:00"), at("06-18 00:00")))


# -- vectors of the specification ------------------------------------------------------------------------------------


def test_weights_share_the_difference() -> None:
    parts = pl.DataFrame(
        {
            "weight": [1, 1, 4, 2],
            "value": [5_000_000] * 4,
            "next_value": [15_000_000] * 4,
            "numerator": [1] * 4,
            "denominator": [1000] * 4,
        }
    )
    register = parts.select(shown(pl.col("weight").cum_sum(), pl.col("weight").sum()).alias("r"))["r"].to_list()
    assert [b - a for a, b in pairwise([5_000_000, *register])] == [1_250_000, 1_250_000, 5_000_000, 2_500_000]


def spread(evaluate: Callable[[str], pl.Expr]) -> list[int]:
    """Litres of each hour of the specification's readings."""
    times = [0, 60, 120, 180, 450, 540, 600]  # minutes
    values = [0, 120, 250, 300, 1310, 1500, 1555]
    knots = pl.DataFrame(
        {
            "course": 0,
            "part": 0,
            "from_at": [at("06-18 00:00") + timedelta(minutes=time) for time in times],
            "value": [value * 1000 for value in values],
            "numerator": 1,
            "denominator": 1000,
        }
    ).with_columns(next_at=pl.col("from_at").shift(-1), next_value=pl.col("value").shift(-1))
    marks = pl.DataFrame({"at": [at("06-18 00:00") + number * HOUR for number in range(10)]})
    found = marks.join_asof(slopes(knots), left_on="at", right_on="from_at", check_sortedness=False)
    register = found.select(
        r=pl.when(pl.col("slope").is_not_null() & pl.col("next_slope").is_not_null())
        .then(evaluate("at"))
        .otherwise(linear("at"))
    )["r"].to_list()
    return [(b - a) // 1000 for a, b in pairwise([*register, 1_555_000])]


def test_lines_through_the_readings_of_the_specification() -> None:
    assert spread(linear) == [120, 130, 50, 224, 225, 224, 225, 175, 127, 55]


def test_monotone_cubics_through_the_readings_of_the_specification() -> None:
    assert spread(cubic) == [120, 130, 50, 144, 245, 280, 249, 167, 115, 55]


# -- own profile -----------------------------------------------------------------------------------------------------


def test_a_gap_follows_the_points_own_hours() -> None:
    found = gap(OWN, used=510)
    assert litres(found) == [60, 70, 80, 90, 100, 110]
    filled = inside(found)
    assert column(filled, "method") == ["PROF_OWN"] * 6
    assert column(filled, "quality") == ["I"] * 6
    assert column(filled, "gap_id") == [GAP[0]] * 6
    assert column(filled, "gap_hours") == [6.0] * 6


def test_values_outside_of_the_gap_carry_none() -> None:
    measured = gap(OWN).hourly.filter(pl.col("period_end") <= GAP[0])
    assert measured["gap_id"].null_count() == measured.height
    assert set(column(measured.filter(pl.col("quality") == "M"), "method")) == {"EXACT"}


def test_day_classes_have_profiles_of_their_own() -> None:
    def weekend(local: datetime) -> int:
        return 5 if local.isoweekday() >= 6 and local.hour == 7 else local.hour * (local.isoweekday() < 6)

    evidence = Evidence(hours=hours(weekend, at("05-20 00:00"), at("06-21 00:00")))
    saturday = (at("06-21 06:00"), at("06-21 10:00"))
    assert litres(gap(evidence, between=saturday, used=100), saturday) == [0, 100, 0, 0]
    friday = (at("06-20 06:00"), at("06-20 10:00"))
    assert litres(gap(evidence, between=friday, used=300), friday) == [60, 70, 80, 90]


def test_a_holiday_is_a_sunday() -> None:
    def sunday(local: datetime) -> int:
        return 10 if local.isoweekday() < 7 or local.hour == 8 else 0

    past = hours(sunday, at("05-21 00:00"), at("06-18 00:00"))
    holiday = Evidence(hours=past, holidays=pl.DataFrame({"day": [DAY]}))
    assert litres(gap(holiday, used=60)) == [0, 0, 60, 0, 0, 0]
    assert litres(gap(Evidence(hours=past), used=60)) == [10] * 6


def test_fewer_than_three_values_make_no_profile() -> None:
    two = Evidence(hours=hours(by_hour, at("06-16 00:00"), at("06-18 00:00")))
    assert set(column(inside(gap(two)), "method")) == {"LIN"}
    three = Evidence(hours=hours(by_hour, at("06-12 00:00"), at("06-18 00:00")))
    assert set(column(inside(gap(three)), "method")) == {"PROF_OWN"}


def test_only_the_last_28_days_count_and_measured_hours_only() -> None:
    old = Evidence(hours=hours(by_hour, at("04-21 00:00"), at("05-21 00:00")))
    assert set(column(inside(gap(old)), "method")) == {"LIN"}
    guessed = Evidence(hours=OWN.hours.with_columns(quality=pl.lit("I")))
    assert set(column(inside(gap(guessed)), "method")) == {"LIN"}


def test_a_profile_without_use_gives_way_to_a_line() -> None:
    idle = Evidence(hours=hours(lambda _: 0, at("05-21 00:00"), at("06-18 00:00")))
    assert litres(gap(idle)) == [100] * 6
    assert set(column(inside(gap(idle)), "method")) == {"LIN"}


def test_the_doubled_hour_has_the_same_weight_twice() -> None:
    zone = "Europe/Copenhagen"
    night = (at("10-25 23:00"), at("10-26 03:00"))  # clocks show 01, 02, 02, 03
    evidence = Evidence(hours=hours(by_hour, at("09-28 22:00"), at("10-25 22:00"), zone=zone))
    assert litres(gap(evidence, between=night, used=80, zone=zone), night) == [10, 20, 20, 30]


def test_hours_are_weighed_by_what_the_gap_covers() -> None:
    between = (at("06-18 06:30"), at("06-18 09:45"))
    even = Evidence(hours=hours(lambda _: 40, at("05-21 00:00"), at("06-18 00:00")))
    found = gap(even, between=between, used=130)
    register = found.hourly.filter(pl.col("period_start").is_between(at("06-18 06:00"), at("06-18 08:00")))
    assert column(register, "register_end") == ["100.02", "100.06", "100.1"]


def test_hours_of_the_asked_days_count_as_reckoned_not_as_stored() -> None:
    rows = readings(hourly_at(at("06-17 20:00"), 10))
    wrong = hours(lambda _: 999, at("05-21 00:00"), at("06-19 00:00"))
    policy = Policy(HOUR)
    late = readings([(at("06-18 12:00"), "13")])
    both = pl.concat([rows, late])
    assert figures(both, DAY, evidence=Evidence(hours=wrong), policy=policy).hourly.equals(
        figures(both, DAY, evidence=Evidence(hours=wrong.filter(pl.col("day") < DAY)), policy=policy).hourly
    )


# -- like days -------------------------------------------------------------------------------------------------------

LIKE = EstimationPolicy(medium=("LIKE_DAY", "LIN"), long=("LIKE_DAY", "LIN"))


JUNE = (at("05-21 00:00"), at("06-18 00:00"))


def test_a_gap_follows_the_same_weekday_of_the_week_before() -> None:
    """The eighteenth is a Wednesday: the eleventh is like it, though the seventeenth is nearer."""
    growing = Evidence(hours=hours(lambda local: local.hour + 100 * (local.day == 11 and local.hour == 7), *JUNE))
    found = gap(growing, used=151, policy=LIKE)
    assert litres(found) == [6, 107, 8, 9, 10, 11]
    assert column(inside(found), "method") == ["LIKE_DAY"] * 6
    assert column(inside(found), "quality") == ["I"] * 6


def test_a_like_day_is_measured_in_all_hours_that_are_wanted() -> None:
    whole = hours(lambda local: local.hour * (2 if local.day == 17 and local.hour > 8 else 1), *JUNE)
    torn = whole.filter((pl.col("day").dt.weekday() != 3) | (pl.col("period_start").dt.hour() != 9))
    found = gap(Evidence(hours=torn), used=6 + 7 + 8 + 18 + 20 + 22, policy=LIKE)
    assert litres(found) == [6, 7, 8, 18, 20, 22], "Tuesday, the nearest of Monday to Thursday"


def test_without_a_like_day_or_use_on_it_the_next_method_counts() -> None:
    weekend = hours(by_hour, at("06-14 00:00"), at("06-16 00:00"))
    assert set(column(inside(gap(Evidence(hours=weekend), policy=LIKE)), "method")) == {"LIN"}
    idle = hours(lambda _: 0, *JUNE)
    assert set(column(inside(gap(Evidence(hours=idle), policy=LIKE)), "method")) == {"LIN"}
    old = hours(by_hour, at("04-21 00:00"), at("05-21 00:00"))
    assert set(column(inside(gap(Evidence(hours=old), policy=LIKE)), "method")) == {"LIN"}


def test_each_day_of_a_gap_has_a_like_day_of_its_own() -> None:
    friday_to_saturday = (at("06-20 22:00"), at("06-21 02:00"))
    use = hours(lambda local: 10 * local.isoweekday(), at("05-21 00:00"), at("06-20 00:00"))
    found = gap(Evidence(hours=use), between=friday_to_saturday, used=220, policy=LIKE)
    assert litres(found, friday_to_saturday) == [50, 50, 60, 60]


# -- groups, heat ----------------------------------------------------------------------------------------------------


def test_a_point_without_history_follows_its_class() -> None:
    past = pl.concat(
        [
            hours(by_hour, at("05-21 00:00"), at("06-18 00:00"), point="P2"),
            hours(lambda local: 3 * by_hour(local), at("05-21 00:00"), at("06-18 00:00"), point="P3"),
            hours(lambda _: 7, at("05-21 00:00"), at("06-18 00:00"), point="P4"),
        ]
    )
    classes = pl.DataFrame(
        {"metering_point": ["P1", "P2", "P3", "P4"], "customer_class": ["home", "home", "home", "works"]}
    ).with_columns(medium=pl.lit("water"))
    policy = EstimationPolicy(least_meters=2)
    profiles = group_profiles(
        past, classes, Evidence().holidays, policy, local_month=date(2025, 5, 1), zone=ZoneInfo("UTC")
    )
    assert set(profiles["customer_class"]) == {"home"}, "one point is no class"
    assert set(profiles["meters"]) == {2}
    home = profiles.filter((pl.col("customer_class") == "home") & (pl.col("day_class") == 0))
    assert home.sort("hour")["weight"].to_list() == pytest.approx([hour * 1e6 / 11.5 for hour in range(24)], abs=1)
    found = gap(Evidence(classes=classes, profiles=profiles), used=510)
    assert litres(found) == [60, 70, 80, 90, 100, 110]
    assert set(column(inside(found), "method")) == {"PROF_GRP"}
    stranger = Evidence(classes=classes.with_columns(customer_class=pl.lit("farm")), profiles=profiles)
    assert set(column(inside(gap(stranger)), "method")) == {"LIN"}


def heat_evidence(*, with_temperatures: bool = True) -> Evidence:
    days = pl.date_range(date(2025, 1, 1), date(2025, 1, 31), eager=True)
    temperatures = pl.DataFrame({"day": days}).with_columns(
        temperature_c=pl.when(pl.col("day").dt.day() == 22).then(-3.0).otherwise(17.0)
    )
    return Evidence(
        hours=hours(lambda _: 1000, at("01-01 00:00"), at("01-20 00:00"), register="energy_kwh"),
        temperatures=temperatures if with_temperatures else temperatures.clear(),
        signatures=pl.DataFrame({"metering_point": ["P1"], "a_kw_per_k": [1.0], "b_kw": [0.5], "t0_c": [17.0]}),
    )


def test_a_cold_day_takes_more_heat() -> None:
    between = (at("01-20 00:00"), at("01-24 00:00"))
    options = {"between": between, "register": "energy_kwh", "layout": "kWh", "used": 528_000}
    found = gap(heat_evidence(), **options)
    # 0.5 kW always, and 20 kW more on the 22nd.
    assert column(found.daily, "consumption")[:4] == ["12", "12", "492", "12"]
    assert column(found.daily, "method")[1:3] == ["PROF_HDD", "PROF_HDD"]
    blind = gap(heat_evidence(with_temperatures=False), **options)
    assert column(blind.daily, "consumption")[:4] == ["132"] * 4
    assert column(blind.daily, "method")[1:3] == ["PROF_OWN", "PROF_OWN"]


# -- choice ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "method"), [(2, "LIN"), (3, "PROF_OWN"), (72, "PROF_OWN"), (73, "PROF_GRP"), (35 * 24, "PROF_GRP")]
)
def test_the_method_depends_on_the_length_of_the_gap(length: int, method: str) -> None:
    between = (at("06-18 06:00"), at("06-18 06:00") + length * HOUR)
    month = date(2025, 5, 1)
    flat = [("", "", "volume_m3", month, number, hour, 1) for number in range(4) for hour in range(24)]
    evidence = Evidence(hours=OWN.hours, profiles=pl.DataFrame(flat, Evidence().profiles.schema, orient="row"))
    found = gap(evidence, between=between, policy=EstimationPolicy(long=("PROF_GRP",)))
    assert set(column(inside(found, between), "method")) == {method}


def test_of_a_longer_gap_only_the_total_is_known() -> None:
    between = (at("06-18 06:00"), at("06-18 06:00") + timedelta(days=35, hours=1))
    found = gap(OWN, between=between)
    assert inside(found, between)["consumption"].null_count() == 35 * 24 + 1
    assert set(column(inside(found, between), "quality")) == {"N"}


def test_a_policy_without_a_last_resort_leaves_the_gap() -> None:
    found = inside(gap(policy=EstimationPolicy(medium=("PROF_OWN",))))
    assert column(found, "quality") == ["N"] * 6
    with pytest.raises(ValueError, match="HOLD fills no gap"):
        EstimationPolicy(short=("HOLD",))


def test_cubics_where_the_policy_says_so() -> None:
    found = gap(policy=EstimationPolicy(medium=("PCHIP", "LIN")))
    assert litres(found) != [100] * 6
    assert sum(litres(found)) == 600
    assert set(column(inside(found), "method")) == {"PCHIP"}
    single = readings([(GAP[0], "100"), (GAP[1], "100.6")])
    policy = Policy(HOUR, estimation=EstimationPolicy(medium=("PCHIP", "LIN")))
    alone = figures(single, DAY, policy=policy).hourly.filter(pl.col("consumption").is_not_null())
    assert set(column(alone, "method")) == {"LIN"}


# -- sources ---------------------------------------------------------------------------------------------------------


def test_nothing_is_estimated_between_readings_without_a_schedule() -> None:
    assert column(inside(gap(OWN, source="drive_by")), "quality") == ["N"] * 6
    total = gap(OWN, source="drive_by").daily
    assert column(total, "quality") == ["N"]


def test_a_source_has_its_own_interval() -> None:
    slow = EstimationPolicy(intervals={"wired": timedelta(hours=6)})
    assert set(column(inside(gap(OWN, policy=slow, source="wired")), "end_quality")[:-1]) == {"A"}
    fast = EstimationPolicy(intervals={"wired": timedelta(minutes=15)})
    short = (at("06-18 06:00"), at("06-18 08:00"))
    assert set(column(inside(gap(OWN, policy=fast, source="wired", between=short), short), "method")) == {"PROF_OWN"}
    assert set(column(inside(gap(OWN, policy=fast, between=short), short), "method")) == {"LIN"}


def test_a_reading_by_hand_among_scheduled_ones_ends_a_gap() -> None:
    rows = pl.concat(
        [
            readings(hourly_at(at("06-18 03:00"), 4)),
            readings([(at("06-18 12:00"), "10.9")]).with_columns(source=pl.lit("manual")),
        ]
    )
    found = figures(rows, DAY, evidence=OWN)
    assert set(column(inside(found), "method")) == {"PROF_OWN"}


# -- never -----------------------------------------------------------------------------------------------------------


def test_nothing_is_estimated_across_an_exchange() -> None:
    when = at("06-18 09:30")
    rows = pl.concat([readings(hourly_at(at("06-18 03:00"), 4)), readings([(at("06-18 12:00"), "1.0")], NEXT_METER)])
    points = installed((METER, LONG_AGO, when), (NEXT_METER, when, None))
    found = figures(rows, DAY, installations=points, exchanges=exchanged(when, "10.510", "0.000"), evidence=OWN)
    filled = inside(found)
    # 210 litres until half past nine: 60, 70, 80 and half of 90 are the old meter's.
    assert column(filled.head(3), "method") == ["PROF_OWN"] * 3
    assert column(filled.head(3), "consumption") == ["0.049", "0.058", "0.066"]
    assert column(filled, "gap_id") == [GAP[0], GAP[0], GAP[0], when, when, when]
    assert sum(filled["consumption"]) == Decimal("1.210")


def test_nothing_is_estimated_across_a_reset() -> None:
    rows = readings([*hourly_at(at("06-18 03:00"), 4, start="500"), *hourly_at(at("06-18 12:00"), 9, start="0")])
    assert set(column(inside(figures(rows, DAY, evidence=OWN)), "quality")) == {"N"}


@pytest.mark.parametrize("methods", [("LIN",), ("PROF_OWN", "LIN"), ("PCHIP", "LIN")])
def test_nothing_is_estimated_across_a_change_of_unit(methods: tuple[str, ...]) -> None:
    coarse = readings(hourly_at(at("06-18 03:00"), 4), layout="ten litres")
    fine = readings(hourly_at(at("06-18 12:00"), 9, start="10.6"))
    policy = Policy(HOUR, estimation=EstimationPolicy(medium=methods))
    found = figures(pl.concat([coarse, fine]), DAY, policy=policy, evidence=OWN)
    assert found.events["kind"].to_list() == ["UNIT_CHANGE"]
    assert set(column(inside(found), "quality")) == {"N"}


def test_across_a_change_of_unit_the_total_is_known() -> None:
    coarse = readings(hourly_at(at("06-18 00:00"), 7), layout="ten litres")
    fine = readings(hourly_at(at("06-18 12:00"), 13, start="10.905"))
    found = figures(pl.concat([coarse, fine]), DAY, evidence=OWN)
    assert set(column(inside(found), "quality")) == {"N"}
    assert (column(found.daily, "quality"), column(found.daily, "consumption")) == (["M"], ["2.105"])


def test_a_change_of_unit_between_neighbours_is_aligned_and_bends_no_cubic() -> None:
    policy = Policy(HOUR, estimation=EstimationPolicy(medium=("PCHIP", "LIN")))
    coarse = readings(hourly_at(at("06-18 04:30"), 1), layout="ten litres")
    fine = readings([*hourly_at(at("06-18 05:30"), 1, start="10.1"), *hourly_at(at("06-18 12:00"), 9, start="10.6")])
    found = figures(pl.concat([coarse, fine]), DAY, policy=policy)
    assert column(found.hourly.filter(pl.col("period_end") == at("06-18 05:00")), "end_quality") == ["A"]
    assert set(column(inside(found), "method")) == {"LIN"}


def test_nothing_is_estimated_while_the_meter_is_in_stock() -> None:
    rows = readings([*hourly_at(at("06-18 03:00"), 4), *hourly_at(at("06-18 12:00"), 9)])
    points = installed((METER, LONG_AGO, at("06-18 06:30")), (METER, at("06-18 11:30"), None))
    found = figures(rows, DAY, installations=points, evidence=OWN)
    assert set(column(inside(found), "quality")) == {"N"}


def test_measured_values_are_never_altered() -> None:
    rows = readings([*hourly_at(at("06-18 00:00"), 7), *hourly_at(at("06-18 12:00"), 13, start="99")])
    plain = Policy(HOUR, estimation=EstimationPolicy(medium=("LIN",), long=("LIN",)))
    lines, profiles = figures(rows, DAY, policy=plain), figures(rows, DAY, evidence=OWN)
    measured = pl.col("quality") == "M"
    assert lines.hourly.filter(measured).equals(profiles.hourly.filter(measured))
    assert lines.hourly.filter(measured).height == 18
    assert lines.daily.equals(profiles.daily)


def test_months_tell_the_method_and_the_gap_at_their_ends() -> None:
    between = (at("05-31 20:00"), at("06-01 06:00"))
    past = Evidence(hours=hours(by_hour, at("05-01 00:00"), at("05-31 00:00")))
    found = gap(past, between=between)
    months, _ = roll_up(found.daily, found.events, zone=ZoneInfo("UTC"))
    assert column(found.daily, "gap_id") == [between[0]] * 2
    assert column(months, "gap_id") == [between[0]] * 2
    assert column(months, "gap_hours") == [10.0] * 2
    whole = readings([*hourly_at(at("04-30 22:00"), 743), *hourly_at(at("06-01 06:00"), 20, start="90")])
    figure = figures(whole, date(2025, 5, 1), date(2025, 5, 31), evidence=Evidence(hours=past.hours))
    months, _ = roll_up(figure.daily, figure.events, zone=ZoneInfo("UTC"))
    assert column(months, "method") == ["PROF_OWN"]
    assert column(months, "quality") == ["I"]
    assert column(months, "gap_id") == [datetime(2025, 5, 31, 20, tzinfo=UTC)]
