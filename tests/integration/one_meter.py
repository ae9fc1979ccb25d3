"""A house with one meter: its readings, what validation finds in them, and what becomes of its hours."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.steps.figures import reckon_figures
from assets.steps.importing import import_file
from assets.steps.performance import reckon_performance
from assets.steps.validating import validate_figures
from registry.decisions import Subject
from tests.integration.installations import House, Workshop, copied, kept_environment
from warehouse.schemas import VEE_EXCEPTIONS

METER = "KAM-00000001-1b-16"
START = datetime(2025, 6, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = datetime(2025, 7, 1, tzinfo=UTC)
BY = {"identity": "local:first", "now": NOW}

REGISTRY = {
    "meters": "manufacturer,serial,version,device_type,model,medium,key\nKAM,00000001,1b,16,MC21,water,\n",
    "customers": "metering_point,customer_number,name,address,postal_code,city,latitude,longitude,manufacturer,serial,"
    "installed_at\nP1,1,Somebody,Street 1,1000,Town,,,KAM,00000001,2025-01-01T00:00:00Z\n",
}


@pytest.fixture(scope="session")
def template(workshop: Workshop) -> Path:
    """Folder of a house with one meter; making it costs more than copying it."""

    def fill(house: House) -> None:
        for kind, text in REGISTRY.items():
            given(house, kind, text)

    return workshop.house("one-meter", fill)


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator[House]:
    """A house with one meter."""
    with kept_environment():
        yield copied(template, tmp_path / "house")


def given(house: House, kind: str, text: str) -> None:
    file = house.installation.settings.home.parent / f"{kind}.csv"
    file.write_text(text)
    report = import_file(house.installation, kind, file, identity="local:test", now=NOW)  # type: ignore[arg-type]
    assert report.stored, report.rejected


def read(house: House, values: list[str | float], start: datetime = START, step: timedelta = HOUR) -> None:
    """Imports readings of the meter and reckons."""
    lines = [f"KAM,00000001,{(start + n * step).isoformat()},{value}" for n, value in enumerate(values)]
    given(house, "readings", "\n".join(["manufacturer,serial,measured_at,volume_m3", *lines]) + "\n")
    reckon(house)


def reckon(house: House, now: datetime = NOW) -> None:
    reckon_figures(house.installation, now)
    reckon_performance(house.installation, now)
    validate_figures(house.installation, now)


def exceptions(house: House, *columns: str) -> list[tuple[object, ...]]:
    """Exceptions, without those of days that are far from others: approved jumps are."""
    rows = house.installation.lake.scan(VEE_EXCEPTIONS).filter(pl.col("rule") != "V07").sort("at", "rule").collect()
    return rows.select(columns or ("rule", "state")).rows()


def hours(house: House) -> dict[int, tuple[str, str]]:
    """Consumption and quality by hour of the day; unknown ones left out."""
    found = house.ask(
        "select period_start, consumption, quality from consumption_hourly "
        "where consumption is not null order by period_start"
    )
    return {(at - START) // HOUR: (f"{value.normalize():f}", quality) for at, value, quality in found.rows()}


def subject(house: House, rule: str) -> Subject:
    (row,) = [row for row in exceptions(house, "meter_id", "register", "at", "rule") if row[3] == rule]
    return Subject(*row)  # type: ignore[arg-type]


JUMP = ["1", "1.1", "21.1", "21.2", "21.3"]
