"""What registers measure in the words of IEC 61968-9, which are also those of ESPI."""

from dataclasses import dataclass

import polars as pl

DELIVERED, TAKEN_IN = 1, 19
ENERGY, VOLUME = 12, 58
WATT_HOURS, CUBIC_METRES = 72, 42

COMMODITIES = {
    "electricity": 1,
    "gas": 7,
    "water": 9,
    "warm_water": 9,
    "heat": 12,
    "heat_cooling": 12,
    "cooling": 13,
}
"""Electricity, natural gas, potable water, heating fluid and cooling fluid, by medium."""

COOLING_FLUID = 13


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a register counts.

    Attributes:
        kind: Kind of measurement.
        uom: Unit of measure.
        multiplier: Power of ten from that unit to the register's.
        flow: Direction of flow.
    """

    kind: int
    uom: int
    multiplier: int
    flow: int = DELIVERED


QUANTITIES = {
    "volume_m3": Quantity(VOLUME, CUBIC_METRES, 0),
    "energy_kwh": Quantity(ENERGY, WATT_HOURS, 3),
    "cooling_energy_kwh": Quantity(ENERGY, WATT_HOURS, 3),
    "energy_import_kwh": Quantity(ENERGY, WATT_HOURS, 3),
    "energy_export_kwh": Quantity(ENERGY, WATT_HOURS, 3, TAKEN_IN),
}
"""By register; the others have no code here."""


def commodity() -> pl.Expr:
    """The commodity of each row; null of media that have none. Cooling energy is of the cooling fluid in any meter."""
    of_medium = pl.col("medium").replace_strict(COMMODITIES, default=None, return_dtype=pl.Int32)
    cooling = pl.col("register") == "cooling_energy_kwh"
    return pl.when(cooling).then(pl.lit(COOLING_FLUID, dtype=pl.Int32)).otherwise(of_medium)


def quantity(name: str) -> pl.Expr:
    """An attribute of :class:`Quantity` of each row's register; null where there is none."""
    values = {register: getattr(quantity, name) for register, quantity in QUANTITIES.items()}
    return pl.col("register").replace_strict(values, default=None, return_dtype=pl.Int32)
