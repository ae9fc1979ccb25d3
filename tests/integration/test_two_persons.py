"""What takes two persons takes two on the command line, too: a name in the environment makes nobody another one."""

import csv
import io
import os
import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.acting import PASSWORD_VARIABLE, SECRET_VARIABLE, identity
from cli.main import app
from registry import policies
from registry.errors import RegistryError
from registry.models import User
from registry.people import roles, services, throttle, users
from registry.people.errors import Denied, PasswordChangeNeeded, PeopleError, SignInError
from registry.people.locale import Locale
from registry.people.rights import UNATTENDED
from registry.trail import Filter, events
from tests.integration.installations import House
from tests.unit.passwords import quick_passwords
from tests.unit.registry.conftest import NOW
from warehouse.policies import shipped_document

__all__ = ["quick_passwords"]

PASSWORD = "Blue-Lantern-7"
FIRST, SECOND, HELPER = "first@example.org", "second@example.org", "helper@example.org"
OWNER = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
BY = {"identity": "local:test", "now": NOW}


@pytest.fixture
def staffed(house: House) -> House:
    """Two administrators, user:1 and user:2, and user:3 without a role; all have their own password."""
    registry, vault = house.installation.registry, house.installation.vault
    for email in (FIRST, SECOND, HELPER):
        who = {"email": email, "name": "Person Some", "password": PASSWORD, "locale": Locale()}
        users.add(registry, vault, "default", **who, roles={}, **BY)
    roles.change(registry, "default", 2, "manager", "administrator", **BY)
    with registry.begin() as session:
        for number in (1, 2, 3):
            session.get_one(User, number).must_change_password = False
    return house


def run(*words: object, who: str = "", password: str = PASSWORD, **environment: str) -> Result:
    """A command of somebody, who is the owner of the directory unless named."""
    named = ["--as", who] if who else []
    environment = {PASSWORD_VARIABLE: password, **environment}
    return CliRunner().invoke(app, [*map(str, words), *named], env=environment)


def works(result: Result) -> str:
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert PASSWORD not in result.output
    return result.stdout


def fails(result: Result, error: type[RegistryError], message: str) -> None:
    assert isinstance(result.exception, error), (result.exception, result.output)
    assert message in str(result.exception)


def actors(house: House, event: str) -> list[str]:
    """Who did something, the newest first."""
    return [row.identity for row in events(house.installation.registry, Filter("default", event=event))]


def test_a_forged_login_name_is_no_second_person(staffed: House) -> None:
    works(run("user", "invite", "partner@elsewhere.example.net", "--name", "Person Partner"))
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        forged = dict.fromkeys(("LOGNAME", "USER"), "") | {variable: "second"}
        fails(run("user", "invitation", "confirm", 1, **forged), Denied, "second administrator")
    works(run("user", "domain", "allow", "other.example", LOGNAME="second"))
    fails(run("user", "domain", "confirm", "other.example", LOGNAME="third"), Denied, "second administrator")
    assert actors(staffed, "invitation.confirm") == []
    assert actors(staffed, "domain.request") == [OWNER]


def test_a_second_person_confirms_an_invitation(staffed: House) -> None:
    works(run("user", "invite", "partner@elsewhere.example.net", "--name", "Person Partner", who=FIRST))
    confirm = ("user", "invitation", "confirm", 1)
    fails(run(*confirm, who=FIRST), Denied, "second administrator")
    fails(run(*confirm, who=SECOND, password="Wrong-Lantern-7"), SignInError, "failed")
    fails(run(*confirm, who=HELPER), Denied, "no right to access control")
    fails(run(*confirm, who="nobody@example.org"), PeopleError, "no such account")
    assert actors(staffed, "invitation.confirm") == []
    works(run(*confirm, who="user:2"))
    assert actors(staffed, "invitation.confirm") == ["user:2"]
    assert actors(staffed, "user.invite") == ["user:1"]
    assert actors(staffed, "user.sign_in.failed") == ["service:sign-in"]
    assert staffed.ask("select identity from audit_log where event = 'invitation.confirm'").item() == "user:2"


def test_a_second_person_confirms_a_domain(staffed: House) -> None:
    works(run("user", "domain", "allow", "other.example", who=FIRST))
    fails(run("user", "domain", "confirm", "other.example", who=FIRST), Denied, "second administrator")
    works(run("user", "domain", "confirm", "other.example", who=SECOND))
    assert "other.example,allowed," in works(run("user", "domain", "list"))
    assert (actors(staffed, "domain.request"), actors(staffed, "domain.allow")[0]) == (["user:1"], "user:2")


def test_wrong_passwords_lock_the_account_as_they_do_at_the_door(staffed: House) -> None:
    for _ in range(throttle.ACCOUNT.free):
        fails(run("user", "domain", "allow", "other.example", who=FIRST, password="Wrong-1"), SignInError, "failed")
    fails(run("user", "domain", "allow", "other.example", who=FIRST), SignInError, "failed")
    assert "user.lockout" in {row.event for row in events(staffed.installation.registry, Filter("default"))}
    works(run("user", "domain", "allow", "other.example", who=SECOND))


def test_who_must_change_the_password_does_that_first(staffed: House) -> None:
    with staffed.installation.registry.begin() as session:
        session.get_one(User, 1).must_change_password = True
    allow = ("user", "domain", "allow", "other.example")
    fails(run(*allow, who=FIRST), PasswordChangeNeeded, "changed before")
    with staffed.installation.registry.begin() as session:
        session.get_one(User, 2).is_enabled = False
    fails(run(*allow, who=SECOND), SignInError, "failed")


def test_a_service_is_no_person(staffed: House) -> None:
    registry = staffed.installation.registry
    services.add(registry, "default", "robot", {*UNATTENDED, ("manager", "access_control")}, **BY)
    secret = services.new_secret(registry, "default", "robot", **BY)
    refused = run("user", "domain", "allow", "other.example", who=FIRST, **{SECRET_VARIABLE: secret})
    fails(refused, Denied, "either as a service or as a person")


def test_two_persons_decide_about_an_exception(staffed: House) -> None:
    document = shipped_document("validation").replace("four_eyes: false", "four_eyes: true")
    with staffed.installation.registry.begin() as session:
        policies.decide(session, "default", "validation", document, reason="Audit.", untried=True, **BY)
    staffed.take_text("meters", "manufacturer,serial,version,device_type,medium\nKAM,00000001,1b,16,water\n")
    staffed.take_text(
        "customers",
        "metering_point,customer_number,manufacturer,serial,installed_at\nP1,1,KAM,00000001,2025-01-01T00:00:00Z\n",
    )
    staffed.take_text(
        "readings",
        "manufacturer,serial,measured_at,volume_m3\nKAM,00000001,2025-06-02T00:00Z,1\nKAM,00000001,2025-06-02T01:00Z,30\n",
    )
    (found,) = csv.DictReader(io.StringIO(works(run("exception", "list", "--rule", "V06"))))
    about = (found["meter_id"], found["rule"], found["at"], "--reason", "A pool.")
    fails(run("exception", "approve", *about, who=HELPER), Denied, "no right to reading management")
    assert "second person" in run("exception", "approve", *about, who=FIRST).stderr
    fails(run("exception", "approve", *about, who=FIRST), RegistryError, "second person")
    works(run("exception", "approve", *about, who=SECOND))
    assert actors(staffed, "exception.approve") == ["user:2", "user:1"]
    assert actors(staffed, "run.succeeded")[0] == "user:2"
    (decided,) = csv.DictReader(io.StringIO(works(run("exception", "list", "--rule", "V06", "--state", "approved"))))
    assert decided["at"] == found["at"]


def test_the_owner_of_a_process_without_name_is_its_number(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    def nameless(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nameless)
    works(run("user", "domain", "allow", "other.example"))
    assert actors(house, "domain.allow") == [f"local:{os.getuid()}"]


def test_nobody_leaves_traces_of_a_password(staffed: House, tmp_path: Path) -> None:
    works(run("user", "domain", "allow", "other.example", who=FIRST))
    home = staffed.installation.settings.home
    assert [path for path in home.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()] == []


def test_a_person_acts_in_one_command_alone(staffed: House) -> None:
    works(run("user", "domain", "allow", "other.example", who=FIRST))
    assert identity() == OWNER
