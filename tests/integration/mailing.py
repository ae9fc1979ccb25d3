"""What tests of mail share: a server with an inbox, an installation that knows it, a message in the outbox."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from assets.installation import Installation
from registry import mail
from registry.mail import Recipient
from settings.model import Smtp
from tests.integration.installations import House
from tests.integration.mail_server import PASSWORD, SENDER, USER, Authority, Inbox, authority, mail_server

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TOKEN = "s3cr3t-activation-t0ken"
ADDRESS = "kim@elsewhere.example"
KIM = Recipient("user:1", ADDRESS, "Kim Sample")
VALUES = {
    "organisation": "Northtown Water",
    "link": f"https://meters.example.org/{TOKEN}",
    "valid_until": "2026-01-15 17:00 CET",
}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def port(inbox: Inbox, ca: Authority) -> Iterator[int]:
    with mail_server(inbox, ca) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happens: no log of ours holds an address, a token or the password."""
    caplog.set_level(logging.DEBUG)
    yield
    told = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail.log"))
    for secret in (TOKEN, ADDRESS, PASSWORD):
        assert secret not in told


def installed(house: House, port: int, ca: Authority, **changes: object) -> Installation:
    smtp = {"host": "localhost", "port": port, "username": USER, "password": PASSWORD, "ca_file": ca.ca_file}
    chosen = Smtp(**{**smtp, "sender": SENDER, **changes})
    return Installation(house.installation.settings.model_copy(update={"smtp": chosen}))


def queue(house: House, kind: str = "confirm_address", recipient: Recipient = KIM, now: datetime = NOW) -> str:
    known = house.installation
    with known.registry.begin() as session:
        return mail.queue(session, known.vault, known.organisation, kind, recipient, "da", VALUES, now)


def environment(port: int, ca: Authority) -> dict[str, str]:
    """Settings of the mail server as environment variables."""
    chosen = {"HOST": "localhost", "PORT": str(port), "USERNAME": USER, "PASSWORD": PASSWORD}
    chosen |= {"CA_FILE": str(ca.ca_file), "SENDER": SENDER}
    return {f"METERHOUSE_SMTP_{name}": value for name, value in chosen.items()}
