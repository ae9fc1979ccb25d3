"""``erase``: erasure on request, and the legal holds that forbid it."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from assets.installation import Installation
from assets.steps.erasing import erase as erase_point
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects
from registry import erasures
from registry.erased_customers import readmit as readmit_customer
from registry.residences import find_residence

app = typer.Typer(add_completion=False, help="Erasure on request (GDPR article 17).", no_args_is_help=True)

PointArgument = Annotated[str, typer.Argument(metavar="METERING_POINT", help="The place.")]
ReasonOption = Annotated[str, typer.Option(help="Why, e.g. the number of the request; no personal data.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Count what would go, and erase nothing.")]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-01-31.") from None


@app.callback()
def erase() -> None:
    """Erasure on request (GDPR article 17)."""


@app.command()
def point(
    metering_point: PointArgument,
    reason: ReasonOption,
    from_: Annotated[date, typer.Option("--from", parser=_day, metavar="DAY", help="First local day.")],
    to: Annotated[date, typer.Option("--to", parser=_day, metavar="DAY", help="Last local day, inclusive.")],
    home: HomeOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Erases a metering point's data of a period from every layer; a month or year it touches goes whole."""
    house = open_home(home)
    _run(house, erasures.Request(house.organisation, metering_point, from_, to, reason), dry_run=dry_run)


@app.command()
def customer(
    customer_number: Annotated[str, typer.Argument(help="Number of a customer who moved out.")],
    reason: ReasonOption,
    home: HomeOption = None,
    point: Annotated[
        str | None, typer.Option(metavar="METERING_POINT", help="Where, if they lived at several.")
    ] = None,
    occupancy: Annotated[
        date | None, typer.Option(parser=_day, metavar="DAY", help="Local day of moving in, if they did so repeatedly.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Erases the time that a customer lived at a metering point, from every layer; the days of moving go whole."""
    house, now = open_home(home), datetime.now(UTC)
    found = find_residence(
        house.registry,
        house.organisation,
        customer_number,
        zone=house.settings.zone,
        now=now,
        metering_point=point,
        first_day=occupancy,
    )
    say(f"{found}.")
    request = erasures.Request(house.organisation, found.metering_point, found.first_day, found.last_day, reason)
    _run(house, request, dry_run=dry_run)


def _run(house: Installation, request: erasures.Request, *, dry_run: bool) -> None:
    counts = erase_point(house, request, identity=identity(), now=datetime.now(UTC), dry_run=dry_run)
    for name, count in counts.items():
        typer.echo(f"{name},{count}")
    total = sum(counts.values())
    say(f"{total} rows would go; nothing is erased." if dry_run else f"{total} rows are erased.")


@app.command()
def readmit(
    customer_number: Annotated[str, typer.Argument(help="Number of a customer who is erased.")],
    reason: Annotated[str, typer.Option(help="Why they come back; no personal data.")],
    home: HomeOption = None,
) -> None:
    """Lets an erased customer become known again, by a file or by hand; what is erased stays erased."""
    house = open_home(home)
    found = readmit_customer(
        house.registry,
        house.vault,
        house.organisation,
        customer_number,
        reason=reason,
        identity=identity(),
        now=datetime.now(UTC),
    )
    say(f"Readmitted, in spite of erasure {', '.join(map(str, found))}.")


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the tombstones as CSV."""
    house = open_home(home)
    columns = ("id", "metering_point", "first_day", "last_day", "begun_at", "finished_at", "rows", "reason")
    print_objects(columns, erasures.erasures(house.registry, house.organisation))


@app.command()
def hold(
    metering_point: PointArgument,
    reason: Annotated[str, typer.Option(help="Why it must be kept; no personal data.")],
    home: HomeOption = None,
    from_: Annotated[date | None, typer.Option("--from", parser=_day, metavar="DAY", help="First local day.")] = None,
    to: Annotated[date | None, typer.Option("--to", parser=_day, metavar="DAY", help="Last local day.")] = None,
) -> None:
    """Forbids the erasure of a period."""
    house = open_home(home)
    number = erasures.place_hold(
        house.registry,
        house.organisation,
        metering_point,
        first_day=from_,
        last_day=to,
        reason=reason,
        identity=identity(),
        now=datetime.now(UTC),
    )
    say(f"Legal hold {number} is in force.")


@app.command()
def holds(home: HomeOption = None) -> None:
    """Lists the holds in force as CSV."""
    house = open_home(home)
    columns = ("id", "metering_point", "first_day", "last_day", "placed_at", "reason")
    print_objects(columns, erasures.holds(house.registry, house.organisation))


@app.command()
def release(number: Annotated[int, typer.Argument(help="Number of the hold.")], home: HomeOption = None) -> None:
    """Ends a hold."""
    house = open_home(home)
    erasures.release_hold(house.registry, house.organisation, number, identity=identity(), now=datetime.now(UTC))
    say(f"Legal hold {number} is released.")
