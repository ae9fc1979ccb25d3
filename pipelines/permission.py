"""What the orchestrator's own service may ask for; administrators say so with ``meterhouse user service``."""

from datetime import UTC, datetime

import dagster as dg

from assets.installation import Installation
from registry.people import access
from registry.people.errors import Denied
from registry.people.rights import MANAGER, ORCHESTRATOR


def refusal(house: Installation, area: str, service: str = MANAGER) -> dg.SkipReason | None:
    """Why unattended work may not go on now, or ``None``; what waits stays where it is.

    Args:
        house: The installation.
        area: One of :data:`registry.people.rights.AREAS`.
        service: Where the right is held, one of :data:`registry.people.rights.SERVICES`.
    """
    with house.registry.begin(readonly=True) as session:
        try:
            access.authorise(session, ORCHESTRATOR, house.organisation, area, datetime.now(UTC), service=service)
        except Denied as exc:
            return dg.SkipReason(f"{exc} An administrator permits it: 'meterhouse user service'.")
    return None
