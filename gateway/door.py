"""What the door's parts share: the installation, the clock, and who may name the first administrator."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from assets.installation import Installation
from gateway.graphql import Asked
from registry import audit
from registry.models import User
from registry.people import programs, sessions
from registry.people.services import Service
from registry.people.sessions import Person


@dataclass(frozen=True, slots=True)
class Door:
    """Handles of the door.

    Attributes:
        house: The installation behind it.
        now: The clock.
        owner: Identity of who runs the door.
        setup_token: Whoever shows it may name the first administrator while nobody can sign in; empty for nobody.
    """

    house: Installation
    now: Callable[[], datetime]
    owner: str
    setup_token: str = field(default="", repr=False)

    def is_new(self) -> bool:
        """Whether nobody can sign in yet."""
        may = (User.activated_at.is_not(None), User.is_enabled, User.deleted_at.is_(None))
        with self.house.registry.begin(readonly=True) as session:
            return session.scalar(select(User.id).where(*may).limit(1)) is None

    async def person_of(self, token: str) -> Person | None:
        """Who holds a session; ``None`` where it is unknown, ended, or its person's account is."""
        if not token:
            return None
        return await run_in_threadpool(sessions.session_of, self.house.registry, token, now=self.now())

    async def note_change(self, person: Person, asked: Asked) -> None:
        """Writes into the audit log what a person is about to change in the orchestrator, if anything."""
        if not asked.mutations:
            return

        def write() -> None:
            with self.house.registry.begin() as session:
                audit.record(
                    session,
                    organisation=person.organisation,
                    event="orchestrator.change",
                    identity=person.identity,
                    now=self.now(),
                    target=" ".join(asked.mutations)[:200],
                    details={"about": list(asked.targets)},
                )

        await run_in_threadpool(write)

    async def service_of(self, secret: str, address: str) -> Service:
        """Which service a program acts as; errors as of :func:`registry.people.programs.admit`."""
        return await run_in_threadpool(programs.admit, self.house.registry, secret, address=address, now=self.now())
