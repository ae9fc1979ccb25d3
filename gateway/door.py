"""What the door's parts share: the installation, the clock, and who may name the first administrator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from assets.installation import Installation
from registry.people import sessions
from registry.people.sessions import Person


@dataclass(frozen=True, slots=True)
class Door:
    """Handles of the door.

    Attributes:
        house: The installation behind it.
        now: The clock.
        setup_token: Whoever shows it may name the first administrator while there is no user; empty where one is.
    """

    house: Installation
    now: Callable[[], datetime]
    setup_token: str = field(default="", repr=False)

    async def person_of(self, token: str) -> Person | None:
        """Who holds a session; ``None`` where it is unknown, ended, or its person's account is."""
        if not token:
            return None
        return await run_in_threadpool(sessions.session_of, self.house.registry, token, now=self.now())
