"""Reports that go by e-mail from a page."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.installation import open_installation
from registry import mail
from tests.unit.dashboards.conftest import OWNER, Opened, messages

SERVER = {"METERHOUSE_SMTP_HOST": "mail.example.org", "METERHOUSE_SMTP_SENDER": "Meterhouse <meters@example.org>"}


def test_a_page_says_what_is_missing_for_sending(open_page: Opened) -> None:
    assert "METERHOUSE_SMTP_HOST" in messages(open_page("consumption", point="P-1"))


@pytest.mark.usefixtures("vault")
@pytest.mark.parametrize("address", ["someone@example.org", "no address"])
def test_report_is_queued_with_its_files(
    open_page: Opened, home: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for name, value in SERVER.items():
        monkeypatch.setenv(name, value)
    app = open_page("consumption", home=home, viewer=OWNER, point="P-1")
    next(field for field in app.text_input if field.label == "E-mail address").set_value(address)
    next(button for button in app.button if button.label == "Send by e-mail").click().run()

    assert not app.exception
    here = open_installation(home)
    waiting = mail.claim(here.registry, datetime.now(UTC))
    if "@" not in address:
        assert waiting is None
        return
    assert "sent within a minute" in messages(app)
    due = mail.compose(here.registry, here.vault, str(waiting), datetime.now(UTC))
    assert due is not None
    assert (due.address, due.language) == (address, "en")
    assert "P-1" in due.content.subject
    kinds = {file.media_type: file.content for file in due.attachments}
    assert kinds["application/pdf"].startswith(b"%PDF")
