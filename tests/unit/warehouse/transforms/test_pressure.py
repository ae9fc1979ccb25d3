"""Pressure: statistics, head loss between sensors, resistance of pipes, events."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tests.unit.warehouse.transforms.districts import ZONE, policy
from warehouse.policies import DistrictsPolicy, PolicyError
from warehouse.schemas import INSTANT
from warehouse.transforms.pressure import (
    EXPONENT,
    HEAD_OF_A_BAR,
    consumption_weights,
    daily_pressures,
    head_losses,
    head_of_a_bar,
    pressure_5min,
    pressure_events,
    resistances,
    stretches_of,
    zone_pressures,
)

AT = datetime(2025, 6, 10, 0, tzinfo=UTC)
SENSORS = """\
    sensors:
      A: {elevation_m: 20}
      B: {elevation_m: 5, weight: 3}
    stretches:
      - {upstream: A, downstream: B, flow: IN}
"""
NO_LOSSES = pl.DataFrame(
    schema={
        **dict.fromkeys(("district", "upstream", "downstream"), pl.String),
        "at": INSTANT,
        **dict.fromkeys(("loss_m", "downstream_bar", "flow_m3h"), pl.Float64),
    }
)


def rules() -> DistrictsPolicy:
    return policy(SENSORS)


def samples(point: str, bars, *, step: int = 300, shift: int = 0) -> pl.DataFrame:
    at = [AT + timedelta(seconds=number * step + shift) for number in range(len(bars))]
    return pl.DataFrame(
        {"metering_point": point, "at": at, "pressure_bar": [float(bar) for bar in bars]},
        schema_overrides={"at": INSTANT},
    )


def flows(values) -> pl.DataFrame:
    start = [AT + timedelta(hours=number) for number in range(len(values))]
    frame = pl.DataFrame({"metering_point": "IN", "period_start": start, "flow_m3h": [float(v) for v in values]})
    return frame.with_columns(
        pl.col("period_start").cast(INSTANT), period_end=pl.col("period_start").cast(INSTANT) + pl.duration(hours=1)
    )


@pytest.mark.parametrize(("water_temp_c", "head_m"), [(None, 10.197), (20, 10.216), (80, 10.493)])
def test_a_bar_is_more_head_in_warmer_water(water_temp_c: float | None, head_m: float) -> None:
    assert head_of_a_bar(water_temp_c) == pytest.approx(head_m, abs=0.0005)
    warm = rules().model_copy(update={"pressure": rules().pressure.model_copy(update={"water_temp_c": water_temp_c})})
    taken = pl.concat([samples("A", [5]), samples("B", [4])])
    loss = head_losses(taken, stretches_of(warm), flows([10]), warm.pressure)["loss_m"].item()
    assert loss == pytest.approx(15 + head_m, abs=0.0005)
    pressure = zone_pressures(taken, warm, ZONE)["pressure_m"].item()
    assert pressure == pytest.approx((5 + 3 * 4) / 4 * head_m, abs=0.003)


def test_statistics_are_of_five_minutes() -> None:
    rows = pressure_5min(samples("A", [3, 4, 5, 6], step=100))
    assert rows.select("at", "samples", "min_bar", "mean_bar", "max_bar", "range_bar").rows() == [
        (AT, 3, 3.0, 4.0, 5.0, 2.0),
        (AT + timedelta(minutes=5), 1, 6.0, 6.0, 6.0, 0.0),
    ]


def test_head_loss_is_of_the_same_instant_and_knows_elevations() -> None:
    taken = pl.concat([samples("A", [3.0, 3.0]), samples("B", [4.0, 4.0], shift=120)])
    row = head_losses(taken, stretches_of(rules()), flows([10]), rules().pressure).row(0, named=True)
    assert row["loss_m"] == pytest.approx((20 + 3 * 10.197) - (5 + 4 * 10.197))
    assert row["flow_m3h"] == 10
    apart = pl.concat([samples("A", [3.0]), samples("B", [4.0], shift=151)])
    assert head_losses(apart, stretches_of(rules()), flows([10]), rules().pressure).is_empty()


def pipe(resistance: float, flow: np.ndarray, seed: int = 3) -> pl.DataFrame:
    """Samples of both sensors where a pipe of that resistance lies between them."""
    chance = np.random.default_rng(seed)
    each = np.repeat(flow, 12)
    lost = resistance * each**EXPONENT + chance.normal(0, 0.02, len(each))
    upstream = 4 + chance.normal(0, 0.01, len(each))
    downstream = upstream + (15 - lost) / HEAD_OF_A_BAR
    return pl.concat([samples("A", upstream), samples("B", downstream)])


FLOW = 10 + 6 * np.sin(np.arange(22) / 22 * 2 * np.pi)


def test_resistance_is_found_and_wild_samples_do_not_move_it() -> None:
    taken = pipe(0.05, FLOW)
    every_tenth = pl.int_range(pl.len()) % 10 == 0
    wild = taken.with_columns(pressure_bar=pl.when(every_tenth).then(0.5).otherwise("pressure_bar"))
    for frame in (taken, wild):
        losses = head_losses(frame, stretches_of(rules()), flows(FLOW), rules().pressure)
        assert resistances(losses, ZONE)["resistance"].item() == pytest.approx(0.05, rel=0.05)


def test_rising_resistance_shows_against_the_week_before() -> None:
    days = [
        head_losses(pipe(0.07 if day == 8 else 0.05, FLOW), stretches_of(rules()), flows(FLOW), rules().pressure)
        .with_columns(at=pl.col("at") + pl.duration(days=day))
        for day in range(9)
    ]  # fmt: skip
    rows = resistances(pl.concat(days), ZONE)
    assert rows["change_percent"][:1].to_list() == [None]
    assert abs(rows["change_percent"][1:8]).max() < 5
    assert rows["change_percent"][8] == pytest.approx(40, abs=5)


def events(taken: pl.DataFrame, losses: pl.DataFrame = NO_LOSSES) -> list[tuple[object, ...]]:
    rows = pressure_events(taken, losses, rules(), ZONE).sort("at", "kind")
    return rows.select("metering_point", "kind", "at", "samples", "extreme_bar").rows()


def test_low_high_and_surges_are_episodes() -> None:
    bars = [4, 4, 1.4, 1.2, 4, 4, 8.5, 4]
    at = [AT + timedelta(minutes=5 * number) for number in range(len(bars))]
    found = events(samples("A", bars))
    assert ("A", "low", at[2], 2, 1.2) in found
    assert ("A", "high", at[6], 1, 8.5) in found
    surges = [(row[2], row[3]) for row in found if row[1] == "surge"]
    assert surges == [(at[2], 1), (at[4], 1), (at[6], 2)]


def test_a_step_of_a_bar_is_none_nor_one_across_a_gap() -> None:
    assert events(samples("A", [4, 5, 4])) == []
    assert events(samples("A", [4, 6], step=901)) == []


def test_a_drop_that_flow_does_not_explain_is_found_and_one_that_it_does_is_not() -> None:
    steady = pipe(0.05, np.full(22, 10.0))
    burst = (pl.col("metering_point") == "B") & pl.col("at").is_between(
        AT + timedelta(hours=15), AT + timedelta(hours=17)
    )
    lower = pl.col("pressure_bar") - 0.5
    broken = steady.with_columns(pressure_bar=pl.when(burst).then(lower).otherwise("pressure_bar"))
    for frame, flow, kinds in ((broken, np.full(22, 10.0), ["drop"]), (pipe(0.05, FLOW), FLOW, [])):
        losses = head_losses(frame, stretches_of(rules()), flows(flow), rules().pressure)
        assert [row[1] for row in events(frame, losses)] == kinds
    (drop,) = events(broken, head_losses(broken, stretches_of(rules()), flows(np.full(22, 10.0)), rules().pressure))
    assert drop[0] == "B"
    assert AT + timedelta(hours=15) <= drop[2] <= AT + timedelta(hours=15, minutes=30)


def test_zone_pressure_is_weighted_by_the_consumption_that_sensors_stand_for() -> None:
    row = zone_pressures(pl.concat([samples("A", [4]), samples("B", [5])]), rules(), ZONE).row(0, named=True)
    assert row["pressure_m"] == pytest.approx((4 + 3 * 5) / 4 * 10.197)
    assert row["hour_start"] == AT


def served(*rows: tuple[str, str]) -> pl.DataFrame:
    """Sensor and a point that it stands for, for ever."""
    frame = pl.DataFrame(list(rows), schema={"sensor": pl.String, "metering_point": pl.String}, orient="row")
    never = pl.lit(None, INSTANT)
    return frame.with_columns(district=pl.lit("D"), start=never, end=never)


def used(**points: float | None) -> pl.DataFrame:
    """Cubic metres of points on the day of the samples."""
    return pl.DataFrame({"metering_point": list(points), "consumption": list(points.values())}).with_columns(
        day=pl.lit(AT.date()), period_start=pl.lit(AT - timedelta(hours=2), INSTANT)
    )


@pytest.mark.parametrize(
    ("points", "pressure_bar", "method"),
    [
        ({"M0": 1.0, "M1": 2.0, "M2": 7.0}, (3 * 4 + 7 * 5) / 10, "consumption"),
        ({"M0": 1.0, "M1": None, "M2": 7.0}, (4 + 3 * 5) / 4, "weights"),
        ({"M0": 1.0, "M2": 7.0}, (4 + 3 * 5) / 4, "weights"),
        ({"M0": 0.0, "M1": 0.0, "M2": 0.0}, (4 + 3 * 5) / 4, "weights"),
    ],
    ids=["known", "one unknown", "one absent", "nothing used"],
)
def test_sensors_weigh_what_their_points_used_where_all_of_it_is_known(
    points: dict[str, float | None], pressure_bar: float, method: str
) -> None:
    both = pl.concat([samples("A", [4]), samples("B", [5])])
    weights = consumption_weights(served(("A", "M0"), ("A", "M1"), ("B", "M2")), used(**points))
    row = zone_pressures(both, rules(), ZONE, weights).row(0, named=True)
    assert (row["pressure_m"], row["pressure_method"]) == (pytest.approx(pressure_bar * 10.197), method)


def test_without_weights_the_mean_is_plain_and_says_so() -> None:
    equal = policy(SENSORS.replace(", weight: 3", ""))
    row = zone_pressures(pl.concat([samples("A", [4]), samples("B", [5])]), equal, ZONE).row(0, named=True)
    assert (row["pressure_m"], row["pressure_method"]) == (pytest.approx(4.5 * 10.197), "plain")


def test_a_sensor_that_is_silent_weighs_nothing_and_a_day_is_as_good_as_its_worst_hour() -> None:
    weights = consumption_weights(served(("A", "M0")), used(M0=3.0))
    both = pl.concat([samples("A", [4] * 24), samples("B", [5] * 12)])
    hours = zone_pressures(both, rules(), ZONE, weights)
    assert hours["pressure_method"].to_list() == ["weights", "consumption"]
    day = daily_pressures(hours).row(0, named=True)
    assert day["pressure_m"] == pytest.approx((4.75 + 4) / 2 * 10.197)
    assert day["pressure_method"] == "weights"


def test_a_point_weighs_while_it_belongs_to_the_sensor() -> None:
    left = served(("A", "M0"), ("A", "M1")).with_columns(
        end=pl.when(pl.col("metering_point") == "M1").then(pl.lit(AT - timedelta(days=1), INSTANT))
    )
    assert consumption_weights(left, used(M0=3.0, M1=4.0))["used_m3"].to_list() == [3.0]


def test_a_sensor_stands_for_points_or_a_group() -> None:
    with pytest.raises(PolicyError, match="either a group or points"):
        policy(SENSORS.replace("weight: 3", "group: G, points: [M0]"))
