"""Units of data records and the base units of registers."""

from fractions import Fraction

TO_BASE: dict[str, Fraction] = {
    "Wh": Fraction(1, 1000),
    "MWh": Fraction(1000),
    "GJ": Fraction(2500, 9),
    "J": Fraction(1, 3_600_000),
    "Mcal": Fraction(1163, 1000),
    "m3": Fraction(1),
    "m3/h": Fraction(1),
    "m3/min": Fraction(60),
    "m3/s": Fraction(3600),
    "W": Fraction(1, 1000),
    "MW": Fraction(1000),
    "J/h": Fraction(1, 3_600_000_000),
    "GJ/h": Fraction(2500, 9),
    "degC": Fraction(1),
    "bar": Fraction(1),
    "ft3": Fraction(28_316_846_592, 10**12),
    "gal_us": Fraction(3_785_411_784, 10**12),
}
"""Base units (kWh, m3, m3/h, kW, degC, bar) per unit of the standard; exact."""
