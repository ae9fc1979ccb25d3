"""Exact registers: the tables' decimals as integers in millionths of the base unit, and back."""

import polars as pl

from warehouse.schemas import REGISTER

MICRO = 1_000_000


def millionths(column: str) -> pl.Expr:
    """A register column as integers."""
    return pl.col(column).cast(REGISTER).to_physical().cast(pl.Int64)


def decimal(column: str) -> pl.Expr:
    """Integers in millionths as a register column."""
    return pl.col(column).cast(pl.Int128).reinterpret(dtype=REGISTER)
