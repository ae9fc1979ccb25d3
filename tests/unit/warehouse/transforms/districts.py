"""Frames of districts for tests: a policy, flow points, members and their consumption."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.policies import DistrictsPolicy, read_policy, shipped_document
from warehouse.schemas import INSTANT
from warehouse.transforms.calendar import hours, local_days

ZONE = ZoneInfo("Europe/Copenhagen")
FLOWS = pl.DataFrame({"district": ["D"], "metering_point": ["IN"], "term": ["input"]})
NO_PRESSURES = pl.DataFrame(
    schema={"district": pl.String, "day": pl.Date, "pressure_m": pl.Float64, "pressure_method": pl.String}
)
NO_HOURLY_PRESSURES = NO_PRESSURES.with_columns(hour_start=pl.lit(None, INSTANT))


def policy(more: str = "", general: str = "", **numbers: object) -> DistrictsPolicy:
    """The shipped policy with a district D: inflow IN, members M0 and on."""
    known = {"mains_km": 120, "connections": 8000, "average_pressure_m": 45} | numbers
    body = "".join(f"    {name}: {value}\n" for name, value in known.items())
    text = shipped_document("districts").replace(
        "districts: {}\n", f"districts:\n  D:\n    inflow: [IN]\n    points: [M0]\n{body}{more}"
    )
    for line in general.splitlines():
        name = line.split(":")[0]
        old = next(one for one in text.splitlines() if one.startswith(f"{name}:"))
        text = text.replace(f"{old}\n", f"{line}\n")
    found = read_policy("districts", text)
    assert isinstance(found, DistrictsPolicy)
    return found


def members(count: int) -> pl.DataFrame:
    """Members M0 and on, there for ever."""
    never = pl.lit(None, INSTANT)
    names = [f"M{number}" for number in range(count)]
    return pl.DataFrame({"metering_point": pl.Series(names, dtype=pl.String)}).with_columns(
        district=pl.lit("D"), start=never, end=never
    )


def daily(values: dict[str, Iterable[float | None]], first: date, **columns: Any) -> pl.DataFrame:
    """Consumption per point and day; ``None`` is a day without boundary registers."""
    rows = [
        (point, first + timedelta(days=number), value, "N" if value is None else "M", 0.0)
        for point, course in values.items()
        for number, value in enumerate(course)
    ]
    schema = {
        "metering_point": pl.String,
        "day": pl.Date,
        "consumption": pl.Float64,
        "quality": pl.String,
        "share_interpolated": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(**columns)


def hourly(values: dict[str, float], first: date, last: date, quality: str = "M") -> pl.DataFrame:
    """The same consumption in every hour of local days."""
    grid = hours(local_days(first, last, ZONE)).rename({"start": "period_start", "end": "period_end"})
    points = pl.DataFrame({"metering_point": list(values), "consumption": list(values.values())})
    return grid.join(points, how="cross").with_columns(quality=pl.lit(quality))
