"""An organisation with its administrator, and short ways to act in it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import inspect, select, text

from registry.models import AuditEvent, User
from registry.people import access, invitations, links, roles, users
from registry.people.errors import Denied
from registry.people.locale import Locale
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.passwords import full_cost, quick_passwords
from tests.unit.registry.conftest import NOW

__all__ = ["full_cost", "quick_passwords"]

OWNER = "local:owner"
ORGANISATION = "default"
PASSWORD = "Blue-Lantern-7"
ENGLISH = Locale()


@dataclass(frozen=True)
class People:
    """People of an organisation."""

    registry: Registry
    vault: KeyVault

    def add(self, email: str, identity: str = OWNER, **held: str) -> int:
        """An account with a password of its own choice."""
        user_id = users.add(
            self.registry,
            self.vault,
            ORGANISATION,
            email=email,
            name="Person " + email.partition("@")[0].capitalize(),
            password=PASSWORD,
            roles=held,
            locale=ENGLISH,
            identity=identity,
            now=NOW,
        )
        with self.registry.begin() as session:
            session.get_one(User, user_id).must_change_password = False
        return user_id

    def invite(self, email: str, identity: str = OWNER, is_external: bool | None = None, **held: str) -> int:
        return invitations.create(
            self.registry,
            self.vault,
            ORGANISATION,
            email=email,
            name="Person Invited",
            roles=held,
            locale=ENGLISH,
            is_external=is_external,
            identity=identity,
            now=NOW,
        )

    def register(self, email: str, now: datetime = NOW) -> links.Issued | None:
        return links.register(
            self.registry, self.vault, ORGANISATION, email=email, name="Person New", locale=ENGLISH, now=now
        )

    def give(self, user_id: int, service: str, role: str | None, identity: str = OWNER) -> None:
        roles.change(self.registry, ORGANISATION, user_id, service, role, identity=identity, now=NOW)

    def may(self, actor: str | int, area: str, service: str = "manager", now: datetime = NOW) -> bool:
        with self.registry.begin(readonly=True) as session:
            try:
                access.authorise(session, _name(actor), ORGANISATION, area, now, service=service)
            except Denied:
                return False
        return True

    def sees(self, actor: str | int, now: datetime = NOW, service: str = "manager") -> frozenset[str] | None:
        with self.registry.begin(readonly=True) as session:
            return access.visible_meters(session, _name(actor), ORGANISATION, now, service=service)

    def events(self, *kinds: str) -> list[AuditEvent]:
        with self.registry.begin(readonly=True) as session:
            rows = session.scalars(select(AuditEvent).order_by(AuditEvent.number)).all()
        return [row for row in rows if not kinds or row.event in kinds]

    def everything(self) -> dict[str, str]:
        """What stands in each table."""
        with self.registry.begin(readonly=True) as session:
            names = inspect(session.connection()).get_table_names()
            return {name: str(session.execute(text(f"select * from {name}")).all()) for name in names}


def _name(actor: str | int) -> str:
    return f"user:{actor}" if isinstance(actor, int) else actor


def later(**time: float) -> datetime:
    return NOW + timedelta(**time)


@pytest.fixture
def people(registry: Registry, vault: KeyVault) -> People:
    return People(registry, vault)


@pytest.fixture
def admin(people: People) -> int:
    """The first person, and so the administrator."""
    return people.add("admin@example.org")
