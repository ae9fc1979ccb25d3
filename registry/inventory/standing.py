"""What is noted of meters and metering points now, laid out as the file that changes many of them."""

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.inventory.fields import Entity, fields, values
from registry.inventory.updates import ATTRIBUTES, OF_POINTS
from registry.models import Meter, MeteringPoint


def standing(session: Session, organisation: str, entity: Entity) -> pl.DataFrame:
    """All meters or metering points of an organisation with what a file may change of them.

    Args:
        session: A transaction.
        organisation: Owner.
        entity: Meters, or metering points.

    Returns:
        ``meter_id`` or ``metering_point``, what may be changed of it, and its custom fields, all of them texts, null
        where empty; by name, without deleted meters. :func:`registry.inventory.updates.update_inventory` reads it.
    """
    names: tuple[str, ...]
    if entity is Entity.meter:
        names = ("meter_id", *ATTRIBUTES)
        statement = select(*(getattr(Meter, name) for name in names)).where(
            Meter.organisation == organisation, Meter.state != "deleted"
        )
    else:
        names = ("metering_point", *OF_POINTS)
        statement = select(*(getattr(MeteringPoint, name) for name in names)).where(
            MeteringPoint.organisation == organisation
        )
    rows = [tuple(row) for row in session.execute(statement)]
    table = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    held = values(session, organisation, entity, table[names[0]])
    custom = list(fields(session, organisation, entity))
    noted = pl.DataFrame(
        [(name, *(found.get(field) for field in custom)) for name, found in held.items()],
        schema=dict.fromkeys((names[0], *custom), pl.String),
        orient="row",
    )
    return table.join(noted, on=names[0], how="left").sort(names[0])
