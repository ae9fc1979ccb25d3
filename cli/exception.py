"""``exception``: the queue of what validation questions, and decisions about it."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from assets.steps.deciding import Choice, decide
from cli.acting import AsOption
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.registry import bring_up_to_date
from cli.report_options import Format, FormatOption, FromOption, ToOption, given_days
from cli.work import Work
from registry.decisions import Subject
from registry.errors import RegistryError
from registry.inventory.registers import parse_registers
from warehouse.published import render
from warehouse.queries.exceptions import exceptions
from warehouse.transforms.validation.catalogue import RULES

app = typer.Typer(add_completion=False, help="What validation questions, and decisions about it.", no_args_is_help=True)

_Meter = Annotated[str, typer.Argument(metavar="METER", help="The meter.")]
_Rule = Annotated[str, typer.Argument(metavar="RULE", help="Code of the rule, e.g. V06.")]
_At = Annotated[str, typer.Argument(metavar="AT", help="Time of the questioned value, as 'exception list' prints it.")]
_Register = Annotated[str, typer.Option(help="Register, where several are questioned.")]
_Code = Annotated[str, typer.Option("--code", help="Reason code; the policy validation lists them.")]
_Reason = Annotated[str, typer.Option(help="Why, in your words; no personal data.")]

_SHOWN = ("state", "severity", "rule", "kind", "meter_id", "metering_point", "register", "at", "reason")


class State(StrEnum):
    """What became of what was questioned."""

    open = "open"
    estimated = "estimated"
    approved = "approved"
    rejected = "rejected"
    overridden = "overridden"
    resolved = "resolved"
    all = "all"


@app.callback()
def exception() -> None:
    """What validation questions, and decisions about it."""


@app.command("list")
def list_(
    home: HomeOption = None,
    state: Annotated[State, typer.Option(help="Only of this state.")] = State.open,
    rule: Annotated[str, typer.Option(help="Only of this rule.")] = "",
    meter: Annotated[str, typer.Option(help="Only of this meter.")] = "",
    from_: FromOption = None,
    to: ToOption = None,
    form: FormatOption = Format.csv,
) -> None:
    """Lists exceptions, the newest first."""
    if rule and rule not in RULES:
        raise RegistryError(f"There is no rule {rule}; see 'meterhouse validation rules'.")
    first, last = given_days(from_, to)
    house = open_home(home)
    found = exceptions(
        house.lake,
        house.organisation,
        zone=house.settings.zone,
        states=() if state is State.all else (state.value,),
        rule=rule,
        meter_id=meter,
        first=first,
        last=last,
    )
    typer.echo(render(found.select(_SHOWN), form.value), nl=False)


@app.command()
def show(meter: _Meter, rule: _Rule, at: _At, home: HomeOption = None, register: _Register = "") -> None:
    """Prints all that is known of an exception: its evidence, the policy's version, who decided."""
    work = Work.begin(home)
    found = _one(work, meter, rule, at, register)
    for name, value in found.row(0, named=True).items():
        typer.echo(f"{name}: {'' if value is None else value.isoformat() if isinstance(value, datetime) else value}")


@app.command()
def approve(
    meter: _Meter,
    rule: _Rule,
    at: _At,
    reason: _Reason,
    home: HomeOption = None,
    register: _Register = "",
    code: _Code = "checked",
    as_: AsOption = "",
) -> None:
    """Says that the value is right: it counts."""
    _decide(Work.begin(home, as_), meter, rule, at, register, Choice("approve", code, reason))


@app.command()
def reject(
    meter: _Meter,
    rule: _Rule,
    at: _At,
    reason: _Reason,
    home: HomeOption = None,
    register: _Register = "",
    code: _Code = "checked",
    as_: AsOption = "",
) -> None:
    """Says that the value is wrong: it does not count. The reading itself stays."""
    _decide(Work.begin(home, as_), meter, rule, at, register, Choice("reject", code, reason))


@app.command()
def override(
    meter: _Meter,
    rule: _Rule,
    at: _At,
    value: Annotated[str, typer.Option(help="What the register showed.")],
    reason: _Reason,
    home: HomeOption = None,
    register: _Register = "",
    code: _Code = "misread",
    force: Annotated[bool, typer.Option("--force", help="Though a better value stands.")] = False,
    as_: AsOption = "",
) -> None:
    """Gives another value, of quality X. The reading itself stays."""
    _decide(
        Work.begin(home, as_), meter, rule, at, register, Choice("override", code, reason, _number(value), forced=force)
    )


def _number(text: str) -> Decimal:
    return next(iter(parse_registers({"volume_m3": text}).values()))


def _one(work: Work, meter: str, rule: str, at: str, register: str) -> pl.DataFrame:
    """The exception that is meant.

    Raises:
        RegistryError: There is none, or more than one.
    """
    instant = work.instant(at)
    found = exceptions(
        work.house.lake, work.organisation, zone=work.house.settings.zone, states=(), rule=rule, meter_id=meter
    ).filter(pl.col("at") == instant)
    if register:
        found = found.filter(pl.col("register") == register)
    if found.is_empty():
        raise RegistryError(f"There is no such exception {rule} of {meter} at {at}: see 'meterhouse exception list'.")
    if found.height > 1:
        raise RegistryError(f"Name one of the registers with --register: {', '.join(found['register'])}.")
    return found


def _decide(work: Work, meter: str, rule: str, at: str, register: str, choice: Choice) -> None:
    row = _one(work, meter, rule, at, register).row(0, named=True)
    subject = Subject(meter, row["register"], row["at"], rule)
    if not decide(work.house, subject, choice, **work.by):
        say("Noted. It takes effect when a second person decides the same.")
        return
    say(f"{rule} of {meter} at {at}: {choice.decision}.")
    raise typer.Exit(bring_up_to_date(work.house))
