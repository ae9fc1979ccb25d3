"""The cost of rows for billing: seconds per million readings, and the memory they take.

    .venv/bin/python benchmarks/export_rows.py [--meters 20000] [--days 30] [--of 1]

Makes an installation in a folder of its own, puts hourly readings and hours of water meters straight into its lake, in
months as the nightly run leaves them, a customer at every point into its registry, and asks for the rows of the last
``--of`` days. ``readings`` lie by meter and are sorted by metering point on the way; ``hourly`` consumption lies by
point; ``since_last`` takes what became known in these days. Seconds by the clock and of the processor.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
from sqlalchemy import insert

from assets.installation import Installation, open_installation
from assets.steps.export_rows import pieces
from benchmarks.retention import NOW, START, ZONE, hourly
from cli.installation import make
from exports.formats import read_format
from exports.jobs import Job, Readings
from exports.manifest import Period, Tally
from registry.models import Customer
from warehouse.schemas import CONSUMPTION_HOURLY, INSTALLATIONS, METERING_POINTS, METERS, READINGS, REGISTER

_FORM = "layout: delimited\ntitle: Rows\ncontent: {}\nfile_name: 'rows.csv'\ncolumns: [value]\n"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--of", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(Path(folder) / "master.key")
        house = open_installation(make(Path(folder) / "home", ZONE.key))
        fill(house, asked.meters, asked.days)
        print(f"{asked.meters} meters, {asked.days} days in the lake, {asked.of} of them in the file; {_memory()} MB")
        for content, mode in (("readings", "all"), ("readings", "since_last"), ("readings", "last"), ("hourly", "all")):
            export(house, content, mode, asked.days, asked.of)


def export(house: Installation, content: str, mode: Readings, days: int, of: int) -> None:
    """Takes the rows of a file, counts and hashes them."""
    end = START + timedelta(days=days)
    period = Period(start=end - timedelta(days=of), end=end)
    job = Job(name="billing", format="rows", destination="nowhere", readings=mode, interpolate=True)
    tally, wall, cpu = Tally(ZONE), time.perf_counter(), time.process_time()
    rows = pieces(house, job, read_format(_FORM.format(content), "rows"), period, as_of=NOW, known_after=period.start)
    sizes = [piece.height for piece in tally.of(rows)]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    millions = tally.rows / 1e6
    print(
        f"{content} {mode}: {tally.rows} rows in {len(sizes)} pieces, {wall:.2f} s, {cpu:.2f} s CPU, "
        f"{wall / millions:.2f} s per million; peak {_memory()} MB"
    )


def fill(house: Installation, meters: int, days: int) -> None:
    """Puts meters, points, customers, readings and hours into the installation."""
    known = {"organisation": pl.lit("default"), "known_from": pl.lit(START)}
    ids = hourly(meters, START, 1).select(pl.col("meter_id").unique(maintain_order=True))
    # Points are in another order than meters, as everywhere.
    ids = ids.with_columns(metering_point="P" + ids["meter_id"].hash(seed=1).cast(pl.String).str.zfill(20))
    fields = {"version": "1b", "device_type": "16", "medium": "water", "state": "in_use", "key_status": "ok"}
    told = ids.with_columns(manufacturer=pl.lit("KAM"), serial=pl.col("meter_id").str.slice(4, 8), **known)
    house.lake.overwrite(METERS, told.with_columns(**{name: pl.lit(text) for name, text in fields.items()}))
    house.lake.overwrite(METERING_POINTS, told.with_columns(role=pl.lit("consumption")))
    house.lake.overwrite(INSTALLATIONS, told.with_columns(installed_at=pl.lit(START - timedelta(days=1))))
    for first in range(0, days, 2):
        readings = hourly(meters, START + timedelta(days=first), min(2, days - first))
        house.lake.append(READINGS, readings.with_columns(known_from=pl.col("landed_at") + timedelta(hours=1)))
        house.lake.append(CONSUMPTION_HOURLY, _hours(readings, ids))
    for table in (READINGS, CONSUMPTION_HOURLY):
        for partition in house.lake.partitions(table):
            house.lake.compact(table, partition)
    with house.registry.begin() as session:
        for some in _people(ids):
            session.execute(insert(Customer), some)


def _hours(readings: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    at = pl.col("measured_at")
    rows = readings.join(ids, on="meter_id").with_columns(
        register=pl.lit("volume_m3"),
        period_start=at,
        period_end=at + timedelta(hours=1),
        day=at.dt.convert_time_zone(ZONE.key).dt.date(),
        consumption=pl.lit("0.012").cast(REGISTER),
        unit=pl.lit("m3"),
        quality=pl.lit("M"),
        method=pl.lit("EXACT"),
        start_quality=pl.lit("M"),
        end_quality=pl.lit("M"),
        known_from=at + timedelta(hours=2),
    )
    return CONSUMPTION_HOURLY.conform(rows)


def _people(ids: pl.DataFrame) -> Iterator[list[dict[str, str]]]:
    for some in ids.with_row_index("number").iter_slices(10_000):
        yield [
            {
                "organisation": "default",
                "metering_point": point,
                "customer_number": f"C{number}",
                "name": f"Customer {number}",
                "address": f"Meadow Lane {number}",
            }
            for number, point in some.select("number", "metering_point").iter_rows()
        ]


def _memory() -> int:
    """Most memory that this process ever had [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
