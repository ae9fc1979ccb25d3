"""Collectors that come with meters in a shipping list, and where they stand."""

from datetime import datetime

import polars as pl
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry.collectors import Place, set_place
from registry.models import Collector

CLASSES = ("concentrator", "mbus_master")
"""Classes of devices that hear meters."""


def put_collectors(
    session: Session, organisation: str, lines: pl.DataFrame, *, identity: str, now: datetime
) -> tuple[int, int]:
    """Adds collectors that are not known, and notes where collectors stand.

    Args:
        session: A writing transaction.
        organisation: Owner of the collectors.
        lines: ``collector``, ``device_class``, ``model`` (nullable), ``latitude`` and ``longitude`` (degrees as text,
            both or none).
        identity: Who imports.
        now: Instant of the import, UTC.

    Returns:
        How many were added, and how many known ones stand elsewhere than was noted.
    """
    known = set(session.scalars(select(Collector.collector).where(Collector.organisation == organisation)))
    rows = [
        {"organisation": organisation, "collector": name, "comment": " ".join(filter(None, (kind, model)))}
        for name, kind, model in lines.select("collector", "device_class", "model").rows()
        if name not in known
    ]
    if rows:
        session.execute(insert(Collector), rows)
    moved = 0
    placed = lines.drop_nulls(["latitude", "longitude"]).select("collector", "latitude", "longitude")
    for name, latitude, longitude in placed.rows():
        place = Place(float(latitude), float(longitude))
        moved += set_place(session, organisation, name, place, identity=identity, now=now) and name in known
    return len(rows), moved
