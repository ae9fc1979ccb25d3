"""The page E-mail templates: what is changed, sent from then on, deleted, and sent as a test."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from registry import mail
from registry.mail import Source
from registry.models import AuditEvent
from tests.integration.mail_server import Authority, Inbox, authority, free_port, mail_server
from tests.integration.mailing import environment
from tests.unit.dashboards.conftest import ANALYST, messages, pick
from tests.unit.dashboards.test_configuration import ALMIGHTY, opened, press, registry_of

KIND = "confirm_address"
ADDRESS = "kim@elsewhere.example"
BY = {"identity": "local:test", "now": datetime(2026, 1, 1, tzinfo=UTC)}

pytestmark = [
    pytest.mark.usefixtures("vault"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]


@pytest.fixture
def copied(home: Path) -> Path:
    """The small installation with a template of its own."""
    with registry_of(home).begin() as session:
        mail.copy(session, "default", KIND, "en", mail.SYSTEM, new_name="Ours", **BY)
    return home


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def inbox(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server that the installation knows."""
    found = Inbox()
    with mail_server(found, ca) as port:
        for name, value in environment(port, ca).items():
            monkeypatch.setenv(name, value)
        yield found


def ours(app: AppTest | None = None) -> AppTest:
    """The page with the utility's own template that is chosen."""
    app = app or opened("mail_templates")
    names = app.dataframe[0].value["template"].to_list()
    return pick(app, "templates", names.index("Ours"))


def source_of(home: Path, name: str = "Ours") -> Source:
    with registry_of(home).begin(readonly=True) as session:
        return mail.template(session, "default", KIND, "en", name).source


def box(app: AppTest, label: str):
    return next(one for one in (*app.text_input, *app.text_area) if one.label == label and not one.key)


def test_copy_is_changed_and_the_preview_shows_it(copied: Path) -> None:
    app = ours()
    box(app, "Subject").set_value("Please confirm")
    box(app, "Plain text").set_value("Hello {{ name }}: {{ link }}")

    app = press(app, "Save")

    assert "Ours is saved." in messages(app)
    assert source_of(copied).subject == "Please confirm"
    assert "Please confirm" in [text.value for text in ours().text]


def test_template_is_renamed(copied: Path) -> None:
    app = ours()
    box(app, "Template").set_value("Spring")

    app = press(app, "Save")

    assert "Spring is saved." in messages(app)
    assert sorted(app.dataframe[0].value["template"]) == ["Spring", "System"]


def test_unknown_variable_is_refused_and_nothing_is_saved(copied: Path) -> None:
    before = source_of(copied)
    app = ours()
    box(app, "Plain text").set_value("{{ secret }}")

    app = press(app, "Save")

    assert app.error
    assert not app.exception
    assert source_of(copied) == before


def test_template_that_somebody_else_changed_is_not_written_over(copied: Path) -> None:
    app = ours()
    before = source_of(copied)
    with registry_of(copied).begin() as session:
        theirs = Source("Theirs", before.text, before.html)
        mail.edit(session, "default", KIND, "en", "Ours", theirs, identity="local:other", now=datetime.now(UTC))
    box(app, "Subject").set_value("Mine")

    app = press(app, "Save")

    assert "local:other changed" in messages(app)
    assert source_of(copied).subject == "Theirs"


def test_template_is_sent_from_then_on_and_the_shipped_one_once_it_is_deleted(copied: Path) -> None:
    app = press(ours(), "Send this one")
    assert "Ours is sent from now on." in messages(app)
    assert dict(zip(app.dataframe[0].value["template"], app.dataframe[0].value["active"], strict=True)) == {
        "Ours": True,
        "System": False,
    }

    app = ours(app).button(key="delete").click().run()

    assert "Ours is deleted." in messages(app)
    assert app.dataframe[0].value["template"].to_list() == ["System"]
    assert app.dataframe[0].value["active"].to_list() == [True]


def test_shipped_template_is_neither_changed_nor_deleted(home: Path) -> None:
    app = opened("mail_templates")

    assert app.button(key="delete").disabled
    assert not [one for one in app.text_input if one.label == "Subject"]


def test_test_letter_reaches_the_server(copied: Path, inbox: Inbox) -> None:
    app = ours()
    app.text_input(key="test_address").set_value(ADDRESS).run()

    app = app.button(key="send_test").click().run()

    assert "The mail server has taken the test letter." in messages(app)
    assert inbox.recipients == [[ADDRESS]]
    assert inbox.messages[0]["Subject"].startswith("[Test] ")
    with registry_of(copied).begin(readonly=True) as session:
        event = session.query(AuditEvent).filter_by(event="mail.test.sent").one()
    assert (event.object, event.identity) == (f"{KIND}/en/Ours", "local:test")
    assert ADDRESS not in f"{event.details} {event.after}"


def test_server_that_is_gone_is_said(copied: Path, ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(free_port(), ca).items():
        monkeypatch.setenv(name, value)
    app = opened("mail_templates")
    app.text_input(key="test_address").set_value(ADDRESS).run()

    app = app.button(key="send_test").click().run()

    assert not app.exception
    assert "localhost" in messages(app)
    assert ADDRESS not in messages(app)


def test_who_has_no_right_sends_and_changes_nothing(copied: Path, inbox: Inbox) -> None:
    app = opened("mail_templates", replace(ALMIGHTY, identity=ANALYST.identity))
    app.text_input(key="test_address").set_value(ADDRESS).run()

    assert "no right for this" in messages(app.button(key="send_test").click().run())
    assert not inbox.messages
