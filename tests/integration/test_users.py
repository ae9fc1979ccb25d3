"""``user``: people through the command line, from the first administrator to a read right; secrets stay secret."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.acting import PASSWORD_VARIABLE
from cli.main import app
from cli.people import TOKEN_VARIABLE
from registry import audit
from registry.errors import RegistryError
from registry.people.errors import PeopleError, SignInError
from registry.people.sessions import sign_in
from tests.integration.installations import House
from tests.unit.registry.conftest import METERS, NOW

PASSWORD, OTHER = "Blue-Lantern-7", "Green-Lantern-8"
METER = "KAM-90000001-1b-16"
Run = Callable[..., Result]


@pytest.fixture
def user(house: House, tmp_path: Path) -> Run:
    """``meterhouse user …``."""

    def run(*arguments: object, secret: str = "", token: str = "") -> Result:
        environment = {PASSWORD_VARIABLE: secret or None, TOKEN_VARIABLE: token or None}
        result = CliRunner().invoke(app, ["user", *map(str, arguments)], env=environment)
        assert PASSWORD not in result.output
        assert OTHER not in result.output
        return result

    return run


def works(result: Result) -> str:
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result.stdout


def fails(result: Result, message: str) -> None:
    assert result.exit_code != 0
    assert result.stdout == ""
    assert isinstance(result.exception, RegistryError), result.exception
    assert message in str(result.exception)


def test_people_from_the_command_line(house: House, user: Run, tmp_path: Path) -> None:
    (tmp_path / "meters.csv").write_text(METERS)
    assert house.take("meters", tmp_path / "meters.csv") == 0
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    registry = house.installation.registry

    fails(user("add", "admin@example.org", "--name", "Person One"), f"set {PASSWORD_VARIABLE}")
    works(user("add", "admin@example.org", "--name", "Person One", "--password-file", file, "--language", "da"))
    shown = json.loads(works(user("show", "admin@example.org")))
    roles = {"portal": "superuser", "keys": "superuser", "manager": "administrator", "analytics": "administrator"}
    assert (shown["roles"], shown["language"], shown["must_change_password"]) == (roles, "da", True)
    fails(user("role", "admin@example.org", "manager", "none"), "only administrator")
    fails(user("delete", "user:1"), "only administrator")

    preview = json.loads(works(user("invite", "p2@example.org", "--name", "Person Two", "--role", "manager=superuser")))
    assert (preview["state"], preview["roles"]["manager"]) == ("created", "superuser")
    works(user("invitation", "edit", 1, "--name", "Person Second", "--role", "manager=user"))
    token = works(user("invitation", "send", 1, "--valid-hours", 48)).strip()
    assert ",sent," in works(user("invitation", "list"))
    with pytest.raises(PeopleError, match="8 characters"):
        raise user("accept", secret="weak", token=token).exception  # type: ignore[misc]
    works(user("accept", secret=PASSWORD, token=token))
    fails(user("accept", secret=PASSWORD, token=token), "used, expired or revoked")
    fails(user("invitation", "edit", 1, "--name", "X"), "is accepted")
    fails(user("invitation", "show", 99), "see 'meterhouse user invitation list'")
    assert sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW).user.name == "Person Second"

    reset = works(user("reset-password", "p2@example.org")).strip()
    works(user("accept", secret=OTHER, token=reset))
    with pytest.raises(SignInError):
        sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW)

    def seen(who: str) -> list[str]:
        asked = ["sql", "select meter_id from meters order by 1", "--seen-by", who, "--format", "csv"]
        return works(CliRunner().invoke(app, asked)).split()[1:]

    assert len(seen("p2@example.org")) == 4, "a user of the manager sees all"
    works(user("role", "p2@example.org", "manager", "none"))
    assert seen("p2@example.org") == []
    works(user("role", "p2@example.org", "analytics", "user"))
    assert len(seen("p2@example.org")) == 4, "so does one of analytics, as on the pages"
    works(user("role", "p2@example.org", "analytics", "none"))
    works(user("grant", "p2@example.org", METER))
    assert seen("p2@example.org") == [METER]
    works(user("revoke", "p2@example.org", METER))
    works(user("role", "p2@example.org", "manager", "user"))

    works(user("edit", "p2@example.org", "--csv-delimiter", ";", "--thousands", ".", "--decimal", ","))
    works(user("role", "p2@example.org", "keys", "user", "--reason", "on call"))
    works(user("capability", "p2@example.org", "otc_admin"))
    listed = works(user("list", "--role", "keys=user")).splitlines()
    assert listed[1].startswith("user:2,Person Second,p2@example.org,default,keys=user manager=user portal=user,false")
    assert len(listed) == 2
    assert "user:2,keys,user," in works(user("history", "p2@example.org"))

    works(user("grant", "p3@other.example", METER, "--from", "2026-01-01", "--name", "Person Three"))
    meters = json.loads(works(user("show", "p3@other.example")))["meters"]
    assert meters == [{"meter_id": METER, "from": "2025-12-31T23:00:00+00:00", "to": None}]
    fails(user("grant", "p4@example.org", METER), "no such account")
    fails(user("grant", "p4@example.org", "KAM-1", "--name", "Person Four"), "no meter")
    fails(user("grant", "p2@example.org", METER, "--to", "soon"), "is no time")
    fails(user("invitation", "send", 2), "second administrator")
    works(user("revoke", "p3@other.example", METER))
    works(user("invitation", "revoke", 2))

    assert "access_control,yes,no,no" in works(user("matrix"))
    assert "group_management,yes,yes,yes" in works(user("matrix", "user", "group_management", "--allow"))
    fails(user("matrix", "user", "group_management"), "--allow or --forbid")
    works(user("domain", "allow", "other.example"))
    assert works(user("domain", "list")).split() == [
        "domain,state,asked_by",
        "example.org,allowed,",
        "other.example,allowed,",
    ]
    works(user("service", "add", "robot", "--preset", "unattended", "--permission", "analytics:data_access"))
    secret = works(user("service", "secret", "robot")).strip()
    works(user("service", "disable", "robot"))
    assert "robot,,false,analytics:data_access keys:data_access" in works(user("service", "list"))
    works(user("disable", "p2@example.org"))
    works(user("delete", "p2@example.org", "--erase"))
    assert works(user("list")).count("\n") == 2

    events = house.ask("select event, identity from audit_log where event like 'user.%' or event like 'service.%'")
    assert {"user.add", "user.role", "user.meter.grant", "user.erase", "service.secret"} <= set(events["event"])
    assert all(identity.startswith(("local:", "user:", "service:")) for identity in events["identity"])
    assert audit.walk(registry).broken is None
    files = [path for path in house.installation.settings.home.rglob("*") if path.is_file()]
    secrets = [text.encode() for text in (PASSWORD, OTHER, token, reset, secret)]
    assert [path for path in files if any(hidden in path.read_bytes() for hidden in secrets)] == []
    lake = [path for path in files if path.is_relative_to(house.installation.settings.lake_path)]
    assert lake
    assert [
        path for path in lake if any(word in path.read_bytes() for word in (b"admin@", b"p2@", b"Person "))
    ] == [], "what tells of a person is not published"
