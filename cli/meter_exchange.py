"""``meter exchange``: one meter exchange by hand."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from assets.steps.publishing import publish_registry
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from registry.imports.instants import read_instant
from registry.inventory import exchanges, new_exchanges
from registry.inventory.meters import find_meter, open_installation
from registry.inventory.new_exchanges import ExchangeError, NewExchange
from registry.inventory.registers import parse_registers
from settings.features import require
from warehouse.published import render

app = typer.Typer(add_completion=False, help="Meter exchanges by hand.", no_args_is_help=True)

PointArgument = Annotated[str, typer.Argument(help="Metering point.")]
FinalOption = Annotated[
    list[str] | None, typer.Option("--final", help="Register of the old meter, e.g. volume_m3=12.5; any number.")
]
InitialOption = Annotated[
    list[str] | None, typer.Option("--initial", help="Register of the new meter, e.g. volume_m3=0; any number.")
]


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """Reads ``name=value`` options."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or name.strip() in found:
            raise typer.BadParameter("give each name once, as name=value.", param_hint=option)
        found[name.strip()] = value.strip()
    return found


def registers(texts: list[str] | None, option: str) -> dict[str, Decimal]:
    """Reads ``register=value`` options."""
    return parse_registers(pairs(texts or [], option))


@app.command()
def enter(
    point: PointArgument,
    home: HomeOption = None,
    old: Annotated[str, typer.Option(help="Meter taken away; asked where it is left out.")] = "",
    new: Annotated[str, typer.Option(help="Meter put in its place; asked where it is left out.")] = "",
    at: Annotated[str, typer.Option(help="When, local or with an offset; asked where it is left out.")] = "",
    final: FinalOption = None,
    initial: InitialOption = None,
    reason: Annotated[str, typer.Option(help="Why; names nobody.")] = "",
) -> None:
    """Enters an exchange; what is left out is asked for where somebody can answer."""
    house = open_home(home)
    require(house.settings, "meter_exchange")
    with house.registry.begin(readonly=True) as session:
        current = open_installation(session, house.organisation, metering_point=point)
    if current is None:
        raise ExchangeError(f"No meter is installed at {point}: install the new one.")
    old = _asked(old, "--old", f"Meter taken away ({current.meter_id} is installed)", current.meter_id)
    new = _asked(new, "--new", "Meter put in its place", None)
    at = _asked(at, "--at", "When", None)
    finals = registers(final or _asked_registers(f"Register of the old meter {old}"), "--final")
    initials = registers(
        initial or [f"{name}={_asked('', '--initial', f'{name} of the new meter {new}', '0')}" for name in finals],
        "--initial",
    )
    with house.registry.begin() as session:
        old_meter = find_meter(session, house.organisation, old)
        new_meter = find_meter(session, house.organisation, new)
        exchange = NewExchange(
            metering_point=point,
            exchanged_at=read_instant(at, house.settings.zone),
            old_meter_id=old_meter.meter_id,
            new_meter_id=new_meter.meter_id,
            finals=finals,
            initials=initials,
            reason=reason or None,
        )
        kept = new_exchanges.enter(
            session,
            house.organisation,
            exchange,
            vault=house.vault,
            zone=house.settings.zone,
            identity=identity(),
            now=datetime.now(UTC),
        )
    say(f"{point}: {old_meter.meter_id} was exchanged for {new_meter.meter_id}.")
    _tell(point, kept=kept)
    raise typer.Exit(_follow(house))


@app.command()
def correct(
    point: PointArgument,
    at: Annotated[str, typer.Argument(help="When the exchange was, as it is known so far.")],
    reason: Annotated[str, typer.Option(help="Why; names nobody.")],
    home: HomeOption = None,
    moved_to: Annotated[str, typer.Option(help="When it was in truth.")] = "",
    new: Annotated[str, typer.Option(help="Which meter was put there in truth.")] = "",
    final: FinalOption = None,
    initial: InitialOption = None,
) -> None:
    """Corrects a wrong exchange; what was known before stays in the registry."""
    house = open_home(home)
    zone = house.settings.zone
    with house.registry.begin() as session:
        kept = exchanges.correct(
            session,
            house.organisation,
            point,
            read_instant(at, zone),
            vault=house.vault,
            zone=zone,
            identity=identity(),
            now=datetime.now(UTC),
            reason=reason,
            moved_to=read_instant(moved_to, zone) if moved_to else None,
            new_meter_id=find_meter(session, house.organisation, new).meter_id if new else None,
            finals=registers(final, "--final"),
            initials=registers(initial, "--initial"),
        )
    say(f"{point}: the exchange is corrected.")
    _tell(point, kept=kept)
    raise typer.Exit(_follow(house))


@app.command()
def withdraw(
    point: PointArgument,
    at: Annotated[str, typer.Argument(help="When the exchange was to be.")],
    reason: Annotated[str, typer.Option(help="Why; names nobody.")],
    home: HomeOption = None,
) -> None:
    """Takes back an exchange that never was."""
    house = open_home(home)
    with house.registry.begin() as session:
        exchanges.withdraw(
            session,
            house.organisation,
            point,
            read_instant(at, house.settings.zone),
            vault=house.vault,
            identity=identity(),
            now=datetime.now(UTC),
            reason=reason,
        )
    say(f"{point}: the exchange is withdrawn.")
    raise typer.Exit(_follow(house))


@app.command()
def show(
    point: PointArgument,
    home: HomeOption = None,
    history: Annotated[bool, typer.Option("--history", help="Also versions that were corrected.")] = False,
    as_of: Annotated[str, typer.Option(help="What was known at this instant.")] = "",
) -> None:
    """Shows the exchanges of a point as CSV, with their registers."""
    house = open_home(home)
    names = ("exchanged_at", "old_meter_id", "new_meter_id", "register", "old_final", "new_initial", "reason")
    with house.registry.begin(readonly=True) as session:
        rows = exchanges.versions(
            session,
            house.organisation,
            point,
            superseded=history,
            as_of=read_instant(as_of, house.settings.zone) if as_of else None,
        )
    columns = (*names, "identity", "known_from", "known_to")
    texts = [[_text(getattr(row, name)) for name in columns] for row in rows]
    table = pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String), orient="row")
    sys.stdout.buffer.write(render(table, "csv", for_people=True))


def _text(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None if value is None else str(value)


def _asked(given: str, option: str, question: str, default: str | None) -> str:
    """What an option says, or else what the person at the terminal answers."""
    if given:
        return given
    if not sys.stdin.isatty():
        if option == "--initial":
            raise typer.BadParameter("give the start registers of the new meter.", param_hint=option)
        raise typer.BadParameter("is missing.", param_hint=option)
    return str(typer.prompt(question, default=default, err=True))


def _asked_registers(question: str) -> list[str]:
    """Registers as ``name=value`` until an empty line; none where nobody can be asked."""
    found: list[str] = []
    while sys.stdin.isatty():
        answer = typer.prompt(f"{question}, e.g. volume_m3=12.5; empty when done", default="", err=True)
        if not answer:
            break
        found.append(str(answer))
    return found


def _follow(house: Installation) -> int:
    publish_registry(house)
    return bring_up_to_date(house)


def _tell(point: str, *, kept: bool) -> None:
    if not kept:
        say(f"{point}: data of that day is erased, so the registers are not kept.")
