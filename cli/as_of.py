"""``--as-of``: an instant at which something was known."""

from datetime import datetime
from typing import Annotated

import typer

from assets.installation import Installation
from registry.imports.instants import read_instant

AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="TIME", help="As it was known then: ISO 8601; local time where no offset is given."
    ),
]


def known_at(house: Installation, as_of: str) -> datetime | None:
    """The instant, UTC; ``None`` where none is given.

    Raises:
        RegistryError: It is no instant.
    """
    return read_instant(as_of, house.settings.zone) if as_of else None
