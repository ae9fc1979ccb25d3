"""Registers that somebody read and typed."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from registry.inventory.errors import InventoryError
from warehouse.schemas.registers import CUMULATIVE

_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_SHORT = {"m3": "volume_m3"}


def subject_of(metering_point: str, read_at: datetime) -> str:
    """Under whose key the audit log keeps what was read at a point: of each instant one, erased with its instant."""
    return f"registers:{metering_point}:{read_at.astimezone(UTC).isoformat()}"


def parse_registers(texts: Mapping[str, str]) -> dict[str, Decimal]:
    """Reads typed registers.

    Args:
        texts: Number by register, e.g. ``volume_m3`` (or ``m3``): digits, and up to six behind a point.

    Returns:
        The values by canonical register.

    Raises:
        InventoryError: A name is no register, a value no number, or a register stands twice.
    """
    values: dict[str, Decimal] = {}
    for name, text in texts.items():
        register = _SHORT.get(name, name)
        if register not in CUMULATIVE:
            raise InventoryError(f"{name} is no register; known are {', '.join(CUMULATIVE)}.")
        if register in values:
            raise InventoryError(f"The register {register} stands twice.")
        if not _NUMBER.fullmatch(text):
            raise InventoryError(f"{text} is no value of {register}: give digits with up to six behind the point.")
        values[register] = Decimal(text)
    return values
