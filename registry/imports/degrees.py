"""Degrees in lines of files."""

import polars as pl


def degree_rules() -> list[tuple[pl.Expr, str]]:
    """Rules that lines with ``latitude`` and ``longitude`` as texts must keep: when they are against one, and why."""
    rules = [(pl.col("latitude").is_null() != pl.col("longitude").is_null(), "latitude and longitude go together")]
    for name, most in (("latitude", 90), ("longitude", 180)):
        number = pl.col(name).cast(pl.Float64, strict=False)
        plain = pl.col(name).str.contains(r"^[+-]?[0-9]{1,3}(\.[0-9]+)?$")
        rules.append((~(plain & number.is_between(-most, most)), f"{name} is no number of degrees"))
    return rules
