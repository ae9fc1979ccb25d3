"""Roles of metering points: what consumes, and what meters districts, pressure or other meters."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from registry import audit
from registry.inventory.errors import InventoryError
from registry.models import MeteringPoint

CONSUMPTION = "consumption"
ROLES = (CONSUMPTION, "district_inflow", "district_outflow", "pressure", "check")
"""Roles; points of another one than consumption stand in no total of consumption."""


def set_role(
    session: Session,
    organisation: str,
    metering_point: str,
    role: str,
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> str:
    """Gives a metering point a role.

    Args:
        session: A writing transaction.
        organisation: Owner of the point.
        metering_point: The point.
        role: Its new role.
        identity: Who does it.
        now: Instant of the change, UTC.
        reason: Why, in the words of who did it.

    Returns:
        The role it had; nothing is written where that is the same.

    Raises:
        InventoryError: There is no such role or point.
    """
    if role not in ROLES:
        raise InventoryError(f"There is no role {role}; there are {', '.join(ROLES)}.")
    point = session.get(MeteringPoint, (organisation, metering_point))
    if point is None:
        raise InventoryError(f"There is no metering point {metering_point}: install its meter first.")
    before = point.role
    if role != before:
        point.role = role
        audit.record(
            session,
            organisation=organisation,
            event="metering_point.role",
            identity=identity,
            now=now,
            target=metering_point,
            before={"role": before},
            after={"role": role},
            reason=reason,
        )
    return before


def write_roles(session: Session, organisation: str, roles: Mapping[str, str]) -> None:
    """Writes the roles of points; the caller has judged them and records the change."""
    rows = [
        {"organisation": organisation, "metering_point": point, "role": role} for point, role in sorted(roles.items())
    ]
    if rows:
        session.execute(update(MeteringPoint), rows)
