"""What a command that changes the registry works with: the installation, who acts and when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.publishing import publish_registry
from cli.acting import act_as, identity
from cli.home import open_home
from registry.audit import By
from registry.imports.instants import read_instant

T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """An installation, who acts in it and when."""

    house: Installation
    identity: str
    now: datetime

    @classmethod
    def begin(cls, home: Path | None, who: str = "") -> Self:
        """Opens the installation for one command.

        Args:
            home: Directory given on the command line, if any.
            who: Person to act as, who is asked for the password; empty for the owner, or the service at work.

        Raises:
            InstallationError: There is none.
            PeopleError: There is no such person, or the password is wrong.
            Denied: The service or person that the command acts as may not run it.
        """
        house = open_home(home)
        if who:
            act_as(house, who)
        return cls(house, identity(), datetime.now(UTC))

    @property
    def organisation(self) -> str:
        """The organisation that the command is about."""
        return self.house.organisation

    @property
    def by(self) -> By:
        """Who and when, for the registry."""
        return {"identity": self.identity, "now": self.now}

    @contextmanager
    def changing(self, publish: Callable[[Installation], object] = publish_registry) -> Iterator[Session]:
        """A transaction; once it holds, what it changed is published: the registry, or its events alone."""
        with self.house.registry.begin() as session:
            yield session
        publish(self.house)

    def instant(self, text: str) -> datetime | None:
        """An instant as it is typed, local to the utility without an offset; ``None`` for an empty text.

        Raises:
            RegistryError: It is none.
        """
        return read_instant(text, self.house.settings.zone) if text else None


def given(**values: T | None) -> dict[str, T]:
    """Options that were given, by name."""
    return {name: value for name, value in values.items() if value is not None}
