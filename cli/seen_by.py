"""What a person may see, for commands that show data on somebody's behalf."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.installation import Installation
from registry.people import access, users

SeenByOption = Annotated[
    str, typer.Option(help="Show what this person may see: e-mail address or number of the account.")
]


def meters_seen(house: Installation, who: str) -> frozenset[str] | None:
    """The meters that a person may see, as on the pages; ``None`` where it is every meter.

    Raises:
        RegistryError: There is no such person.
        PasswordChangeNeeded: The person must change the password before anything else.
    """
    with house.registry.begin(readonly=True) as session:
        person = users.account_of(session, house.organisation, who)
        return access.meters_seen(session, f"user:{person.user_id}", house.organisation, datetime.now(UTC))
