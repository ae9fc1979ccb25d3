"""The outbox: written with its cause, sealed, claimed by one, tried again, settled once."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from registry import mail
from registry.errors import RegistryError
from registry.mail import Attachment, Recipient
from registry.mail.outbox import CLAIM, ERASED, EXPIRED, LIFETIME, MOST_BYTES
from registry.models import Base, OutgoingMail
from registry.store import Registry
from registry.subjects import destroy
from registry.trail import Filter, events
from tests.conftest import REPOSITORY
from tests.unit.registry.conftest import NOW

TOKEN = "s3cr3t-activation-t0ken"
ADDRESS = "kim@example.org"
KIM = Recipient("user:1", ADDRESS, "Kim Sample")
VALUES = {
    "organisation": "Northtown",
    "link": f"https://meters.example.org/{TOKEN}",
    "valid_until": "2026-01-15 17:00 CET",
}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def queue(registry, vault):
    def put(kind: str = "confirm_address", recipient: Recipient = KIM, language: str = "da", **more) -> str:
        with registry.begin() as session:
            values = {**VALUES, **more.pop("values", {})}
            at = more.pop("now", NOW)
            return mail.queue(session, vault, "default", kind, recipient, language, values, at, **more)

    return put


def row(registry: Registry, mail_id: str) -> OutgoingMail:
    with registry.begin(readonly=True) as session:
        return session.get_one(OutgoingMail, mail_id)


def test_a_message_is_kept_with_what_causes_it(registry, vault) -> None:
    def rolled_back() -> None:
        with registry.begin() as session:
            mail.queue(session, vault, "default", "confirm_address", KIM, "da", VALUES, NOW)
            raise RegistryError("the cause did not come about")

    with pytest.raises(RegistryError, match="did not come about"):
        rolled_back()
    assert mail.claim(registry, NOW) is None


def test_neither_address_nor_token_lies_open(registry, vault, queue, tmp_path: Path) -> None:
    mail_id = queue()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("registry.sqlite*"))
    with registry.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = connection.execute(select(table)).all()
            stored += b" ".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)
    assert mail_id.encode() in stored
    for secret in (TOKEN, ADDRESS, "Kim Sample", "Northtown"):
        assert secret.encode() not in stored
    assert mail.claim(registry, NOW) == mail_id
    due = mail.compose(registry, vault, mail_id, NOW)
    assert due is not None
    assert (due.address, due.name, due.language) == (ADDRESS, "Kim Sample", "da")
    assert TOKEN in due.content.text
    assert TOKEN not in repr(due)
    assert ADDRESS not in repr(due) + repr(KIM)


def report(registry: Registry, vault, content: bytes, address: str = ADDRESS) -> str:
    with registry.begin() as session:
        return mail.send_report(
            session,
            vault,
            "default",
            address,
            "Consumption of P-1",
            [Attachment("P-1.pdf", "application/pdf", content)],
            language="da",
            sender="Robin Sample",
            note="As we talked about.",
            target="P-1",
            identity="user:7",
            now=NOW,
        )


def test_a_report_goes_with_its_file_and_is_gone_once_it_is_sent(registry, vault) -> None:
    mail_id = report(registry, vault, b"%PDF-1.7 figures")
    assert b"figures" not in (row(registry, mail_id).attachments or b"")
    due = mail.compose(registry, vault, mail_id, NOW)
    assert due is not None
    (file,) = due.attachments
    assert (file.name, file.media_type, file.content) == ("P-1.pdf", "application/pdf", b"%PDF-1.7 figures")
    assert "Robin Sample" in due.content.text
    assert "As we talked about." in due.content.text
    (event,) = [one for one in events(registry, Filter("default"), 10) if one.event == "report.sent"]
    assert (event.identity, event.object) == ("user:7", "P-1")
    assert ADDRESS not in str(event)
    mail.sent(registry, mail_id, NOW)
    assert row(registry, mail_id).attachments is None


@pytest.mark.parametrize(("content", "address"), [(b"0" * (MOST_BYTES + 1), ADDRESS), (b"", "no address")])
def test_a_report_that_cannot_be_sent_is_refused(registry, vault, content: bytes, address: str) -> None:
    with pytest.raises(RegistryError):
        report(registry, vault, content, address)
    assert mail.claim(registry, NOW) is None


def test_what_a_message_said_is_gone_once_it_is_sent_or_failed(registry, queue) -> None:
    first, second = queue(), queue()
    assert row(registry, first).variables
    mail.sent(registry, first, NOW)
    mail.failed(registry, second, "refused", NOW)
    for mail_id, state, error in ((first, "sent", None), (second, "failed", "refused")):
        kept = row(registry, mail_id)
        assert (kept.state, kept.error, kept.settled_at) == (state, error, NOW)
        assert kept.recipient is None
        assert kept.variables is None
    assert mail.claim(registry, NOW + LIFETIME) is None


def test_a_claim_is_for_one_and_runs_out(registry, queue) -> None:
    mail_id = queue()
    assert mail.claim(registry, NOW) == mail_id
    assert mail.claim(registry, NOW + CLAIM - MINUTE) is None
    assert mail.claim(registry, NOW + CLAIM) == mail_id
    assert row(registry, mail_id).attempts == 2


CLAIMING = """
import sys
from datetime import datetime
from registry import mail
from registry.store import Registry

registry = Registry.open(sys.argv[1])
while (mail_id := mail.claim(registry, datetime.fromisoformat(sys.argv[2]))) is not None:
    print(mail_id)
"""


def test_processes_that_claim_at_once_never_get_the_same(registry, queue) -> None:
    queued = {queue() for _ in range(40)}
    url = registry.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", CLAIMING, url, NOW.isoformat()]
    workers = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    claimed = [mail_id for worker in workers for mail_id in worker.communicate(timeout=60)[0].split()]
    assert len(claimed) == 40
    assert set(claimed) == queued


def test_pauses_double_up_to_an_hour_until_it_is_too_late(registry, queue) -> None:
    mail_id, now, pauses = queue(expires_at=NOW + timedelta(hours=4)), NOW, []
    while mail.claim(registry, now) == mail_id:
        again = mail.postpone(registry, mail_id, "the server is away", now)
        if again is None:
            break
        pauses.append((again - now) // MINUTE)
        assert mail.claim(registry, again - timedelta(seconds=1)) is None
        now = again
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    kept = row(registry, mail_id)
    assert (kept.state, kept.error, kept.variables) == ("failed", "the server is away", None)


def test_no_link_is_sent_after_it_expired(registry, queue) -> None:
    """The clock goes on by 4 h 01 min: the activation link is dead, and its message is not sent."""
    dead = queue(expires_at=NOW + timedelta(hours=4))
    later = NOW + timedelta(hours=4, minutes=1)
    assert mail.claim(registry, later) is None
    assert (row(registry, dead).state, row(registry, dead).error) == ("failed", EXPIRED)
    reset = queue("password_reset", now=later, expires_at=later + timedelta(hours=4))
    assert mail.claim(registry, later) == reset, "resetting the password sends a new one"


def test_nothing_is_sent_to_a_person_who_was_erased(registry, vault, queue) -> None:
    mail_id = queue()
    with registry.begin() as session:
        destroy(session, "default", "user:1")
    assert mail.claim(registry, NOW) == mail_id
    assert mail.compose(registry, vault, mail_id, NOW) is None
    assert row(registry, mail_id).error == ERASED


def test_a_message_moved_to_another_person_is_not_sent(registry, vault, queue) -> None:
    mail_id, other = queue(), queue(recipient=Recipient("user:2", "robin@example.org"))
    with registry.begin() as session:
        statement = "update mail_outbox set recipient = (select recipient from mail_outbox where mail_id = :other)"
        session.execute(text(f"{statement} where mail_id = :mine"), {"other": other, "mine": mail_id})
    assert mail.compose(registry, vault, mail_id, NOW) is None
    assert row(registry, mail_id).state == "failed"


def test_a_message_that_was_altered_does_not_open(registry, vault, queue) -> None:
    mail_id = queue()
    with registry.begin() as session:
        kept = session.get_one(OutgoingMail, mail_id)
        kept.variables = kept.variables[:-1] + bytes([kept.variables[-1] ^ 1])
    with pytest.raises(RegistryError, match="does not open"):
        mail.compose(registry, vault, mail_id, NOW)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "kim",
        "@elsewhere.example",
        "kim@",
        "kim@elsewhere.example\nBcc: robin@elsewhere.example",
        "kim@elsewhere.example\r\nDATA",
        "kim@elsewhere.example, robin@elsewhere.example",
        "Kim <kim@elsewhere.example>",
        "kim@elsewhere.example>",
        "kim sample@elsewhere.example",
        '"kim"@elsewhere.example',
        "kim@[127.0.0.1]",
        "kim@elsewhere.example\0",
        f"{'k' * 250}@elsewhere.example",
        "kïm@elsewhere.example",
    ],
)
def test_no_message_is_kept_for_what_is_no_address(queue, registry, address: str) -> None:
    with pytest.raises(RegistryError, match=r"no e-mail address|beyond ASCII") as caught:
        queue(recipient=Recipient("user:1", address))
    assert not address or address not in str(caught.value)
    assert mail.claim(registry, NOW) is None


@pytest.mark.parametrize(
    "address", ["kim@example.org", "k.i-m+x@sub.example.org", "kim@bücher.example", "kim@localhost"]
)
def test_addresses(address: str) -> None:
    assert mail.check_address(address) == address


def test_a_message_that_cannot_be_made_is_refused_at_once(queue) -> None:
    with pytest.raises(RegistryError, match="name of the recipient holds a line break"):
        queue(recipient=Recipient("user:1", ADDRESS, "Kim\nBcc: robin@example.org"))
    with pytest.raises(RegistryError, match="lacks link"):
        queue(values={"link": ""})
    with pytest.raises(RegistryError, match="no message type 'confirm'"):
        queue("confirm")


def test_a_message_is_written_as_its_template_is_when_it_is_sent(registry, vault, queue) -> None:
    values = {name: VALUES[name] for name in ("link", "valid_until", "organisation")}
    with registry.begin(readonly=True) as session:
        seen = mail.preview(session, "default", "invite_user", "da", values=values | {"name": "", "inviter": ""})
    mail_id = queue("invite_user")
    mail.claim(registry, NOW)
    due = mail.compose(registry, vault, mail_id, NOW)
    assert due is not None
    assert due.content == seen, "the preview of an invitation is what is sent"


def test_the_outbox_shows_states_and_neither_address_nor_content(registry, queue) -> None:
    first = queue(now=datetime(2026, 1, 1, tzinfo=UTC))
    second = queue("password_reset")
    mail.sent(registry, first, NOW)
    with registry.begin(readonly=True) as session:
        listed = mail.entries(session, "default")
        assert mail.entries(session, "default", state="queued") == listed[:1]
        assert mail.entries(session, "elsewhere") == []
    assert [(entry.mail_id, entry.state, entry.subject) for entry in listed] == [
        (second, "queued", "user:1"),
        (first, "sent", "user:1"),
    ]
    assert ADDRESS not in repr(listed)
