"""What holds for every fill: sums, rising registers, measured values, and the same result in any chunks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.warehouse.transforms.metering import HOURLY, LONG_AGO, figures, readings, stored
from warehouse.schemas import CONSUMPTION_HOURLY
from warehouse.transforms.calendar import local_days, local_months
from warehouse.transforms.consumption import Evidence, Figures, Policy, roll_up
from warehouse.transforms.estimation.policy import EstimationPolicy

HOUR = timedelta(hours=1)
RANDOM = st.randoms(use_true_random=True)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # what is random here does not shrink
POLICIES = st.sampled_from(
    [
        EstimationPolicy(),
        EstimationPolicy(short=("PCHIP", "LIN"), medium=("PCHIP", "LIN"), long=("PCHIP", "LIN")),
        EstimationPolicy(short=("PROF_OWN", "PCHIP", "LIN"), medium=("PROF_GRP", "LIN"), least_values=1),
        EstimationPolicy(short=("LIKE_DAY", "LIN"), medium=("LIKE_DAY", "LIN"), long=("LIKE_DAY", "LIN")),
    ]
)
ZONES = (
    *("Europe/Copenhagen", "Europe/London", "Europe/Lisbon", "Europe/Helsinki", "Europe/Athens", "Europe/Kyiv"),
    *("Europe/Dublin", "Europe/Madrid", "Europe/Warsaw", "Europe/Chisinau", "Europe/Bucharest", "Europe/Tallinn"),
    *("Atlantic/Azores", "Atlantic/Canary", "Atlantic/Faroe", "Atlantic/Madeira", "Atlantic/Bermuda"),
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage"),
    *("America/Adak", "America/Halifax", "America/St_Johns", "America/Havana", "America/Santiago"),
    *("America/Asuncion", "America/Sao_Paulo", "America/Mexico_City", "America/Tijuana", "America/Winnipeg"),
    *("America/Nuuk", "America/Miquelon", "America/Nassau", "America/Port-au-Prince", "America/Boise"),
    *("Asia/Beirut", "Asia/Jerusalem", "Asia/Gaza", "Asia/Tehran", "Asia/Amman", "Asia/Damascus", "Asia/Nicosia"),
    *("Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham"),
    "Pacific/Norfolk",
)
"""Zones whose clocks change in 2018 or 2021."""


def changes(zone: ZoneInfo) -> list[date]:
    """Local days of other than 24 hours."""
    days = pl.concat([local_days(date(year, 1, 1), date(year, 12, 31), zone) for year in (2018, 2021)])
    return days.filter(pl.col("end") - pl.col("start") != timedelta(days=1))["day"].to_list()


def rising(random: Random, first: datetime, last: datetime, *, longest: timedelta = 40 * HOUR) -> pl.DataFrame:
    """Readings of a rising register, mostly hourly, with gaps; about the first and last instant there is one."""
    time, litres, rows = first, random.randint(0, 10**6), []
    while time < last:
        rows.append((time, Decimal(litres) / 1000))
        step = HOUR if random.random() < 0.9 else random.random() * longest
        time = time + step if random.random() < 0.2 else (time + step).replace(minute=0, second=0, microsecond=0)
        if time <= rows[-1][0]:
            time = rows[-1][0] + HOUR
        litres += random.choice([0, 0, 1, 17, 250, 3000])
    return readings([*rows, (last, Decimal(litres) / 1000)])


def past(random: Random, before: datetime, zone: str) -> pl.DataFrame:
    starts = [before - number * HOUR for number in range(1, 28 * 24, random.choice([1, 1, 2, 5]))]
    return stored(CONSUMPTION_HOURLY, [(start, start + HOUR, random.choice([0, 5, 40])) for start in starts], zone=zone)


def flat_profiles(random: Random) -> pl.DataFrame:
    rows = [
        ("", "", "volume_m3", date(2025, 1, 1), day_class, hour, random.randint(0, 3))
        for day_class in range(4)
        for hour in range(24)
    ]
    months = pl.date_range(date(2017, 10, 1), date(2025, 12, 1), "1mo", eager=True)
    profile = pl.DataFrame(rows, Evidence().profiles.schema, orient="row")
    return profile.drop("local_month").join(pl.DataFrame({"local_month": months}), how="cross")


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=1, deadline=None, phases=PHASES)
@given(random=RANDOM, policy=POLICIES)
def test_hours_sum_to_days_and_days_to_the_month_in_every_zone(
    zone: str, random: Random, policy: EstimationPolicy
) -> None:
    tz = ZoneInfo(zone)
    change = random.choice(changes(tz))
    month = local_months(change, change, tz).row(0, named=True)
    first, start, end = month["day"], month["start"], month["end"]
    last = (end - HOUR).astimezone(tz).date()
    rows = rising(random, start, end)
    found = figures(
        rows,
        first,
        last,
        zone=zone,
        policy=replace(HOURLY, estimation=policy),
        evidence=Evidence(hours=past(random, start, zone), profiles=flat_profiles(random)),
    )
    hours = found.hourly.group_by("day", maintain_order=True).agg(
        pl.col("consumption").sum(), length=(pl.col("period_end") - pl.col("period_start")).sum()
    )
    assert hours.filter(pl.col("length") != timedelta(days=1)).height >= 1
    assert hours["consumption"].to_list() == found.daily["consumption"].to_list()
    months, _ = roll_up(found.daily, found.events, zone=tz)
    total = rows.select(pl.col("volume_m3").max() - pl.col("volume_m3").min()).item()
    assert months["consumption"].to_list() == [total]
    assert found.daily["consumption"].sum() == found.hourly["consumption"].sum() == total
    assert found.hourly["consumption"].min() >= 0


def test_there_are_fifty_zones_with_such_days() -> None:
    assert len(set(ZONES)) == 50
    assert all(changes(ZoneInfo(zone)) for zone in ZONES)


@settings(max_examples=60, deadline=None, phases=PHASES)
@given(
    random=RANDOM,
    policy=POLICIES,
    hours=st.integers(2, 34 * 24),
    difference=st.integers(0, 10**6),
    layout=st.sampled_from(["litres", "ten litres", "0.01 GJ"]),
)
def test_what_flowed_in_a_gap_is_the_difference_of_the_readings(
    random: Random, policy: EstimationPolicy, hours: int, difference: int, layout: str
) -> None:
    start = datetime(2025, 3, random.randint(10, 29), random.randint(0, 23), tzinfo=UTC)
    end = start + hours * HOUR
    count = {"litres": Decimal(1) / 1000, "ten litres": Decimal(1) / 100, "0.01 GJ": Decimal(25) / 9}[layout]
    shown = [(counts * count).quantize(Decimal("0.000001")) for counts in (4, 5, 5 + difference, 6 + difference)]
    rows = readings(zip([start - HOUR, start, end, end + HOUR], shown, strict=True), layout=layout)
    evidence = Evidence(hours=past(random, start.replace(hour=0), "Europe/Copenhagen"), profiles=flat_profiles(random))
    found = figures(
        rows,
        start.date(),
        end.date() + timedelta(days=1),
        zone="Europe/Copenhagen",
        evidence=evidence,
        policy=Policy(HOUR, estimation=policy, largest_rates={"volume_m3": 1e9}),
    )
    inner = found.hourly.filter(pl.col("period_start") >= start, pl.col("period_end") <= end)
    assert sum(inner["consumption"]) == shown[2] - shown[1]
    assert inner["consumption"].min() >= 0
    assert inner.height == hours
    assert set(inner["quality"]) == {"I"}
    assert set(inner["gap_id"]) == {start}
    assert set(inner["gap_hours"]) == {float(hours)}


def same(one: Figures, other: Figures) -> bool:
    return one.hourly.equals(other.hourly) and one.daily.equals(other.daily)


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(random=RANDOM, policy=POLICIES)
def test_days_come_out_the_same_in_any_chunks(random: Random, policy: EstimationPolicy) -> None:
    zone, first, length = "Europe/Copenhagen", date(2025, 10, 20), 12
    start = datetime(2025, 10, 19, 22, tzinfo=UTC)
    rows = rising(random, start - 3 * HOUR, start + length * 24 * HOUR)
    before = past(random, start, zone)
    options = {"zone": zone, "policy": replace(HOURLY, estimation=policy)}
    profiles = flat_profiles(random)
    last = first + timedelta(days=length - 1)
    whole = figures(rows, first, last, evidence=Evidence(hours=before, profiles=profiles), **options)
    lake = pl.concat([before, whole.hourly.with_columns(known_from=LONG_AGO).select(before.columns)])
    cuts = sorted({0, length, *(random.randint(0, length) for _ in range(3))})
    parts = [
        figures(
            rows.sample(fraction=1, shuffle=True, seed=random.randint(0, 99)),
            first + timedelta(days=low),
            first + timedelta(days=high - 1),
            evidence=Evidence(hours=lake.sample(fraction=1, shuffle=True, seed=low), profiles=profiles),
            **options,
        )
        for low, high in pairwise(cuts)
    ]
    assert pl.concat([part.hourly for part in parts]).equals(whole.hourly)
    assert pl.concat([part.daily for part in parts]).equals(whole.daily)
    assert same(figures(rows, first, last, evidence=Evidence(hours=lake, profiles=profiles), **options), whole)


@settings(max_examples=25, deadline=None, phases=PHASES)
@given(random=RANDOM, policy=POLICIES)
def test_measured_figures_are_those_without_estimation(random: Random, policy: EstimationPolicy) -> None:
    start = datetime(2025, 6, 2, tzinfo=UTC)
    rows = rising(random, start, start + 6 * 24 * HOUR)
    evidence = Evidence(hours=past(random, start, "UTC"), profiles=flat_profiles(random))
    days = (date(2025, 6, 2), date(2025, 6, 7))
    plain = figures(rows, *days, policy=replace(HOURLY, estimation=EstimationPolicy(medium=("LIN",), long=("LIN",))))
    filled = figures(rows, *days, policy=replace(HOURLY, estimation=policy), evidence=evidence)
    sure = pl.col("quality").is_in(["M", "A"])
    assert filled.hourly.filter(sure).equals(plain.hourly.filter(sure))
    assert filled.hourly["quality"].equals(plain.hourly["quality"])
