"""``audit``: who changed what, and whether the record of it holds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.tables import print_objects
from registry.audit import walk
from registry.heads import fault, note_head, read_heads
from registry.trail import Filter, details, events

app = typer.Typer(add_completion=False, help="The audit log.", no_args_is_help=True)

_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%dT%H:%M"

COLUMNS = ("number", "at", "event", "identity", "computer", "object", "reason", "before", "after", "details")


@app.callback()
def audit() -> None:
    """The audit log: every change by a person or a service, each event chained by its hash to the one before."""


def _end(text: str) -> datetime:
    """End of a period, local: a day belongs to it as a whole, a time ends it there."""
    for form, length in ((_DAY, timedelta(days=1)), (_MINUTE, timedelta())):
        try:
            return datetime.strptime(text, form) + length  # noqa: DTZ007  the zone is that of the installation
        except ValueError:
            continue
    raise typer.BadParameter(f"{text!r} is no day and no time; write it as 2026-01-31 or 2026-01-31T12:00.")


@app.command("list")
def list_(
    home: HomeOption = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=[_DAY, _MINUTE], help="From then on, in the utility's zone."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=_end,
            metavar="DAY|TIME",
            help="Up to the end of that day, or up to that time, in the utility's zone.",
        ),
    ] = None,
    event: Annotated[
        str | None, typer.Option(help="Type of event, or its first word, such as meters or organisations.")
    ] = None,
    identity: Annotated[str | None, typer.Option(help="User or service.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="What was changed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Events at most; the newest.")] = 1000,
) -> None:
    """Lists events as CSV, the newest first."""
    house = open_home(home)
    first, until = (at.replace(tzinfo=house.settings.zone).astimezone(UTC) if at else None for at in (from_, to))
    asked = Filter(house.organisation, first, until, event, identity, object_)
    print_objects(COLUMNS, events(house.registry, asked, limit))


@app.command()
def show(number: Annotated[int, typer.Argument(help="Number of the event.")], home: HomeOption = None) -> None:
    """Prints everything about one event as JSON, with what it tells of a person unless that was erased."""
    house = open_home(home)
    found = details(house.registry, house.vault, house.organisation, number)
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def verify(
    home: HomeOption = None,
    heads: Annotated[
        Path | None, typer.Option(help="File of noted heads; by default the one of the settings.", dir_okay=False)
    ] = None,
) -> None:
    """Walks the chain and compares it with the heads noted before; exit status 1 where either does not hold."""
    house = open_home(home)
    file = heads or house.settings.audit_heads_path
    noted = read_heads(file)
    chain = walk(house.registry, noted)
    if problem := fault(chain, file):
        complain(problem)
        raise typer.Exit(1)
    say(f"{chain.events} events hold, and {len(noted)} noted heads agree. Head: {chain.head}")


@app.command()
def head(
    home: HomeOption = None,
    out: Annotated[
        Path | None, typer.Option(help="File to append to; by default the one of the settings.", dir_okay=False)
    ] = None,
) -> None:
    """Walks the chain and, where it holds as noted before, notes its head at a separate place."""
    house = open_home(home)
    file = out or house.settings.audit_heads_path
    chain = walk(house.registry, read_heads(file))
    if problem := fault(chain, file):
        complain(f"{problem} No head is noted.")
        raise typer.Exit(1)
    note_head(file, chain, datetime.now(UTC))
    say(f"{file}: {chain.events} events, head {chain.head}")
