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
        obis: Object identifiers (EN 13757-1, IEC 62056-6-1) of the current value by medium; none where the standards
            have none. Groups C follow the DLMS UA Blue Book: electricity (1) 1.8.0, 2.8.0, 1.7.0, 2.7.0; cooling (5)
            and heat (6) 1 energy, 2 volume, 8 power, 9 flow, 10 and 11 flow and return temperature, 13 pressure; cold
            and warm water (8, 9) 1 volume, 2 flow.
    """

    name: str
    unit: str
    kind: Literal["cumulative", "gauge"]
    meaning: str
    obis: tuple[tuple[str, str], ...] = ()

    def column(self) -> Column:
        """The register as a nullable column of ``readings``."""
        is_cumulative = self.kind == "cumulative"
        dtype = REGISTER if is_cumulative else pl.Float64
        return Column(self.name, dtype, self.described, self.unit, nullable=True, varied=is_cumulative)

    @property
    def described(self) -> str:
        """Meaning with the object identifiers."""
        if not self.obis:
            return self.meaning
        return f"{self.meaning} OBIS {', '.join(f'{code} ({medium})' for medium, code in self.obis)}."


_THERMAL = (("heat", 6), ("cooling", 5))


def _thermal(quantity: str) -> tuple[tuple[str, str], ...]:
    """Identifiers of a quantity that heat and cooling meters have alike."""
    return tuple((medium, f"{group}-0:{quantity}") for medium, group in _THERMAL)


REGISTERS = (
    Register(
        "volume_m3",
        "m3",
        "cumulative",
        "Volume, V1.",
        (("water", "8-0:1.0.0"), ("warm_water", "9-0:1.0.0"), *_thermal("2.0.0")),
    ),
    Register("energy_kwh", "kWh", "cumulative", "Heat energy, E1.", (("heat", "6-0:1.0.0"),)),
    Register("cooling_energy_kwh", "kWh", "cumulative", "Cooling energy, E3.", (("cooling", "5-0:1.0.0"),)),
    Register("volume_temp_flow_m3c", "m3*degC", "cumulative", "Sum of volume times flow temperature, E8."),
    Register("volume_temp_return_m3c", "m3*degC", "cumulative", "Sum of volume times return temperature, E9."),
    Register("energy_import_kwh", "kWh", "cumulative", "Active energy import, A+.", (("electricity", "1-0:1.8.0"),)),
    Register("energy_export_kwh", "kWh", "cumulative", "Active energy export, A-.", (("electricity", "1-0:2.8.0"),)),
    Register("input_a", "1", "cumulative", "Pulse input A in the unit set at the meter."),
    Register("input_b", "1", "cumulative", "Pulse input B in the unit set at the meter."),
    Register(
        "flow_temp_c",
        "degC",
        "gauge",
        "Flow (inlet) temperature, t1; water temperature of a water meter.",
        _thermal("10.0.0"),
    ),
    Register("return_temp_c", "degC", "gauge", "Return (outlet) temperature, t2.", _thermal("11.0.0")),
    Register("ambient_temp_c", "degC", "gauge", "Temperature around the meter."),
    Register(
        "flow_m3h",
        "m3/h",
        "gauge",
        "Volume flow.",
        (("water", "8-0:2.0.0"), ("warm_water", "9-0:2.0.0"), *_thermal("9.0.0")),
    ),
    Register("power_kw", "kW", "gauge", "Thermal power.", _thermal("8.0.0")),
    Register("power_import_kw", "kW", "gauge", "Active power import, P+.", (("electricity", "1-0:1.7.0"),)),
    Register("power_export_kw", "kW", "gauge", "Active power export, P-.", (("electricity", "1-0:2.7.0"),)),
    Register("pressure_bar", "bar", "gauge", "Pressure.", _thermal("13.0.0")),
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

MAIN_REGISTER_OF = {medium: name for name, media in MAIN_REGISTERS.items() for medium in media}
"""The same by medium; none of media that count nothing."""

CUMULATIVE = tuple(register.name for register in REGISTERS if register.kind == "cumulative")
GAUGES = tuple(register.name for register in REGISTERS if register.kind == "gauge")
UNITS = {register.name: register.unit for register in REGISTERS}
