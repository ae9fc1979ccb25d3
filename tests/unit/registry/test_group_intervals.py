"""Intervals against sets of hours."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from registry.groups.intervals import CURRENT, complement, extended, shortened, unite
from warehouse.schemas import INSTANT

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 12
"""Hours that are looked at; an interval without end holds all of them from its start."""

periods = st.tuples(st.integers(0, HOURS), st.integers(1, HOURS) | st.none()).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)
several = st.lists(st.tuples(st.sampled_from("ab"), periods), max_size=6)


def at(hour: int | None) -> datetime | None:
    return None if hour is None else START + timedelta(hours=hour)


def frame(rows) -> pl.DataFrame:
    return pl.DataFrame(
        [(key, at(low), at(high)) for key, (low, high) in rows],
        {"key": pl.String, "valid_from": INSTANT, "valid_to": INSTANT},
        orient="row",
    )


def hours(rows: pl.DataFrame) -> set[tuple[str, int]]:
    return {
        (key, hour)
        for key, low, high in rows.select("key", "valid_from", "valid_to").rows()
        for hour in range(2 * HOURS + 2)
        if low <= START + timedelta(hours=hour) and (high is None or START + timedelta(hours=hour) < high)
    }


def disjoint(rows: pl.DataFrame) -> bool:
    """Whether no two intervals of a key overlap or touch."""
    return unite(rows, ["key"]).height == rows.height


def numbered(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_row_index("id").select(pl.col("id").cast(pl.Int64), "key", "valid_from", "valid_to")


def after(current: pl.DataFrame, changes) -> pl.DataFrame:
    kept = current.filter(~pl.col("id").is_in(changes.ended.to_list())).drop("id")
    return pl.concat([kept, changes.new])


@given(several)
def test_union_covers_the_same_time(rows) -> None:
    union = unite(frame(rows), ["key"])
    assert hours(union) == hours(frame(rows))
    assert disjoint(union)


@given(several, st.integers(0, HOURS))
def test_complement_is_all_the_rest(rows, begin) -> None:
    begins = pl.DataFrame({"key": ["a", "c"], "begin": [at(begin)] * 2}, {"key": pl.String, "begin": INSTANT})
    free = complement(frame(rows), begins, ["key"])
    everything = {(key, hour) for key in "ac" for hour in range(begin, 2 * HOURS + 2)}
    assert hours(free) == everything - hours(frame(rows))
    assert disjoint(free)


@given(several, periods)
def test_extending_adds_the_time_and_nothing_else(rows, period) -> None:
    current = numbered(unite(frame(rows), ["key"]))
    wanted = frame([("a", period)])
    changes = extended(current, wanted)
    result = after(current, changes)
    assert hours(result) == hours(current) | hours(wanted)
    assert disjoint(result)
    assert (changes.keys == 0) == (hours(wanted) <= hours(current))


@given(several, periods)
def test_shortening_takes_the_time_and_nothing_else(rows, period) -> None:
    current = numbered(unite(frame(rows), ["key"]))
    changes = shortened(current, at(period[0]), at(period[1]))
    result = after(current, changes)
    assert hours(result) == hours(current) - hours(frame([("a", period), ("b", period)]))
    assert disjoint(result)


def test_nothing_to_do_ends_nothing() -> None:
    none = pl.DataFrame(schema=CURRENT)
    assert shortened(none, START, None).ended.is_empty()
    assert extended(none, frame([])).new.is_empty()
