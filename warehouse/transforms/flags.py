"""What the flags of a reading say about its registers (§1.4)."""

import polars as pl

_FROZEN = "FROZEN:"
"""Before the name of a register that did not count on, since the sensor it depends on was broken."""


def stands_still(register: str) -> pl.Expr:
    """Whether ``flags`` say that a register did not count on: it then tells nothing about what flowed."""
    return pl.col("flags").str.split(",").list.contains(_FROZEN + register).fill_null(value=False)


def all_count_on() -> pl.Expr:
    """Whether ``flags`` name no register that stands still."""
    return ~pl.col("flags").str.contains(_FROZEN, literal=True).fill_null(value=False)
