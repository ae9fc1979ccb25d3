"""Seconds to import meters and customers from CSV into a new registry.

Run it as ``python benchmarks/registry_import.py [METERS]``.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from registry.imports import import_customers, import_meters
from registry.store import Registry
from registry.vault import KeyVault

METERS_HEADER = "manufacturer,serial,version,device_type,model,medium,key\n"
CUSTOMERS_HEADER = (
    "metering_point,customer_number,name,address,postal_code,city,telephone,latitude,longitude,"
    "manufacturer,serial,installed_at\n"
)


def files(count: int) -> tuple[bytes, bytes]:
    """A file of meters with keys, and one of the customers that have them."""
    serials = range(10_000_000, 10_000_000 + count)
    meters = "".join(f"KAM,{serial},1b,16,flowIQ 2100,water,{serial:032x}\n" for serial in serials)
    customers = "".join(
        f"P{serial},C{serial},Customer {serial},Meadow Lane {serial % 500},{9000 + serial % 90},Meadowby,,"
        f"56.{serial % 10000:04d},9.{serial % 9973:04d},KAM,{serial},2025-01-01\n"
        for serial in serials
    )
    return (METERS_HEADER + meters).encode(), (CUSTOMERS_HEADER + customers).encode()


def main() -> None:
    """Prints the seconds of each import, of new lines and of the same lines again."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    meters, customers = files(count)
    common = {"organisation": "default", "identity": "local:benchmark", "now": datetime.now(UTC)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry.open(f"sqlite:///{folder / 'registry.sqlite'}")
        vault = KeyVault.create(folder / "master.key")
        zone = ZoneInfo("Europe/Copenhagen")
        for _ in range(2):
            start = time.perf_counter()
            first = import_meters(
                registry, meters, vault=vault, source_name="meters.csv", target_state="stock", **common
            )
            middle = time.perf_counter()
            second = import_customers(
                registry, customers, vault=vault, zone=zone, source_name="customers.csv", **common
            )
            end = time.perf_counter()
            print(f"meters {middle - start:.1f} s {first}")
            print(f"customers {end - middle:.1f} s {second}")


if __name__ == "__main__":
    main()
