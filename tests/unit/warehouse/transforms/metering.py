"""Small tables of one metering point, for tests of its consumption."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import EXCHANGES, INSTALLATIONS, REGISTER, Table
from warehouse.schemas.readings import LAYOUTS, READINGS
from warehouse.transforms.consumption import Evidence, Figures, Policy, consumption

METER = "KAM-00000001-1b-16"
NEXT_METER = "KAM-00000002-1b-16"
REVERSIBLE_METER = "ELV-00000003-01-07"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HOURLY = Policy(expected_interval=timedelta(hours=1))

# layout: numerator, denominator, digits
RESOLUTIONS = {
    "litres": (1, 1000, 8),
    "litres, short": (1, 1000, 5),
    "ten litres": (1, 100, None),
    "kWh": (1, 1, 7),
    "0.01 GJ": (25, 9, 7),
}


def at(text: str, year: int = 2025) -> datetime:
    """UTC instant from ``06-01 10:07``."""
    return datetime.fromisoformat(f"{year}-{text}").replace(tzinfo=UTC)


def readings(
    rows: Iterable[tuple[datetime, Decimal | str | None]],
    meter: str = METER,
    *,
    register: str = "volume_m3",
    layout: str | None = "litres",
    quality: str = "M",
    device_times: Mapping[datetime, datetime] | None = None,
) -> pl.DataFrame:
    """Readings of one register."""
    frame = pl.DataFrame(
        [
            {
                "organisation": "utility",
                "meter_id": meter,
                "measured_at": time,
                "received_at": time,
                "landed_at": time,
                "layout_id": layout,
                "device_time": (device_times or {}).get(time, time).replace(tzinfo=None),
                register: None if value is None else Decimal(value),
                "source": "radio",
                "quality": quality,
                "month": f"{time:%Y-%m}",
            }
            for time, value in rows
        ],
        schema_overrides={register: REGISTER},
        infer_schema_length=None,
    )
    return READINGS.conform(frame)


def layouts(registers: Iterable[str] = ("volume_m3", "energy_kwh")) -> pl.DataFrame:
    """The resolutions above for each register."""
    rows = [("utility", name, register, *row) for name, row in RESOLUTIONS.items() for register in registers]
    return pl.DataFrame(rows, schema=LAYOUTS.schema, orient="row")


def installed(*spans: tuple[str, datetime, datetime | None], point: str = "P1") -> pl.DataFrame:
    """Installations of a metering point: meter, from, to."""
    rows = [("utility", point, meter, since, until, LONG_AGO) for meter, since, until in spans]
    return pl.DataFrame(rows, schema=INSTALLATIONS.schema, orient="row")


def exchanged(
    when: datetime,
    old_final: str | None,
    new_initial: str | None,
    *,
    register: str = "volume_m3",
    old: str = METER,
    new: str = NEXT_METER,
) -> pl.DataFrame:
    """One exchange at the metering point."""
    final, initial = (None if text is None else Decimal(text) for text in (old_final, new_initial))
    row = ("utility", "P1", when, old, new, register, final, initial, LONG_AGO)
    return pl.DataFrame([(*row, None)], schema=EXCHANGES.schema, orient="row")


def figures(
    rows: pl.DataFrame,
    first: date,
    last: date | None = None,
    *,
    installations: pl.DataFrame | None = None,
    exchanges: pl.DataFrame | None = None,
    zone: str = "UTC",
    policy: Policy = HOURLY,
    evidence: Evidence | None = None,
) -> Figures:
    """Consumption of the metering point, by default of one meter that has always been there."""
    points = installed((rows["meter_id"][0], LONG_AGO, None)) if installations is None else installations
    days = points.select("metering_point").unique().with_columns(first_day=first, last_day=last or first)
    return consumption(
        rows,
        layouts(),
        points,
        EXCHANGES.empty() if exchanges is None else exchanges,
        days=days,
        zone=ZoneInfo(zone),
        policy=policy,
        evidence=evidence,
    )


def stored(
    table: Table,
    rows: Iterable[tuple[datetime, datetime, int | None]],
    *,
    zone: str = "UTC",
    point: str = "P1",
    register: str = "volume_m3",
    quality: str = "M",
) -> pl.DataFrame:
    """Figures in the lake: start, end and thousandths consumed, of one register."""
    frame = pl.DataFrame(list(rows), schema=["period_start", "period_end", "counts"], orient="row")
    return table.conform(
        frame.with_columns(
            organisation=pl.lit("utility"),
            metering_point=pl.lit(point),
            meter_id=pl.lit(METER),
            register=pl.lit(register),
            day=pl.col("period_start").dt.convert_time_zone(zone).dt.date(),
            consumption=(pl.col("counts").cast(pl.Int128) * 1000).reinterpret(dtype=REGISTER),
            unit=pl.lit("m3"),
            quality=pl.lit(quality),
            start_quality=pl.lit(quality),
            end_quality=pl.lit(quality),
            known_from=LONG_AGO,
            month=pl.col("period_start").dt.strftime("%Y-%m"),
        )
    )


def column(frame: pl.DataFrame, name: str) -> list[Any]:
    """A column of figures in order of their periods; decimals as text without trailing zeros."""
    values = frame.sort("metering_point", "register", "period_start")[name].to_list()
    return [f"{value.normalize():f}" if isinstance(value, Decimal) else value for value in values]


Rows = list[tuple[datetime, Decimal]]


def every(step: timedelta, first: datetime, count: int, rise: str = "0.1", start: str = "10") -> Rows:
    """A register that rises evenly."""
    return [(first + number * step, Decimal(start) + number * Decimal(rise)) for number in range(count)]


def hourly_at(first: datetime, count: int, rise: str = "0.1", start: str = "10") -> Rows:
    return every(timedelta(hours=1), first, count, rise, start)


def conforms(table: Table, frame: pl.DataFrame) -> None:
    known = table.conform(frame.with_columns(known_from=pl.lit(LONG_AGO)))
    assert known.select(table.key).is_unique().all()
    assert known.drop("known_from").equals(frame)
