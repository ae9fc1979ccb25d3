"""Mail by the orchestrator and by the command line, through a real mail server."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assets.resources import InstallationResource
from assets.steps.mailing import send_test
from cli.main import app, main
from connectors.mail import MailError
from pipelines.mail import mail_job, mail_sensor
from settings import InstallationError, Settings
from tests.integration.installations import House
from tests.integration.mail_server import PASSWORD, Authority, Inbox
from tests.integration.mailing import ADDRESS, NOW, TOKEN, ca, environment, inbox, installed, nothing_told, port, queue

__all__ = ["ca", "inbox", "nothing_told", "port"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


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
    for name, value in environment(port, ca).items():
        monkeypatch.setenv(name, value)
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
    for name, value in environment(port, ca).items():
        monkeypatch.setenv(name, value)
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
