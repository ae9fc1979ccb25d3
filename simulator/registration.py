"""The utility's own lists: meters with keys, places with customers, exchanges."""

from decimal import Decimal
from pathlib import Path

from simulator.files import write_csv
from simulator.incidents import Exchange, Plan, utc
from simulator.population import Fleet, Meter

METERS_HEADER = ("manufacturer", "serial", "version", "device_type", "model", "medium", "key")
CUSTOMERS_HEADER = (
    *("metering_point", "customer_number", "name", "address", "postal_code", "city", "latitude", "longitude"),
    *("manufacturer", "serial", "installed_at"),
)
_STREETS = ("Meadow Lane", "Harbour Road", "Mill Street", "Orchard Way", "Heather Hill", "Station Road", "Brook Close")
_INSTALLED_BEFORE_MS = 30 * 24 * 3_600_000


def write_registration(
    fleet: Fleet, plan: Plan, finals: dict[str, dict[str, tuple[Decimal, Decimal]]], folder: Path
) -> None:
    """Writes ``meters.csv``, ``keys_late.csv``, ``customers.csv`` and ``exchanges.csv``.

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
    customers = [_customer_line(fleet, number, meter) for number, meter in enumerate(installed)]
    write_csv(folder / "customers.csv", CUSTOMERS_HEADER, customers)
    columns = _exchange_columns(finals)
    header = [*("metering_point", "exchanged_at", "old_manufacturer", "old_serial", "new_manufacturer", "new_serial")]
    header += [f"{side}_{'m3' if column == 'volume_m3' else column}" for column in columns for side in _SIDES]
    exchanges = [_exchange_line(exchange, finals[exchange.point], columns) for exchange in plan.exchanges]
    write_csv(folder / "exchanges.csv", header, exchanges)


_SIDES = ("old_final", "new_initial")


def _meter_line(meter: Meter, key: str) -> tuple[object, ...]:
    kind = meter.kind
    return (kind.manufacturer, meter.serial, kind.version, kind.device_type, kind.model, kind.medium, key)


def _customer_line(fleet: Fleet, number: int, meter: Meter) -> tuple[object, ...]:
    street, house = _STREETS[number % len(_STREETS)], number // len(_STREETS) + 1
    return (
        meter.point,
        f"C{number + 1:06d}",
        f"Customer {number + 1:04d}",
        f"{street} {house}",
        f"{9900 + number % 5}",
        "Meadowby",
        f"{56.0 + number % 97 / 2000:.5f}",
        f"{9.5 + number % 89 / 1000:.5f}",
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
