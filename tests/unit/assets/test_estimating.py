"""Estimates in the lake: made again with what they rest on, replaced by registers, made final by people."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from assets.installation import Installation
from assets.steps import figures as reckoning
from assets.steps.deciding import Choice, decide
from assets.steps.estimating import make_final
from assets.steps.figures import reckon_figures
from assets.steps.touched import touch
from registry.decisions import Subject
from tests.unit.gateway.doors import make_house
from tests.unit.warehouse.transforms.metering import LONG_AGO, METER, NEXT_METER, installed, readings
from warehouse.errors import WarehouseError
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CORRECTIONS,
    INSTALLATIONS,
    READINGS,
    VEE_EXCEPTIONS,
    Table,
)

HOUR = timedelta(hours=1)
FIRST = datetime(2025, 5, 4, 22, tzinfo=UTC)  # midnight of a Monday in Copenhagen
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    made = make_house(tmp_path)
    points = [installed((METER, LONG_AGO, None)), installed((NEXT_METER, LONG_AGO, None), point="P2")]
    made.lake.overwrite(INSTALLATIONS, pl.concat(points).with_columns(organisation=pl.lit("default")))
    return made


def course(hours: Iterable[int], meter: str = METER) -> pl.DataFrame:
    """Readings so many hours after the first; more flows by day than by night."""
    rows = []
    for number in hours:
        days, hour = divmod(number, 24)
        rows.append((FIRST + number * HOUR, Decimal(days * 390 + 30 * max(0, hour - 11)) / 1000))
    return readings(rows, meter, layout=None).with_columns(organisation=pl.lit("default"))


def take(house: Installation, *parts: pl.DataFrame, now: datetime = NOW) -> dict[str, int]:
    """Takes readings in and reckons what they touch."""
    for part in parts:
        house.lake.append(READINGS, part)
        touch(house, part.select("meter_id", "measured_at"), "readings")
    return reckon_figures(house, now)


def rows(house: Installation, table: Table, point: str = "P1") -> pl.DataFrame:
    found = house.lake.scan(table).filter(pl.col("metering_point") == point).drop("known_from").collect()
    return found.sort("register", "period_start")


def hours_of(house: Installation, first: int, last: int) -> pl.DataFrame:
    return rows(house, CONSUMPTION_HOURLY).filter(
        pl.col("period_start").is_between(FIRST + first * HOUR, FIRST + (last - 1) * HOUR)
    )


def others(until: int) -> pl.DataFrame:
    """The neighbour's readings tell that readings do come."""
    return course(range(0, until, 6), NEXT_METER)


def test_a_gap_is_filled_from_hours_reckoned_in_earlier_runs(house: Installation) -> None:
    take(house, course(range(16 * 24)))
    take(house, course(range(16 * 24 + 18, 17 * 24)))
    gap = hours_of(house, 16 * 24 - 1, 16 * 24 + 18)
    assert set(gap["method"]) == {"PROF_OWN"}
    assert [int(value * 1000) for value in gap["consumption"]] == [30] + [0] * 11 + [30] * 7
    assert set(gap["gap_id"]) == {FIRST + (16 * 24 - 1) * HOUR}


def anew(house: Installation, folder: Path, *parts: pl.DataFrame) -> Installation:
    """Another installation that takes everything at once."""
    made = make_house(folder)
    made.lake.overwrite(INSTALLATIONS, house.lake.scan(INSTALLATIONS).collect())
    take(made, *parts)
    return made


def test_a_late_day_makes_the_estimates_that_rest_on_it_again(house: Installation, tmp_path: Path) -> None:
    early = course([*range(7), *range(24 * 7, 24 * 9), *range(24 * 9 + 12, 24 * 12)])
    late = course(range(7, 24 * 3))
    take(house, early)
    assert set(hours_of(house, 24 * 9, 24 * 9 + 12)["method"]) == {"LIN"}, "two values make no profile"
    take(house, late)
    assert set(hours_of(house, 24 * 9, 24 * 9 + 12)["method"]) == {"PROF_OWN"}
    at_once = anew(house, tmp_path / "other", late, early)
    for table in (CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY):
        assert rows(house, table).equals(rows(at_once, table))


@pytest.mark.parametrize(("every", "cuts"), [(1, (9, 17, 24, 47)), (8, (8, 16, 24, 48)), (24, (24, 48))])
def test_readings_in_parts_give_what_they_give_at_once(
    house: Installation, tmp_path: Path, every: int, cuts: tuple[int, ...]
) -> None:
    whole = course(range(every - 1, 24 * 12, every))
    for first, until in pairwise([0, *(24 * 9 + cut - 1 for cut in cuts), 24 * 12]):
        part = whole.filter(pl.col("measured_at").is_between(FIRST + first * HOUR, FIRST + until * HOUR, closed="left"))
        take(house, part)
    at_once = anew(house, tmp_path / "other", whole)
    for table in (CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY):
        assert rows(house, table).equals(rows(at_once, table))


def test_days_of_a_silent_register_are_provisional_until_a_register_arrives(house: Installation) -> None:
    take(house, course(range(14 * 24 + 5)), others(14 * 24 + 5))
    assert rows(house, CONSUMPTION_DAILY)["quality"][-1] == "N"
    take(house, others(19 * 24).filter(pl.col("measured_at") > FIRST + 14 * 24 * HOUR + 5 * HOUR))
    daily = rows(house, CONSUMPTION_DAILY)
    assert daily["quality"].to_list() == ["M"] * 14 + ["E"] * 4
    assert daily["method"].to_list()[-4:] == ["ADU"] * 4
    assert daily["consumption"].to_list()[-3:] == [Decimal("0.390")] * 3
    months = rows(house, CONSUMPTION_MONTHLY)
    assert months["quality"].to_list() == ["N"]
    hours = rows(house, CONSUMPTION_HOURLY)
    assert hours["day"].max() == date(2025, 5, 19), "provisional days have no hours"

    take(house, course(range(20 * 24, 20 * 24 + 6)))
    daily = rows(house, CONSUMPTION_DAILY)
    assert daily["day"].is_unique().all()
    assert daily["quality"].to_list() == ["M"] * 14 + ["I"] * 6 + ["N"]
    noted = house.lake.scan(CORRECTIONS).filter(pl.col("old_quality") == "E").collect()
    assert noted.filter(pl.col("table_name") == "consumption_daily").height == 4


def test_provisional_days_grow_with_the_days_of_others_and_stay_as_they_are(house: Installation) -> None:
    take(house, course(range(14 * 24 + 5)), others(19 * 24))
    four = rows(house, CONSUMPTION_DAILY)
    assert four["quality"].to_list()[-4:] == ["E"] * 4
    take(house, course(range(19 * 24, 21 * 24, 6), NEXT_METER))
    assert rows(house, CONSUMPTION_DAILY).head(four.height).equals(four)
    assert rows(house, CONSUMPTION_DAILY)["quality"].to_list()[-6:] == ["E"] * 6
    assert house.lake.scan(CORRECTIONS).filter(pl.col("metering_point") == "P1").collect().is_empty()
    known = house.lake.scan(CONSUMPTION_DAILY).collect()
    assert take(house) == {}
    touch(house, course([14 * 24 + 4]).select("meter_id", "measured_at"), "backfill")
    reckon_figures(house, NOW + HOUR)
    key = CONSUMPTION_DAILY.key
    assert house.lake.scan(CONSUMPTION_DAILY).collect().sort(key).equals(known.sort(key))


def test_a_late_day_moves_the_average_of_provisional_days(house: Installation, tmp_path: Path) -> None:
    burst = pl.when(pl.col("measured_at") > FIRST + (7 * 24 + 9) * HOUR).then(pl.lit(Decimal(1))).otherwise(Decimal(0))
    whole = course(range(14 * 24 + 5)).with_columns((pl.col("volume_m3") + burst).cast(READINGS.schema["volume_m3"]))
    late = pl.col("measured_at").is_between(FIRST + 6 * 24 * HOUR, FIRST + 8 * 24 * HOUR)
    take(house, whole.filter(~late), others(19 * 24))
    assert rows(house, CONSUMPTION_DAILY)["consumption"].to_list()[-3:] == [Decimal("0.390")] * 3
    take(house, whole.filter(late))
    daily = rows(house, CONSUMPTION_DAILY)
    assert daily["quality"].to_list() == ["M"] * 14 + ["E"] * 4
    # One Monday of 1.39 among eight days from Monday to Thursday.
    assert daily["consumption"].to_list()[-3:] == [Decimal("0.515")] * 3
    assert daily.equals(rows(anew(house, tmp_path / "other", whole, others(19 * 24)), CONSUMPTION_DAILY))


def test_a_person_makes_provisional_days_final(house: Installation) -> None:
    take(house, course(range(14 * 24 + 5)), others(19 * 24))
    days = {"metering_point": "P1", "register": "volume_m3", "first_day": date(2025, 5, 19)}
    make_final(house, **days, last_day=date(2025, 5, 20), identity="anna", reason="meter was stolen", now=NOW)
    reckon_figures(house, NOW)
    assert rows(house, CONSUMPTION_DAILY)["quality"].to_list()[-4:] == ["F", "F", "E", "E"]
    noted = house.lake.scan(CORRECTIONS).filter(pl.col("table_name") == CONSUMPTION_DAILY.name).collect()
    assert noted.select("cause", "identity").rows() == [("estimate", "anna")] * 2
    with house.registry.begin(readonly=True) as session:
        told = session.execute(text("select identity, reason from audit_log where event = 'estimates.final'")).all()
    assert told == [("anna", "meter was stolen")]
    with pytest.raises(WarehouseError, match="No day of P1"):
        make_final(
            house,
            **{**days, "first_day": date(2025, 5, 6)},
            last_day=date(2025, 5, 7),
            identity="anna",
            reason="",
            now=NOW,
        )


def test_a_register_silent_for_sixty_days_is_one_exception(house: Installation) -> None:
    take(house, course(range(14 * 24 + 5)), course(range(0, 76 * 24, 24), NEXT_METER))
    found = house.lake.scan(VEE_EXCEPTIONS).filter(pl.col("rule") == "V21").collect()
    assert found.select("meter_id", "rule", "state").rows() == [(METER, "V21", "open")]
    about = Subject(METER, "volume_m3", found["at"][0], "V21")
    decide(house, about, Choice("approve", "checked", "Nobody is at home."), identity="anna", now=NOW)
    take(house, course(range(76 * 24, 78 * 24, 24), NEXT_METER))
    again = house.lake.scan(VEE_EXCEPTIONS).filter(pl.col("rule") == "V21").collect()
    assert again["state"].to_list() == ["approved"]


def test_the_exception_is_resolved_when_a_register_arrives(house: Installation) -> None:
    take(house, course(range(14 * 24 + 5)), course(range(0, 76 * 24, 24), NEXT_METER))
    assert house.lake.scan(VEE_EXCEPTIONS).filter(pl.col("rule") == "V21").collect()["state"].to_list() == ["open"]
    take(house, course(range(77 * 24, 77 * 24 + 6)))
    assert house.lake.scan(VEE_EXCEPTIONS).filter(pl.col("rule") == "V21").collect()["state"].to_list() == ["resolved"]


def test_one_reading_far_ahead_of_the_others_makes_nobody_silent(house: Installation) -> None:
    third = "KAM-00000003-1b-16"
    points = [*zip((METER, NEXT_METER, third), ("P1", "P2", "P3"), strict=True)]
    table = pl.concat([installed((meter, LONG_AGO, None), point=point) for meter, point in points])
    house.lake.overwrite(INSTALLATIONS, table.with_columns(organisation=pl.lit("default")))
    take(house, course(range(14 * 24)), others(14 * 24), course([*range(14 * 24), 40 * 24], third))
    assert rows(house, CONSUMPTION_DAILY)["quality"].to_list() == ["M"] * 13 + ["N"]
    take(house, others(19 * 24).filter(pl.col("measured_at") > FIRST + 14 * 24 * HOUR))
    assert rows(house, CONSUMPTION_DAILY)["quality"].to_list() == ["M"] * 13 + ["E"] * 5, "two have come so far"


def test_an_outage_is_reckoned_in_parts_with_the_same_figures(
    house: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = [*range(16 * 24), *range(16 * 24 + 18, 17 * 24)]
    take(house, course(hours), course(hours, NEXT_METER))
    monkeypatch.setattr(reckoning, "HOURS_AT_ONCE", 28 * 24)
    monkeypatch.setattr(reckoning, "_points_at_once", lambda points, hours: points.height)
    parts = anew(house, tmp_path / "parts", course(hours), course(hours, NEXT_METER))
    for table in (CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY):
        for point in ("P1", "P2"):
            assert rows(house, table, point).equals(rows(parts, table, point))
            assert rows(parts, table, point).height
