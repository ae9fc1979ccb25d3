"""Who the command line acts as, and whether that one may; :mod:`registry.people.access` decides."""

import getpass
import os
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from assets.installation import Installation
from cli.files import SECRET_BYTES, read_text
from cli.rights import needed
from registry.people import access
from registry.people.errors import Denied
from registry.people.services import service_of

SECRET_VARIABLE = "METERHOUSE_SERVICE_SECRET"  # noqa: S105  the variable's name
SECRET_FILE_VARIABLE = f"{SECRET_VARIABLE}_FILE"

_service: ContextVar[str | None] = ContextVar("service", default=None)


def act_in(house: Installation) -> None:
    """Finds out who the command acts as in an installation, and whether that one may.

    Raises:
        RegistryError: The file with the secret of a service cannot be read.
        Denied: The secret is that of no service, or the service may not.
    """
    secret = _secret()
    _service.set(None)
    if secret is None:
        return  # the owner of the directory may do everything, even where the registry is away
    found = service_of(house.registry, secret, datetime.now(UTC))
    if found is None or found.organisation != house.organisation:
        raise Denied(
            f"{SECRET_VARIABLE} is the secret of no service, or disabled, or expired: see 'meterhouse user service'."
        )
    _service.set(found.name)
    right = needed.get()
    if right is None:
        return
    with house.registry.begin(readonly=True) as session:
        access.authorise(session, identity(), house.organisation, right.area, datetime.now(UTC), service=right.service)
        if right.capability and right.capability not in access.capabilities(session, identity(), house.organisation):
            raise Denied(f"{identity()} has not the function {right.capability}, which is given to people alone.")


def identity() -> str:
    """Who the command line acts as: a service whose secret is named, else the directory's owner on this machine."""
    service = _service.get()
    return f"service:{service}" if service else f"local:{getpass.getuser()}"


def _secret() -> str | None:
    if file := os.environ.get(SECRET_FILE_VARIABLE):
        return read_text(Path(file), SECRET_BYTES).strip()
    return os.environ.get(SECRET_VARIABLE) or None
