"""Gauges on a grid of instants, for pages and exports.

Temperatures, flows and pressures are measured when they are; between two readings they are linear, across short gaps
only. Registers and info codes have no place here.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.readings import among
from warehouse.schemas import INSTALLATIONS, READINGS
from warehouse.transforms.calendar import HOUR, local_days
from warehouse.transforms.estimation.gauges import LONGEST, gauge_at


@dataclass(frozen=True, slots=True)
class Grid:
    """The instants that are asked for.

    Attributes:
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.
        expected_interval: Time between two readings.
        step: Time between two instants, from the start of the first day on.
    """

    first: date
    last: date
    zone: ZoneInfo
    expected_interval: timedelta
    step: timedelta = HOUR


def on_grid(lake: Readable, organisation: str, subject: pl.DataFrame, gauge: str, grid: Grid) -> pl.DataFrame:
    """A gauge of every point of a subject at the instants of a grid.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        subject: Points and the time each belongs to it, see :mod:`warehouse.queries.subjects`.
        gauge: Name of a gauge of ``readings``.
        grid: Which instants.

    Returns:
        ``metering_point``, ``meter_id``, ``at`` (UTC), the gauge (its unit; null where the readings around lie more
        than three expected intervals apart, or one is missing) and ``quality`` (``M`` at a reading, ``A`` between two
        that follow each other as expected, else ``I`` or ``N``), by point and time; instants at which a meter was
        installed there.

    Raises:
        ValueError: The column is no gauge.
    """
    days = local_days(grid.first, grid.last, grid.zone)
    start, end = days["start"][0], days["end"][-1]
    at = pl.col("at")
    installed = (
        lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == organisation, among("metering_point", subject["metering_point"].unique()))
        .join(subject.lazy(), on="metering_point")
        .select(
            "metering_point",
            "meter_id",
            since=pl.max_horizontal("installed_at", "valid_from"),
            until=pl.min_horizontal("removed_at", "valid_to"),
        )
        .collect()
    )
    instants = pl.DataFrame({"at": pl.datetime_range(start, end, grid.step, closed="left", eager=True)})
    asked = (
        installed.join(instants, how="cross")
        .filter(at >= pl.col("since"), (at < pl.col("until")).fill_null(value=True))
        .select("metering_point", "meter_id", "at")
        .unique()
    )
    around = LONGEST * grid.expected_interval
    earliest, latest = start - around, end + around
    readings = (
        lake.scan(READINGS)
        .filter(
            pl.col("organisation") == organisation,
            pl.col("month").is_between(pl.lit(f"{earliest:%Y-%m}"), pl.lit(f"{latest:%Y-%m}")),
            pl.col("measured_at").is_between(earliest, latest),
            among("meter_id", asked["meter_id"].unique()),
        )
        .collect()
    )
    return gauge_at(readings, asked, gauge, grid.expected_interval).sort("metering_point", "at", "meter_id")
