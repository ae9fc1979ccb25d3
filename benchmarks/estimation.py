"""What estimation costs: a day of hourly readings, reckoned with straight lines alone and with profiles.

    .venv/bin/python benchmarks/estimation.py [--meters 100000] [--runs 3] [--gaps 0.02]

One in fifty meters misses six hours; its 28 days before are at hand. Runs take turns; prints the least seconds
of the processor of ``consumption`` for each way, its hours by method, and the share that profiles add.
"""

import argparse
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.schemas import CONSUMPTION_HOURLY, EXCHANGES, INSTALLATIONS, REGISTER
from warehouse.schemas.readings import LAYOUTS, READINGS
from warehouse.transforms.consumption import Evidence, Policy, consumption
from warehouse.transforms.estimation.policy import EstimationPolicy

START = datetime(2026, 1, 14, 23, tzinfo=UTC)
DAY = date(2026, 1, 15)
ZONE = ZoneInfo("Europe/Copenhagen")
HOUR = timedelta(hours=1)
LINES = Policy(HOUR, estimation=EstimationPolicy(medium=("LIN",), long=("LIN",)))
PROFILES = Policy(HOUR)
MISSED = range(8, 14)


def fleet(meters: int, gaps: float) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Readings of a day, installations, and the stored hours of meters with a gap before it."""
    random = np.random.default_rng(7)
    names = [f"KAM-{number:08d}-1b-16" for number in range(meters)]
    litres = random.integers(0, 60, size=(meters, 25)).cumsum(axis=1)
    times = pl.Series([START + number * HOUR for number in range(25)], dtype=pl.Datetime("us", "UTC"))
    rows = pl.DataFrame(
        {
            "meter_id": np.repeat(np.array(names), 25),
            "measured_at": np.tile(times.to_physical().to_numpy(), meters),
            "volume_m3": litres.ravel(),
        }
    ).with_columns(
        pl.col("measured_at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        (pl.col("volume_m3") * 1000).cast(pl.Int128).reinterpret(dtype=REGISTER),
        organisation=pl.lit("utility"),
        layout_id=pl.lit("litres"),
        source=pl.lit("radio"),
        quality=pl.lit("M"),
        month=pl.lit("2026-01"),
    )
    silent = [name for name, fails in zip(names, random.random(meters) < gaps, strict=True) if fails]
    hour = (pl.col("measured_at") - START).dt.total_hours()
    kept = rows.filter(~(pl.col("meter_id").is_in(silent) & hour.is_in(list(MISSED))))
    readings = READINGS.conform(kept.with_columns(received_at="measured_at", landed_at="measured_at"))
    points = pl.DataFrame({"meter_id": names}).with_columns(
        organisation=pl.lit("utility"), metering_point="meter_id", installed_at=START - 400 * 24 * HOUR,
        removed_at=pl.lit(None), known_from=START,
    )  # fmt: skip
    before = pl.DataFrame(
        {"period_start": pl.datetime_range(START - 28 * 24 * HOUR, START, "1h", closed="left", eager=True)}
    )
    hours = pl.DataFrame({"metering_point": silent}).join(before, how="cross")
    stored = CONSUMPTION_HOURLY.conform(
        hours.with_columns(
            organisation=pl.lit("utility"),
            meter_id="metering_point",
            register=pl.lit("volume_m3"),
            period_end=pl.col("period_start") + HOUR,
            day=pl.col("period_start").dt.convert_time_zone(ZONE.key).dt.date(),
            consumption=pl.Series(random.integers(0, 60, hours.height) * 1000, dtype=pl.Int128).reinterpret(
                dtype=REGISTER
            ),
            unit=pl.lit("m3"),
            quality=pl.lit("M"),
            start_quality=pl.lit("M"),
            end_quality=pl.lit("M"),
            known_from=START,
            month=pl.lit("2026-01"),
        )
    )
    return readings, INSTALLATIONS.conform(points), stored


def main() -> None:
    """Times both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gaps", type=float, default=0.02)
    asked = parser.parse_args()
    readings, installations, hours = fleet(asked.meters, asked.gaps)
    days = installations.select("metering_point", first_day=pl.lit(DAY), last_day=pl.lit(DAY))
    layouts = pl.DataFrame([("utility", "litres", "volume_m3", 1, 1000, 8)], schema=LAYOUTS.schema, orient="row")
    spent: dict[str, list[float]] = {"straight lines": [], "profiles": []}
    for run in range(asked.runs + 1):
        for name, policy in (("straight lines", LINES), ("profiles", PROFILES)):
            began = time.process_time()
            figures = consumption(
                *(readings, layouts, installations, EXCHANGES.empty()),
                days=days, zone=ZONE, policy=policy, evidence=Evidence(hours=hours),
            )  # fmt: skip
            if run:
                spent[name].append(time.process_time() - began)
            else:
                print(name, dict(figures.hourly["method"].value_counts().iter_rows()))
    lines, profiles = (min(times) for times in spent.values())
    print(f"{readings.height} readings, {hours.height} stored hours of meters with a gap")
    print(f"straight lines {lines:.2f} s, profiles {profiles:.2f} s of the processor: {profiles / lines - 1:+.1%}")


if __name__ == "__main__":
    main()
