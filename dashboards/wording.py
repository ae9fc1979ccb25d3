"""Names, units and colours by which the pages call things."""

from dataclasses import dataclass
from decimal import Decimal

from warehouse.schemas.registers import UNITS


@dataclass(frozen=True, slots=True)
class Look:
    """How a quality is drawn.

    Attributes:
        name: For legend and tooltip.
        colour: Fill, legible on light and dark ground.
        pattern: Plotly pattern, so that no one has to tell colours apart.
    """

    name: str
    colour: str
    pattern: str = ""


QUALITY = {
    "M": Look("measured", "#2b7bba"),
    "A": Look("measured, aligned", "#5aa5d8"),
    "X": Look("edited", "#8a63b8", "+"),
    "F": Look("final estimate", "#c2781a", "x"),
    "I": Look("interpolated", "#7fb3a5", "/"),
    "E": Look("estimated", "#e0a53c", "."),
    "R": Look("rejected", "#b04a4a", "-"),
    "N": Look("missing", "#9a9a9a"),
}

EVENT = {
    "EXCHANGE": ("meter exchange", "diamond", "#8a63b8"),
    "ROLLOVER": ("roll-over", "triangle-up", "#2e8b57"),
}
OTHER_EVENT = ("x", "#c0392b")

PRIORITY_COLOUR = {"high": "#c0392b", "normal": "#e08a2e", "ignore": "#9a9a9a"}

OUTCOME_COLOUR = {
    "decoded": "#2b7bba",
    "partial": "#5aa5d8",
    "manufacturer_data": "#7fb3a5",
    "application_error": "#a8a03c",
    "waiting": "#c9c9c9",
    "foreign": "#9a9a9a",
    "no_key": "#e0a53c",
    "unknown_format": "#c2781a",
    "unsupported": "#8a63b8",
    "wrong_key": "#b04a4a",
    "corrupt": "#7a2f2f",
}

_REGISTER = {
    "volume_m3": "Volume",
    "energy_kwh": "Heat energy",
    "cooling_energy_kwh": "Cooling energy",
    "volume_temp_flow_m3c": "Volume × flow temperature",
    "volume_temp_return_m3c": "Volume × return temperature",
    "energy_import_kwh": "Energy import",
    "energy_export_kwh": "Energy export",
    "input_a": "Pulse input A",
    "input_b": "Pulse input B",
}
_UNIT = {"m3": "m³", "degC": "°C", "m3*degC": "m³·°C", "m3/h": "m³/h", "1": ""}


def register(name: str) -> str:
    """A register's name with its unit, e.g. ``Volume (m³)``."""
    label, symbol = _REGISTER.get(name, name), unit(UNITS.get(name, ""))
    return f"{label} ({symbol})" if symbol else label


def unit(name: str) -> str:
    """A unit as it is written, e.g. ``m³``."""
    return _UNIT.get(name, name)


def event(kind: str) -> str:
    """An event of a register, e.g. ``roll-over``."""
    return EVENT[kind][0] if kind in EVENT else kind.lower().replace("_", " ")


def amount(value: Decimal | None, symbol: str = "") -> str:
    """An exact value with thousands apart, without trailing zeros, and its unit."""
    if value is None:
        return "unknown"
    digits = f"{value:,.6f}".rstrip("0").rstrip(".").replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{digits}\N{NARROW NO-BREAK SPACE}{symbol}".rstrip("\N{NARROW NO-BREAK SPACE}")
