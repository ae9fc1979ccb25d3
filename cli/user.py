"""``user``: people and services, what they may do, and their invitations."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from cli.acting import PASSWORD_VARIABLE, AsOption
from cli.files import ask_secret, secret_option
from cli.home import HomeOption
from cli.messages import say
from cli.people import (
    TOKEN_VARIABLE,
    ByHandOption,
    DecimalOption,
    DelimiterOption,
    HoursOption,
    LanguageOption,
    PasswordOption,
    RoleOption,
    ThousandsOption,
    Who,
    begin,
    hand_over,
    parse_roles,
    roles_text,
)
from cli.tables import print_rows
from cli.user_invitations import app as invitation_app
from cli.user_invitations import show_preview
from cli.user_rights import domain_app, matrix, service_app
from cli.work import given
from registry.people import grants, invitations, links, roles, users
from registry.people.grants import require_meter
from registry.people.locale import Locale

Email = Annotated[str, typer.Argument(help="E-mail address, which is the user name.")]
Name = Annotated[str, typer.Option(help="Full name.")]

app = typer.Typer(add_completion=False, help="People and services, and what they may do.", no_args_is_help=True)
app.add_typer(invitation_app, name="invitation")
app.add_typer(service_app, name="service")
app.add_typer(domain_app, name="domain")
app.command("matrix")(matrix)


@app.command()
def add(
    email: Email,
    name: Name,
    role: RoleOption = None,
    language: LanguageOption = None,
    csv_delimiter: DelimiterOption = None,
    thousands: ThousandsOption = None,
    decimal: DecimalOption = None,
    password_file: PasswordOption = None,
    home: HomeOption = None,
) -> None:
    """Makes an account with a first password, to be changed at the first sign-in.

    The first one of an organisation is its administrator, and its mail domain that of the organisation.
    """
    work = begin(home)
    user_id = users.add(
        work.house.registry,
        work.house.vault,
        work.organisation,
        email=email,
        name=name,
        password=ask_secret("password", password_file, PASSWORD_VARIABLE, twice=True),
        roles=parse_roles(role),
        locale=_locale(language, csv_delimiter, thousands, decimal),
        **work.by,
    )
    work.publish(f"Made user:{user_id}.")


@app.command()
def invite(
    email: Email,
    name: Name,
    role: RoleOption = None,
    language: LanguageOption = None,
    csv_delimiter: DelimiterOption = None,
    thousands: ThousandsOption = None,
    decimal: DecimalOption = None,
    external: Annotated[
        bool | None, typer.Option(help="Whether the person belongs to another company; by default, as the address.")
    ] = None,
    as_: AsOption = "",
    home: HomeOption = None,
) -> None:
    """Makes an invitation and shows it; 'user invitation send' then makes its link."""
    work = begin(home, as_)
    number = invitations.create(
        work.house.registry,
        work.house.vault,
        work.organisation,
        email=email,
        name=name,
        roles=parse_roles(role),
        locale=_locale(language, csv_delimiter, thousands, decimal),
        is_external=external,
        **work.by,
    )
    work.publish(f"Made invitation {number}; check it, then 'meterhouse user invitation send {number}'.")
    show_preview(work, number)


@app.command()
def accept(
    token_file: Annotated[Path | None, secret_option("the token", TOKEN_VARIABLE)] = None,
    password_file: PasswordOption = None,
    home: HomeOption = None,
) -> None:
    """Takes a link: activation, invitation or reset of a password; its token alone will do."""
    work = begin(home)
    link = ask_secret("token", token_file, TOKEN_VARIABLE).strip()
    token = parse_qs(urlsplit(link).query).get("token", [link])[0]
    password = ask_secret("password", password_file, PASSWORD_VARIABLE, twice=True)
    user_id = links.accept(work.house.registry, token, password, now=work.now)
    work.publish(f"user:{user_id} can sign in with the new password.")


@app.command("list")
def list_(
    name: Annotated[str, typer.Option(help="Part of the name.")] = "",
    email: Annotated[str, typer.Option(help="Part of the address.")] = "",
    role: Annotated[str, typer.Option(help="A role, such as superuser, or keys=superuser.")] = "",
    external: Annotated[bool | None, typer.Option(help="Only people of other companies, or only our own.")] = None,
    home: HomeOption = None,
) -> None:
    """Lists the accounts as CSV."""
    work = begin(home)
    with work.reading() as session:
        found = users.find(session, [work.organisation], name=name, email=email, role=role, is_external=external)
    print_rows(
        ["user", "name", "email", "organisation", "roles", "external", "state", "latest_login"],
        [
            (
                f"user:{account.user_id}",
                account.name,
                account.email,
                account.organisation,
                roles_text(account.roles.items()),
                account.is_external,
                account.state,
                account.latest_login_at,
            )
            for account in found
        ],
    )
    say(f"{len(found)} accounts.")


@app.command()
def show(who: Who, home: HomeOption = None) -> None:
    """Shows an account as JSON, with its read rights and who can help its person."""
    work = begin(home)
    account = work.account(who)
    with work.reading() as session:
        rights = grants.read_rights(session, work.organisation, account.user_id)
        helpers = users.who_can_help(session, work.organisation)
    locale, login = account.locale, account.latest_login_at
    shown = {
        "user": f"user:{account.user_id}",
        "name": account.name,
        "email": account.email,
        "organisation": account.organisation,
        "roles": dict(account.roles),
        "external": account.is_external,
        "state": account.state,
        "must_change_password": account.must_change_password,
        "latest_login": login.isoformat() if login else None,
        "language": locale.language,
        "csv_delimiter": locale.csv_delimiter,
        "thousands_separator": locale.thousands_separator,
        "decimal_separator": locale.decimal_separator,
        "meters": [
            {
                "meter_id": right.meter_id,
                "from": right.valid_from.isoformat(),
                "to": right.valid_to.isoformat() if right.valid_to else None,
            }
            for right in rights
        ],
        "who_can_help": helpers,
    }
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@app.command()
def edit(
    who: Who,
    name: Annotated[str | None, typer.Option(help="Full name.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address, which is the user name.")] = None,
    language: LanguageOption = None,
    csv_delimiter: DelimiterOption = None,
    thousands: ThousandsOption = None,
    decimal: DecimalOption = None,
    external: Annotated[bool | None, typer.Option(help="Whether the person belongs to another company.")] = None,
    home: HomeOption = None,
) -> None:
    """Changes an account."""
    work = begin(home)
    user_id = work.user(who)
    changes = given(
        name=name,
        email=email,
        language=language,
        csv_delimiter=csv_delimiter,
        thousands_separator=thousands,
        decimal_separator=decimal,
        is_external=external,
    )
    users.edit(work.house.registry, work.house.vault, work.organisation, user_id, changes, **work.by)
    work.publish(f"Changed user:{user_id}.")


@app.command()
def role(
    who: Who,
    service: Annotated[str, typer.Argument(help="portal, keys, manager or analytics.")],
    role: Annotated[str, typer.Argument(help="user, superuser, administrator, or none for no access.")],
    reason: Annotated[str | None, typer.Option(help="Why; goes into the audit log.")] = None,
    home: HomeOption = None,
) -> None:
    """Gives a person a role in a service; it holds at the person's next request."""
    work = begin(home)
    user_id = work.user(who)
    roles.change(
        work.house.registry,
        work.organisation,
        user_id,
        service,
        None if role == "none" else role,
        **work.by,
        reason=reason,
    )
    work.publish(f"user:{user_id} has {'no access to' if role == 'none' else f'the role {role} in'} {service}.")


@app.command()
def history(
    who: Annotated[str | None, typer.Argument(help="E-mail address or number.")] = None, home: HomeOption = None
) -> None:
    """Lists the roles that people hold and held as CSV, the newest first."""
    work = begin(home)
    user_id = work.user(who) if who else None
    with work.reading() as session:
        held = roles.history(session, work.organisation, user_id)
    print_rows(
        ["user", "service", "role", "granted_at", "granted_by", "ended_at", "ended_by"],
        [
            (f"user:{row.user_id}", row.service, row.role, row.granted_at, row.granted_by, row.ended_at, row.ended_by)
            for row in held
        ],
    )


@app.command()
def capability(
    who: Who,
    capability: Annotated[str, typer.Argument(help="Advanced function of the key service, such as otc_admin.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away.")] = False,
    home: HomeOption = None,
) -> None:
    """Grants an advanced function of the key service, or takes it away."""
    work = begin(home)
    user_id = work.user(who)
    roles.set_capability(work.house.registry, work.organisation, user_id, capability, is_granted=not remove, **work.by)
    work.publish(f"user:{user_id} has {capability} {'no more' if remove else 'now'}.")


@app.command()
def disable(who: Who, home: HomeOption = None) -> None:
    """Disables an account: its person is signed out and cannot sign in."""
    _set_enabled(who, home, is_enabled=False)


@app.command()
def enable(who: Who, home: HomeOption = None) -> None:
    """Enables an account again."""
    _set_enabled(who, home, is_enabled=True)


def _set_enabled(who: str, home: HomeOption, *, is_enabled: bool) -> None:
    work = begin(home)
    user_id = work.user(who)
    users.set_enabled(work.house.registry, work.organisation, user_id, is_enabled=is_enabled, **work.by)
    work.publish(f"user:{user_id} is {'enabled' if is_enabled else 'disabled'}.")


@app.command()
def delete(
    who: Who,
    erase: Annotated[bool, typer.Option("--erase", help="Let the audit log forget, too, who that was.")] = False,
    home: HomeOption = None,
) -> None:
    """Deletes an account: its number stays in the history, name and address go."""
    work = begin(home)
    user_id = work.user(who)
    users.delete(work.house.registry, work.organisation, user_id, **work.by, is_erased=erase)
    work.publish(f"Deleted user:{user_id}.")


@app.command("sign-out")
def sign_out(who: Who, home: HomeOption = None) -> None:
    """Ends all sessions of a person."""
    work = begin(home)
    user_id = work.user(who)
    ended = users.revoke_sessions(work.house.registry, work.organisation, user_id, **work.by)
    work.publish(f"Ended {ended} sessions of user:{user_id}.")


@app.command("reset-password")
def reset_password(
    who: Who, valid_hours: HoursOption = 4, by_hand: ByHandOption = False, home: HomeOption = None
) -> None:
    """Mails a link by which a person sets a new password, or prints it."""
    work = begin(home)
    letters = None if by_hand else work.house.letters
    issued = links.reset_password(
        work.house.registry,
        work.organisation,
        work.user(who),
        **work.by,
        ttl=timedelta(hours=valid_hours),
        letters=letters,
    )
    hand_over(work, issued, is_sent=letters is not None)


@app.command()
def grant(
    who: Who,
    meter: Annotated[str, typer.Argument(help="Meter, such as KAM-76348799-1b-16.")],
    from_: Annotated[str, typer.Option("--from", help="Since when, such as 2026-01-31; by default now.")] = "",
    to: Annotated[str, typer.Option("--to", help="Until when; by default without end.")] = "",
    name: Annotated[str | None, typer.Option(help="Full name of a person without account, who is invited.")] = None,
    home: HomeOption = None,
) -> None:
    """Lets a person read one meter; with --name, a person who has no account yet is invited."""
    work = begin(home)
    registry, organisation = work.house.registry, work.organisation
    valid_from, valid_to = work.instant(from_) or work.now, work.instant(to)
    with work.reading() as session:
        require_meter(session, organisation, meter)
        known = users.find(session, [organisation], email=who) if name else []
    invited = None
    if name and who.strip().lower() not in [account.email for account in known]:
        invited = invitations.create(
            registry, work.house.vault, organisation, email=who, name=name, roles={}, locale=Locale(), **work.by
        )
    user_id = work.user(who)
    grants.grant(registry, organisation, user_id, meter, valid_from=valid_from, valid_to=valid_to, **work.by)
    work.publish(f"user:{user_id} may read {meter}.")
    if invited is not None:
        say(f"Made invitation {invited}; check it, then 'meterhouse user invitation send {invited}'.")
        show_preview(work, invited)


@app.command()
def revoke(who: Who, meter: Annotated[str, typer.Argument(help="Meter.")], home: HomeOption = None) -> None:
    """Takes the right to read one meter away."""
    work = begin(home)
    user_id = work.user(who)
    grants.revoke(work.house.registry, work.organisation, user_id, meter, **work.by)
    work.publish(f"user:{user_id} may not read {meter} any more, unless by a role.")


def _locale(language: str | None, delimiter: str | None, thousands: str | None, decimal: str | None) -> Locale:
    return Locale(
        **given(language=language, csv_delimiter=delimiter, thousands_separator=thousands, decimal_separator=decimal)
    )
