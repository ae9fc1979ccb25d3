"""Figures that come in parts, hour by hour and late, are those of the same readings at once."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.steps import figures
from assets.steps.figures import reckon_figures
from assets.steps.touched import touch_spans
from tests.integration.installations import House, Workshop, copied, kept_environment
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    LAYOUTS,
    READINGS,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
    Table,
)

TABLES = (
    CONSUMPTION_HOURLY,
    CONSUMPTION_DAILY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    HEAT_DAILY,
    REGISTER_EVENTS,
    VEE_EXCEPTIONS,
)
METERS = [f"KAM-{number:08}-04-04" for number in range(1, 101)]
START = datetime(2026, 3, 30, 6, tzinfo=UTC)
"""The month ends amid the readings."""
HOURS = 66
HOUR = timedelta(hours=1)
OFTEN, SELDOM, ANY = "often", "seldom", None
"""Layouts: a volume each hour, energy and volume each third hour, and none where nothing says what a reading tells."""


@pytest.fixture(scope="module")
def template(workshop: Workshop) -> Path:
    """Folder of a house with the meters, each in a place of its own."""
    serials = [meter[4:12] for meter in METERS]

    def fill(house: House) -> None:
        house.take_text(
            "meters",
            "manufacturer,serial,version,device_type,model,medium,key\n"
            + "".join(f"KAM,{serial},04,04,MC603,heat,\n" for serial in serials),
        )
        house.take_text(
            "customers",
            "metering_point,customer_number,name,address,postal_code,city,latitude,longitude,manufacturer,serial,"
            "installed_at\n"
            + "".join(f"P{serial},{serial},,,,,,,KAM,{serial},2025-01-01T00:00:00Z\n" for serial in serials),
        )
        rows = [(house.installation.organisation, OFTEN, "volume_m3", 1, 100, 7)]
        rows += [(house.installation.organisation, SELDOM, name, 1, 100, 7) for name in ("volume_m3", "energy_kwh")]
        house.installation.lake.append(LAYOUTS, pl.DataFrame(rows, schema=LAYOUTS.schema, orient="row"))

    return workshop.house("heat-meters", fill)


@pytest.fixture
def houses(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[House, House]]:
    monkeypatch.setattr(figures, "FEW_POINTS", 0)
    with kept_environment():
        yield copied(template, tmp_path / "at-once"), copied(template, tmp_path / "in-parts")


def course(
    dice: random.Random,
    meter: str,
    *,
    layouts: tuple[str | None, ...] = (OFTEN, SELDOM),
    minute: int = 0,
    mishap: str | None = None,
    at_hour: int = 0,
    lasting: int = 0,
    volume: float = 10,
) -> list[dict[str, object]]:
    """Three days of hours of a meter, some of which fall, jump, start anew, pause or tell less than others."""
    rows, energy = [], 1000
    for hour in range(HOURS):
        volume, energy = (volume + dice.choice([0, 0.2, 0.5])) % 100_000, energy + dice.choice([0, 3])
        during = at_hour <= hour < at_hour + lasting
        if mishap == "reset" and hour == at_hour:
            volume = 0
        if mishap == "pause" and during:
            continue
        shown = volume + {"down": -4, "up": 7}.get(mishap or "", 0) * during
        for layout in layouts if hour % 3 == 0 else layouts[:1]:
            tells_energy = layout != OFTEN and not (mishap == "stuck" and during)
            rows.append(
                {
                    "meter_id": meter,
                    "measured_at": START + HOUR * hour + timedelta(minutes=minute + 7 * (layout != OFTEN)),
                    "layout_id": layout,
                    "volume_m3": Decimal(f"{shown:.2f}"),
                    "energy_kwh": Decimal(energy) if tells_energy else None,
                }
            )
    return rows


def courses(dice: random.Random) -> list[dict[str, object]]:
    """One of each meter, no two alike."""
    return [
        row
        for meter in METERS
        for row in course(
            dice,
            meter,
            layouts=dice.choice([(OFTEN,), (OFTEN, SELDOM), (OFTEN, SELDOM), (OFTEN, ANY)]),
            minute=dice.choice([0, 0, 10, 59]),
            mishap=dice.choice([None, "down", "up", "reset", "stuck", "pause"]),
            at_hour=dice.choice([15, 16, 17, 18, 39, 40, 41]),
            lasting=dice.choice([1, 1, 2, 3, 9]),
            volume=dice.choice([10, 10, 500, 99_996]),
        )
    ]


def deliver(house: House, rows: pl.DataFrame, now: datetime) -> None:
    at, lake = pl.col("measured_at"), house.installation.lake
    plain = {name: pl.lit(None, dtype) for name, dtype in READINGS.schema.items() if name not in rows.columns}
    said = {"organisation": house.installation.organisation, "quality": "M", "source": "radio"}
    stored = rows.with_columns(**plain).with_columns(
        **{name: pl.lit(value) for name, value in said.items()},
        month=at.dt.strftime("%Y-%m"),
        received_at=at,
        landed_at=pl.lit(now),
        frame_id=pl.concat_str("meter_id", at.dt.to_string()),
    )
    lake.append(READINGS, stored.select(READINGS.schema.names()))
    touch_spans(house.installation, rows.group_by("meter_id").agg(first_at=at.min(), last_at=at.max()), "readings")
    reckon_figures(house.installation, now)


def said(house: House, table: Table) -> pl.DataFrame:
    """Rows of a table but for when they became known; what is resolved tells of an order of arrival."""
    rows = house.installation.lake.scan(table).collect().drop("known_from")
    if "state" in rows.columns:
        rows = rows.filter(pl.col("state") != "resolved")
    return rows.sort(table.key)


def same(houses: tuple[House, House], rows: list[dict[str, object]], bounds: list[int], late: list[int]) -> None:
    """Delivers hours at once to one house and part by part to the other, and compares all that comes of them."""
    at_once, in_parts = houses
    told = pl.DataFrame(rows, schema_overrides={name: READINGS.schema[name] for name in rows[0]})
    hour, now = (pl.col("measured_at") - START).dt.total_hours(), START + HOUR * 100
    deliver(at_once, told, now)
    parts = [told.filter(hour.is_between(low, high, closed="left")) for low, high in itertools.pairwise(bounds)]
    for number in late:
        parts.append(parts.pop(number))
    for number, part in enumerate(parts):
        deliver(in_parts, part, now + timedelta(minutes=number))
    for table in TABLES:
        ours, theirs = said(in_parts, table), said(at_once, table)
        differing = pl.concat([ours, theirs]).filter(~pl.struct(ours.columns).is_duplicated())
        assert differing.is_empty(), f"{table.name}: {differing}"


def test_parts_give_what_all_at_once_give(houses: tuple[House, House]) -> None:
    dice = random.Random(4)
    same(houses, courses(dice), [0, 14, 16, 17, 18, 19, 23, 40, 41, 42, HOURS + 1], dice.sample(range(10), 2))
    kinds = houses[0].ask("select kind, count(*) from register_events group by kind").rows()
    assert {kind for kind, _ in kinds} >= {"RESET", "ROLLOVER", "SPIKE_UP", "SPIKE_DOWN"}, kinds
    assert houses[0].ask("select count(*) from vee_exceptions").item() > 10


def test_a_register_that_few_telegrams_tell_is_reckoned_from_its_own_neighbours(houses: tuple[House, House]) -> None:
    rows = course(random.Random(1), METERS[0], mishap="stuck", at_hour=13, lasting=12)
    same(houses, rows, [0, 14, 17, 20, 23, 26, HOURS + 1], [])
    gap = houses[1].ask("select count(*), sum(consumption) from consumption_hourly where gap_hours = 15").row(0)
    assert gap[0] == 15
    assert gap[1] > 0
