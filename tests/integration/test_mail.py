"""Messages to a real mail server: TLS, login, refusals, a server that is away or dies, a process that dies."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assets.installation import Installation
from assets.resources import InstallationResource
from assets.steps.mailing import deliver, send_test
from cli.main import app, main
from connectors import mail as connector
from connectors.mail import MailError, Message, SmtpServer, Trouble
from pipelines.mail import mail_job, mail_sensor
from registry import mail
from registry.mail import Recipient
from settings import InstallationError, Settings
from settings.model import Smtp
from tests.conftest import REPOSITORY
from tests.integration.installations import House, house
from tests.integration.mail_server import PASSWORD, SENDER, USER, Authority, Inbox, authority, free_port, mail_server

__all__ = ["house"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

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
MESSAGE = Message("id1", NOW, ADDRESS, "Kim Sample", "Hello", "Text", "<p>HTML</p>")


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


def server(port: int, ca: Authority | None, **changes: object) -> SmtpServer:
    known: dict[str, object] = {
        "host": "localhost",
        "port": port,
        "sender": SENDER,
        "username": USER,
        "password": PASSWORD,
        "ca_file": ca.ca_file if ca else None,
    }
    return SmtpServer(**known | changes)


def send(server: SmtpServer, message: Message = MESSAGE) -> None:
    with server.session() as session:
        session.send(message)


def fails(server: SmtpServer, message: Message = MESSAGE) -> MailError:
    with pytest.raises(MailError) as caught:
        send(server, message)
    told = "".join(traceback.format_exception(caught.value))
    for secret in (PASSWORD, message.address, message.subject):
        assert not secret or secret not in told
    return caught.value


# The connector


def test_starttls_with_an_authority_of_ones_own(inbox: Inbox, ca: Authority, port: int) -> None:
    send(server(port, ca))
    message = inbox.messages[0]
    assert (message["From"], message["To"]) == (SENDER, f"Kim Sample <{ADDRESS}>")
    assert message["Message-ID"] == "<id1@example.org>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert inbox.recipients == [[ADDRESS]]
    assert inbox.commands == ["AUTH", "MAIL"]


def test_tls_from_the_start(inbox: Inbox, ca: Authority) -> None:
    with mail_server(inbox, ca, implicit=True) as port:
        send(server(port, ca, implicit_tls=True))
        assert len(inbox.messages) == 1
        error = fails(server(free_port(), ca, implicit_tls=True))
        assert "the connection failed (Connection refused)" in str(error)


def test_a_server_without_tls_is_told_nothing(inbox: Inbox, ca: Authority) -> None:
    with mail_server(inbox, None) as port:
        error = fails(server(port, ca))
        assert "offers no STARTTLS, and nothing is sent unencrypted" in str(error)
        assert error.trouble is Trouble.SERVER
        assert "no TLS came about" in str(fails(server(port, ca, implicit_tls=True)))
    assert inbox.commands == []


def test_a_certificate_of_a_stranger_is_refused(inbox: Inbox, ca: Authority, port: int, tmp_path: Path) -> None:
    for changes, said in (
        ({"ca_file": None}, "the certificate does not hold"),
        ({"ca_file": authority(tmp_path / "other").ca_file}, "the certificate does not hold"),
        ({"host": "127.0.0.1"}, "the certificate does not hold (IP address mismatch"),
        ({"ca_file": tmp_path / "missing.pem"}, "missing.pem holds no certificates"),
    ):
        assert said in str(fails(server(port, ca, **changes)))
    (tmp_path / "empty.pem").write_text("nothing of the kind")
    assert "empty.pem holds no certificates" in str(fails(server(port, ca, ca_file=tmp_path / "empty.pem")))
    assert inbox.commands == []


def test_logins(inbox: Inbox, ca: Authority, port: int, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    send(server(port, ca, password=None, password_file=file))
    file.write_text("wrong\n")
    error = fails(server(port, ca, password=None, password_file=file))
    assert f"login refused (535). Check METERHOUSE_SMTP_USERNAME and {file}." in str(error)
    assert error.trouble is Trouble.SERVER
    assert "login refused (535)" in str(fails(server(port, ca, password="wrong")))
    assert "login refused (535)" in str(fails(server(port, ca, password="pässword")))
    assert "no password. Set METERHOUSE_SMTP_PASSWORD_FILE" in str(fails(server(port, ca, password=None)))
    missing = server(port, ca, password=None, password_file=tmp_path / "missing")
    assert "missing cannot be read: No such file" in str(fails(missing))
    file.write_bytes(b"p\xe4ssword")
    assert "is no UTF-8 text" in str(fails(server(port, ca, password=None, password_file=file)))
    assert PASSWORD not in repr(server(port, ca))
    assert len(inbox.messages) == 1


def test_a_server_that_asks_for_no_login(inbox: Inbox, ca: Authority) -> None:
    with mail_server(inbox, ca, login=False) as port:
        send(server(port, ca, username="", password=None))
    with mail_server(inbox, ca, login=False, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as port:
        assert "the server offers no login by password" in str(fails(server(port, ca)))
    assert len(inbox.messages) == 1


def test_a_server_that_knows_another_login_and_letters_beyond_ascii(ca: Authority) -> None:
    inbox = Inbox(password="pässword")
    with mail_server(inbox, ca, auth_exclude_mechanism=["PLAIN"]) as port:
        send(server(port, ca, password="pässword"))
        assert "login refused (535)" in str(fails(server(port, ca)))
    assert len(inbox.messages) == 1


def test_refusals_say_what_they_mean_and_not_to_whom(inbox: Inbox, ca: Authority, port: int) -> None:
    inbox.on_recipient = lambda address: f"550 <{address}> unknown here"
    error = fails(server(port, ca))
    assert (error.trouble, "recipient refused (550)" in str(error)) == (Trouble.NEVER, True)
    inbox.on_recipient = lambda address: f"450 <{address}> greylisted"
    error = fails(server(port, ca))
    assert (error.trouble, "recipient not taken for now (450)" in str(error)) == (Trouble.LATER, True)
    inbox.on_recipient = None
    inbox.on_sender = lambda address: f"553 <{address}> may not send"
    error = fails(server(port, ca))
    assert (error.trouble, "METERHOUSE_SMTP_SENDER" in str(error)) == (Trouble.SERVER, True)
    inbox.on_sender = None
    inbox.on_taken = lambda _: f"554 {ADDRESS} wrote spam"
    assert fails(server(port, ca)).trouble is Trouble.NEVER


def test_a_message_goes_on_after_one_that_was_refused(inbox: Inbox, ca: Authority, port: int) -> None:
    inbox.on_recipient = lambda address: "550 no" if address == ADDRESS else None
    with server(port, ca).session() as session:
        with pytest.raises(MailError, match="recipient refused"):
            session.send(MESSAGE)
        session.send(Message("id2", NOW, "robin@elsewhere.example", "", "Hello", "Text", "<p>HTML</p>"))
    assert inbox.recipients == [["robin@elsewhere.example"]]


def test_names_beyond_ascii(inbox: Inbox, ca: Authority, port: int) -> None:
    message = Message(
        "id1",
        NOW,
        "kim@bücher.example",
        "Kïm Ærø, Łódź",
        "Größe × 東京 " * 20,
        "Blåbærgrød.\n.\nEnde",
        "<p>Ü</p>",
        "da",
    )
    send(server(port, ca, sender="Målerhuset Århus <meters@example.org>"), message)
    taken = inbox.messages[0]
    assert inbox.recipients == [["kim@xn--bcher-kva.example"]]
    assert taken["To"].addresses[0].display_name == "Kïm Ærø, Łódź"
    assert taken["From"].addresses[0].display_name == "Målerhuset Århus"
    assert taken["Subject"] == message.subject.strip() or taken["Subject"] == message.subject
    text, html = (part.get_content() for part in taken.iter_parts())
    assert (text.replace("\r\n", "\n").strip(), html.strip()) == (message.text, message.html)
    assert taken.as_bytes().isascii()


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "Hello\nBcc: robin@elsewhere.example"},
        {"subject": "Hello\r\n\r\nBody"},
        {"name": "Kim\nBcc: robin@elsewhere.example"},
        {"address": f"{ADDRESS}\nBcc: robin@elsewhere.example"},
        {"address": f"{ADDRESS}>\r\nRCPT TO:<robin@elsewhere.example"},
        {"address": f"{ADDRESS},robin@elsewhere.example"},
        {"address": "kim sample@elsewhere.example"},
        {"address": ""},
    ],
)
def test_no_header_or_recipient_comes_in_by_a_line_break(
    inbox: Inbox, ca: Authority, port: int, change: dict[str, str]
) -> None:
    known = {"message_id": "id1", "written_at": NOW, "address": ADDRESS, "name": "Kim", "subject": "Hello"}
    message = Message(**{**known, "text": "Text", "html": "<p>HTML</p>", **change})
    assert fails(server(port, ca), message).trouble is Trouble.NEVER
    assert inbox.messages == []


@pytest.mark.parametrize("sender", ["", "Meterhouse", "a@b@c", "Meters <meters@example.org>\nBcc: robin@example.org"])
def test_a_sender_that_is_none(ca: Authority, sender: str) -> None:
    assert "Set METERHOUSE_SMTP_SENDER" in str(fails(server(1, ca, sender=sender)))


def test_a_server_that_says_nothing(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "TIMEOUT_S", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        error = fails(server(silent.getsockname()[1], ca))
    assert (error.trouble, "failed (time-out)" in str(error)) == (Trouble.SERVER, True)


def test_a_slow_server_is_waited_for(inbox: Inbox, ca: Authority, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Giving up after the message was handed over would send it twice."""
    import time

    monkeypatch.setattr(connector, "TIMEOUT_S", 1)
    inbox.on_taken = lambda _: time.sleep(2)
    send(server(port, ca))
    assert len(inbox.messages) == 1


def test_an_unknown_host(ca: Authority) -> None:
    assert "Check host and port" in str(fails(server(587, ca, host="mail.invalid")))


# The outbox


def installed(house: House, port: int, ca: Authority, **changes: object) -> Installation:
    smtp = {"host": "localhost", "port": port, "username": USER, "password": PASSWORD, "ca_file": ca.ca_file}
    chosen = Smtp(**{**smtp, "sender": SENDER, **changes})
    return Installation(house.installation.settings.model_copy(update={"smtp": chosen}))


def queue(house: House, kind: str = "confirm_address", recipient: Recipient = KIM, now: datetime = NOW) -> str:
    known = house.installation
    with known.registry.begin() as session:
        return mail.queue(session, known.vault, known.organisation, kind, recipient, "da", VALUES, now)


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
    environment = {f"METERHOUSE_SMTP_{name}": value for name, value in _environment(port, ca).items()}
    process: subprocess.Popen[bytes] | None = None

    def kill(_: object) -> None:
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    setattr(inbox, dies, kill)
    process = subprocess.Popen(
        [sys.executable, "-c", DELIVERING, str(house.installation.settings.home), NOW.isoformat()],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )
    assert process.wait(60) == -signal.SIGKILL
    known = installed(house, port, ca)
    assert states(house) == {mail_id: ("queued", 1)}
    assert deliver(known, NOW + timedelta(minutes=1)).sent == 0, "the claim of the dead still holds"
    assert deliver(known, LATER).sent == 1
    assert deliver(known, LATER + timedelta(hours=1)).sent == 0
    assert inbox.ids == [f"<{mail_id}@example.org>"] * copies
    assert states(house) == {mail_id: ("sent", 2)}


def _environment(port: int, ca: Authority) -> dict[str, str]:
    chosen = {"HOST": "localhost", "PORT": str(port), "USERNAME": USER, "PASSWORD": PASSWORD}
    return {**chosen, "CA_FILE": str(ca.ca_file), "SENDER": SENDER}


def test_another_master_key_loses_nothing(house: House, inbox: Inbox, ca: Authority, port: int, tmp_path: Path) -> None:
    mail_id, known = queue(house), installed(house, port, ca)
    from registry.vault import KeyVault

    KeyVault.create(tmp_path / "other.key")
    settings = known.settings.model_copy(update={"master_key_file": tmp_path / "other.key"})
    assert deliver(Installation(settings), NOW).postponed == 1
    assert states(house) == {mail_id: ("queued", 1)}
    assert deliver(known, LATER).sent == 1


# The orchestrator and the command line


def test_the_sensor_asks_for_a_run_that_sends(
    house: House, inbox: Inbox, ca: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = InstallationResource(home=str(house.installation.settings.home))
    assert "No mail server is configured" in str(mail_sensor(installation=resource))
    known = installed(house, port, ca)
    monkeypatch.setattr(InstallationResource, "open", lambda _: known)
    assert "No message is due" in str(mail_sensor(installation=resource))
    queue(house, now=datetime.now(UTC))
    asked = mail_sensor(installation=resource)
    assert asked.run_key == mail_sensor(installation=resource).run_key, "asked for once, not every 30 s"
    assert mail_job.execute_in_process(resources={"installation": resource}).success
    assert len(inbox.messages) == 1
    assert "No message is due" in str(mail_sensor(installation=resource))


def command(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["mail", *arguments], input=typed)


def test_the_six_actions(
    house: House, inbox: Inbox, ca: Authority, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(port, ca).items():
        monkeypatch.setenv(f"METERHOUSE_SMTP_{name}", value)
    from assets.installation import open_installation

    open_installation.cache_clear()
    key = ("invite_user", "sv")
    copied = command("copy", *key, "System", "--as", "Sommar")
    assert (copied.exit_code, "Copied as 'Sommar'; it is inactive." in copied.stderr) == (0, True)
    source = command("show", *key, "Sommar", "text")
    assert source.stdout.startswith("Hej{% if name %}")
    assert "Variables: name (name of the recipient, may be empty); organisation" in source.stderr
    (tmp_path / "new.txt").write_text("Hejsan! {{ link }}\n", encoding="utf-8")
    edited = command("edit", *key, "Sommar", "--text", str(tmp_path / "new.txt"), "--subject", "Hej {{ organisation }}")
    assert "Saved 'Sommar'; it is inactive." in edited.stderr
    shown = command("preview", *key, "--name", "Sommar")
    assert shown.stdout == ("Subject: Hej Sampletown Water\n\nHejsan! https://meters.example.org/token/sample\n")
    assert "Inbjudan från" in command("preview", *key).stdout, "the copy is not the one that is sent"
    assert "<html" in command("preview", *key, "--html").stdout
    tested = command("test", *key, "--name", "Sommar", "--to", ADDRESS)
    assert (tested.exit_code, "has taken the test message" in tested.stderr) == (0, True)
    assert (inbox.messages[0]["Subject"], inbox.recipients) == ("[Test] Hej Sampletown Water", [[ADDRESS]])
    activated = command("activate", *key, "Sommar")
    assert "'Sommar' is active, 'System' is inactive." in activated.stderr
    listed = command("templates", "--kind", "invite_user", "--language", "sv").stdout.splitlines()
    assert listed == [
        "kind,language,name,active,subject",
        "invite_user,sv,System,false,Inbjudan från {{ organisation }}",
        "invite_user,sv,Sommar,true,Hej {{ organisation }}",
    ]
    queue(house, "invite_user", now=datetime.now(UTC))
    assert command("outbox", "--state", "queued").stdout.count("invite_user,da,user:1,queued,0,") == 1
    delivered = command("deliver")
    assert (delivered.exit_code, "1 sent, 0 to be tried again, 0 given up." in delivered.stderr) == (0, True)
    kept = command("delete", *key, "Sommar", typed="n\n")
    assert (kept.exit_code, "Delete the template 'Sommar' of invite_user in sv?" in kept.stderr) == (1, True)
    assert len(command("templates", "--name", "sommar").stdout.splitlines()) == 2
    gone = command("delete", *key, "Sommar", typed="y\n")
    assert (gone.exit_code, "'System' is active now." in gone.stderr) == (0, True)
    events = house.ask("select event from audit_log where event like 'mail.%' order by number")["event"]
    assert [event.removeprefix("mail.") for event in events] == [
        "template.copied",
        "template.edited",
        "test.sent",
        "template.activated",
        "template.deleted",
    ]
    written = b"".join(file.read_bytes() for file in house.installation.settings.home.rglob("*") if file.is_file())
    for secret in (TOKEN, ADDRESS, PASSWORD):
        assert secret.encode() not in written


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["delete", "invite_user", "sv", "System", "--yes"], "cannot be deleted; copy it instead"),
        (["preview", "invitation", "sv"], "no message type 'invitation'"),
        (["activate", "invite_user", "sv", "Vinter"], "no template 'Vinter'"),
        (["deliver"], "No mail server is set. Name one in METERHOUSE_SMTP_HOST"),
        (["test", "invite_user", "sv", "--to", "kim"], "The recipient is no e-mail address"),
    ],
)
def test_what_cannot_be_done_is_said(
    house: House, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["meterhouse", "mail", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    assert said in capsys.readouterr().err


def test_a_test_mail_without_a_server(house: House) -> None:
    with pytest.raises(MailError, match="No mail server is set"):
        send_test(house.installation, "invite_user", "de", None, ADDRESS, identity="test", now=NOW)


def test_settings_never_show_the_password(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    import settings

    monkeypatch.setenv("METERHOUSE_SMTP_PASSWORD", PASSWORD)
    loaded = settings.load(house.installation.settings.home)
    assert isinstance(loaded, Settings)
    assert PASSWORD not in repr(loaded)
    monkeypatch.setenv("METERHOUSE_SMTP_SECURITY", PASSWORD)
    with pytest.raises(InstallationError) as caught:
        settings.load(house.installation.settings.home)
    assert PASSWORD not in str(caught.value)


def test_an_invitation_goes_by_letter_and_one_that_is_revoked_does_not(
    house: House, inbox: Inbox, ca: Authority, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _environment(port, ca).items():
        monkeypatch.setenv(f"METERHOUSE_SMTP_{name}", value)
    monkeypatch.setenv("METERHOUSE_GATEWAY_PUBLIC_URL", "https://meters.example.org")
    monkeypatch.setenv("METERHOUSE_USER_PASSWORD", "Blue-Lantern-7")
    from assets.installation import open_installation

    def user(*arguments: str) -> Result:
        done = CliRunner().invoke(app, ["user", *arguments])
        assert done.exit_code == 0, (done.stderr, done.exception)
        return done

    open_installation.cache_clear()
    user("add", "robin@elsewhere.example", "--name", "Robin Sample")
    for number, (email, language) in enumerate([(ADDRESS, "de"), ("two@elsewhere.example", "en")], start=1):
        user("invite", email, "--name", "Kim Sample", "--role", "manager=user", "--language", language)
        sent = user("invitation", "send", str(number))
        assert sent.stdout == "", "the link goes by letter alone"
        assert "waits to be sent" in sent.stderr
    user("invitation", "revoke", "2")
    assert command("deliver").exit_code == 0
    assert inbox.recipients == [[ADDRESS]]
    letter = inbox.messages[0].get_body(("plain",))
    assert letter is not None
    assert "Einladung" in inbox.messages[0]["Subject"]
    link = re.search(r"https://meters.example.org/activate\?token=\S+", letter.get_content())
    assert link
    monkeypatch.setenv("METERHOUSE_USER_TOKEN", link[0])
    user("accept")
    by_hand = user("reset-password", ADDRESS, "--by-hand")
    assert by_hand.stdout.startswith("https://meters.example.org/reset?token=")
    assert [line.split(",")[4] for line in command("outbox").stdout.splitlines()[1:]] == ["failed", "sent"]
