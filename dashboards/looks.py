"""Colours, patterns and symbols by which the pages show things; never a colour alone."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Look:
    """How a quality is drawn.

    Attributes:
        colour: Fill, legible on light and dark ground.
        pattern: Plotly pattern, so that no one has to tell colours apart.
    """

    colour: str
    pattern: str = ""


QUALITY = {
    "M": Look("#2b7bba"),
    "A": Look("#5aa5d8"),
    "X": Look("#8a63b8", "+"),
    "F": Look("#c2781a", "x"),
    "I": Look("#7fb3a5", "/"),
    "E": Look("#e0a53c", "."),
    "R": Look("#b04a4a", "-"),
    "N": Look("#9a9a9a"),
}

REGISTER = {
    "energy_import_kwh": "#2b7bba",
    "energy_export_kwh": "#3f9b6b",
    "energy_kwh": "#c2581a",
    "cooling_energy_kwh": "#2b7bba",
}
"""Colours of registers that are stacked."""

_TARIFFS = ("#2b7bba", "#d1661f", "#3f9b6b", "#8a63b8", "#b04a4a")
_NO_TARIFF = {"other": "#5f6b76", "undivided": "#8a8a8a"}


def tariff_colour(tariff: str) -> str:
    """Colour of a tariff by its number, or of what belongs to none; beyond five tariffs they come again."""
    return _NO_TARIFF.get(tariff) or _TARIFFS[(int(tariff) - 1) % len(_TARIFFS)]


SERIES = ("#2b7bba", "#d1661f", "#3f9b6b", "#8a63b8", "#b04a4a", "#6b6b6b", "#a8a03c", "#3aa6b9")
"""Colours of curves that are compared; each has a dash of its own, too."""

DASH = ("solid", "dash", "dot", "dashdot")

EVENT = {
    "EXCHANGE": ("diamond", "#8a63b8"),
    "ROLLOVER": ("triangle-up", "#2e8b57"),
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

RATING = {
    "good": Look("#1e8449"),
    "medium": Look("#e0a53c", "/"),
    "poor": Look("#c0392b", "x"),
    "unknown": Look("#9a9a9a", "."),
}
RATING_SYMBOL: dict[str, Literal["circle", "diamond", "triangle-up", "x"]] = {
    "good": "circle",
    "medium": "diamond",
    "poor": "triangle-up",
    "unknown": "x",
}

FLOW, RETURN, COOLING = "#c0392b", "#2b7bba", "#2e8b57"
"""Lines of flow and return temperature and of cooling; each has a dash of its own, too."""

BALANCE = {
    "consumption_measured_m3": Look("#2b7bba"),
    "consumption_estimated_m3": Look("#5aa5d8", "/"),
    "billed_unmetered_m3": Look("#7fb3a5", "-"),
    "unbilled_m3": Look("#e0a53c", "."),
    "apparent_loss_m3": Look("#c2781a", "\\"),
    "real_loss_m3": Look("#c0392b", "x"),
}
"""Where the water of a district went."""

FIRST_LINE, SECOND_LINE, THIRD_LINE = "#2b7bba", "#c2781a", "#8a63b8"

CODE_ICON = {
    "air": "≈",
    "alarm": "⚠",
    "battery": "▯",
    "bit": "▫",
    "burst": "✸",
    "clock": "◷",
    "cold": "❄",
    "dry": "▽",
    "flow": "≋",
    "leak": "☂",
    "link": "⇄",
    "power": "↯",
    "pressure": "⇅",
    "pulse": "∿",
    "reverse": "↩",
    "tamper": "⚒",
    "thermometer": "°",
}
"""Signs of info codes by the names of their icons: such as fonts for text have, since not every device has others."""
