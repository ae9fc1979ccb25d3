"""``user invitation``: pending invitations, seen, changed, confirmed, sent and revoked."""

import json
from datetime import timedelta
from typing import Annotated

import typer

from cli.acting import AsOption
from cli.home import HomeOption
from cli.messages import say
from cli.people import (
    ByHandOption,
    HoursOption,
    LanguageOption,
    PeopleWork,
    RoleOption,
    begin,
    hand_over,
    parse_roles,
    roles_text,
)
from cli.tables import print_rows
from cli.work import given
from registry.people import invitations

Number = Annotated[int, typer.Argument(help="Number of the invitation.")]

app = typer.Typer(add_completion=False, help="Invitations.", no_args_is_help=True)


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists invitations with their states as CSV."""
    work = begin(home)
    with work.reading() as session:
        rows = invitations.invitations(session, work.organisation, work.now)
    print_rows(
        ["invitation", "user", "email", "name", "roles", "external", "state", "created_at", "sent_at", "expires_at"],
        [
            (
                row.invitation_id,
                f"user:{row.user_id}",
                row.email,
                row.name,
                roles_text(row.roles.items()),
                row.is_external,
                row.state,
                row.created_at,
                row.sent_at,
                row.expires_at,
            )
            for row in rows
        ],
    )


@app.command()
def show(number: Number, home: HomeOption = None) -> None:
    """Shows an invitation as it would be sent."""
    show_preview(begin(home), number)


@app.command()
def edit(
    number: Number,
    email: Annotated[str | None, typer.Option(help="E-mail address.")] = None,
    name: Annotated[str | None, typer.Option(help="Full name.")] = None,
    language: LanguageOption = None,
    role: RoleOption = None,
    home: HomeOption = None,
) -> None:
    """Changes a pending invitation; a role of 'none' takes the access to a service away."""
    work = begin(home)
    invitations.edit(
        work.house.registry,
        work.house.vault,
        work.organisation,
        number,
        changes=given(email=email, name=name, language=language),
        roles={at: None if held == "none" else held for at, held in parse_roles(role).items()},
        **work.by,
    )
    work.publish(f"Changed invitation {number}.")
    show_preview(work, number)


@app.command()
def confirm(number: Number, as_: AsOption = "", home: HomeOption = None) -> None:
    """Confirms an invitation to another domain that somebody else made."""
    work = begin(home, as_)
    invitations.confirm(work.house.registry, work.organisation, number, **work.by)
    work.publish(f"Confirmed invitation {number}.")


@app.command()
def send(number: Number, valid_hours: HoursOption = 4, by_hand: ByHandOption = False, home: HomeOption = None) -> None:
    """Mails the link of an invitation, or prints it; a link made before works no longer."""
    work = begin(home)
    letters = None if by_hand else work.house.letters
    issued = invitations.send(
        work.house.registry,
        work.organisation,
        number,
        **work.by,
        ttl=timedelta(hours=valid_hours),
        letters=letters,
    )
    hand_over(work, issued, is_sent=letters is not None)


@app.command()
def revoke(number: Number, home: HomeOption = None) -> None:
    """Revokes a pending invitation."""
    work = begin(home)
    invitations.revoke(work.house.registry, work.organisation, number, **work.by)
    work.publish(f"Revoked invitation {number}.")


def show_preview(work: PeopleWork, number: int) -> None:
    """Prints an invitation as JSON, to be checked before it is sent."""
    with work.reading() as session:
        row = invitations.preview(session, work.organisation, number, work.now)
    shown = {
        "invitation": row.invitation_id,
        "user": f"user:{row.user_id}",
        "email": row.email,
        "name": row.name,
        "language": row.language,
        "roles": dict(row.roles),
        "external": row.is_external,
        "state": row.state,
    }
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    if row.state == invitations.HELD:
        say("The address is of another domain: a second administrator must confirm the invitation.")
