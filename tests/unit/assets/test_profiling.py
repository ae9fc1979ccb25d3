"""Profiles of customer classes and annual estimates in the lake."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.installation import Installation
from assets.steps.figures import reckon_figures
from assets.steps.profiling import annual_estimates, customer_classes, learn_again
from assets.steps.touched import touch
from registry.policies import decide
from tests.unit.gateway.doors import make_house
from tests.unit.warehouse.transforms.metering import LONG_AGO, installed, readings
from warehouse.errors import WarehouseError
from warehouse.policies import EstimationRules, shipped_document
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    GROUP_MEMBERS,
    GROUP_PROFILES,
    INSTALLATIONS,
    METERING_POINTS,
    READINGS,
    Table,
)

HOUR = timedelta(hours=1)
FIRST = datetime(2025, 5, 4, 22, tzinfo=UTC)  # midnight of a Monday in Copenhagen
GAP = 40 * 24  # Saturday, 14 June
NOW = datetime(2026, 1, 1, tzinfo=UTC)
METERS = [f"KAM-0000000{number}-1b-16" for number in range(4)]
SETTINGS = {"profile_least_meters: 10": "profile_least_meters: 3"}


def decided(house: Installation, changes: dict[str, str]) -> None:
    document = shipped_document("estimation")
    for old, new in changes.items():
        assert old in document
        document = document.replace(old, new)
    with house.registry.begin() as session:
        decide(session, "default", "estimation", document, reason="test", identity="test", now=NOW)


def make(folder: Path) -> Installation:
    house = make_house(folder)
    points = [installed((meter, LONG_AGO, None), point=f"P{number}") for number, meter in enumerate(METERS)]
    house.lake.overwrite(INSTALLATIONS, pl.concat(points).with_columns(organisation=pl.lit("default")))
    decided(house, SETTINGS)
    return house


def course(number: int, hours: Iterable[int]) -> pl.DataFrame:
    """Readings so many hours after the first; every point uses by day only, each by its own measure."""
    litres = 30 * (number + 1)
    rows = [
        (FIRST + hour * HOUR, Decimal((hour // 24) * 12 * litres + litres * max(0, hour % 24 - 12)) / 1000)
        for hour in hours
    ]
    return readings(rows, METERS[number], layout=None).with_columns(organisation=pl.lit("default"))


def take(house: Installation, *parts: pl.DataFrame) -> None:
    for part in parts:
        house.lake.append(READINGS, part)
        touch(house, part.select("meter_id", "measured_at"), "readings")
    reckon_figures(house, NOW)


NEIGHBOURS = [course(number, range(43 * 24)) for number in (1, 2, 3)]
YOUNG = course(0, [*range(GAP - 6, GAP + 7), *range(GAP + 18, GAP + 26)])
"""A point without history, with a gap from 6 to 18 o'clock."""


def upto(part: pl.DataFrame, day: int) -> pl.DataFrame:
    return part.filter(pl.col("measured_at") <= FIRST + day * 24 * HOUR)


def beyond(part: pl.DataFrame, day: int) -> pl.DataFrame:
    return part.filter(pl.col("measured_at") > FIRST + day * 24 * HOUR)


def at_once(house: Installation) -> None:
    take(house, *NEIGHBOURS, YOUNG)


def by_days(house: Installation) -> None:
    take(house, *(upto(part, 30) for part in NEIGHBOURS))
    take(house, *(upto(beyond(part, 30), 36) for part in NEIGHBOURS))
    take(house, *(beyond(part, 36) for part in NEIGHBOURS), YOUNG)


def young_first(house: Installation) -> None:
    take(house, YOUNG)
    for part in NEIGHBOURS:
        take(house, part)


def rows(house: Installation, table: Table) -> pl.DataFrame:
    return house.lake.scan(table).drop("known_from").collect().sort(table.key)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    house = make(tmp_path_factory.mktemp("filled"))
    at_once(house)
    return house


def test_a_point_without_history_follows_the_profile_of_its_class(filled: Installation) -> None:
    profiles = rows(filled, GROUP_PROFILES)
    assert profiles.select("medium", "customer_class", "register", "local_month", "meters").unique().rows() == [
        ("", "", "volume_m3", date(2025, 5, 1), 3)
    ]
    assert profiles.sort("day_class", "hour")["share"].to_list() == ([Decimal(0)] * 12 + [Decimal(2)] * 12) * 4
    gap = rows(filled, CONSUMPTION_HOURLY).filter(pl.col("metering_point") == "P0", pl.col("gap_hours").is_not_null())
    assert set(gap["method"]) == {"PROF_GRP"}
    assert [int(value * 1000) for value in gap["consumption"]] == [0] * 6 + [30] * 6


@pytest.mark.parametrize("order", [by_days, young_first])
def test_figures_do_not_depend_on_the_order_of_arrival(
    filled: Installation, tmp_path: Path, order: Callable[[Installation], None]
) -> None:
    house = make(tmp_path)
    order(house)
    for table in (GROUP_PROFILES, CONSUMPTION_HOURLY, CONSUMPTION_DAILY):
        assert rows(house, table).equals(rows(filled, table)), table.name


def test_what_was_learned_stays_until_somebody_asks_for_it_again(tmp_path: Path) -> None:
    house = make(tmp_path)
    take(house, *(part.filter(pl.col("measured_at") >= FIRST + 10 * 24 * HOUR) for part in NEIGHBOURS), YOUNG)
    before = rows(house, GROUP_PROFILES)
    # Late readings say that the first ten days were of another shape: nothing before noon of the tenth day.
    late = [
        readings([(FIRST + hour * HOUR, Decimal(0)) for hour in range(9 * 24)], meter, layout=None).with_columns(
            organisation=pl.lit("default")
        )
        for meter in METERS[1:]
    ]
    take(house, *late)
    assert rows(house, GROUP_PROFILES).equals(before)
    decided(house, {**SETTINGS, "least_values: 3": "least_values: 1"})
    rules = house.policy(EstimationRules)
    learn_again(house, date(2025, 5, 1), rules, identity="anna", now=NOW)
    assert not rows(house, GROUP_PROFILES).equals(before)
    with pytest.raises(WarehouseError, match="2024-05"):
        learn_again(house, date(2024, 5, 1), rules, identity="anna", now=NOW)


def points(house: Installation, *entries: tuple[str, str | None]) -> None:
    table = pl.DataFrame(
        [
            {"metering_point": f"P{number}", "medium": medium, "custom_fields": fields}
            for number, (medium, fields) in enumerate(entries)
        ]
    ).with_columns(organisation=pl.lit("default"), role=pl.lit("consumption"), known_from=pl.lit(NOW))
    house.lake.overwrite(METERING_POINTS, table)


def test_the_class_is_what_the_field_says_else_the_first_group(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    points(
        house, ("water", '{"class": "farm"}'), ("water", '{"other": "x"}'), ("heat", None), ("heat", '{"class": ""}')
    )
    members = pl.DataFrame(
        [
            {"group": group, "metering_point": f"P{point}", "valid_to": ended}
            for group, point, ended in (("flats", 0, None), ("flats", 1, None), ("houses", 1, None), ("flats", 2, NOW))
        ]
    ).with_columns(organisation=pl.lit("default"), valid_from=pl.lit(LONG_AGO), known_from=pl.lit(NOW))
    house.lake.overwrite(GROUP_MEMBERS, members)
    decided(house, {"class_field: null": "class_field: class", "class_groups: []": "class_groups: [houses, flats]"})
    assert customer_classes(house, house.policy(EstimationRules)).rows() == [
        ("P0", "water", "farm"),
        ("P1", "water", "houses"),
        ("P2", "heat", ""),
        ("P3", "heat", ""),
    ]


def test_the_meter_of_a_district_shapes_no_profile(filled: Installation, tmp_path: Path) -> None:
    house = make(tmp_path)
    points(house, *[("water", None)] * 4)
    place = installed(("KAM-00000009-1b-16", LONG_AGO, None), point="DM").with_columns(organisation=pl.lit("default"))
    house.lake.append(INSTALLATIONS, place)
    known = house.lake.scan(METERING_POINTS).collect()
    inflow = known.head(1).with_columns(metering_point=pl.lit("DM"), role=pl.lit("district_inflow"))
    house.lake.overwrite(METERING_POINTS, pl.concat([known, inflow]))
    night_alone = [(FIRST + hour * HOUR, Decimal(hour // 24 * 12 + min(12, hour % 24))) for hour in range(43 * 24)]
    flow = readings(night_alone, "KAM-00000009-1b-16", layout=None).with_columns(organisation=pl.lit("default"))
    take(house, *NEIGHBOURS[:2], flow, YOUNG)
    assert rows(house, GROUP_PROFILES).is_empty(), "two customers are too few, whatever flows into their district"
    take(house, NEIGHBOURS[2])
    shape = ["local_month", "day_class", "hour", "share", "meters"]
    expected = rows(filled, GROUP_PROFILES).select(shape)
    assert rows(house, GROUP_PROFILES).select(shape).equals(expected)


def monthly(point: str, months: int) -> pl.DataFrame:
    starts = pl.date_range(date(2024, 6, 1), date(2025, 5, 1), "1mo", eager=True).tail(months)
    frame = pl.DataFrame({"day": starts}).with_columns(
        pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("period_start"),
        organisation=pl.lit("default"),
        metering_point=pl.lit(point),
        meter_id=pl.lit("m"),
        register=pl.lit("volume_m3"),
        consumption=pl.lit(Decimal(5)),
        unit=pl.lit("m3"),
        quality=pl.lit("M"),
        start_quality=pl.lit("M"),
        end_quality=pl.lit("M"),
        known_from=pl.lit(NOW),
    )
    return CONSUMPTION_MONTHLY.conform(
        frame.with_columns(period_end=pl.col("period_start"), month=pl.col("day").dt.to_string("%Y-%m"))
    )


def test_annual_estimates_are_twelve_whole_months_else_what_the_field_says(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    points(house, ("water", '{"year": "80"}'), ("water", '{"year": "80.5"}'), ("water", '{"year": "many"}'))
    house.lake.append(CONSUMPTION_MONTHLY, pl.concat([monthly("P0", 12), monthly("P1", 11), monthly("P2", 11)]))
    decided(house, {"annual_field: null": "annual_field: year"})
    silent = pl.DataFrame({"metering_point": ["P0", "P1", "P2"]}).with_columns(
        register=pl.lit("volume_m3"), at=pl.lit(datetime(2025, 6, 20, tzinfo=UTC))
    )
    found = annual_estimates(house, silent, house.policy(EstimationRules))
    assert found.sort("metering_point").rows() == [
        ("P0", "volume_m3", Decimal(60)),
        ("P1", "volume_m3", Decimal("80.5")),
    ]


def test_a_large_class_is_learned_from_a_part_of_its_points(tmp_path: Path) -> None:
    house = make(tmp_path)
    decided(
        house,
        {
            **SETTINGS,
            "profile_least_meters: 10": "profile_least_meters: 3",
            "profile_most_meters: 1000": "profile_most_meters: 3",
        },
    )
    take(house, *NEIGHBOURS, course(0, range(43 * 24)))
    assert set(rows(house, GROUP_PROFILES)["meters"]) == {3}
