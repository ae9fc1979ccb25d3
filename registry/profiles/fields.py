"""The fields that a file of each kind may fill."""

from dataclasses import dataclass
from typing import Literal

from warehouse.schemas.registers import CUMULATIVE, REGISTERS

Kind = Literal["meters", "customers", "exchanges", "readings", "temperatures"]
KINDS: tuple[Kind, ...] = ("meters", "customers", "exchanges", "readings", "temperatures")

FINAL, INITIAL = "old_final_", "new_initial_"
"""Beginnings of the fields with the registers of an exchange."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a line.

    Attributes:
        name: Its name, also the header of its column in the predefined profiles.
        needed: Whether a file must have it.
        form: ``text``, ``number`` or ``time``.
        longest: Characters that it may have.
        free: Whether people type it, so that a spreadsheet may have left a formula in it.
    """

    name: str
    needed: bool = False
    form: Literal["text", "number", "time"] = "text"
    longest: int = 64
    free: bool = True


def _meter(prefix: str = "", *, needed: bool = True) -> tuple[Field, ...]:
    """Fields that name a meter; ``@`` is a letter of manufacturer codes."""
    return (
        Field(f"{prefix}manufacturer", needed=needed, longest=3, free=False),
        Field(f"{prefix}serial", needed=True, longest=8),
        Field(f"{prefix}version", longest=2),
        Field(f"{prefix}device_type", longest=2),
    )


def _registers(names: tuple[str, ...], prefix: str = "") -> tuple[Field, ...]:
    return tuple(Field(f"{prefix}{name}", form="number") for name in names)


_EXCHANGED = ("m3", *CUMULATIVE)

FIELDS: dict[Kind, tuple[Field, ...]] = {
    "meters": (
        Field("manufacturer", needed=True, longest=8, free=False),
        Field("serial", needed=True),
        Field("version", needed=True, longest=8),
        Field("device_type", needed=True, longest=8),
        Field("model"),
        Field("medium", longest=16),
        Field("key"),
        Field("device_class", longest=32),
        Field("collector", longest=128),
        Field("latitude", form="number", longest=16),
        Field("longitude", form="number", longest=16),
    ),
    "customers": (
        Field("metering_point", needed=True),
        Field("customer_number", needed=True),
        Field("name", longest=200),
        Field("address", longest=200),
        Field("address2", longest=200),
        Field("postal_code", longest=16),
        Field("city", longest=100),
        Field("telephone"),
        Field("email", longest=200),
        Field("latitude", form="number", longest=16),
        Field("longitude", form="number", longest=16),
        Field("occupied_from", form="time"),
        Field("occupied_to", form="time"),
        *_meter(needed=False),
        Field("installed_at", form="time"),
        Field("role", longest=24, free=False),
    ),
    "exchanges": (
        Field("metering_point", needed=True),
        Field("exchanged_at", needed=True, form="time"),
        *_meter("old_"),
        *_meter("new_"),
        *_registers(_EXCHANGED, FINAL),
        *_registers(_EXCHANGED, INITIAL),
    ),
    "readings": (
        *_meter(needed=False),
        Field("measured_at", needed=True, form="time"),
        *_registers(tuple(register.name for register in REGISTERS)),
        Field("source", longest=8, free=False),
        Field("info_code", longest=18),
        Field("info_code_kind", longest=32, free=False),
    ),
    "temperatures": (
        Field("station", needed=True),
        Field("day", needed=True, longest=10),
        Field("outdoor_temp_c", needed=True, form="number", longest=16),
    ),
}
