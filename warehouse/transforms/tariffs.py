"""Consumption by tariff: differences of the registers that count while a tariff holds.

A register at the boundary of a period is read exactly there, or lies on the straight line between two readings next to
each other of the same installation (``boundaries``). Nothing else is told: a period is unknown where one of its
boundaries is, where the meter was exchanged, since nobody notes a tariff's registers at an exchange, and where the
register fell.
"""

from datetime import timedelta

import polars as pl

from warehouse.transforms.estimation.methods import linear
from warehouse.transforms.exact import MICRO

EXCHANGE, FALL, MISSING, EXCESS = "exchange", "fall", "missing", "excess"
"""Why nothing is told: a meter was exchanged, a register fell, a boundary was not read, tariffs exceed the total."""

OTHER = "other"
"""What no tariff accounts for, beside the tariffs ``1``, ``2``, …"""

_PERIOD = ("period_start", "period_end")


def by_tariff(
    readings: pl.DataFrame, parts: pl.DataFrame, periods: pl.DataFrame, *, longest_gap: timedelta
) -> pl.DataFrame:
    """Reckons the consumption of each tariff's register.

    Args:
        readings: ``tariff``, ``meter_id``, ``at`` (UTC), ``value`` (millionths), ``numerator`` and ``denominator`` (one
            count of the register in base units), in any order; a meter has one value of a tariff at a time.
        parts: Installations of one metering point, see :func:`warehouse.transforms.exchanges.spans`.
        periods: ``period_start`` and ``period_end`` (UTC), each once.
        longest_gap: Longest time between two readings across which a register is interpolated.

    Returns:
        ``period_start``, ``period_end``, ``tariff``, ``consumption`` (millionths, null where unknown), ``reason`` (null
        where known) and ``count`` (one count of the register, millionths; null where unknown), by time and tariff: of
        every period and tariff that any reading has.
    """
    knots = _knots(readings, parts)
    starts, ends = (
        _registers(periods.select(at=name), knots, longest_gap).rename({"at": name}).sort(name, "tariff")
        for name in _PERIOD
    )
    both = starts.join(periods, on="period_start").join(ends, on=["period_end", "tariff"], suffix="_end")
    fell = pl.col("falls_begun_end") > pl.col("falls_over")
    known = pl.col("register_value").is_not_null() & pl.col("register_value_end").is_not_null()
    told = known & (pl.col("part") == pl.col("part_end")) & ~fell
    rise = pl.col("register_value_end") - pl.col("register_value")
    reason = pl.when(_exchanged(parts)).then(pl.lit(EXCHANGE)).when(fell).then(pl.lit(FALL)).otherwise(pl.lit(MISSING))
    told = told.fill_null(value=False)
    return both.select(
        *_PERIOD,
        "tariff",
        consumption=pl.when(told).then(rise),
        reason=pl.when(~told).then(reason),
        count=pl.when(told).then(pl.max_horizontal("count", "count_end")),
    ).sort("period_start", "tariff")


def rest(tariffs: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Reckons what the tariffs do not account for.

    Args:
        tariffs: From :func:`by_tariff`.
        totals: ``period_start``, ``period_end``, ``total`` (millionths, null where it was not measured) and ``count``
            (one count of its register, millionths).

    Returns:
        The columns of ``tariffs`` but ``tariff`` and ``count``, a row per period: zero where rounding accounts for it,
        null without a reason where a tariff or the total is unknown, and null for ``EXCESS`` where the tariffs count
        more than the total.
    """
    consumption = pl.col("consumption")
    summed = tariffs.group_by(_PERIOD).agg(
        known=consumption.is_not_null().all(), summed=consumption.sum(), counts=pl.col("count").sum()
    )
    # Every register is rounded at both boundaries, each time by half a count at most.
    rounding = pl.col("counts") + pl.col("count")
    left = pl.when("known").then(pl.col("total") - pl.col("summed"))
    return (
        totals.join(summed, on=_PERIOD)
        .select(
            *_PERIOD,
            consumption=pl.when(left.abs() <= rounding).then(0).when(left > 0).then(left),
            reason=pl.when(left < -rounding).then(pl.lit(EXCESS)),
        )
        .sort("period_start")
    )


def _knots(readings: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Readings inside their installations, each with the next one, by tariff and time."""
    inside = (
        readings.join(parts.select("part", "meter_id", "since", "until"), on="meter_id")
        .filter(pl.col("at") >= pl.col("since"), (pl.col("at") < pl.col("until")).fill_null(value=True))
        .sort("tariff", "at")
    )
    goes_on = (pl.col("tariff") == pl.col("tariff").shift(-1)) & (pl.col("part") == pl.col("part").shift(-1))
    following = {name: pl.when(goes_on).then(pl.col(name).shift(-1)) for name in ("at", "value")}
    fell = (following["value"] < pl.col("value")).fill_null(value=False)
    return inside.select(
        "tariff",
        "part",
        "value",
        "numerator",
        "denominator",
        from_at="at",
        next_at=following["at"],
        next_value=following["value"],
        fell=fell,
        falls_over=fell.cum_sum() - fell.cast(pl.Int64),
    )


def _registers(marks: pl.DataFrame, knots: pl.DataFrame, longest_gap: timedelta) -> pl.DataFrame:
    """What each tariff's register shows at instants: ``register_value``, and the falls over and begun before them."""
    at = pl.col("at")
    found = (
        knots.select("tariff")
        .unique()
        .join(marks, how="cross")
        .sort("at")
        .join_asof(
            knots.sort("from_at"),
            left_on="at",
            right_on="from_at",
            by="tariff",
            strategy="backward",
            check_sortedness=False,
        )
    )
    inside = (at > pl.col("from_at")) & (at < pl.col("next_at"))
    near = pl.col("next_at") - pl.col("from_at") <= longest_gap
    return found.select(
        "tariff",
        "at",
        "part",
        "falls_over",
        register_value=pl.when(at == pl.col("from_at")).then("value").when(inside & near).then(linear("at")),
        falls_begun=pl.col("falls_over") + (inside & pl.col("fell")).cast(pl.Int64),
        count=-(-MICRO * pl.col("numerator") // pl.col("denominator")),
    )


def _exchanged(parts: pl.DataFrame) -> pl.Expr:
    """Whether another installation follows within a period, or at one of its ends."""
    instants = parts.sort("part")["since"][1:]
    found = [pl.lit(instant).is_between("period_start", "period_end") for instant in instants]
    return pl.any_horizontal(found) if found else pl.lit(value=False)
