"""``notification`` and its sensor in an installation: from readings to a message in an inbox."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assets.resources import InstallationResource
from cli.main import app
from pipelines.mail import mail_job, mail_sensor
from pipelines.notifications import notification_job, notification_sensor
from tests.integration.installations import House
from tests.integration.mail_server import Authority, Inbox
from tests.integration.mailing import ca, environment, inbox, installed, port
from tests.integration.test_alert_command import METERS, POINT, READINGS

__all__ = ["ca", "inbox", "port"]

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

KIM, ROBIN = "kim@elsewhere.example", "robin@elsewhere.example"
RULE = f"""
name: Alerts
consumption_alerts: true
recipients: [{KIM}]
frequency: {{at: 12:20}}
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def done(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def rows(*words: str) -> list[dict]:
    return json.loads(done("notification", *words, "--format", "json"))


@pytest.fixture
def alerted(house: House) -> House:
    """An installation in which a limit was passed."""
    house.register("meters", _file(house, "meters", METERS))
    house.register("customers", _file(house, "customers", POINT))
    house.take_text("readings", READINGS.format(last="2.6"))
    done("alert", "add", "P1", "--limit", "1", "--start", "2025-06-01T22:00:00Z")
    return house


def _file(house: House, kind: str, text: str) -> Path:
    file = house.installation.settings.home.parent / f"{kind}.csv"
    file.write_text(text)
    return file


def test_a_rule_from_its_file_to_the_inbox(
    alerted: House, inbox: Inbox, ca: Authority, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(RULE)
    done("notification", "add", str(file))
    done("notification", "subscribe", "P1", "--to", ROBIN, "--consumption-alerts", "--language", "nb")
    assert [(row["recipient"], row["consumption_alerts"]) for row in rows("subscriptions", "P1")] == [(ROBIN, True)]
    assert "messages wait" in run("notification", "send").output
    assert {row["state"] for row in rows("log")} == {"queued"}
    for name, value in environment(port, ca).items():
        monkeypatch.setenv(name, value)
    from assets.installation import open_installation

    open_installation.cache_clear()
    assert "E-mail: 2 sent" in run("notification", "send").output
    assert "E-mail: 0 sent" in run("notification", "send").output
    assert sorted(address for (address,) in inbox.recipients) == [KIM, ROBIN]
    (listed,) = rows("list")
    assert (listed["recipient"], listed["frequency"], listed["status"]) == (KIM, "Daily 12:20", "success")
    assert listed["last_sent"].endswith(("+01:00", "+02:00"))
    published = alerted.ask("select state, status, recipient_no from notifications")
    assert published.rows() == [("sent", "success", 1)] * 2
    shown = done("notification", "show", "Alerts")
    file.write_text(shown + "remind_days: 3\n")
    done("notification", "edit", "Alerts", str(file), "--version", "1")
    refused = run("notification", "edit", "Alerts", str(file), "--version", "1")
    assert "changed by somebody else" in str(refused.exception)
    done("notification", "deactivate", "Alerts")
    assert rows("list")[0]["active"] is False
    done("notification", "activate", "Alerts")
    assert "Nothing is chosen" in str(run("notification", "unsubscribe", "P1", "--to", KIM).exception)
    done("notification", "unsubscribe", "P1", "--to", ROBIN)
    done("notification", "unsubscribe", "P1")
    assert rows("subscriptions", "P1") == []
    assert "There is no metering point P9" in str(run("notification", "subscriptions", "P9").exception)
    done("notification", "remove", "Alerts", "--yes")
    assert rows("list") == []
    assert len(rows("log")) == 2, "what was told stays"
    told = "".join(json.dumps(row) for row in rows("log")) + alerted.ask("select * from audit_log").write_csv()
    assert KIM not in told
    assert ROBIN not in told


def test_the_sensor_asks_for_a_run_that_tells(
    alerted: House, inbox: Inbox, ca: Authority, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = installed(alerted, port, ca)
    monkeypatch.setattr(InstallationResource, "open", lambda _: known)
    resource = InstallationResource(home=str(known.settings.home))
    assert "No notification rule is active" in str(notification_sensor(installation=resource))
    file = tmp_path / "rule.yaml"
    file.write_text(RULE.replace("frequency", "# frequency"))
    done("notification", "add", str(file))
    asked = notification_sensor(installation=resource)
    assert asked.run_key == notification_sensor(installation=resource).run_key, "asked for once, not every 30 s"
    for job in (notification_job, mail_job, notification_job):
        assert job.execute_in_process(resources={"installation": resource}).success
    assert len(inbox.messages) == 1
    assert "No message is due" in str(mail_sensor(installation=resource))
    file.write_text(RULE.replace("Alerts", "More").replace("frequency", "# frequency"))
    done("notification", "add", str(file))
    assert notification_sensor(installation=resource).run_key != asked.run_key, "a rule is new"


@pytest.mark.parametrize("text", ["name: X", f"name: X\ninfo_codes: {{}}\nrecipients: ['{KIM} ']"])
def test_a_file_that_is_no_rule_is_refused(house: House, tmp_path: Path, text: str) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(text)
    result = run("notification", "add", str(file))
    assert result.exit_code == 1
    assert "The rule is not understood" in result.output + str(result.exception)
    assert KIM not in result.output + str(result.exception)
