"""``--as-of``: an instant at which something was known."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from assets.installation import Installation
from cli.home import open_home
from registry.imports.instants import read_instant
from warehouse.excerpt import Readable
from warehouse.policies import PolicyModel
from warehouse.versions import Past

AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="TIME", help="As it was known then: ISO 8601; local time where no offset is given."
    ),
]

_Model = TypeVar("_Model", bound=PolicyModel)


@dataclass(frozen=True, slots=True)
class Known:
    """What an installation knows, or knew at an instant: tables, policies and members of groups.

    Attributes:
        house: The installation.
        at: The instant, UTC; ``None`` for the present.
    """

    house: Installation
    at: datetime | None

    @property
    def lake(self) -> Readable:
        """The tables; those that do not keep what they said before refuse to be read as of an instant."""
        return self.house.lake if self.at is None else Past(self.house.lake, self.at)

    @property
    def organisation(self) -> str:
        """Whose data."""
        return self.house.organisation

    @property
    def zone(self) -> ZoneInfo:
        """The utility's zone."""
        return self.house.settings.zone

    @property
    def now(self) -> datetime:
        """The instant, UTC."""
        return self.at or datetime.now(UTC)

    @property
    def today(self) -> date:
        """The local day of the instant."""
        return self.now.astimezone(self.zone).date()

    def policy(self, model: type[_Model]) -> _Model:
        """The policy in force."""
        return self.house.policy(model, self.at)


def open_known(home: Path | None, as_of: str) -> Known:
    """Opens the installation as it is known, or as it was at an instant.

    Args:
        home: As ``open_home`` takes it.
        as_of: The instant as it was typed; empty for the present.

    Raises:
        InstallationError: There is none.
        RegistryError: It is no instant.
    """
    house = open_home(home)
    return Known(house, known_at(house, as_of))


def known_at(house: Installation, as_of: str) -> datetime | None:
    """The instant, UTC; ``None`` where none is given.

    Raises:
        RegistryError: It is no instant.
    """
    return read_instant(as_of, house.settings.zone) if as_of else None
