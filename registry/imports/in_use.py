"""Meters that go into use because a customer file says where they are."""

from datetime import datetime

import polars as pl
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.models import Meter

_PER_EVENT = 500


def put_in_use(
    session: Session, organisation: str, installed: pl.DataFrame, *, identity: str, now: datetime, source_name: str
) -> int:
    """Moves meters into use from the instant of their installation.

    Args:
        session: A writing transaction.
        organisation: Owner of the meters.
        installed: ``meter_id`` and ``begin`` (UTC), the instant of installation.
        identity: Who imports.
        now: Instant of the import.
        source_name: Name of the file that tells of it.

    Returns:
        How many meters were not in use before.
    """
    statement = select(Meter.meter_id, Meter.state).where(Meter.organisation == organisation, Meter.state != "in_use")
    idle = pl.DataFrame(
        [tuple(row) for row in session.execute(statement)],
        schema={"meter_id": pl.String, "state": pl.String},
        orient="row",
    )
    moved = installed.join(idle, on="meter_id").unique("meter_id").sort("meter_id")
    if moved.is_empty():
        return 0
    for (state,), part in moved.group_by("state", maintain_order=True):
        for some in part.iter_slices(_PER_EVENT):
            session.execute(
                update(Meter)
                .where(Meter.organisation == organisation, Meter.meter_id.in_(some["meter_id"].to_list()))
                .values(state="in_use")
                .execution_options(synchronize_session=False)
            )
            audit.record(
                session,
                organisation=organisation,
                event="meters.put_in_use",
                identity=identity,
                now=now,
                target=some["meter_id"][0] if some.height == 1 else f"{some.height} meters",
                before={"state": state},
                after={"state": "in_use"},
                reason=f"installed by {source_name}",
                details={
                    "since": {meter_id: at.isoformat() for meter_id, at in some.select("meter_id", "begin").rows()}
                },
            )
    return moved.height
