"""The cost of thinning: seconds per million readings.

    .venv/bin/python benchmarks/retention.py [--meters 2000] [--days 60]

Makes an installation in a folder of its own, puts hourly readings of water meters straight into its lake, and lets the
policy keep one a day. ``core`` is the choice of the survivors alone, of one day of 100,000 hourly meters; ``plan``
counts what would go; ``run`` removes it, freezes, purges and certifies; the plan after it finds nothing to do. Seconds
by the clock and of the processor.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from assets.installation import Installation, open_installation
from assets.steps import retention
from cli.installation import make
from registry import policies
from warehouse.schemas import INSTALLATIONS, METERS, READINGS, REGISTER
from warehouse.transforms.calendar import local_day
from warehouse.transforms.retention import Rule, Stage, chosen, keep_of, with_buckets

ZONE = ZoneInfo("Europe/Copenhagen")
START = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DOCUMENT = """
automatic: false
survivor: last
rules:
  - zones: [reading]
    stages: [{after_months: 13, keep: day}]
"""


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=60)
    asked = parser.parse_args()
    day = hourly(100_000, START, 1).select("organisation", "meter_id", "measured_at", "source")
    timed("core, 2.4 million readings of one day", 2.4, lambda: core(day))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["METERHOUSE_MASTER_KEY_FILE"] = str(Path(folder) / "master.key")
        house = open_installation(make(Path(folder) / "home", ZONE.key))
        fill(house, asked.meters, asked.days)
        millions = asked.meters * asked.days * 24 / 1e6
        print(f"{asked.meters} meters, {asked.days} days, {millions:.2f} million readings")
        timed("plan", millions, lambda: retention.plan(house, NOW))
        timed("run", millions, lambda: retention.run(house, identity="local:benchmark", now=NOW))
        timed("plan of what is left", millions, lambda: retention.plan(house, NOW))


def core(readings: pl.DataFrame) -> None:
    """Picks one reading a day."""
    rules = (Rule(frozenset(), frozenset(), frozenset(), (Stage(13, "day"),)),)
    placed = with_buckets(readings.lazy(), installed(readings["meter_id"].unique())).with_columns(
        aged_on=local_day(pl.col("measured_at"), ZONE), medium=pl.lit("water")
    )
    units = placed.with_columns(keep_of(rules, "reading", NOW.date()))
    chosen(units, readings.lazy().head(0), "last", ZONE).collect()


def fill(house: Installation, meters: int, days: int) -> None:
    """Puts meters and their readings into the lake and the policy into the registry."""
    names = hourly(meters, START, 1)["meter_id"].unique()
    house.lake.overwrite(INSTALLATIONS, installed(names))
    fields = {"version": "1b", "device_type": "16", "medium": "water", "state": "in_use", "key_status": "ok"}
    known = names.to_frame().with_columns(organisation=pl.lit("default"), manufacturer=pl.lit("KAM"), serial="meter_id")
    house.lake.overwrite(METERS, known.with_columns(**{name: pl.lit(text) for name, text in fields.items()}))
    for first in range(0, days, 10):
        house.lake.append(READINGS, hourly(meters, START + timedelta(days=first), min(10, days - first)))
    with house.registry.begin() as session:
        policies.decide(session, "default", "retention", DOCUMENT, reason="benchmark", identity="benchmark", now=NOW)


def hourly(meters: int, start: datetime, days: int) -> pl.DataFrame:
    """Rows of ``readings``."""
    ids = pl.DataFrame({"meter_id": [f"KAM-{number:08d}-1b-16" for number in range(meters)]})
    hours = pl.datetime_range(start, start + timedelta(days=days), "1h", closed="left", eager=True).alias("measured_at")
    rows = ids.join(hours.to_frame(), how="cross").with_columns(
        organisation=pl.lit("default"),
        received_at="measured_at",
        landed_at="measured_at",
        volume_m3=pl.lit(Decimal(1), REGISTER),
        flow_temp_c=pl.lit(12.5),
        source=pl.lit("radio"),
        quality=pl.lit("M"),
        month=pl.col("measured_at").dt.strftime("%Y-%m"),
    )
    return READINGS.conform(rows)


def installed(meters: pl.Series) -> pl.DataFrame:
    """Rows of ``installations``."""
    return INSTALLATIONS.conform(
        meters.to_frame().with_columns(
            organisation=pl.lit("default"),
            metering_point="meter_id",
            installed_at=pl.lit(START - timedelta(days=1)),
            known_from=pl.lit(START),
        )
    )


def timed(name: str, millions: float, work: Callable[[], Any]) -> None:
    """Runs a step and prints what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {wall:.2f} s, {cpu:.2f} s CPU; {wall / millions:.2f} s ({cpu / millions:.2f} s CPU) per million")


if __name__ == "__main__":
    main()
