"""Minimum night flow: the lowest hour by the clock on the wall, legitimate use, leakage of the day."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tests.unit.warehouse.transforms.districts import FLOWS, NO_HOURLY_PRESSURES, ZONE, hourly, members, policy
from warehouse.transforms.calendar import hours, local_days
from warehouse.transforms.night_flow import night_flow_daily, nights

DAY = date(2025, 6, 10)
QUIET = datetime(2025, 6, 10, 1, tzinfo=UTC)
"""03:00 on that day."""


def found(used: pl.DataFrame, *, count: int = 2, first: date = DAY, last: date = DAY, pressures=None, rules=None):
    rules = rules or policy()
    pressures = NO_HOURLY_PRESSURES if pressures is None else pressures
    rows = nights(local_days(first, last, ZONE), FLOWS, members(count), used, pressures, rules, ZONE)
    return night_flow_daily(rows, rules).sort("day")


def set_to(used: pl.DataFrame, point: str, at: datetime, value: float | None) -> pl.DataFrame:
    there = (pl.col("metering_point") == point) & (pl.col("period_start") == at)
    return used.with_columns(consumption=pl.when(there).then(value).otherwise("consumption"))


def test_the_lowest_hour_counts_with_the_use_in_it() -> None:
    used = set_to(hourly({"IN": 5.0, "M0": 0.2, "M1": 0.3}, DAY, DAY), "IN", QUIET, 4.0)
    used = set_to(used, "M1", QUIET, 0.1)
    row = found(used).row(0, named=True)
    assert (row["hour_start"], row["hours"], row["mnf_m3h"]) == (QUIET, 3, 4.0)
    assert (row["lnu_method"], row["lnu_m3h"], row["lnu_coverage"]) == ("measured", pytest.approx(0.3), 1.0)


@pytest.mark.parametrize(("day", "count"), [(DAY, 3), (date(2025, 3, 30), 2), (date(2025, 10, 26), 4)])
def test_the_window_is_the_local_clocks(day: date, count: int) -> None:
    """In spring an hour of it is skipped, in autumn one comes twice."""
    assert found(hourly({"IN": 5.0, "M0": 0.1, "M1": 0.1}, day, day), first=day, last=day)["hours"].item() == count


def test_an_hour_without_a_flow_meter_does_not_count() -> None:
    used = set_to(hourly({"IN": 5.0, "M0": 0.1, "M1": 0.1}, DAY, DAY), "IN", QUIET, None)
    assert found(used)["hours"].item() == 2
    assert found(hourly({"IN": 5.0, "M0": 0.1}, DAY, DAY, quality="I"))["mnf_m3h"].item() is None


def night_with(missing: int, **rules: object) -> dict[str, object]:
    used = hourly({"IN": 5.0, **{f"M{number}": 0.02 for number in range(20 - missing)}}, DAY, DAY)
    return found(used, count=20, rules=policy(**rules)).row(0, named=True)


def test_few_missing_members_are_taken_for_the_mean_of_the_others() -> None:
    row = night_with(2)
    assert (row["lnu_method"], row["lnu_coverage"]) == ("measured", 0.9)
    assert row["lnu_m3h"] == pytest.approx(20 * 0.02)


def test_too_few_measured_ones_give_way_to_persons_and_these_to_a_share() -> None:
    by_persons = night_with(3, persons=2000)
    assert (by_persons["lnu_method"], by_persons["lnu_m3h"]) == ("persons", pytest.approx(2000 * 0.06 * 10 / 1000))
    by_share = night_with(3)
    assert (by_share["lnu_method"], by_share["lnu_m3h"]) == ("share", pytest.approx(0.2 * 5))


def test_leakage_is_of_the_medians_of_a_week() -> None:
    last = DAY + timedelta(days=8)
    used = hourly({"IN": 5.0, "M0": 0.5, "M1": 0.5}, DAY, last)
    pipe = pl.when(pl.col("metering_point") == "IN", pl.col("day") == last).then(9.0)
    rules = policy(exceptional_night_use_m3h=1)
    rows = found(used.with_columns(consumption=pipe.otherwise("consumption")), last=last, rules=rules)
    assert rows["mnf_m3h"][-1] == 9
    assert rows["mnf_median_m3h"][-1] == 5, "one wild night does not move the median"
    assert rows["leak_night_m3h"][-1] == pytest.approx(5 - 1 - 1)
    assert rows["leakage_m3"][-1] == pytest.approx(3 * 24)
    assert rows["mnf_median_m3h"].is_null().to_list() == [True] * 3 + [False] * 6, "half of the nights are needed"


def test_leakage_follows_pressure_over_the_day() -> None:
    profile = [35.0] * 5 + [32, 30, 28, 27, 28, 29, 30, 30, 29, 29, 28, 27, 26, 26, 27, 29, 31, 33, 34]
    used = hourly({"IN": 5.0, "M0": 0.1, "M1": 0.1}, DAY, DAY)
    by_profile = found(used, rules=policy(pressure_profile_m=profile)).row(0, named=True)
    assert (by_profile["hdf_method"], round(by_profile["hdf_h"], 1)) == ("profile", 20.8)
    grid = hours(local_days(DAY, DAY, ZONE)).rename({"start": "hour_start"}).drop("end")
    measured = grid.with_columns(district=pl.lit("D"), pressure_m=pl.Series(profile))
    by_sensor = found(used, pressures=measured).row(0, named=True)
    assert (by_sensor["hdf_method"], round(by_sensor["hdf_h"], 1)) == ("measured", 20.8)
    assert found(used)["hdf_method"].item() == "constant"
