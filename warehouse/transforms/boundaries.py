"""Registers at the boundaries of periods.

Readings seldom fall on the hour. A register at a boundary is read exactly there, or lies between two readings of the
same installation and is interpolated and rounded to the register's own resolution. Consumption is the difference of two
such registers, so it adds up exactly from hours to years.
"""

from datetime import timedelta

import polars as pl

from warehouse.transforms.estimation.choice import ALIGNED
from warehouse.transforms.estimation.methods import linear
from warehouse.transforms.estimation.policy import EXACT, HOLD, LIN
from warehouse.transforms.policy import Policy

QUALITIES = "MAXFIEN"
"""From best to worst; a period has the worse quality of its two boundaries."""

M, A, X, F, I, E, N = range(7)  # noqa: E741 - the letters of the qualities
TOTALS = ("corrections", "breaks", "exchanges", "estimates")
_DECIMALS = 3  # of readings that came without their layout, unless they have more


def brackets(knots: pl.DataFrame) -> pl.DataFrame:
    """Joins each reading with the next one and counts what happened on the way.

    Args:
        knots: As ``classify_falls`` gives them, with ``role`` (``reading``, or ``final`` and ``initial`` at an
            exchange), ``rank`` (of the reading's quality) and ``interval_us`` (expected time to the next reading of its
            source, µs; null without a schedule), sorted by course, part and time.

    Returns:
        One row per reading from which boundaries can be known: ``course``, ``part``, ``at``, ``value``, ``rank``;
        ``next_at`` and ``next_value`` (the following reading, continued over a roll-over; the value is null where
        nothing joins the two, and after a gap with another resolution), ``changes`` (the following reading has another
        resolution), ``held`` (value stays until an exchange whose final register is unknown),
        ``numerator`` and ``denominator`` (the finer resolution of both), ``expected_us`` (the shorter expected interval
        of both; null where neither source has a schedule); running totals ``corrections`` (millionths),
        ``breaks``, ``exchanges`` and ``estimates`` up to and including ``at``, of which only differences within a
        course mean anything; ``correction`` of an exchange that ends here, else null.
    """
    course, part, role = pl.col("course"), pl.col("part"), pl.col("role")
    same_course = course == course.shift(1)
    begins = same_course & (part != part.shift(1))
    joined = begins & (role == "initial") & (part == part.shift(1) + 1)
    correction = pl.when(joined).then(pl.col("value").shift(1) - pl.col("value"))
    linked = knots.with_columns(
        correction=correction,
        joined=joined.fill_null(value=False),
        estimated=(joined & (role.shift(1) != "final")).fill_null(value=False),
        broken=(pl.col("broken") | (begins & ~joined)).fill_null(value=False),
    ).with_columns(
        corrections=pl.coalesce("correction", "lift").cum_sum(),
        breaks=pl.col("broken").cast(pl.Int64).cum_sum(),
        exchanges=pl.col("joined").cast(pl.Int64).cum_sum(),
        estimates=pl.col("estimated").cast(pl.Int64).cum_sum(),
    )
    goes_on = (course == course.shift(-1)) & (part == part.shift(-1)) & ~pl.col("broken").shift(-1)
    held = pl.col("estimated").shift(-1).fill_null(value=False)
    changes = pl.col("changed").shift(-1).fill_null(value=False)
    expected_us = pl.min_horizontal("interval_us", pl.when(goes_on | held).then(pl.col("interval_us").shift(-1)))
    width = (pl.col("at").shift(-1) - pl.col("at")).dt.total_microseconds()
    joins = goes_on & ~(changes & (width > expected_us * ALIGNED).fill_null(value=True))
    ends = linked.with_columns(
        _resolution(),
        next_at=pl.when(goes_on | held).then(pl.col("at").shift(-1)),
        next_value=pl.when(joins).then(pl.col("value").shift(-1) + pl.col("lift").shift(-1)),
        changes=changes,
        held=held,
        expected_us=expected_us,
    )
    # The new meter's first register stands at the same instant as the old one's last and is the one that holds from it.
    return ends.filter(role != "final")


def boundary_registers(marks: pl.DataFrame, brackets: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Finds the register at each boundary.

    Args:
        marks: ``course`` and ``at`` (UTC), sorted by both; other columns are kept.
        brackets: As :func:`brackets` gives them.
        policy: Expected interval and gap limit.

    Returns:
        The marks with ``register_value`` (millionths, null where unknown), ``rank`` (index in ``QUALITIES``),
        ``method`` (index in ``METHODS``), ``gap_from`` and ``gap_to`` (the readings around, where it is estimated) and
        the running totals up to the mark, null before the first reading.
    """
    found = marks.join_asof(
        brackets.rename({"at": "from_at"}).drop("part", "correction", "interval_us", "meter_id"),
        left_on="at",
        right_on="from_at",
        by="course",
        strategy="backward",
        check_sortedness=False,
    )
    width = (pl.col("next_at") - pl.col("from_at")).dt.total_microseconds()
    exact = pl.col("at") == pl.col("from_at")
    inside = (pl.col("at") < pl.col("next_at")).fill_null(value=False)
    between = inside & pl.col("next_value").is_not_null() & pl.col("expected_us").is_not_null()
    aligned = between & (width <= pl.col("expected_us") * ALIGNED)
    filled = between & (width <= policy.gap_limit // timedelta(microseconds=1))
    held = inside & pl.col("held")
    guessed = pl.col("rank").is_in([I, E])
    return (
        found.with_columns(
            register_value=pl.when(exact | held).then("value").when(aligned | filled).then(linear("at")),
            rank=pl.when(exact)
            .then("rank")
            .when(aligned)
            .then(A)
            .when(filled)
            .then(I)
            .when(held)
            .then(E)
            .otherwise(N)
            .cast(pl.Int8),
        )
        .with_columns(
            method=pl.when(exact)
            .then(EXACT)
            .when(held & (pl.col("rank") == E))
            .then(HOLD)
            .otherwise(LIN)
            .cast(pl.Int8),
            gap_from=pl.when(guessed).then("from_at"),
            gap_to=pl.when(guessed).then("next_at"),
        )
        .select(*marks.columns, "register_value", "rank", "method", "gap_from", "gap_to", *TOTALS)
    )


def _resolution() -> list[pl.Expr]:
    """The finer resolution of a reading and the next one; of readings without a layout three decimals or more."""
    n, d = pl.col("numerator"), pl.col("denominator")
    n1, d1 = n.shift(-1), d.shift(-1)
    finer_next = (n.is_null() | (n1 * d < n * d1)).fill_null(value=False)
    value, following = pl.col("value"), pl.col("value").shift(-1)
    decimals = [
        pl.when((value % 10**digits != 0) | (following % 10**digits != 0)).then(10 ** (7 - digits))
        for digits in range(1, 7 - _DECIMALS)
    ]
    return [
        pl.when(finer_next).then(n1).otherwise(n).fill_null(1).alias("numerator"),
        pl.coalesce(pl.when(finer_next).then(d1).otherwise(d), *decimals, pl.lit(10**_DECIMALS)).alias("denominator"),
    ]
