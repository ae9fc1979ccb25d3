"""The registry at 100,000 meters: importing, listing, unlocking keys.

    .venv/bin/python benchmarks/inventory.py [import] [change] [list] [unlock] [--meters 100000]

Makes a registry (SQLite) in a folder of its own and prints seconds per step. Every step begins with the import, which
fills the registry: meters with a key each, then customers with a metering point each. ``change`` imports both files
again with another model and another name in each line, each of which goes into the audit log. ``list`` takes the median
of several runs of the list page's query (a page of 50 with its total) for the filters and sort orders named, by the
clock and of the processor alone: on a busy machine only the second says something. ``unlock`` is what a decoding run
does: open every key.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from registry import groups
from registry.imports import ImportReport, import_customers, import_meters
from registry.inventory.fields import Entity, Field, Type, add_field
from registry.inventory.list_columns import CUSTOMER_COLUMNS, IN_USE_COLUMNS, READING_COLUMNS, STOCK_COLUMNS
from registry.inventory.listing import Filters, list_meters
from registry.inventory.updates import update_inventory
from registry.keys import load_keys
from registry.store import Registry
from registry.vault import KeyVault

STEPS = ("import", "change", "list", "unlock")
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
OWNER: dict[str, Any] = {"organisation": "default", "identity": "local:benchmark", "now": NOW}
RUNS = 7
MEDIA = ("water", "warm_water", "heat", "cooling")
ALL = (*STOCK_COLUMNS, *(name for name in IN_USE_COLUMNS if name not in READING_COLUMNS), "pit")
LISTS: dict[str, dict[str, Any]] = {
    "first page, stock columns": {},
    "in use with customers": {"filters": Filters(states=("in_use",)), "columns": ALL},
    "last page": {"last": True},
    "text in the middle of a serial": {"filters": Filters(text="4711")},
    "text that nothing has": {"filters": Filters(text="nowhere")},
    "text in an address": {"filters": Filters(text="lane 7 no"), "columns": ALL},
    "medium and manufacturer": {"filters": Filters(media=("heat",), manufacturers=("KAM",))},
    "key status unverified (all)": {"filters": Filters(key_statuses=("unverified",))},
    "key status unverified (all), last page": {"filters": Filters(key_statuses=("unverified",)), "last": True},
    "key status unverified (all), page in the middle": {
        "filters": Filters(key_statuses=("unverified",)),
        "page": 1000,
    },
    "key status unverified (all), sorted by model": {"filters": Filters(key_statuses=("unverified",)), "sort": "model"},
    "key status missing (none)": {"filters": Filters(key_statuses=("missing",))},
    "group of a tenth": {"filters": Filters(group="North")},
    "custom field of a half": {"filters": Filters(custom={"pit": "yes"})},
    "sorted by model": {"sort": "model"},
    "sorted by state, descending": {"sort": "state", "descending": True},
    "sorted by metering point": {"sort": "metering_point"},
    "sorted by address": {"sort": "address"},
    "sorted by custom field": {"sort": "pit"},
}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help=", ".join(STEPS))
    parser.add_argument("--meters", type=int, default=100_000)
    options = parser.parse_args()
    steps = options.steps or STEPS
    with tempfile.TemporaryDirectory() as folder:
        vault = KeyVault.create(Path(folder) / "master.key")
        registry = Registry.open(f"sqlite:///{folder}/registry.sqlite")
        fill(registry, vault, options.meters)
        if "change" in steps:
            fill(registry, vault, options.meters, model="multical", name="Tenant")
        if "list" in steps:
            add_extras(registry, options.meters)
            for name in LISTS:
                print_list(registry, name)
        if "unlock" in steps:
            seconds = [timed(lambda: load_keys(registry, vault, "default")) for _ in range(3)]
            print(f"unlock {options.meters:,} keys: {min(seconds):.2f} s (best of 3), {max(seconds):.2f} s (worst)")


def fill(
    registry: Registry, vault: KeyVault, meters: int, *, model: str = "flowIQ", name: str = "Customer"
) -> list[ImportReport]:
    """Imports the meters and the customers."""
    reports: list[ImportReport] = []
    numbers = range(10_000_000, 10_000_000 + meters)
    lines = "".join(f"KAM,{n},1b,16,{model} {n % 7},{MEDIA[n % 4]},{n:032x}\n" for n in numbers)
    content = f"manufacturer,serial,version,device_type,model,medium,key\n{lines}".encode()
    devices = partial(import_meters, vault=vault, source_name="meters.csv", target_state="stock", **OWNER)
    seconds = timed(lambda: reports.append(devices(registry, content)))
    print(f"import {meters:,} meters with keys: {seconds:.1f} s", flush=True)
    header = "metering_point,customer_number,name,address,postal_code,city,manufacturer,serial,installed_at"
    rows = "".join(
        f"P{n},C{n},{name} {n},Lane {n % 997} no. {n % 89},{n % 9000 + 1000},Northtown,KAM,{n},2025-01-01\n"
        for n in numbers
    )
    people = f"{header}\n{rows}".encode()
    zone = ZoneInfo("Europe/Copenhagen")
    tenants = partial(import_customers, vault=vault, zone=zone, source_name="customers.csv", **OWNER)
    seconds = timed(lambda: reports.append(tenants(registry, people)))
    print(f"import {meters:,} customers: {seconds:.1f} s", flush=True)
    return reports


def add_extras(registry: Registry, meters: int) -> None:
    """Adds a group of a tenth of the points, and a field that half the meters have."""
    numbers = range(10_000_000, 10_000_000 + meters)
    with registry.begin() as session:
        author = groups.Author("default", "benchmark", NOW)
        groups.create(session, author, "North")
        groups.add(session, author, "North", [f"P{n}" for n in numbers[::10]], valid_from=NOW)
        add_field(session, "default", Field(Entity.meter, "pit", "Pit", Type.boolean), identity="benchmark", now=NOW)
    lines = "".join(f"KAM-{n}-1b-16,{'yes' if n % 4 else 'no'}\n" for n in numbers[::2])
    content = f"meter_id,pit\n{lines}".encode()
    seconds = timed(lambda: update_inventory(registry, content, source_name="update.csv", **OWNER))
    print(f"update {len(numbers[::2]):,} meters: {seconds:.1f} s", flush=True)


def list_page(registry: Registry, name: str) -> Callable[[], int]:
    """What gives a page of one of the lists, and returns how many meters the list has."""
    asked = dict(LISTS[name])
    filters = asked.pop("filters", Filters())
    last = asked.pop("last", False)
    with_customers = bool({*asked.get("columns", ()), asked.get("sort", "")} & set(CUSTOMER_COLUMNS))

    def ask() -> int:
        with registry.begin(readonly=True) as session:
            return list_meters(session, "default", filters, now=NOW, with_customers=with_customers, **asked).total

    if last:
        asked["page"] = ask() // 50
    return ask


def print_list(registry: Registry, name: str) -> None:
    """Prints the median of the list page's query."""
    ask = list_page(registry, name)
    total = ask()
    runs = [(timed(ask, time.process_time), timed(ask)) for _ in range(RUNS)]
    processor, clock = (statistics.median(seconds) * 1000 for seconds in zip(*runs, strict=True))
    print(f"list, {name}: {clock:.0f} ms, {processor:.0f} ms of processor ({total:,} meters)", flush=True)


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that some work takes, by a clock."""
    started = clock()
    work()
    return clock() - started


if __name__ == "__main__":
    main()
