"""What the flags of a reading say about its registers (§1.4), and what validation adds to them on their way (§5)."""

import polars as pl

_FROZEN = "FROZEN:"
"""Before the name of a register that did not count on, since the sensor it depends on was broken."""

DISPUTED = "DISPUTED:"
"""Before the name of a register whose step from the reading before is questioned."""

APPROVED = "APPROVED:"
"""Before the name of a register of which somebody says that it did fall."""


def stands_still(register: str) -> pl.Expr:
    """Whether ``flags`` say that a register did not count on: it then tells nothing about what flowed."""
    return says(_FROZEN, register)


def says(flag: str, register: str) -> pl.Expr:
    """Whether ``flags`` say something of a register."""
    return pl.col("flags").str.split(",").list.contains(flag + register).fill_null(value=False)


def all_count_on() -> pl.Expr:
    """Whether ``flags`` name no register that stands still."""
    return ~pl.col("flags").str.contains(_FROZEN, literal=True).fill_null(value=False)
