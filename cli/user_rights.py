"""``user matrix``, ``user domain`` and ``user service``: what roles permit, who belongs, who works unattended."""

from datetime import timedelta
from typing import Annotated

import typer

from cli.acting import AsOption
from cli.home import HomeOption
from cli.people import begin
from cli.tables import print_rows
from registry.people import access, domains, services
from registry.people import matrix as permissions
from registry.people.errors import PeopleError
from registry.people.rights import AREAS, PRESETS, ROLES
from registry.people.services import LONGEST_TTL, SECRET_TTL

Name = Annotated[str, typer.Argument(help="Name of the service.")]
PermissionOption = Annotated[
    list[str] | None, typer.Option("--permission", metavar="SERVICE:AREA", help="What it may do; may come again.")
]
PresetOption = Annotated[
    str, typer.Option(help="A set of permissions: unattended (imports, readings and the keys they take).")
]

domain_app = typer.Typer(
    add_completion=False, help="Mail domains whose people belong to the organisation.", no_args_is_help=True
)
service_app = typer.Typer(add_completion=False, help="Service identities for unattended work.", no_args_is_help=True)


def matrix(
    role: Annotated[str | None, typer.Argument(help="superuser or user.")] = None,
    area: Annotated[str | None, typer.Argument(help="Area, such as group_management.")] = None,
    allow: Annotated[bool | None, typer.Option("--allow/--forbid", help="What to change the cell to.")] = None,
    home: HomeOption = None,
) -> None:
    """Prints the permission matrix as CSV, after a change of one cell if one is named."""
    work = begin(home)
    if role is not None or area is not None or allow is not None:
        if role is None or area is None or allow is None:
            raise PeopleError("Name a role, an area, and --allow or --forbid to change a cell.")
        permissions.edit(
            work.house.registry,
            work.organisation,
            role,
            area,
            is_allowed=allow,
            identity=work.identity,
            now=work.now,
        )
        work.publish(f"The role {role} {'may now' if allow else 'may not'} {area.replace('_', ' ')}.")
    with work.reading() as session:
        cells = access.permission_matrix(session, work.organisation)
    print_rows(
        ["area", *reversed(ROLES)],
        [(area, *("yes" if area in cells[role] else "no" for role in reversed(ROLES))) for area in AREAS],
    )


@domain_app.command("list")
def list_domains(home: HomeOption = None) -> None:
    """Lists the domains, and those that wait for a second administrator."""
    work = begin(home)
    with work.reading() as session:
        allowed = [(domain, "allowed", "") for domain in sorted(domains.domains(session, work.organisation))]
        asked = [(one.domain, "waits", one.asked_by) for one in domains.requests(session, work.organisation)]
    print_rows(["domain", "state", "asked_by"], allowed + asked)


@domain_app.command()
def allow(domain: str, as_: AsOption = "", home: HomeOption = None) -> None:
    """Adds a domain: people with its addresses may be added, and may make accounts for themselves.

    Where there are two administrators, the second one confirms.
    """
    work = begin(home, as_)
    if domains.allow(work.house.registry, work.organisation, domain, identity=work.identity, now=work.now):
        work.publish(f"{domain} is one of the organisation's domains.")
    else:
        work.publish(f"{domain} waits until a second administrator confirms it: 'meterhouse user domain confirm'.")


@domain_app.command()
def confirm(domain: str, as_: AsOption = "", home: HomeOption = None) -> None:
    """Adds a domain that somebody else asked for."""
    work = begin(home, as_)
    domains.confirm(work.house.registry, work.organisation, domain, identity=work.identity, now=work.now)
    work.publish(f"{domain} is one of the organisation's domains.")


@domain_app.command()
def remove(domain: str, home: HomeOption = None) -> None:
    """Takes a domain away, or the request for one; accounts that exist stay."""
    work = begin(home)
    domains.remove(work.house.registry, work.organisation, domain, identity=work.identity, now=work.now)
    work.publish(f"{domain} is none of the organisation's domains.")


@service_app.command("list")
def list_services(home: HomeOption = None) -> None:
    """Lists service identities and their permissions as CSV."""
    work = begin(home)
    with work.reading() as session:
        found = services.services(session, work.organisation)
    print_rows(
        ["service", "description", "enabled", "permissions", "secret_expires_at"],
        [
            (
                one.name,
                one.description,
                one.is_enabled,
                " ".join(sorted(map(":".join, one.permissions))),
                one.secret_expires_at,
            )
            for one in found
        ],
    )


@service_app.command()
def add(
    name: Name,
    permission: PermissionOption = None,
    preset: PresetOption = "",
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    home: HomeOption = None,
) -> None:
    """Makes a service identity."""
    work = begin(home)
    services.add(
        work.house.registry,
        work.organisation,
        name,
        _permissions(permission, preset),
        description=description,
        identity=work.identity,
        now=work.now,
    )
    work.publish(f"Made service:{name}.")


@service_app.command()
def permit(name: Name, permission: PermissionOption = None, preset: PresetOption = "", home: HomeOption = None) -> None:
    """Sets what a service may do, in place of what it might."""
    work = begin(home)
    services.permit(
        work.house.registry,
        work.organisation,
        name,
        _permissions(permission, preset),
        identity=work.identity,
        now=work.now,
    )
    work.publish(f"Changed service:{name}.")


@service_app.command()
def secret(
    name: Name,
    valid_days: Annotated[
        float, typer.Option(min=0.01, max=LONGEST_TTL.days, help="Days for which it works.")
    ] = SECRET_TTL.days,
    revoke: Annotated[bool, typer.Option("--revoke", help="Only make the one there is work no longer.")] = False,
    home: HomeOption = None,
) -> None:
    """Makes the secret by which programs act as a service, and prints it; the one before works no longer."""
    work = begin(home)
    if revoke:
        services.revoke_secret(work.house.registry, work.organisation, name, identity=work.identity, now=work.now)
        work.publish(f"The secret of service:{name} works no longer.")
        return
    made = services.new_secret(
        work.house.registry,
        work.organisation,
        name,
        identity=work.identity,
        now=work.now,
        ttl=timedelta(days=valid_days),
    )
    work.publish(f"The secret of service:{name}, which is shown once:")
    typer.echo(made)


@service_app.command()
def disable(name: Name, home: HomeOption = None) -> None:
    """Disables a service."""
    _set_service(name, home, is_enabled=False)


@service_app.command()
def enable(name: Name, home: HomeOption = None) -> None:
    """Enables a service again."""
    _set_service(name, home, is_enabled=True)


def _set_service(name: str, home: HomeOption, *, is_enabled: bool) -> None:
    work = begin(home)
    services.enable(
        work.house.registry,
        work.organisation,
        name,
        is_enabled=is_enabled,
        identity=work.identity,
        now=work.now,
    )
    work.publish(f"service:{name} is {'enabled' if is_enabled else 'disabled'}.")


def _permissions(given: list[str] | None, preset: str) -> set[tuple[str, str]]:
    if preset and preset not in PRESETS:
        raise PeopleError(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    found = set(PRESETS[preset]) if preset else set()
    for text in given or []:
        service, _, area = text.partition(":")
        found.add((service, area))
    return found
