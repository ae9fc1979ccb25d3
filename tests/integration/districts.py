"""An installation with simulated districts: their readings are in the lake as if they had been imported."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from sqlalchemy import insert

from assets.installation import Installation
from assets.steps.figures import reckon_figures
from assets.steps.publishing import publish_registry
from assets.steps.touched import touch
from assets.steps.water import reckon_water
from registry import policies
from registry.models import Installation as Installed
from registry.models import Meter, MeteringPoint
from simulator.district import DOWNSTREAM, INFLOW, UPSTREAM, District, first_instant, member_points, simulate_district
from tests.integration.installations import new_house
from warehouse.phrases import phrase
from warehouse.policies import shipped_document
from warehouse.schemas import READINGS

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ROLES = {INFLOW: "district_inflow", UPSTREAM: "pressure", DOWNSTREAM: "pressure"}


def document(*names: str, members: int, weighted: str = "", **more: str) -> str:
    """A policy with districts of these names; their points' names begin with the district's.

    In the district ``weighted`` each sensor stands for half of the members.
    """
    texts = []
    for name in names:
        every = [f"{name}-{point}" for point in member_points(District(members=members))]
        points, half = ", ".join(every), len(every) // 2
        upper, lower = (
            f", points: [{', '.join(some)}]" if name == weighted else "" for some in (every[:half], every[half:])
        )
        texts.append(f"""
  {name}:
    inflow: [{name}-{INFLOW}]
    points: [{points}]
    mains_km: 2.5
    connections: {members}
    average_pressure_m: 45
    tariff: 2
    sensors:
      {name}-{UPSTREAM}: {{elevation_m: 10{upper}}}
      {name}-{DOWNSTREAM}: {{elevation_m: 10{lower}}}
    stretches:
      - {{upstream: {name}-{UPSTREAM}, downstream: {name}-{DOWNSTREAM}, flow: {name}-{INFLOW}}}
    {more.get(name, "")}""")
    return shipped_document("districts").replace("districts: {}", "districts:" + "".join(texts))


def meter_of(point: str) -> str:
    """The meter at a point of a simulated district."""
    return f"KAM-{point}"


def readings_of(name: str, district: District) -> pl.DataFrame:
    """A district's readings as rows of the lake."""
    found = simulate_district(district).readings
    at = pl.col("measured_at")
    return found.with_columns(
        pl.col("volume_m3").cast(pl.Decimal(18, 6)),
        organisation=pl.lit("default"),
        meter_id=phrase("KAM-{}-{}", pl.lit(name), "metering_point"),
        received_at=at,
        landed_at=at,
        source=pl.lit("import"),
        quality=pl.lit("M"),
        month=at.dt.strftime("%Y-%m"),
    ).drop("metering_point")


def district_house(folder: Path, districts: dict[str, District], policy: str) -> Installation:
    """A new installation with the districts' points and their policy; nothing is read yet."""
    house = new_house(folder).installation
    with house.registry.begin() as session:
        for name, district in districts.items():
            own = {"organisation": house.organisation}
            points = {f"{name}-{point}": "consumption" for point in member_points(district)}
            points |= {f"{name}-{point}": role for point, role in ROLES.items()}
            meters = [
                {
                    **own,
                    "meter_id": meter_of(point),
                    "manufacturer": "KAM",
                    "serial": f"{number:08d}",
                    "version": "1b",
                    "device_type": "16",
                    "medium": "pressure" if role == "pressure" else "water",
                    "state": "in_use",
                }
                for number, (point, role) in enumerate(points.items())
            ]
            session.execute(insert(Meter), meters)
            session.execute(
                insert(MeteringPoint),
                [{**own, "metering_point": point, "role": role} for point, role in points.items()],
            )
            since = {"installed_at": first_instant(district), "known_from": NOW}
            session.execute(
                insert(Installed),
                [{**own, **since, "metering_point": point, "meter_id": meter_of(point)} for point in points],
            )
        policies.decide(session, house.organisation, "districts", policy, reason="test", identity="test", now=NOW)
    publish_registry(house)
    return house


def read(house: Installation, readings: pl.DataFrame, now: datetime = NOW) -> dict[str, int]:
    """Has readings come in and everything be reckoned; gives the changed rows of the districts' tables."""
    house.lake.merge(READINGS, readings, stale=READINGS.empty().select(READINGS.key))
    touch(house, readings, "readings")
    reckon_figures(house, now)
    return reckon_water(house, now)
