"""The outbox and a real mail server: one that is away, refuses or dies, and a process that dies."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from assets.installation import Installation
from assets.steps.mailing import deliver
from registry import mail
from registry.mail import Recipient
from tests.conftest import REPOSITORY
from tests.integration.installations import House
from tests.integration.mail_server import Authority, Inbox, free_port, mail_server
from tests.integration.mailing import (
    ADDRESS,
    KIM,
    LATER,
    NOW,
    VALUES,
    ca,
    environment,
    inbox,
    installed,
    nothing_told,
    port,
    queue,
)

__all__ = ["ca", "inbox", "nothing_told", "port"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


def states(house: House) -> dict[str, tuple[str, int]]:
    with house.installation.registry.begin(readonly=True) as session:
        found = mail.entries(session, house.installation.organisation)
    return {entry.mail_id: (entry.state, entry.attempts) for entry in found}


def test_an_activation_mail_brings_its_link(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    mail_id = queue(house)
    done = deliver(installed(house, port, ca), NOW)
    assert (done.sent, done.postponed, done.failed, done.error) == (1, 0, 0, None)
    message = inbox.messages[0]
    assert message["Subject"] == "Bekræft din e-mailadresse"
    assert message["Content-Language"] == "da"
    assert inbox.ids == [f"<{mail_id}@example.org>"]
    for part in message.iter_parts():
        assert VALUES["link"] in part.get_content()
    assert states(house) == {mail_id: ("sent", 1)}
    assert deliver(installed(house, port, ca), LATER).sent == 0
    assert len(inbox.messages) == 1


def test_an_organisation_is_told_of_a_new_batch(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    known = house.installation
    batch = {"organisation": "Northtown Water", "batch": "B-2026-1", "devices": 48}
    with known.registry.begin() as session:
        for needs in (True, False):
            values = batch | {"needs_confirmation": needs}
            mail.queue(session, known.vault, known.organisation, "new_batch", KIM, "en", values, NOW)
    assert deliver(installed(house, port, ca), NOW).sent == 2
    texts = sorted(next(message.iter_parts()).get_content() for message in inbox.messages)
    assert all("Batch reference: B-2026-1" in text and "Devices: 48" in text for text in texts)
    assert sum("waits until Northtown Water confirms" in text for text in texts) == 1


def test_a_report_arrives_with_its_file(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    known, content = house.installation, bytes(range(256)) * 2000
    with known.registry.begin() as session:
        mail.send_report(
            session,
            known.vault,
            known.organisation,
            ADDRESS,
            "Consumption of P-1",
            [mail.Attachment("Forbrug på P-1.pdf", "application/pdf", content)],
            language="sv",
            sender="",
            note="",
            target="P-1",
            identity="user:7",
            now=NOW,
        )
    assert deliver(installed(house, port, ca), NOW).sent == 1
    (message,) = inbox.messages
    assert message["Subject"] == "Din rapport: Consumption of P-1"
    (file,) = message.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("Forbrug på P-1.pdf", "application/pdf")
    assert file.get_content() == content
    text = message.get_body(("plain",))
    assert "Den är bifogad." in text.get_content()


def test_a_server_that_is_away_and_comes_back(house: House, inbox: Inbox, ca: Authority) -> None:
    port, mail_id = free_port(), queue(house)
    other = queue(house)
    known = installed(house, port, ca)
    done = deliver(known, NOW)
    assert (done.sent, done.postponed) == (0, 1), "one attempt tells enough"
    assert f"smtp://localhost:{port}: the connection failed (Connection refused)" in str(done.error)
    with mail_server(inbox, ca, port):
        assert deliver(known, NOW + timedelta(seconds=59)).sent == 1, "the other one; the first still pauses"
        assert deliver(known, NOW + timedelta(seconds=61)).sent == 1
        assert deliver(known, LATER).sent == 0
    assert sorted(inbox.ids) == sorted(f"<{name}@example.org>" for name in (mail_id, other))
    assert sorted(states(house).values()) == [("sent", 1), ("sent", 2)]


def test_a_wrong_password_loses_nothing(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    mail_id = queue(house)
    assert "login refused" in str(deliver(installed(house, port, ca, password="wrong"), NOW).error)
    assert states(house) == {mail_id: ("queued", 1)}
    assert deliver(installed(house, port, ca), LATER).sent == 1
    assert len(inbox.messages) == 1


def test_a_recipient_that_is_refused_does_not_keep_the_others(
    house: House, inbox: Inbox, ca: Authority, port: int
) -> None:
    refused = queue(house)
    others = [queue(house, recipient=Recipient(f"user:{n}", f"robin{n}@elsewhere.example")) for n in (2, 3)]
    inbox.on_recipient = lambda address: f"550 {address} unknown" if address == ADDRESS else None
    done = deliver(installed(house, port, ca), NOW)
    assert (done.sent, done.postponed, done.failed, done.error) == (2, 0, 1, None)
    assert states(house) == {refused: ("failed", 1), **dict.fromkeys(others, ("sent", 1))}
    with house.installation.registry.begin(readonly=True) as session:
        error = mail.entries(session, "default", state="failed")[0].error
    assert error == f"smtp://localhost:{port}: recipient refused (550). Check the address, or ask the operator."


def test_a_server_that_dies_after_it_said_yes(house: House, inbox: Inbox, ca: Authority, port: int) -> None:
    """What was taken is taken; the next message is for the next time."""
    queued = {queue(house) for _ in range(2)}
    alive = []

    def die(_: str) -> None:
        if alive:
            alive.pop().transport.abort()

    inbox.on_taken, inbox.on_sender = alive.append, die
    done = deliver(installed(house, port, ca), NOW)
    inbox.on_sender = None
    assert (done.sent, done.postponed) == (1, 1)
    deliver(installed(house, port, ca), LATER)
    assert {state for state, _ in states(house).values()} == {"sent"}
    assert sorted(inbox.ids) == sorted(f"<{name}@example.org>" for name in queued), "one of each"


def test_a_server_that_takes_a_message_and_dies_without_a_word(
    house: House, inbox: Inbox, ca: Authority, port: int
) -> None:
    """What SMTP cannot tell: it is sent again, and its Message-ID lets the recipient's server see that."""
    mail_id = queue(house)
    inbox.on_taken = lambda server: server.transport.abort() if len(inbox.messages) == 1 else None
    done = deliver(installed(house, port, ca), NOW)
    assert (done.sent, done.postponed) == (0, 1)
    assert "the connection broke" in str(done.error)
    assert deliver(installed(house, port, ca), LATER).sent == 1
    assert inbox.ids == [f"<{mail_id}@example.org>"] * 2
    assert inbox.messages[0]["Date"] == inbox.messages[1]["Date"]


DELIVERING = """
import sys
from datetime import datetime
from pathlib import Path
from assets.installation import open_installation
from assets.steps.mailing import deliver

deliver(open_installation(Path(sys.argv[1])), datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.parametrize(("dies", "copies"), [("on_sender", 1), ("on_taken", 2)])
def test_a_process_that_dies_between_two_steps(
    house: House, inbox: Inbox, ca: Authority, port: int, dies: str, copies: int
) -> None:
    """Killed before the server took the message, it comes once; between the server's yes and the note of it, it comes
    again under the same Message-ID: no client of SMTP can do better without losing messages."""
    mail_id = queue(house)
    process: subprocess.Popen[bytes] | None = None

    def kill(_: object) -> None:
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    setattr(inbox, dies, kill)
    process = subprocess.Popen(
        [sys.executable, "-c", DELIVERING, str(house.installation.settings.home), NOW.isoformat()],
        cwd=REPOSITORY,
        env={**os.environ, **environment(port, ca)},
    )
    assert process.wait(60) == -signal.SIGKILL
    known = installed(house, port, ca)
    assert states(house) == {mail_id: ("queued", 1)}
    assert deliver(known, NOW + timedelta(minutes=1)).sent == 0, "the claim of the dead still holds"
    assert deliver(known, LATER).sent == 1
    assert deliver(known, LATER + timedelta(hours=1)).sent == 0
    assert inbox.ids == [f"<{mail_id}@example.org>"] * copies
    assert states(house) == {mail_id: ("sent", 2)}


def test_another_master_key_loses_nothing(house: House, inbox: Inbox, ca: Authority, port: int, tmp_path: Path) -> None:
    mail_id, known = queue(house), installed(house, port, ca)
    from registry.vault import KeyVault

    KeyVault.create(tmp_path / "other.key")
    settings = known.settings.model_copy(update={"master_key_file": tmp_path / "other.key"})
    assert deliver(Installation(settings), NOW).postponed == 1
    assert states(house) == {mail_id: ("queued", 1)}
    assert deliver(known, LATER).sent == 1
