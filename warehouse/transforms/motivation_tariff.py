"""Motivation tariff: a discount for a return colder than expected, a surcharge for a warmer one (§15).

Money is reckoned in whole numbers: temperatures in tenths of a degree, energy in millionths of a kWh, money in
hundredths. Nothing is rounded but the mean temperatures, the expected return and the amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import polars as pl

MONEY = pl.Decimal(18, 2)

_TENTHS = 10
_KWH_PER_MWH = 1_000
_MICRO = 1_000_000
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Tariff:
    """A utility's motivation tariff.

    Attributes:
        expected: Supply and expected return temperature (degC, tenths), ascending by supply; between two the return is
            on the straight line, beyond the ends that of the end.
        neutral_k: Degrees above the expected return that cost nothing (K).
        discount_percent_per_k: Discount for each degree below the expected return.
        surcharge_percent_per_k: Surcharge for each degree above it, once it is beyond the neutral zone.
        largest_discount_percent: Cap.
        largest_surcharge_percent: Cap.
        price_per_mwh: Price of energy that the percentages are of.
    """

    expected: Sequence[tuple[Decimal, Decimal]]
    neutral_k: Decimal
    discount_percent_per_k: Decimal
    surcharge_percent_per_k: Decimal
    largest_discount_percent: Decimal
    largest_surcharge_percent: Decimal
    price_per_mwh: Decimal


def mean_tenths(volume_temperature: pl.Expr, volume: pl.Expr) -> pl.Expr:
    """Mean temperature in tenths of a degree, halves upwards.

    Args:
        volume_temperature: Difference of E8 or E9 (millionths of m3*degC).
        volume: Difference of the volume (millionths of m3).

    Returns:
        Whole tenths; null without flow.
    """
    doubled = 2 * _TENTHS * volume_temperature.cast(pl.Int128) + volume
    return pl.when(volume > 0).then(doubled // (2 * volume)).cast(pl.Int64)


def expected_tenths(supply: pl.Expr, table: Sequence[tuple[Decimal, Decimal]]) -> pl.Expr:
    """Expected return in tenths of a degree, halves upwards.

    Args:
        supply: Mean supply temperature in tenths.
        table: As in :class:`Tariff`.
    """
    points = [(int(first * _TENTHS), int(second * _TENTHS)) for first, second in table]
    parts = [pl.when(supply <= points[0][0]).then(pl.lit(points[0][1], pl.Int64))]
    for (low, at_low), (high, at_high) in pairwise(points):
        width = high - low
        line = at_low + (2 * (at_high - at_low) * (supply - low) + width) // (2 * width)
        parts.append(pl.when(supply <= high).then(line))
    beyond = pl.when(supply.is_not_null()).then(pl.lit(points[-1][1], pl.Int64))
    return pl.coalesce(*parts, beyond)


def tariff(years: pl.DataFrame, terms: Tariff) -> pl.DataFrame:
    """Reckons discounts and surcharges.

    Args:
        years: ``supply_tenths``, ``return_tenths`` (mean temperatures of the year in tenths of a degree, null where
            unknown) and ``energy_millionths`` (kWh); further columns are kept.
        terms: The tariff.

    Returns:
        The rows with ``supply_c``, ``return_c``, ``expected_c``, ``deviation_k``, ``percent`` (negative for a
        discount) and ``amount`` (money, negative for a discount), all exact; null where temperatures or energy are.
    """
    deviation = pl.col("return_tenths") - pl.col("expected_tenths")
    neutral = int(terms.neutral_k * _TENTHS)
    # Hundredths of a per cent, since rates such as 1.25 % occur: tenths of a degree times thousandths of a per cent.
    discount, surcharge = (int(rate * 1000) for rate in (terms.discount_percent_per_k, terms.surcharge_percent_per_k))
    lowest = -int(terms.largest_discount_percent * 1000 * _TENTHS)
    highest = int(terms.largest_surcharge_percent * 1000 * _TENTHS)
    parts = (
        pl.when(deviation < 0)
        .then((deviation * discount).clip(lower_bound=lowest))
        .when(deviation > neutral)
        .then((deviation * surcharge).clip(upper_bound=highest))
        .when(deviation.is_not_null())
        .then(0)
    )
    price = int(terms.price_per_mwh * 100)
    scale = 1000 * _TENTHS * _PERCENT * _KWH_PER_MWH * _MICRO
    product = pl.col("parts").cast(pl.Int128) * pl.col("energy_millionths") * price
    # Halves away from zero, so that a discount and a surcharge of the same size are equal.
    hundredths = product.sign() * ((2 * product.abs() + scale) // (2 * scale))
    return (
        years.with_columns(expected_tenths=expected_tenths(pl.col("supply_tenths"), terms.expected))
        .with_columns(parts=parts, deviation_tenths=deviation)
        .with_columns(
            *(
                _decimal(pl.col(f"{name}_tenths"), 1).alias(column)
                for name, column in (
                    ("supply", "supply_c"),
                    ("return", "return_c"),
                    ("expected", "expected_c"),
                    ("deviation", "deviation_k"),
                )
            ),
            percent=_decimal(pl.col("parts"), 4),
            amount=_decimal(hundredths, 2),
        )
        .drop("supply_tenths", "return_tenths", "expected_tenths", "deviation_tenths", "parts")
    )


def _decimal(whole: pl.Expr, places: int) -> pl.Expr:
    """Whole numbers as decimals with so many places."""
    return whole.cast(pl.Int128).reinterpret(dtype=pl.Decimal(18, places))
