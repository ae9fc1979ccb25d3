"""The consumption report: any stretch of days, exact, per consumer and in total."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import (
    HOURLY,
    LONG_AGO,
    METER,
    NEXT_METER,
    at,
    exchanged,
    hourly_at,
    installed,
    layouts,
    readings,
)
from warehouse.lake import Lake
from warehouse.queries.reports import Asked, consumption_report, totals
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    METERING_POINTS,
    METERS,
    REGISTER_EVENTS,
)
from warehouse.transforms.consumption import consumption, roll_up

ZONE = ZoneInfo("Europe/Copenhagen")
FIRST, LAST = date(2025, 3, 1), date(2025, 5, 10)
START = at("02-28 23:00")
HOURS = 71 * 24


def fill(lake: Lake, rows: pl.DataFrame, installations: pl.DataFrame, exchanges: pl.DataFrame) -> None:
    points = installations["metering_point"].unique()
    days = points.to_frame().with_columns(first_day=pl.lit(FIRST), last_day=pl.lit(LAST))
    found = consumption(rows, layouts(), installations, exchanges, days=days, zone=ZONE, policy=HOURLY)
    months, _ = roll_up(found.daily, found.events, zone=ZONE)
    for table, frame in (
        (CONSUMPTION_DAILY, found.daily),
        (CONSUMPTION_MONTHLY, months),
        (REGISTER_EVENTS, found.events),
    ):
        lake.append(table, frame.with_columns(known_from=pl.lit(LONG_AGO)))
    meters = installations["meter_id"].unique()
    lake.append(
        METERS,
        pl.DataFrame({"meter_id": meters}).with_columns(
            organisation=pl.lit("utility"),
            manufacturer=pl.lit("KAM"),
            serial=pl.col("meter_id").str.slice(4, 8),
            version=pl.lit("1b"),
            device_type=pl.lit("16"),
            medium=pl.lit("water"),
            state=pl.lit("in_use"),
            key_status=pl.lit("ok"),
        ),
    )
    roles = {"district": "district_inflow"}
    lake.append(
        METERING_POINTS,
        pl.DataFrame(
            [
                {"organisation": "utility", "metering_point": name, "role": roles.get(name, "consumption")}
                for name in points
            ]
        ),
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three consumers (0.1 m³/h, nothing, unknown from April on), one who got another meter, and a district."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    names = {"P2": "0.1", "P3": "0", "P4": "0.25", "district": "9"}
    parts, places = [], []
    for number, (name, rise) in enumerate(names.items()):
        hours = 30 * 24 if name == "P4" else HOURS
        meter = f"KAM-0000010{number}-1b-16"
        parts.append(readings(hourly_at(START, hours, rise), meter))
        places.append(installed((meter, LONG_AGO, None), point=name))
    when = at("04-10 10:00")
    before = int((when - START) / timedelta(hours=1))
    parts.append(readings(hourly_at(START, before, "0.1"), METER))
    parts.append(readings(hourly_at(when, HOURS - before, "0.2", start="0"), NEXT_METER))
    places.append(installed((METER, LONG_AGO, when), (NEXT_METER, when, None)))
    fill(lake, pl.concat(parts), pl.concat(places), exchanged(when, "200", "0"))
    return lake


def report(lake: Lake, first: date, last: date, points: pl.DataFrame | None = None, **asked: object) -> pl.DataFrame:
    return consumption_report(lake, "utility", Asked(first, last, ZONE, **asked), points)


def of(rows: pl.DataFrame) -> dict[str, Decimal | None]:
    return dict(rows.select("metering_point", "consumption").rows())


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2025, 3, 1), date(2025, 3, 31)),
        (date(2025, 3, 30), date(2025, 3, 30)),
        (date(2025, 3, 2), date(2025, 4, 30)),
        (date(2025, 3, 1), date(2025, 5, 3)),
        (date(2025, 3, 15), date(2025, 5, 2)),
    ],
)
def test_the_report_is_the_sum_of_its_days(lake: Lake, first: date, last: date) -> None:
    days = lake.scan(CONSUMPTION_DAILY).filter(pl.col("day").is_between(first, last), metering_point="P2").collect()
    assert days["consumption"].null_count() == 0
    assert of(report(lake, first, last))["P2"] == days["consumption"].sum()


def test_a_month_is_743_hours_where_clocks_go_forward(lake: Lake) -> None:
    assert of(report(lake, date(2025, 3, 1), date(2025, 3, 31)))["P2"] == Decimal("74.3")


def test_consumption_goes_on_over_an_exchange(lake: Lake) -> None:
    found = report(lake, date(2025, 4, 1), date(2025, 4, 30)).filter(metering_point="P1").row(0, named=True)
    register_at_first = Decimal(10) + Decimal(743) * Decimal("0.1")
    assert found["consumption"] == Decimal(200) - register_at_first + Decimal(20 * 24 + 12) * Decimal("0.2")
    assert (found["method"], found["meter_id"]) == ("EXCHANGE", NEXT_METER)


def test_districts_are_in_no_report_of_consumption(lake: Lake) -> None:
    assert set(of(report(lake, FIRST, LAST))) == {"P1", "P2", "P3", "P4"}


def test_zero_is_not_missing(lake: Lake) -> None:
    april = (date(2025, 4, 1), date(2025, 4, 30))
    assert of(report(lake, *april, limit="zero")) == {"P3": Decimal(0)}
    assert of(report(lake, *april, limit="no_data")) == {"P4": None}
    assert set(of(report(lake, *april, limit="above", bound=Decimal(72)))) == {"P1"}
    assert set(of(report(lake, *april, limit="below", bound=Decimal(72)))) == {"P3"}
    assert set(of(report(lake, *april, limit="above"))) == {"P1", "P2"}


def test_totals_are_exact_and_say_how_many_are_missing(lake: Lake) -> None:
    rows = report(lake, date(2025, 4, 1), date(2025, 4, 30))
    (total,) = totals(rows).rows(named=True)
    assert total["consumption"] == sum(value for value in of(rows).values() if value is not None)
    assert (total["points"], total["missing"], total["unit"]) == (4, 1, "m3")
    unknown = rows.filter(pl.col("consumption").is_null())
    (total,) = totals(unknown).rows(named=True)
    assert (total["consumption"], total["points"], total["missing"]) == (None, 1, 1), "unknown is not nothing"


def test_points_and_registers_are_chosen(lake: Lake) -> None:
    some = pl.DataFrame({"metering_point": ["P2", "P3"]})
    assert set(of(report(lake, FIRST, LAST, some))) == {"P2", "P3"}
    assert report(lake, FIRST, LAST, registers=("energy_kwh",)).is_empty()
    assert totals(report(lake, FIRST, LAST, registers=("energy_kwh",))).is_empty()


def test_an_empty_lake_has_an_empty_report(tmp_path: Path) -> None:
    assert report(Lake(tmp_path), FIRST, LAST).is_empty()
