"""The cost of writing files: rows per second by format.

    .venv/bin/python -m benchmarks.export_files [--meters 100000] [--hours 24] [--piece 200000]

Makes export rows of hourly meters in memory, a piece at a time, and writes them in the shipped formats and in a row per
reading. Rows are made before the clock starts; what is written is counted and thrown away. ``POLARS_MAX_THREADS=1`` for
one core. Seconds by the clock and of the processor.
"""

import argparse
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import yaml

from exports.base import BaseFormat
from exports.facts import Facts
from exports.formats import read_format, shipped
from exports.variables import SCHEMA
from exports.writing import write

START = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = Facts("billing", "default", ZoneInfo("Europe/Copenhagen"), START, START + timedelta(days=1), START, 1, 1, "0")
WIDE = """
layout: delimited
title: A row per reading
file_name: "{job}.csv"
rows: reading
columns: [serial, measured_at, volume_m3, volume_m3.quality, energy_kwh, energy_kwh.quality, info_codes]
"""
TEXTS = {
    "role": "consumption",
    "customer_name": "Customer of the house",
    "address": "Long Street 12, first floor",
    "postal_code": "8000",
    "city": "Northtown",
    "manufacturer": "KAM",
    "model": "flowIQ",
    "quality": "M",
    "source": "radio",
}
REGISTERS = {
    "volume_m3": ("V1", "m3", "8-0:1.0.0", "water"),
    "energy_kwh": ("E1", "kWh", "6-0:1.0.0", "heat"),
    "energy_import_kwh": ("A+", "kWh", "1-0:1.8.0", "electricity"),
}
PARTIES = {"sender": {"id": "1"}, "receiver": {"id": "2"}}
PARTICIPANTS = {"sender": "A", "receiver": "B"}
SETTINGS = {
    "mscons": {**PARTIES, "reading_dates": "instant"},
    "mscons-intervals": PARTIES,
    "nem12": PARTICIPANTS,
    "nem13": PARTICIPANTS,
    "dg10s": {"series": "field:Series"},
}
"""What formats need that comes from the utility."""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=100_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--piece", type=int, default=200_000, help="rows of a piece")
    asked = parser.parse_args()
    share = max(1, asked.piece // asked.hours)
    forms = {name: own(name, form) for name, form in shipped().items()} | {"wide": read_format(WIDE, "wide")}
    for name, form in forms.items():
        wall, cpu, size = 0.0, 0.0, 0
        for first in range(0, asked.meters, share):
            piece = rows(first, min(share, asked.meters - first), asked.hours, registers(name, form))
            before = time.perf_counter(), time.process_time()
            size += written(form, piece)
            wall, cpu = wall + time.perf_counter() - before[0], cpu + time.process_time() - before[1]
        count = asked.meters * asked.hours
        print(
            f"{name}: {count:,} readings, {size / 1e6:.0f} MB, {wall:.1f} s, {cpu:.1f} s CPU, "
            f"{count / wall:,.0f} readings/s"
        )


def written(form: BaseFormat, piece: pl.DataFrame) -> int:
    """Writes a piece; gives its bytes."""
    return sum(len(part) for part in write(form, [piece], FACTS))


def own(name: str, form: BaseFormat) -> BaseFormat:
    """The format with what it needs from the utility."""
    return read_format(yaml.safe_dump({**yaml.safe_load(form.written()), **SETTINGS.get(name, {})}), name)


def registers(name: str, form: BaseFormat) -> list[str]:
    """Registers whose rows a format is given."""
    if name == "wide":
        return ["volume_m3", "energy_kwh"]
    return [register for register in REGISTERS if form.registers is None or register in form.registers][:1]


def rows(first: int, meters: int, hours: int, chosen: list[str]) -> pl.DataFrame:
    """Export rows of some meters and registers, in their order."""
    number = pl.int_range(first, first + meters, eager=True).alias("number").to_frame()
    register = pl.DataFrame(
        [(name, *REGISTERS[name]) for name in chosen],
        ["register", "consumption_type", "unit", "obis", "medium"],
        orient="row",
    )
    hour = pl.int_range(0, hours, eager=True).alias("hour").to_frame()
    crossed = number.join(register, how="cross", maintain_order="left_right")
    crossed = crossed.join(hour, how="cross", maintain_order="left_right")
    digits = pl.col("number").cast(pl.String).str.pad_start(8, "0")
    micros = (pl.col("number") * 7_919_000 + pl.col("hour") * 13_000) % 10**12
    made = crossed.with_columns(
        digits.str.tail(6).alias("field:Series"),
        **{name: pl.lit(text) for name, text in TEXTS.items()},
        metering_point=pl.lit("P") + digits,
        customer_number=pl.lit("C-") + digits,
        meter_id=pl.lit("KAM-") + digits + pl.lit("-1b-16"),
        serial=digits,
        meter_number=pl.lit("W") + digits,
        measured_at=pl.lit(START).cast(pl.Datetime("us", "UTC"))
        + pl.duration(hours="hour", seconds=pl.col("number") % 3600),
        period_start=pl.lit(START).cast(pl.Datetime("us", "UTC")) + pl.duration(hours="hour"),
        period_end=pl.lit(START).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=pl.col("hour") + 1),
        known_from=pl.lit(START).cast(pl.Datetime("us", "UTC")),
        value=micros.cast(pl.Int128).reinterpret(dtype=pl.Decimal(18, 6)),
        info_codes=pl.when(pl.col("number") % 50 == 0).then(pl.lit("LEAK,DRY")),
    )
    return made.select(
        (pl.col(name) if name in made.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in {**SCHEMA, "field:Series": pl.String}.items()
    )


if __name__ == "__main__":
    main()
