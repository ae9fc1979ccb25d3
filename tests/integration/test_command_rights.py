"""Every command needs a right; who shows a service's secret does what the service may, and under its name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from cli.acting import SECRET_FILE_VARIABLE, SECRET_VARIABLE
from cli.main import COMMANDS, app
from cli.rights import RIGHTS, right_of
from registry.people import services
from registry.people.errors import Denied
from registry.people.rights import AREAS, CAPABILITIES, SERVICES, UNATTENDED
from tests.integration.installations import House
from tests.unit.registry.conftest import METERS, NOW

OWNER = {"identity": "local:owner", "now": NOW}


def leaves(command: object, path: str) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path
        return
    for name, found in below.items():
        yield from leaves(found, f"{path} {name}")


def every_command() -> list[str]:
    root = typer.main.get_command(app)
    return [path for name in COMMANDS for path in leaves(root.get_command(None, name), name)]


def test_every_command_says_which_right_it_needs() -> None:
    paths = every_command()
    assert len(paths) > 80
    for path in paths:
        right = right_of(path)
        assert right is None or (right.area in AREAS and right.service in SERVICES), path
        assert right is None or right.capability in ("", *CAPABILITIES), path
    paths += ["import readings", "import temperatures"]
    unused = [name for name in RIGHTS if not any(f"{path} ".startswith(f"{name} ") for path in paths)]
    assert unused == []
    with pytest.raises(KeyError, match="nobody knows"):
        right_of("nobody knows")


@pytest.fixture
def service(house: House, monkeypatch: pytest.MonkeyPatch) -> str:
    """The command line acts as a service with the rights of unattended work."""
    registry = house.installation.registry
    services.add(registry, "default", "robot", UNATTENDED, **OWNER)
    secret = services.new_secret(registry, "default", "robot", **OWNER)
    monkeypatch.setenv(SECRET_VARIABLE, secret)
    return secret


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def denied(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, Denied), (arguments, result.exception, result.output)
    return str(result.exception)


def test_a_service_does_what_it_may_under_its_name(house: House, service: str, tmp_path: Path) -> None:
    (tmp_path / "meters.csv").write_text(METERS)
    assert run("import", "meters", tmp_path / "meters.csv").exit_code == 0
    asked = run("sql", "select distinct identity from audit_log where event = 'meters.import'", "--format", "csv")
    assert asked.stdout.split() == ["identity", "service:robot"]
    for command in (
        ("group", "new", "North"),
        ("user", "list"),
        ("key", "rotate"),
        ("erase", "list"),
        ("mail", "templates"),
        ("meter", "capacity", "set", "--meters", 5),
        ("serve", "dashboards"),
    ):
        assert "service:robot has no right to" in denied(*command)
    assert "has not the function otc_admin" in denied("key", "batch", "list")
    importing = ("manager", "device_and_customer_management")
    services.permit(house.installation.registry, "default", "robot", {importing}, **OWNER)
    assert "meters.csv holds keys" in denied("import", "meters", tmp_path / "meters.csv")
    services.permit(house.installation.registry, "default", "robot", {("keys", area) for area in AREAS}, **OWNER)
    assert "has not the function otc_admin" in denied("key", "batch", "list")
    assert "no right to data access in the service manager" in denied("sql", "select 1")
    (tmp_path / "readings.csv").write_text("manufacturer,serial,measured_at,volume_m3\n")
    assert "no right to reading management" in denied("import", "readings", tmp_path / "readings.csv")
    assert "no right to device and customer" in denied("import", "meters", tmp_path / "meters.csv")


def test_a_secret_that_is_none_is_not_the_owners(
    house: House, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.enable(house.installation.registry, "default", "robot", is_enabled=False, **OWNER)
    assert "the secret of no service" in denied("sql", "select 1")
    assert service not in denied("group", "list")
    monkeypatch.setenv(SECRET_FILE_VARIABLE, str(tmp_path / "absent"))
    assert "cannot be read" in str(run("sql", "select 1").exception)
    monkeypatch.delenv(SECRET_FILE_VARIABLE)
    monkeypatch.delenv(SECRET_VARIABLE)
    assert run("sql", "select 1").exit_code == 0, "the owner of the directory"
