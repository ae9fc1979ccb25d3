"""What an M-Bus master reads in the small installation."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from tests.unit.dashboards.house import END, FIRST, HEAT, KNOWN, ORGANISATION, OTHER
from warehouse.lake import Lake
from warehouse.schemas import GROUP_READERS, READINGS
from warehouse.schemas.frames import RECEPTIONS

MASTER = "mbus-1"
_READ = ((HEAT, 50), (HEAT, 12), (OTHER, 11))
"""Meters and hours before the end at which they were read; of the last one the frame is gone."""


def add(home: Path) -> Path:
    """Adds it: the heat meter on two of the last three days, and another meter once.

    Args:
        home: An installation of :func:`tests.unit.dashboards.house.home_with_figures`.
    """
    lake = Lake(home / "lake")
    rows = []
    for number, (meter, hours) in enumerate(_READ):
        at = END - timedelta(hours=hours)
        rows.append(
            {
                "organisation": ORGANISATION,
                "meter_id": meter,
                "measured_at": at,
                "received_at": at + timedelta(minutes=2),
                "landed_at": at + timedelta(minutes=3),
                "frame_id": f"{number:016x}-wire",
                "energy_kwh": 12000 + number,
                "source": "wired",
                "quality": "M",
                "month": f"{at:%Y-%m}",
            }
        )
    lake.append(READINGS, pl.DataFrame(rows))
    frames = pl.DataFrame(rows[:2]).select("organisation", "frame_id", "received_at", "landed_at")
    lake.append(
        RECEPTIONS,
        frames.with_columns(
            landed_day=pl.col("landed_at").dt.date(),
            collector=pl.lit(MASTER),
            frame=pl.lit(b"\x68"),
            source_file=pl.lit("mbus.csv"),
            source_line=pl.int_range(1, pl.len() + 1),
            source_sha256=pl.lit("0" * 64),
        ),
    )
    assigned = {"organisation": ORGANISATION, "collector": MASTER, "group": "Harbour"}
    lake.append(GROUP_READERS, pl.DataFrame([{**assigned, "valid_from": FIRST, "known_from": KNOWN}]))
    return home
