"""Several quantities of several points on one grid of times, and how alike their courses are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries import gauges, subjects
from warehouse.queries.consumption import figures
from warehouse.schemas.registers import GAUGES
from warehouse.transforms.calendar import local_days

Step = Literal["hourly", "daily"]

FURTHEST = {"hourly": 24, "daily": 7}
"""Steps by which courses are shifted against each other at most."""

LEAST_COMMON = 12
"""Times that two courses must have in common for their likeness to say anything."""

_CLEARLY = 0.02
"""By how much a shifted course must be more alike before the shift is told."""


@dataclass(frozen=True, slots=True)
class Series:
    """A quantity of a point.

    Attributes:
        point: Metering point.
        quantity: Register (its consumption per step) or gauge (its value at the full hour; by day the mean of these).
    """

    point: str
    quantity: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What is compared.

    Attributes:
        first: First local day.
        last: Last local day, included.
        zone: The utility's zone.
        step: Time between two rows.
        expected_interval: Time between two readings; gauges are interpolated over three of these at most.
    """

    first: date
    last: date
    zone: ZoneInfo
    step: Step
    expected_interval: timedelta


def on_common_grid(lake: Readable, organisation: str, series: Sequence[Series], compared: Compared) -> pl.DataFrame:
    """Values of several series at the same times.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        series: What is asked for.
        compared: When, and how often.

    Returns:
        ``at`` (UTC; start of the hour or local day) and a column per series, named by its place from ``0`` (Float64;
        null where unknown), by time; a row for every hour, or day.
    """
    days = local_days(compared.first, compared.last, compared.zone)
    if compared.step == "daily":
        grid = days.select(at="start")
    else:
        start, end = days["start"][0], days["end"][-1]
        grid = pl.DataFrame({"at": pl.datetime_range(start, end, "1h", closed="left", eager=True)})
    read: dict[str, pl.DataFrame] = {}
    for quantity in dict.fromkeys(one.quantity for one in series):
        points = subjects.point(*(one.point for one in series if one.quantity == quantity))
        read[quantity] = _values(lake, organisation, points, quantity, compared)
    for place, one in enumerate(series):
        mine = read[one.quantity].filter(metering_point=one.point).select("at", pl.col("value").alias(str(place)))
        grid = grid.join(mine.unique("at"), on="at", how="left", maintain_order="left")
    return grid


def _values(lake: Readable, organisation: str, points: pl.DataFrame, quantity: str, compared: Compared) -> pl.DataFrame:
    if quantity not in GAUGES:
        rows = figures(
            lake,
            organisation,
            points,
            interval=compared.step,
            register=quantity,
            first=compared.first,
            last=compared.last,
        )
        return rows.select("metering_point", at="period_start", value=pl.col("consumption").cast(pl.Float64))
    hours = gauges.Grid(compared.first, compared.last, compared.zone, compared.expected_interval)
    rows = gauges.on_grid(lake, organisation, points, quantity, hours).select(
        "metering_point", "at", value=pl.col(quantity)
    )
    if compared.step == "hourly":
        return rows
    day = pl.col("at").dt.convert_time_zone(compared.zone.key).dt.truncate("1d").dt.convert_time_zone("UTC")
    return rows.group_by("metering_point", at=day).agg(pl.col("value").mean())


def likeness(grid: pl.DataFrame, step: Step) -> pl.DataFrame:
    """How alike each series is to the first one, as it is and shifted in time.

    Args:
        grid: From :func:`on_common_grid`.
        step: Of the grid.

    Returns:
        Per further series ``series`` (its place), ``common`` (times at which both are known), ``correlation`` (Pearson;
        null where fewer than :data:`LEAST_COMMON` are, or one does not vary), ``lag`` (steps by which it comes after
        the first where it is most alike, negative before; 0 where no shift makes it clearly more alike) and
        ``shifted`` (correlation then).
    """
    columns = grid.columns[1:]
    furthest = min(FURTHEST[step], max(0, grid.height - LEAST_COMMON))
    lags = sorted(range(-furthest, furthest + 1), key=abs)  # of two that are alike, the smaller shift counts
    first = grid[columns[0]].to_numpy() if columns else np.empty(0)
    rows = []
    for place in columns[1:]:
        other = grid[place].to_numpy()
        found = [_correlation(first, other, lag) for lag in lags]
        known = [value for value in found if value is not None]
        plain = found[0]
        best = max(known) if known else None
        lag = 0
        if best is not None and best - (plain if plain is not None else -1.0) > _CLEARLY:
            lag = lags[found.index(best)]
        rows.append(
            {
                "series": int(place),
                "common": int((~np.isnan(first) & ~np.isnan(other)).sum()),
                "correlation": plain,
                "lag": lag,
                "shifted": best if lag else plain,
            }
        )
    schema = {
        "series": pl.Int64,
        "common": pl.Int64,
        "correlation": pl.Float64,
        "lag": pl.Int64,
        "shifted": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)


def _correlation(first: np.ndarray, other: np.ndarray, lag: int) -> float | None:
    """Pearson's coefficient of the first and of the other taken ``lag`` steps later."""
    length = len(first) - abs(lag)
    one, two = first[max(0, -lag) :][:length], other[max(0, lag) :][:length]
    both = ~np.isnan(one) & ~np.isnan(two)
    one, two = one[both], two[both]
    if len(one) < LEAST_COMMON or np.ptp(one) == 0 or np.ptp(two) == 0:
        return None
    return float(np.corrcoef(one, two)[0, 1])
