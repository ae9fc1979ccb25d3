"""``org``: organisations and partners."""

from typing import Annotated

import typer

from assets.steps.publishing import publish_events
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects, print_rows
from cli.work import Work
from registry import organisations
from registry.organisations import Entry

app = typer.Typer(add_completion=False, help="Organisations and partners.", no_args_is_help=True)
partner_app = typer.Typer(
    add_completion=False, help="Partners: organisations outside of one's tree.", no_args_is_help=True
)
app.add_typer(partner_app, name="partner")


@app.callback()
def org() -> None:
    """Organisations and partners."""


@partner_app.callback()
def partner() -> None:
    """Partners: organisations outside of one's tree."""


@app.command()
def add(
    organisation: Annotated[str, typer.Argument(help="Short name: letters, digits, _ and -; it never changes.")],
    name: Annotated[str, typer.Option(help="Name.")],
    home: HomeOption = None,
    parent: Annotated[str, typer.Option(help="Short name of the one above; by default this installation's.")] = "",
    reference: Annotated[str, typer.Option(help="What you call it.")] = "",
    may_create: Annotated[
        bool, typer.Option("--may-create/--may-not-create", help="Whether it may make organisations below itself.")
    ] = False,
) -> None:
    """Adds an organisation below another one."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        entry = organisations.add(
            session,
            work.organisation,
            organisation,
            name=name,
            **work.by,
            parent=parent or None,
            own_reference=reference or None,
            may_create_children=may_create,
        )
    _print([entry])


@app.command("list")
def list_(
    home: HomeOption = None,
    name: Annotated[str, typer.Option(help="Part of the short or long name.")] = "",
    parent: Annotated[str, typer.Option(help="Short name of the one above.")] = "",
    reference: Annotated[str, typer.Option(help="Part of the reference.")] = "",
) -> None:
    """Lists the organisation and those below it."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        entries = organisations.listed(
            session, house.organisation, name=name or None, parent=parent or None, own_reference=reference or None
        )
    _print(entries)


@app.command()
def show(
    organisation: Annotated[str, typer.Argument(help="Short name; by default this installation's.")] = "",
    home: HomeOption = None,
) -> None:
    """Shows an organisation with its public id."""
    house = open_home(home)
    which = organisation or house.organisation
    with house.registry.begin(readonly=True) as session:
        organisations.seen(session, house.organisation, which)
        entries = organisations.listed(session, house.organisation)
    _print([entry for entry in entries if entry.organisation == which])


@app.command()
def edit(
    organisation: Annotated[str, typer.Argument(help="Short name.")],
    home: HomeOption = None,
    name: Annotated[str | None, typer.Option(help="Name.")] = None,
    reference: Annotated[str | None, typer.Option(help="What you call it.")] = None,
    may_create: Annotated[bool | None, typer.Option("--may-create/--may-not-create")] = None,
    accepts_partners: Annotated[bool | None, typer.Option("--accepts-partners/--accepts-no-partners")] = None,
) -> None:
    """Changes an organisation; what is not given stays."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        entry = organisations.edit(
            session,
            work.organisation,
            organisation,
            **work.by,
            name=name,
            own_reference=reference,
            may_create_children=may_create,
            accepts_partners=accepts_partners,
        )
    _print([entry])


@partner_app.command("add")
def partner_add(
    public_id: Annotated[str, typer.Argument(help="Id that the other organisation has given you.")],
    home: HomeOption = None,
) -> None:
    """Names an organisation a partner by its id."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        name = organisations.add_partner(session, work.organisation, public_id, **work.by)
    say(f"{name} is a partner.")


@partner_app.command("list")
def partner_list(home: HomeOption = None) -> None:
    """Lists the partners."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = organisations.partners(session, house.organisation)
    print_rows(["partner"], [[name] for name in found])


@partner_app.command("revoke")
def partner_revoke(
    name: Annotated[str, typer.Argument(help="Short name of the partner.")], home: HomeOption = None
) -> None:
    """Ends a partnership."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        organisations.revoke_partner(session, work.organisation, name, **work.by)
    say(f"{name} is no partner any more.")


def _print(entries: list[Entry]) -> None:
    columns = Entry.__slots__
    print_objects(columns, entries)
