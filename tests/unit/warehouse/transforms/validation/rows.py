"""Small inputs for rules: readings of one meter, days and hours of one point, and the shipped rules."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tests.unit.warehouse.transforms.metering import METER, installed, layouts
from warehouse.policies import ValidationPolicy, read_policy, shipped_document
from warehouse.schemas import GROUP_MEMBERS, REGISTER
from warehouse.schemas.readings import READINGS
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.validation.inputs import placed, steps
from warehouse.transforms.validation.rules import Rules, Scope, Setting

UTC_ZONE = ZoneInfo("UTC")
START = datetime(2025, 6, 2, tzinfo=UTC)
INSTALLED = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ELIMINATED = {"organisation": "utility", "metering_point": "P1", "source": "radio", "role": "initial"}


def shipped() -> Rules:
    policy = read_policy("validation", shipped_document("validation"))
    assert isinstance(policy, ValidationPolicy)
    return policy.compiled(0)


def changed(rule: str, change: Setting, scope: Scope | None = None) -> Rules:
    rules = shipped()
    return Rules(rules.settings, ((scope or Scope(), {rule: change}),))


def telling(rule: str) -> Rules:
    """The shipped rules with a rule that is only counted made a warning."""
    return changed(rule, Setting(severity="warn"))


def readings(cells: Iterable[Mapping[str, Any]], meter: str = METER) -> pl.DataFrame:
    """Readings an hour apart, unless they say when; cells are columns of ``readings``."""
    rows = []
    for number, given in enumerate(cells):
        at = given.get("measured_at", START + number * HOUR)
        row = {
            "organisation": "utility",
            "meter_id": meter,
            "measured_at": at,
            "received_at": at,
            "landed_at": given.get("received_at", at),
            "layout_id": "litres",
            "source": "radio",
            "quality": "M",
            "month": f"{at:%Y-%m}",
        }
        known = {name: Decimal(value) if name in CUMULATIVE else value for name, value in given.items()}
        rows.append(row | known)
    overrides = {name: REGISTER for name in CUMULATIVE if any(name in row for row in rows)}
    return READINGS.conform(pl.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None))


def in_place(
    rows: pl.DataFrame,
    medium: str = "water",
    members: pl.DataFrame | None = None,
    groups: Iterable[str] = (),
    installations: pl.DataFrame | None = None,
) -> pl.DataFrame:
    spots = installed((METER, INSTALLED, None)) if installations is None else installations
    media = pl.DataFrame({"meter_id": [METER], "medium": [medium]})
    return placed(rows, spots, media, GROUP_MEMBERS.empty() if members is None else members, list(groups))


def moved(values: Iterable[str], step: timedelta = HOUR, **options: Any) -> pl.DataFrame:
    """A volume register over time as rules see it."""
    cells = [{"volume_m3": value, "measured_at": START + n * step} for n, value in enumerate(values)]
    return steps(in_place(readings(cells), **options), layouts())


def days(uses: Iterable[float | None], first: date = date(2025, 5, 5), **more: Any) -> pl.DataFrame:
    """Days of the point with their use."""
    uses = list(uses)
    dates = [first + timedelta(days=n) for n in range(len(uses))]
    register = [100.0 + sum(use or 0 for use in uses[:n]) for n in range(len(uses))]
    given = {"medium": "water", "register": "volume_m3", "count": 0.001, "is_vacant": False} | more
    return pl.DataFrame(
        {
            "day": dates,
            "at": [datetime(d.year, d.month, d.day, tzinfo=UTC) for d in dates],
            "consumption": pl.Series(uses, dtype=pl.Float64),
            "register_start": register,
            "day_class": [0 if d.weekday() < 4 else d.weekday() for d in dates],
        }
    ).with_columns(meter_id=pl.lit(METER), **{name: pl.lit(value) for name, value in (ELIMINATED | given).items()})


def hours(uses: Iterable[float | None], **more: Any) -> pl.DataFrame:
    """Hours of a day of the point with their use."""
    uses = list(uses)
    given = {"medium": "water", "register": "volume_m3", "count": 0.001} | more
    return pl.DataFrame(
        {
            "at": [START + n * HOUR for n in range(len(uses))],
            "day": [START.date()] * len(uses),
            "consumption": pl.Series(uses, dtype=pl.Float64),
        }
    ).with_columns(meter_id=pl.lit(METER), **{name: pl.lit(value) for name, value in (ELIMINATED | given).items()})


def of(found: pl.DataFrame, rule: str) -> list[int]:
    """Hours after the start at which a rule found something."""
    mine = found.filter(pl.col("rule") == rule).sort("at")
    return [(at - START) // HOUR for at in mine["at"]]


def severities(found: pl.DataFrame) -> list[str]:
    return found.sort("at")["severity"].to_list()
