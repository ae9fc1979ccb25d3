"""Who the command line acts as, and whether that one may; :mod:`registry.people.access` decides."""

import os
import socket
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.installation import Installation
from cli.files import SECRET_BYTES, ask_secret, read_text
from cli.rights import needed
from registry.people import access, sessions, users
from registry.people.errors import Denied
from registry.people.services import service_of
from settings.login import login_name

SECRET_VARIABLE = "METERHOUSE_SERVICE_SECRET"  # noqa: S105  the variable's name
SECRET_FILE_VARIABLE = f"{SECRET_VARIABLE}_FILE"
PASSWORD_VARIABLE = "METERHOUSE_USER_PASSWORD"  # noqa: S105  the variable's name

AsOption = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="WHO",
        help="Act as this person, by e-mail address or number of the account: the password is asked for, or "
        f"taken from {PASSWORD_VARIABLE}.",
    ),
]

_actor: ContextVar[str | None] = ContextVar("actor", default=None)


def act_in(house: Installation) -> None:
    """Finds out who the command acts as in an installation, and whether that one may.

    Raises:
        RegistryError: The file with the secret of a service cannot be read.
        Denied: The secret is that of no service, or the service may not.
    """
    secret = _secret()
    _actor.set(None)
    if secret is None:
        return  # the owner of the directory may do everything, even where the registry is away
    found = service_of(house.registry, secret, datetime.now(UTC))
    if found is None or found.organisation != house.organisation:
        raise Denied(
            f"{SECRET_VARIABLE} is the secret of no service, or disabled, or expired: see 'meterhouse user service'."
        )
    _actor.set(f"service:{found.name}")
    _authorise(house, identity())


def act_as(house: Installation, who: str) -> None:
    """Lets a person act in an installation that :func:`act_in` has opened, after the password.

    Args:
        house: The installation.
        who: E-mail address or number of the account.

    Raises:
        PeopleError: There is no such account.
        SignInError: The password is wrong, or the account is locked or disabled.
        Denied: The person may not run the command, or a service is named as well.
    """
    if _actor.get() is not None:
        raise Denied(f"A command acts either as a service or as a person: unset {SECRET_VARIABLE}, or leave out --as.")
    now = datetime.now(UTC)
    with house.registry.begin(readonly=True) as session:
        person = users.account_of(session, house.organisation, who)
    password = ask_secret(f"password of user:{person.user_id}", None, PASSWORD_VARIABLE)
    sessions.prove(house.registry, person.email, password, address=socket.gethostname(), now=now)
    proven = f"user:{person.user_id}"
    _authorise(house, proven)
    _actor.set(proven)


def identity() -> str:
    """Who the command line acts as: a person or a service that has shown it, else the directory's owner."""
    return _actor.get() or f"local:{login_name()}"


def _authorise(house: Installation, actor: str) -> None:
    right = needed.get()
    if right is None:
        return
    with house.registry.begin(readonly=True) as session:
        access.authorise_right(session, actor, house.organisation, right, datetime.now(UTC))


def _secret() -> str | None:
    if file := os.environ.get(SECRET_FILE_VARIABLE):
        return read_text(Path(file), SECRET_BYTES).strip()
    return os.environ.get(SECRET_VARIABLE) or None
