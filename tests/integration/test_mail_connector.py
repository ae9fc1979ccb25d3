"""Messages to a real mail server: TLS, logins, refusals, a server that is slow, silent or none."""

import socket
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from connectors import mail as connector
from connectors.mail import MailError, Message, SmtpServer, Trouble
from tests.integration.mail_server import PASSWORD, SENDER, USER, Authority, Inbox, authority, free_port, mail_server
from tests.integration.mailing import ADDRESS, NOW, ca, inbox, nothing_told, port

__all__ = ["ca", "inbox", "nothing_told", "port"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

MESSAGE = Message("id1", NOW, ADDRESS, "Kim Sample", "Hello", "Text", "<p>HTML</p>")


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
