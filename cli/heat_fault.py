"""``heat-fault``: what people found of faults of substations."""

from datetime import datetime
from typing import Annotated

import polars as pl
import typer

from cli.home import HomeOption
from cli.messages import say
from cli.report_options import HeatingDayOption, noon_of
from cli.work import Work
from registry.errors import RegistryError
from registry.heat_faults import Verdict, review
from warehouse.queries import heat_faults

app = typer.Typer(add_completion=False, help="What people found of faults of substations.", no_args_is_help=True)

Point = Annotated[str, typer.Argument(metavar="METERING_POINT", help="Where.")]
Rule = Annotated[str, typer.Argument(help="Rule that found the fault; see 'report heat-faults'.")]
Reason = Annotated[str, typer.Option(help="What was found; no personal data.")]


@app.callback()
def heat_fault() -> None:
    """What people found of faults of substations."""


@app.command()
def confirm(
    metering_point: Point, rule: Rule, reason: Reason, on: HeatingDayOption = None, home: HomeOption = None
) -> None:
    """Notes that a fault is one."""
    _review(Work.begin(home), metering_point, rule, reason, on, "confirmed")


@app.command()
def dismiss(
    metering_point: Point, rule: Rule, reason: Reason, on: HeatingDayOption = None, home: HomeOption = None
) -> None:
    """Notes that a fault is none; the report leaves it out from then on."""
    _review(Work.begin(home), metering_point, rule, reason, on, "false")


def _review(work: Work, point: str, rule: str, reason: str, on: datetime | None, verdict: Verdict) -> None:
    at = noon_of(on, work.house.settings.zone, work.now)
    points = pl.DataFrame({"metering_point": [point]})
    found = heat_faults.report(work.house.lake, work.organisation, at=at, points=points, with_dismissed=True).filter(
        pl.col("rule") == rule
    )
    if found.is_empty():
        raise RegistryError(f"{point} has no fault {rule} in that heating year; see 'report heat-faults'.")
    with work.changing() as session:
        review(session, work.organisation, point, rule, found["period_start"][0], verdict, reason=reason, **work.by)
    say(f"{point}: {rule} is {verdict}.")
