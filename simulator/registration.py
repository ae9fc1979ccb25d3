"""The utility's own lists: meters with keys, places with customers, exchanges."""

import itertools
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from simulator.files import write_csv
from simulator.incidents import Exchange, Plan, utc
from simulator.population import Fleet, Meter

METERS_HEADER = ("manufacturer", "serial", "version", "device_type", "model", "medium", "key")
CUSTOMERS_HEADER = (
    *("metering_point", "customer_number", "name", "address", "postal_code", "city", "latitude", "longitude"),
    *("manufacturer", "serial", "installed_at"),
)
ADDRESSES_HEADER = ("street", "number", "postal_code", "city", "latitude", "longitude")
_CITY = "Meadowby"
_STREETS = ("Meadow Lane", "Harbour Road", "Mill Street", "Orchard Way", "Heather Hill", "Station Road", "Brook Close")
_INSTALLED_BEFORE_MS = 30 * 24 * 3_600_000

Finding = Literal["ok", "not_found", "no_place", "alternatives"]
_TO_LOOK_UP: tuple[Finding, ...] = ("ok", "not_found", "no_place", "alternatives")
"""What an address check finds of the first customers of a fleet with incidents; the others have coordinates."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a customer lives, and what a check of the address finds.

    Attributes:
        number: The customer's, from 0.
        finding: State that a check by ``addresses.csv`` gives; ``None`` where the customers' list has coordinates.
    """

    number: int
    finding: Finding | None

    @property
    def street(self) -> str:
        """Its street."""
        return _STREETS[self.number % len(_STREETS)]

    @property
    def house(self) -> str:
        """Its number in the street."""
        return str(self.number // len(_STREETS) + 1)

    def postal_code(self, further: int = 0) -> str:
        """Its postal code, or one further on of another place in the same city."""
        return f"{9900 + (self.number + further) % 5}"

    def coordinates(self, further: int = 0) -> tuple[str, str]:
        """Degrees north and east, or those of another place."""
        number = self.number + further
        return f"{56.0 + number % 97 / 2000:.5f}", f"{9.5 + number % 89 / 1000:.5f}"

    def listed(self) -> tuple[str, str, str, str, str]:
        """Address, postal code, city, latitude and longitude as the utility's list of customers has them."""
        code = "" if self.finding in ("no_place", "alternatives") else self.postal_code()
        city = "" if self.finding == "no_place" else _CITY
        return (f"{self.street} {self.house}", code, city, *(("", "") if self.finding else self.coordinates()))

    def registered(self) -> list[tuple[object, ...]]:
        """Rows of the address register: one, none where nothing is to be found, or two."""
        places = {"not_found": (), "alternatives": (0, 1)}.get(self.finding or "", (0,))
        return [(self.street, self.house, self.postal_code(place), _CITY, *self.coordinates(place)) for place in places]


def write_registration(
    fleet: Fleet, plan: Plan, finals: dict[str, dict[str, tuple[Decimal, Decimal]]], folder: Path
) -> None:
    """Writes ``meters.csv``, ``keys_late.csv``, ``customers.csv``, ``addresses.csv`` and ``exchanges.csv``.

    Args:
        fleet: Parameters.
        plan: Meters and incidents.
        finals: By metering point and register column: last register of the old meter, first one of the new.
        folder: Where the files go.
    """
    chance = fleet.chance("registration")
    registered = [meter for meter in plan.meters if meter.key_state != "foreign"]
    known: list[tuple[object, ...]] = []
    late: list[tuple[object, ...]] = []
    for meter in registered:
        listed = {
            "known": meter.key.hex().upper() if meter.kind.security != "plain" else "",
            "late": "",
            "wrong": chance.bytes(16).hex().upper(),
        }
        known.append(_meter_line(meter, listed[meter.key_state]))
        if meter.key_state == "late":
            late.append(_meter_line(meter, meter.key.hex().upper()))
    write_csv(folder / "meters.csv", METERS_HEADER, known)
    write_csv(folder / "keys_late.csv", METERS_HEADER, late)
    replacements = {exchange.new.serial for exchange in plan.exchanges}
    installed = [meter for meter in registered if meter.serial not in replacements]
    findings = (*(_TO_LOOK_UP if fleet.incidents else ()), *itertools.repeat(None, len(installed)))
    homes = [Home(number, finding) for number, finding in zip(range(len(installed)), findings, strict=False)]
    customers = [_customer_line(fleet, home, meter) for home, meter in zip(homes, installed, strict=True)]
    write_csv(folder / "customers.csv", CUSTOMERS_HEADER, customers)
    write_csv(folder / "addresses.csv", ADDRESSES_HEADER, (row for home in homes for row in home.registered()))
    columns = _exchange_columns(finals)
    header = [*("metering_point", "exchanged_at", "old_manufacturer", "old_serial", "new_manufacturer", "new_serial")]
    header += [f"{side}_{'m3' if column == 'volume_m3' else column}" for column in columns for side in _SIDES]
    exchanges = [_exchange_line(exchange, finals[exchange.point], columns) for exchange in plan.exchanges]
    write_csv(folder / "exchanges.csv", header, exchanges)


_SIDES = ("old_final", "new_initial")


def _meter_line(meter: Meter, key: str) -> tuple[object, ...]:
    kind = meter.kind
    return (kind.manufacturer, meter.serial, kind.version, kind.device_type, kind.model, kind.medium, key)


def _customer_line(fleet: Fleet, home: Home, meter: Meter) -> tuple[object, ...]:
    return (
        meter.point,
        f"C{home.number + 1:06d}",
        f"Customer {home.number + 1:04d}",
        *home.listed(),
        meter.kind.manufacturer,
        meter.serial,
        utc(fleet.midnights()[0] - _INSTALLED_BEFORE_MS),
    )


def _exchange_columns(finals: dict[str, dict[str, tuple[Decimal, Decimal]]]) -> list[str]:
    columns = ["volume_m3"]
    for registers in finals.values():
        columns += [column for column in registers if column not in columns]
    return columns


def _exchange_line(
    exchange: Exchange, registers: dict[str, tuple[Decimal, Decimal]], columns: list[str]
) -> tuple[object, ...]:
    old, new = exchange.old, exchange.new
    values = [value for column in columns for value in registers.get(column, (None, None))]
    identity = (old.kind.manufacturer, old.serial, new.kind.manufacturer, new.serial)
    return (exchange.point, utc(exchange.at_ms), *identity, *values)
