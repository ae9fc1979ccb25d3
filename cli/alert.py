"""``alert``: limits on consumption, and who went beyond them."""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from assets.steps.alerts import evaluate_alerts
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.report_options import Format, FormatOption, print_report
from cli.work import Work
from registry import alerts
from registry.alerts import AlertError, Wanted
from warehouse.policies import AlertPolicy
from warehouse.queries import alerts as queries

app = typer.Typer(add_completion=False, help="Consumption alerts.", no_args_is_help=True)


class Period(StrEnum):
    """What a limit is about."""

    total = "total"
    day = "day"
    month = "month"


class State(StrEnum):
    """States of alerts that a list can be limited to."""

    pending = "pending"
    active = "active"
    new = "new"
    expired = "expired"


NumberArgument = Annotated[int, typer.Argument(metavar="ALERT", help="Number of the alert.")]


@app.callback()
def alert() -> None:
    """Limits on consumption, and who went beyond them."""


@app.command()
def add(
    place: Annotated[str, typer.Argument(metavar="POINT", help="Metering point, or id of the meter installed there.")],
    limit: Annotated[str, typer.Option(help="Consumption beyond which it alerts, in the register's unit.")],
    home: HomeOption = None,
    register: Annotated[str, typer.Option(help="Register that is watched.")] = "volume_m3",
    start: Annotated[str, typer.Option(help="Since when it counts; now by default. Local without offset.")] = "",
    end: Annotated[str, typer.Option(help="Until when; without end by default.")] = "",
    per: Annotated[Period, typer.Option(help="Count in all since start or reset, or anew each day or month.")] = (
        Period.total
    ),
    include_estimates: Annotated[bool, typer.Option(help="Let estimated consumption count.")] = False,
) -> None:
    """Watches a metering point's consumption, whatever meter is installed there."""
    work = Work.begin(home)
    wanted = Wanted(
        place=place,
        register=register,
        limit_value=_number(limit),
        starts_at=work.instant(start) or work.now,
        ends_at=work.instant(end),
        period=per.value,
        include_estimates=include_estimates,
    )
    most = work.house.policy(AlertPolicy).max_active
    with work.changing() as session:
        number = alerts.add(session, work.organisation, wanted, most=most, **work.by)
    evaluate_alerts(work.house, work.now)
    say(f"Alert {number} watches {place}.")


@app.command("list")
def list_(
    home: HomeOption = None,
    state: Annotated[State | None, typer.Option(help="Only alerts of this state.")] = None,
    form: FormatOption = Format.table,
) -> None:
    """Lists alerts, those last triggered first; 'new' are beyond their limit since they were reset."""
    work = Work.begin(home)
    print_report(queries.report(work.house.lake, work.organisation, work.now, state.value if state else None), form)


@app.command()
def show(number: NumberArgument, home: HomeOption = None, form: FormatOption = Format.table) -> None:
    """Tells when an alert was triggered, and what was retracted."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        alerts.get(session, house.organisation, number)
    print_report(queries.events(house.lake, house.organisation, number), form)


@app.command()
def reset(number: NumberArgument, home: HomeOption = None) -> None:
    """Lets an alert count anew from now on."""
    _change(alerts.reset, number, home)
    say(f"Alert {number} counts anew.")


@app.command()
def end(number: NumberArgument, home: HomeOption = None) -> None:
    """Ends an alert now; readings from before that arrive later still count."""
    _change(alerts.end, number, home)
    say(f"Alert {number} has ended.")


@app.command()
def remove(number: NumberArgument, home: HomeOption = None) -> None:
    """Takes an alert off the list; what it told remains in the lake."""
    _change(alerts.remove, number, home)
    say(f"Removed the alert {number}.")


def _change(change: Callable[..., None], number: int, home: HomeOption) -> None:
    work = Work.begin(home)
    with work.changing() as session:
        change(session, work.organisation, number, **work.by)
    evaluate_alerts(work.house, work.now)


def _number(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        raise AlertError(f"{text} is no limit: give a number with up to six digits behind the point.")
    return Decimal(text)
