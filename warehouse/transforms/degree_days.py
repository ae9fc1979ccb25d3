"""Weather: daily outdoor temperatures without small gaps, degree days and what they make comparable (§14.1, §14.2)."""

from datetime import timedelta

import polars as pl

RULES = ("simple", "heizgradtage_15", "gradtagzahl_20_15", "hgt_20_12")
"""Degree days: ``max(0, base - T)``; ``15 - T`` below 15; ``20 - T`` below 15; ``20 - T`` below 12."""

_LIMITS = {"heizgradtage_15": (15.0, 15.0), "gradtagzahl_20_15": (20.0, 15.0), "hgt_20_12": (20.0, 12.0)}


def degree_days(temperature: pl.Expr, rule: str, base_c: float = 18.0) -> pl.Expr:
    """Degree days of a day.

    Args:
        temperature: Mean outdoor temperature (degC); null gives null.
        rule: One of ``RULES``.
        base_c: Base of the rule ``simple`` (degC).

    Returns:
        Kelvin days, never negative.

    Raises:
        KeyError: There is no such rule.
    """
    inside, limit = (base_c, base_c) if rule == "simple" else _LIMITS[rule]
    cold = pl.when(temperature < limit).then(inside - temperature).otherwise(0.0)
    return pl.when(temperature.is_not_null()).then(cold)


def without_small_gaps(temperatures: pl.DataFrame, longest_days: int = 2) -> pl.DataFrame:
    """Fills missing days between known ones on a straight line.

    Args:
        temperatures: ``station``, ``day``, ``mean_temp_c``; at most one row per station and day, in any order.
        longest_days: Longest run of missing days that is filled.

    Returns:
        ``station``, ``day``, ``mean_temp_c`` (null in longer runs) and ``is_filled``: every day from each station's
        first to its last.
    """
    known = temperatures.drop_nulls("mean_temp_c").select("station", "day", "mean_temp_c").sort("station", "day")
    bounds = known.group_by("station", maintain_order=True).agg(first=pl.col("day").min(), last=pl.col("day").max())
    every = bounds.select("station", day=pl.date_ranges("first", "last")).explode("day", empty_as_null=False)
    day, value = pl.col("day"), pl.col("mean_temp_c")
    before = pl.when(value.is_not_null()).then(day).forward_fill().over("station")
    after = pl.when(value.is_not_null()).then(day).backward_fill().over("station")
    return (
        every.join(known, on=["station", "day"], how="left", maintain_order="left")
        .with_columns(
            is_filled=value.is_null(),
            short=(after - before) <= timedelta(days=longest_days + 1),
            line=value.interpolate().over("station"),
        )
        .select(
            "station",
            "day",
            mean_temp_c=pl.coalesce("mean_temp_c", pl.when("short").then("line")),
            is_filled=pl.col("is_filled") & pl.col("short"),
        )
    )


def normalised(
    consumption: pl.Expr, base: pl.Expr, reference: pl.Expr, actual: pl.Expr, least: float = 50.0
) -> pl.Expr:
    """Consumption as it would have been in a reference period's weather.

    Args:
        consumption: Q of the period.
        base: Its part that no weather changes: hot water and losses.
        reference: Degree days of the reference period.
        actual: Degree days of the period.
        least: Degree days below which nothing is said.

    Returns:
        ``base + (consumption - base) * reference / actual``; null with fewer degree days.
    """
    return pl.when(actual >= least).then(base + (consumption - base) * reference / actual)
