"""Water balance: terms on the same local days, missing meters made visible, indicators and their validity."""

from datetime import date, timedelta

import polars as pl
import pytest

from tests.unit.warehouse.transforms.districts import FLOWS, NO_PRESSURES, ZONE, daily, members, policy
from warehouse.transforms.calendar import local_days
from warehouse.transforms.losses import hour_day_factor, index_warning, unavoidable_m3
from warehouse.transforms.water_balance import water_balance_daily, water_balance_monthly

DAY = date(2025, 6, 30)
BACK = DAY - timedelta(days=28)


def balance(values, *, count=2, flows=FLOWS, pressures=NO_PRESSURES, first=DAY, last=DAY, rules=None, **columns):
    days = local_days(first, last, ZONE)
    used = daily(values, BACK if len(next(iter(values.values()))) > 28 else first, **columns)
    return water_balance_daily(days, flows, members(count), used, pressures, rules or policy())


def one(values, **options):
    return balance(values, **options).row(0, named=True)


def test_index_and_unavoidable_losses_of_the_test_vector() -> None:
    row = pl.DataFrame({"mains": 120.0, "connections": 8000, "private": 0.0, "pressure": 45.0})
    unavoidable = row.select(unavoidable_m3(*(pl.col(name) for name in row.columns))).item()
    assert unavoidable * 1000 == pytest.approx(385_200)
    assert round(unavoidable * 365) == 140_598
    found = one({"IN": [420_000.0], "M0": [0.0], "M1": [0.0]})
    assert found["uarl_m3"] == 385.2
    assert one({"IN": [420_000 / 365], "M0": [0.0], "M1": [0.0]})["ili"] == pytest.approx(2.99, abs=0.005)
    assert found["ili_warning"] is None


@pytest.mark.parametrize(
    ("mains", "connections", "pressure", "warning"),
    [
        (120.0, 8000, 45.0, None),
        (120.0, 5000, 45.0, "5000 connections"),
        (400.0, 8000, 45.0, "20.0 connections per km"),
        (120.0, 8000, 24.9, "24.9 m of pressure"),
        (120.0, 8000, 100.1, "100.1 m of pressure"),
        (400.0, 640, 20.0, "640 connections, stated for more than 5000; 1.6 connections per km"),
    ],
)
def test_outside_of_its_validity_the_index_comes_with_a_warning(mains, connections, pressure, warning) -> None:
    row = pl.DataFrame({"mains": mains, "connections": connections, "pressure": pressure})
    found = row.select(index_warning(*(pl.col(name) for name in row.columns))).item()
    assert found is None if warning is None else warning in found


def test_hour_day_factors_of_the_test_vector() -> None:
    pressures = [*[35.0] * 5, 32, 30, 28, 27, 28, 29, 30, 30, 29, 29, 28, 27, 26, 26, 27, 29, 31, 33, 34]
    assert [round(hour_day_factor(pressures, 35, n1), 1) for n1 in (0.5, 1.0, 1.5)] == [22.3, 20.8, 19.4]


def test_loss_is_what_came_in_less_what_left_what_was_stored_and_what_was_authorised() -> None:
    flows = pl.DataFrame({
        "district": "D",
        "metering_point": ["IN", "OUT", "FILL", "DRAW"],
        "term": ["input", "output", "filling", "drawing"],
    })  # fmt: skip
    rules = policy(billed_unmetered_m3_per_day=3, unbilled_m3_per_day=2, apparent_loss_percent=5, tariff=2)
    values = {"IN": [100.0], "OUT": [20.0], "FILL": [10.0], "DRAW": [4.0], "M0": [25.0], "M1": [15.0]}
    found = one(values, flows=flows, rules=rules)
    assert (found["input_m3"], found["output_m3"], found["storage_change_m3"]) == (100, 20, 6)
    assert found["loss_m3"] == pytest.approx(100 - 20 - 6 - 40 - 3 - 2)
    assert found["apparent_loss_m3"] == pytest.approx(2)
    assert found["real_loss_m3"] == pytest.approx(27)
    assert (found["nrw_m3"], found["nrw_cost"]) == (pytest.approx(31), pytest.approx(62))
    assert found["loss_l_per_connection_day"] == pytest.approx(27_000 / 8000, abs=1e-6)
    assert found["loss_l_per_km_day"] == pytest.approx(27_000 / 120)
    parts = found["consumption_measured_m3"] + 3 + 2 + found["loss_m3"]
    assert parts == pytest.approx(100 - 20 - 6), "the IWA components add up to the system's input"


def test_uncertainty_is_that_of_every_meter() -> None:
    found = one({"IN": [100.0], "M0": [30.0], "M1": [40.0]})
    sigma = ((0.02 * 100) ** 2 + (0.02 * 30) ** 2 + (0.02 * 40) ** 2) ** 0.5
    assert found["sigma_meters_m3"] == pytest.approx(sigma, abs=1e-6)
    assert found["loss_high_m3"] - found["loss_low_m3"] == pytest.approx(4 * sigma, abs=1e-5)


def test_a_missing_member_is_estimated_and_not_divided_away() -> None:
    """Its own last weeks tell what to expect, of days of the same class; the loss is an interval."""
    weeks = [12.0 if (BACK + timedelta(days=number)).weekday() < 4 else 20.0 for number in range(28)]
    values = {"IN": [100.0] * 29, "M0": [30.0] * 29, "M1": [*weeks, None]}
    found = one(values)
    assert DAY.weekday() < 4
    assert (found["consumption_measured_m3"], found["consumption_estimated_m3"]) == (30, 12)
    assert (found["state"], found["loss_m3"]) == ("interval", None)
    assert (found["loss_low_m3"] + found["loss_high_m3"]) / 2 == pytest.approx(58)
    assert found["coverage"] == pytest.approx(30 / (30 + sum(weeks) / 28), abs=1e-6)


def test_one_of_many_missing_leaves_the_loss_stated_and_wider() -> None:
    swing = [9.0, 11.0] * 14
    values = {"IN": [500.0] * 29, **{f"M{number}": [10.0] * 29 for number in range(39)}, "M39": [*swing, None]}
    found = one(values, count=40)
    assert found["state"] == "known"
    assert found["coverage"] == pytest.approx(39 / 40, abs=1e-6)
    assert found["loss_m3"] == pytest.approx(100, abs=0.3)
    assert found["sigma_estimates_m3"] == pytest.approx(1, abs=0.1)


def test_without_history_the_others_tell_and_their_spread_widens_the_interval() -> None:
    found = one({"IN": [100.0], "M0": [8.0], "M1": [12.0], "M2": [None]}, count=3)
    assert found["consumption_estimated_m3"] == pytest.approx(10)
    assert found["sigma_estimates_m3"] == pytest.approx(8**0.5, abs=1e-6)
    assert (found["members"], found["members_measured"]) == (3, 2)


def test_what_is_known_across_a_gap_counts_as_estimated_with_its_total() -> None:
    values = {"IN": [100.0], "M0": [40.0], "M1": [50.0]}
    gap = pl.when(pl.col("metering_point") == "M1")
    found = one(values, quality=gap.then(pl.lit("I")).otherwise(pl.lit("M")), share_interpolated=gap.then(0.1))
    assert (found["consumption_measured_m3"], found["consumption_estimated_m3"]) == (40, 50)
    assert found["sigma_estimates_m3"] == pytest.approx(5)


def test_an_estimate_that_stands_counts_as_one() -> None:
    values = {"IN": [100.0], "M0": [40.0], "M1": [50.0]}
    estimated = pl.when(pl.col("metering_point") == "M1").then(pl.lit("E"))
    found = one(values, quality=estimated.otherwise(pl.lit("M")))
    assert (found["consumption_measured_m3"], found["consumption_estimated_m3"]) == (40, 50)
    assert found["state"] == "interval"
    inflow = pl.when(pl.col("metering_point") == "IN").then(pl.lit("E"))
    assert one(values, quality=inflow.otherwise(pl.lit("M")))["state"] == "unknown", "what came in is never guessed"


@pytest.mark.parametrize("missing", ["IN", "M0"])
def test_without_a_term_nothing_is_said(missing: str) -> None:
    values = {"IN": [100.0], "M0": [40.0]} | {missing: [None]}
    found = one(values, count=1)
    assert (found["state"], found["loss_m3"], found["loss_low_m3"]) == ("unknown", None, None)


def test_a_day_without_members_is_unknown() -> None:
    found = one({"IN": [100.0]}, count=0)
    assert (found["state"], found["members"]) == ("unknown", 0)


@pytest.mark.parametrize(("day", "length"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25)])
def test_all_terms_are_on_the_local_day_also_when_clocks_change(day: date, length: int) -> None:
    found = one({"IN": [100.0], "M0": [30.0], "M1": [40.0]}, first=day, last=day)
    assert found["period_end"] - found["period_start"] == timedelta(hours=length)
    assert found["loss_m3"] == pytest.approx(30)


def test_measured_pressure_wins_over_the_policys() -> None:
    pressures = pl.DataFrame({"district": ["D"], "day": [DAY], "pressure_m": [30.0], "pressure_method": ["plain"]})
    used = {"IN": [100.0], "M0": [1.0], "M1": [1.0]}
    measured, assumed = one(used, pressures=pressures), one(used)
    assert (measured["pressure_m"], measured["pressure_method"]) == (30, "plain")
    assert (assumed["pressure_m"], assumed["pressure_method"]) == (45, "given")


def test_months_sum_their_days_and_tell_how_many_they_are() -> None:
    first, last = date(2025, 6, 1), date(2025, 6, 30)
    values = {"IN": [*[100.0] * 29, None], "M0": [30.0] * 30, "M1": [40.0] * 30}
    days = water_balance_daily(
        local_days(first, last, ZONE), FLOWS, members(2), daily(values, first), NO_PRESSURES, policy()
    )
    month = water_balance_monthly(days, policy(), ZONE).row(0, named=True)
    assert (month["days"], month["days_balanced"], month["state"]) == (30, 29, "known")
    assert month["loss_m3"] == pytest.approx(29 * 30)
    assert month["loss_l_per_km_day"] == pytest.approx(30_000 / 120)
    assert month["sigma_meters_m3"] == pytest.approx(29 * days["sigma_meters_m3"][0], abs=1e-4)
    assert month["uarl_m3"] == pytest.approx(29 * 385.2)


def test_the_order_of_rows_changes_nothing() -> None:
    values = {"IN": [100.3] * 29, **{f"M{n}": [1.1 + n / 7] * 28 + [None if n % 9 == 0 else 1.3] for n in range(40)}}
    used = daily(values, BACK)
    days = local_days(DAY, DAY, ZONE)
    found = [
        water_balance_daily(days, FLOWS, members(40).sample(fraction=1, shuffle=True, seed=seed),
                            used.sample(fraction=1, shuffle=True, seed=seed), NO_PRESSURES, policy())
        for seed in (1, 2)
    ]  # fmt: skip
    assert found[0].equals(found[1])
