"""Alarms on losses: what rises is found, what does not is left in peace, and repairs are learned."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tests.unit.warehouse.transforms.districts import policy
from warehouse.transforms.loss_alarms import loss_alarms

FIRST = date(2024, 1, 1)
NO_NIGHTS = pl.DataFrame(
    schema={
        "district": pl.String,
        "day": pl.Date,
        **dict.fromkeys(("mnf_m3h", "lnu_m3h", "exceptional_m3h"), pl.Float64),
    }
)


def losses(values) -> pl.DataFrame:
    days = [FIRST + timedelta(days=number) for number in range(len(values))]
    frame = pl.DataFrame({"day": days, "loss_m3": values}, schema_overrides={"loss_m3": pl.Float64})
    return frame.with_columns(district=pl.lit("D"), input_m3=pl.lit(1000.0))


def noise(days: int, sigma: float = 20.0, seed: int = 5) -> np.ndarray:
    return 200 + np.random.default_rng(seed).normal(0, sigma, days)


def alarms(values, found=NO_NIGHTS, **rules) -> pl.DataFrame:
    return loss_alarms(losses(values), found, policy(**rules)).sort("kind", "first_day")


def test_the_smoothed_loss_follows_the_formula() -> None:
    """EWMA against a plain loop, with the limit that widens with time."""
    values = noise(60)
    values[40:] += 60
    window = values[:28]
    usual = np.median(window)
    sigma = max(1.4826 * np.median(np.abs(window - usual)), 0.01 * 1000)
    smooth, first = usual, None
    for step, value in enumerate(values[28:], start=1):
        smooth = 0.2 * value + 0.8 * smooth
        limit = usual + 3 * sigma * (0.2 / 1.8 * (1 - 0.8 ** (2 * step))) ** 0.5
        if first is None and smooth > limit:
            first = (28 + step - 1, limit)
    row = alarms(values).row(0, named=True)
    assert first is not None
    assert (row["kind"], row["first_day"]) == ("gradual", FIRST + timedelta(days=first[0]))
    assert row["limit"] == pytest.approx(first[1], abs=1e-5)
    assert (row["usual"], row["sigma"]) == (pytest.approx(usual, abs=1e-5), pytest.approx(sigma, abs=1e-5))


def test_cumulated_excess_follows_the_formula() -> None:
    values = noise(60)
    values[40:] += 40
    window = values[:28]
    usual = np.median(window)
    sigma = 1.4826 * np.median(np.abs(window - usual))
    total, outside = 0.0, []
    for number, value in enumerate(values[28:], start=28):
        total = max(0.0, total + value - usual - 0.5 * sigma)
        outside += [number] if total > 5 * sigma else []
    rules = policy()
    chart = rules.alarms.model_copy(update={"method": "cusum"})
    found = loss_alarms(losses(values), NO_NIGHTS, rules.model_copy(update={"alarms": chart}))
    assert found.filter(pl.col("kind") == "gradual")["first_day"].min() == FIRST + timedelta(days=outside[0])
    assert found.filter(pl.col("kind") == "gradual")["days"].sum() == len(outside)


def test_nothing_is_said_of_an_even_course_nor_of_the_days_that_are_learned_from() -> None:
    assert alarms([200.0] * 90).is_empty()
    assert alarms([200.0] * 10 + [400.0] * 5 + [200.0] * 20).is_empty()


def test_a_rise_within_what_meters_make_of_a_day_is_none() -> None:
    assert alarms([200.0] * 40 + [205.0] * 40).is_empty(), "half a per cent of the input"
    assert alarms([200.0] * 40 + [215.0] * 40)["kind"].to_list() == ["gradual"]


def test_after_a_repair_the_usual_loss_is_learned_anew() -> None:
    values = [200.0] * 40 + [400.0] * 20 + [150.0] * 40 + [200.0] * 10
    repaired = FIRST + timedelta(days=59)
    rows = alarms(values, repaired_on=[repaired.isoformat()])
    assert rows.select("first_day", "usual").rows() == [
        (FIRST + timedelta(days=40), 200.0),
        (FIRST + timedelta(days=100), 150.0),
    ]
    assert alarms(values)["last_day"].to_list()[0] > repaired, "else the smoothed loss comes down slowly"


def test_one_night_far_above_the_usual_ones_is_sudden() -> None:
    flow = 5 + np.random.default_rng(5).normal(0, 0.2, 60)
    flow[45] += 2
    days = [FIRST + timedelta(days=number) for number in range(60)]
    night = pl.DataFrame({"day": days, "mnf_m3h": flow}).with_columns(
        district=pl.lit("D"), lnu_m3h=pl.lit(1.0), exceptional_m3h=pl.lit(0.0)
    )
    rows = alarms([200.0] * 60, night)
    assert rows.select("kind", "first_day", "days").rows() == [("sudden", days[45], 1)]


def test_a_week_is_compared_with_the_same_week_of_last_year() -> None:
    year = [200.0] * 364
    assert alarms([*year, *[200.0] * 30]).is_empty()
    slow = [*year, *[220.0] * 14]
    assert "seasonal" in alarms(slow)["kind"].to_list()
    seasons = [200 + 80 * np.sin(2 * np.pi * number / 364) for number in range(364 + 60)]
    assert "seasonal" not in alarms(seasons)["kind"].to_list()


def test_days_without_a_known_loss_are_left_out() -> None:
    values = [200.0 if number % 3 else None for number in range(60)] + [400.0] * 5
    assert alarms(values)["first_day"].min() == FIRST + timedelta(days=60)
