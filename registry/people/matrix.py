"""Changes of the permission matrix of an organisation."""

from datetime import datetime

from registry import audit
from registry.models import RolePermission
from registry.people.access import is_administrator, permission_matrix
from registry.people.errors import Denied, PeopleError
from registry.people.rights import AREAS, EDITABLE
from registry.store import Registry


def edit(
    registry: Registry, organisation: str, role: str, area: str, *, is_allowed: bool, identity: str, now: datetime
) -> None:
    """Changes one cell.

    Args:
        registry: The registry.
        organisation: Whose matrix.
        role: ``superuser`` or ``user``.
        area: The area.
        is_allowed: Whether the role may work in it.
        identity: Who asks; an administrator.
        now: Instant of the change.

    Raises:
        Denied: Only administrators change the matrix.
        PeopleError: There is no such cell, or it is an administrator's.
    """
    if role not in EDITABLE:
        raise PeopleError(f"Only the permissions of {' and '.join(EDITABLE)} can be changed, not those of {role!r}.")
    if area not in AREAS:
        raise PeopleError(f"There is no area {area!r}; there are {', '.join(AREAS)}.")
    with registry.begin() as session:
        if not is_administrator(session, identity, organisation):
            raise Denied(f"Only administrators change permissions; {identity} is none.")
        before = area in permission_matrix(session, organisation)[role]
        if before == is_allowed:
            return
        cell = session.get(RolePermission, (organisation, role, area))
        if cell is None:
            session.add(RolePermission(organisation=organisation, role=role, area=area, is_allowed=is_allowed))
        else:
            cell.is_allowed = is_allowed
        audit.record(
            session,
            organisation=organisation,
            event="permissions.change",
            identity=identity,
            now=now,
            target=role,
            before={area: before},
            after={area: is_allowed},
        )
