"""Heat reports and the motivation tariff over a lake: known registers give known means, ratings and amounts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.policies import HeatPolicy, MotivationTariffPolicy, RatingsPolicy, read_policy, shipped_document
from warehouse.queries import heat, motivation_tariff
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    GROUP_MEMBERS,
    HEAT_DAILY,
    INSTALLATIONS,
    LAYOUTS,
    READINGS,
    REGISTER,
)

ZONE = ZoneInfo("UTC")
FIRST, DAYS = date(2025, 1, 1), 365
REGISTERS = ("volume_m3", "energy_kwh", "volume_temp_flow_m3c", "volume_temp_return_m3c")
KNOWN = datetime(2026, 1, 1, tzinfo=UTC)


def add_point(lake: Lake, point: str, volume: str, energy: str, flow: str, back: str, **more: Any) -> None:
    """A point that uses the same every day: volume, heat, and temperatures of all of it."""
    days = [FIRST + timedelta(days=number) for number in range(more.get("skip", 0), DAYS)]
    amounts = (Decimal(volume), Decimal(energy), Decimal(volume) * Decimal(flow), Decimal(volume) * Decimal(back))
    meter = f"KAM-{point}-1b-{more.get('kind', '04')}"
    starts = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    for register, amount in zip(REGISTERS, amounts, strict=True):
        rows = pl.DataFrame(
            {
                "day": days,
                "period_start": starts,
                "period_end": [start + timedelta(days=1) for start in starts],
                "consumption": pl.Series([amount] * len(days), dtype=REGISTER),
                "register_start": pl.Series([number * amount for number in range(len(days))], dtype=REGISTER),
                "register_end": pl.Series([(number + 1) * amount for number in range(len(days))], dtype=REGISTER),
                "month": [f"{day:%Y-%m}" for day in days],
            }
        ).with_columns(
            organisation=pl.lit("o"),
            metering_point=pl.lit(point),
            meter_id=pl.lit(meter),
            register=pl.lit(register),
            unit=pl.lit(""),
            quality=pl.lit("M"),
            start_quality=pl.lit("M"),
            end_quality=pl.lit("M"),
            known_from=pl.lit(KNOWN),
        )
        lake.append(CONSUMPTION_DAILY, CONSUMPTION_DAILY.conform(rows))
    of_days = pl.DataFrame({"day": days, "month": [f"{day:%Y-%m}" for day in days]}).with_columns(
        organisation=pl.lit("o"),
        metering_point=pl.lit(point),
        meter_id=pl.lit(meter),
        weighting=pl.lit("none"),
        quality=pl.lit("M"),
        known_from=pl.lit(KNOWN),
    )
    lake.append(HEAT_DAILY, HEAT_DAILY.conform(of_days))
    begun = datetime(2024, 1, 1, tzinfo=UTC) if not more.get("skip") else starts[0]
    cells = {
        "organisation": "o",
        "metering_point": point,
        "meter_id": meter,
        "installed_at": begun,
        "known_from": KNOWN,
    }
    schema = {name: dtype for name, dtype in INSTALLATIONS.schema.items() if name in cells}
    lake.append(INSTALLATIONS, INSTALLATIONS.conform(pl.DataFrame([cells], schema=schema)))


def add_resolutions(lake: Lake, meter: str, volume: int, weighted: int) -> None:
    rows = [
        {"layout_id": "l", "register": name, "resolution_numerator": 1 if name == "volume_m3" else weighted}
        | {"resolution_denominator": volume if name == "volume_m3" else 1}
        for name in ("volume_m3", "volume_temp_flow_m3c", "volume_temp_return_m3c")
    ]
    schema = LAYOUTS.schema
    frame = pl.DataFrame(rows).with_columns(organisation=pl.lit("o"))
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    lake.append(LAYOUTS, LAYOUTS.conform(frame.with_columns(absent)))
    at = datetime(2025, 1, 31, tzinfo=UTC)
    cells = {"organisation": "o", "meter_id": meter, "layout_id": "l", "source": "radio", "quality": "M"}
    times = dict.fromkeys(("measured_at", "received_at", "landed_at"), at)
    reading = pl.DataFrame([cells | times | {"month": "2025-01"}])
    lake.append(READINGS, READINGS.conform(reading.with_columns(pl.col(*times).dt.cast_time_unit("us"))))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("lake"))
    add_point(made, "GOOD", "1", "45", "80", "40")
    add_point(made, "MEDIUM", "2", "57", "65", "40")
    add_point(made, "POOR", "10", "115", "60", "50")
    add_point(made, "STILL", "0", "0", "0", "0")
    add_point(made, "COLD", "5", "30", "6", "12", kind="0a")
    add_point(made, "YOUNG", "1", "45", "80", "40", skip=100)
    add_point(made, "COARSE", "0.1", "4", "80", "40")
    add_resolutions(made, "KAM-COARSE-1b-04", 100, 1)
    member = {
        "organisation": "o",
        "group": "Harbour",
        "metering_point": "GOOD",
        "valid_from": KNOWN - timedelta(days=900),
    }
    for name in GROUP_MEMBERS.schema:
        member.setdefault(name, None)
    made.append(GROUP_MEMBERS, GROUP_MEMBERS.conform(pl.DataFrame([member], schema=dict(GROUP_MEMBERS.schema))))
    return made


HEAT = read_policy("heat", shipped_document("heat"))
RATINGS = read_policy("ratings", shipped_document("ratings"))
assert isinstance(HEAT, HeatPolicy)
assert isinstance(RATINGS, RatingsPolicy)
POLICIES = (HEAT, RATINGS)

Ask = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module")
def ask(lake: Lake) -> Ask:
    def report(*, policies: Any = POLICIES, points: Any = None, **options: Any) -> pl.DataFrame:
        period = {"first": date(2025, 1, 1), "last": date(2025, 1, 31), **options}
        return heat.report(lake, "o", *policies, heat.Asked(zone=ZONE, **period), points)

    return report


def row(found: pl.DataFrame, point: str) -> dict[str, Any]:
    return found.filter(metering_point=point).row(0, named=True)


def test_known_registers_give_known_means_ratings_and_excess(ask: Ask) -> None:
    found = ask()
    good, medium, poor = (row(found, point) for point in ("GOOD", "MEDIUM", "POOR"))
    assert [one["cooling_k"] for one in (good, medium, poor)] == pytest.approx([40, 25, 10])
    assert [one["rating"] for one in (good, medium, poor)] == ["good", "medium", "poor"]
    assert (poor["flow_temp_c"], poor["return_temp_c"], poor["volume_m3"]) == pytest.approx((60, 50, 310))
    assert poor["target_m3"] == pytest.approx(115 * 31 / (1.148 * 40), rel=0.01)
    assert poor["excess_m3"] == pytest.approx(310 - poor["target_m3"], abs=0.002)
    assert (poor["rank"], medium["rank"]) == (1, 2)
    assert found["metering_point"][:2].to_list() == ["COLD", "POOR"]


def test_a_meter_without_flow_has_no_temperature_rather_than_zero(ask: Ask) -> None:
    still = row(ask(), "STILL")
    shown = ("flow_temp_c", "return_temp_c", "cooling_k", "rating", "excess_m3", "rank")
    assert [still[name] for name in shown] == [None] * 6
    assert still["volume_m3"] == 0.0


def test_cooling_meters_are_rated_as_such(ask: Ask) -> None:
    cold = row(ask(), "COLD")
    assert (cold["cooling_k"], cold["rating"], cold["target_k"]) == (pytest.approx(6), "good", 6)


def test_too_large_an_error_shows_nothing_or_widens_the_period(ask: Ask) -> None:
    month = {"first": date(2025, 1, 29), "last": date(2025, 1, 31)}
    hidden = row(ask(**month), "COARSE")
    assert hidden["error_k"] > 1
    assert (hidden["cooling_k"], hidden["weighting"]) == (None, "none")
    widening = read_policy("heat", shipped_document("heat").replace("beyond_it: na", "beyond_it: widen"))
    widened = row(ask(policies=(widening, RATINGS), **month), "COARSE")
    assert (widened["first_day"], widened["last_day"]) == (date(2025, 1, 8), date(2025, 1, 31))
    assert widened["error_k"] < 1
    assert widened["cooling_k"] == pytest.approx(40)
    assert row(ask(policies=(widening, RATINGS), **month), "GOOD")["first_day"] == date(2025, 1, 29)


@pytest.mark.parametrize("first", [date(2025, 1, 1), date(2024, 12, 20)])
@pytest.mark.parametrize("last", [date(2025, 2, 1), date(2025, 3, 1)])
def test_what_a_register_resolves_is_known_from_any_month_of_the_period(ask: Ask, first: date, last: date) -> None:
    assert row(ask(first=first, last=last), "COARSE")["error_k"] > 0, "it was read on 31 January alone"
    assert row(ask(first=date(2025, 2, 2), last=last + timedelta(days=3)), "COARSE")["error_k"] is None


@pytest.mark.parametrize(
    ("filters", "points"),
    [
        ({"ratings": frozenset({"poor"})}, {"POOR"}),
        ({"from_k": 20.0, "to_k": 30.0}, {"MEDIUM"}),
        ({"kind": "outlet", "higher_than": 40.5}, {"POOR"}),
        ({"kind": "inlet", "higher_than": 79.9}, {"GOOD", "YOUNG"}),
    ],
)
def test_filters(ask: Ask, filters: dict[str, Any], points: set[str]) -> None:
    last = {"first": date(2025, 6, 1), "last": date(2025, 6, 30)} if "YOUNG" in points else {}
    found = ask(**filters, **last).filter(pl.col("metering_point") != "COARSE")
    assert set(found["metering_point"]) == points


def test_groups_have_ratings_of_their_own(ask: Ask) -> None:
    groups = "groups: [{group: Harbour, heating: {good_k: 45, poor_k: 42, target_k: 50}}]"
    strict = read_policy("ratings", shipped_document("ratings").replace("groups: []", groups))
    found = ask(policies=(HEAT, strict))
    assert (row(found, "GOOD")["rating"], row(found, "GOOD")["target_k"]) == ("poor", 50)
    assert row(found, "MEDIUM")["rating"] == "medium"


def test_a_report_of_some_points_shows_no_others(ask: Ask) -> None:
    some = pl.DataFrame({"metering_point": ["POOR", "GOOD"]})
    assert ask(points=some, kind="outlet")["metering_point"].to_list() == ["POOR", "GOOD"]


def tariff_of(lake: Lake, **options: Any) -> pl.DataFrame:
    text = shipped_document("motivation_tariff").replace("price_per_mwh: null", "price_per_mwh: 545")
    policy = read_policy("motivation_tariff", text)
    assert isinstance(policy, MotivationTariffPolicy)
    return motivation_tariff.report(lake, "o", policy, year=2025, zone=ZONE, **options)


def test_the_tariff_of_a_year_and_who_is_left_out(lake: Lake) -> None:
    found = tariff_of(lake, moved=frozenset({"MEDIUM"}))
    poor = row(found, "POOR")
    assert (poor["supply_c"], poor["return_c"], poor["expected_c"]) == tuple(map(Decimal, ("60.0", "50.0", "39.1")))
    assert poor["amount"] == (Decimal("0.109") * Decimal("41.975") * 545).quantize(Decimal("0.01"))
    assert found.select("metering_point", "excluded").rows() == [
        ("COARSE", None),
        ("GOOD", None),
        ("MEDIUM", "moved"),
        ("POOR", None),
        ("STILL", "no_figures"),
        ("YOUNG", "new"),
    ]
    assert found.filter(pl.col("excluded").is_not_null())["amount"].to_list() == [None] * 3
    assert row(found, "GOOD")["percent"] == Decimal("-6.2")


def test_a_year_that_is_known_in_part_is_too_short(lake: Lake, tmp_path: Path) -> None:
    part = Lake(tmp_path)
    add_point(part, "LATE", "1", "45", "80", "40", skip=10)
    old = {"organisation": "o", "metering_point": "LATE", "meter_id": "m", "known_from": KNOWN}
    cells = old | {"installed_at": datetime(2020, 1, 1, tzinfo=UTC)}
    schema = {name: dtype for name, dtype in INSTALLATIONS.schema.items() if name in cells}
    part.append(INSTALLATIONS, INSTALLATIONS.conform(pl.DataFrame([cells], schema=schema)))
    assert tariff_of(part)["excluded"].to_list() == ["short"]
