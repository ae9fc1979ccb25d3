"""The canonical registers and gauges of a reading: name, unit, kind.

Cumulative registers are exact decimals in base units; gauges are doubles. The names are column names of ``readings``
and the values of ``register`` in every table derived from it.
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from warehouse.schemas.table import REGISTER, Column


@dataclass(frozen=True, slots=True)
class Register:
    """One canonical register.

    Attributes:
        name: Column name.
        unit: Base unit.
        kind: ``cumulative`` (differenced into consumption) or ``gauge`` (never differenced).
        meaning: For the data dictionary.
    """

    name: str
    unit: str
    kind: Literal["cumulative", "gauge"]
    meaning: str

    def column(self) -> Column:
        """The register as a nullable column of ``readings``."""
        dtype = REGISTER if self.kind == "cumulative" else pl.Float64
        return Column(self.name, dtype, self.meaning, self.unit, nullable=True)


REGISTERS = (
    Register("volume_m3", "m3", "cumulative", "Volume, V1."),
    Register("energy_kwh", "kWh", "cumulative", "Heat energy, E1."),
    Register("cooling_energy_kwh", "kWh", "cumulative", "Cooling energy, E3."),
    Register("volume_temp_flow_m3c", "m3*degC", "cumulative", "Sum of volume times flow temperature, E8."),
    Register("volume_temp_return_m3c", "m3*degC", "cumulative", "Sum of volume times return temperature, E9."),
    Register("energy_import_kwh", "kWh", "cumulative", "Active energy import, A+."),
    Register("energy_export_kwh", "kWh", "cumulative", "Active energy export, A-."),
    Register("input_a", "1", "cumulative", "Pulse input A in the unit set at the meter."),
    Register("input_b", "1", "cumulative", "Pulse input B in the unit set at the meter."),
    Register("flow_temp_c", "degC", "gauge", "Flow (inlet) temperature, t1; water temperature of a water meter."),
    Register("return_temp_c", "degC", "gauge", "Return (outlet) temperature, t2."),
    Register("ambient_temp_c", "degC", "gauge", "Temperature around the meter."),
    Register("flow_m3h", "m3/h", "gauge", "Volume flow."),
    Register("power_kw", "kW", "gauge", "Thermal power."),
    Register("power_import_kw", "kW", "gauge", "Active power import, P+."),
    Register("power_export_kw", "kW", "gauge", "Active power export, P-."),
    Register("pressure_bar", "bar", "gauge", "Pressure."),
    Register("p1", "1", "gauge", "Analog input 1."),
    Register("p2", "1", "gauge", "Analog input 2."),
)

MAIN_REGISTERS = {
    "volume_m3": ("water", "warm_water"),
    "energy_kwh": ("heat", "heat_cooling"),
    "cooling_energy_kwh": ("cooling",),
    "energy_import_kwh": ("electricity",),
}
"""Registers that lists show of a meter, with the media whose consumption they count."""

CUMULATIVE = tuple(register.name for register in REGISTERS if register.kind == "cumulative")
GAUGES = tuple(register.name for register in REGISTERS if register.kind == "gauge")
UNITS = {register.name: register.unit for register in REGISTERS}
