"""``report heat`` and ``heat-*``, ``degree-days`` and ``motivation-tariff``."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Annotated

import typer

from cli.as_of import AsOfOption, Known, open_known
from cli.home import HomeOption
from cli.messages import say
from cli.report_options import (
    Format,
    FormatOption,
    FromOption,
    HeatingDayOption,
    ToOption,
    day_of,
    days_of,
    noon_of,
    print_report,
)
from cli.report_subjects import GroupOption, members
from registry.errors import RegistryError
from registry.residences import places_of_moves
from warehouse.policies import HeatPolicy, MotivationTariffPolicy, RatingsPolicy, WeatherPolicy
from warehouse.queries import heat, heat_faults, motivation_tariff, normalisation, weather
from warehouse.transforms.calendar import local_days

_DAYS = 30
"""Days that a report looks back where nothing is said."""


class Kind(StrEnum):
    """What a heat report shows."""

    cooling = "cooling"
    inlet = "inlet"
    outlet = "outlet"


class Level(StrEnum):
    """Performance levels."""

    good = "good"
    medium = "medium"
    poor = "poor"


def _period(known: Known, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    """The days that are asked for, by default the last thirty that are over."""
    return days_of(first, last, latest=known.today - timedelta(days=1), back=_DAYS)


def _heat(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    kind: Annotated[
        Kind, typer.Option("--type", help="Cooling performance, inlet or outlet temperature.")
    ] = Kind.cooling,
    level: Annotated[list[Level] | None, typer.Option("--rating", help="Only these ratings; may be repeated.")] = None,
    from_k: Annotated[float | None, typer.Option("--from-k", help="Least cooling, K.")] = None,
    to_k: Annotated[float | None, typer.Option("--to-k", help="Largest cooling, K.")] = None,
    higher_than: Annotated[
        float | None, typer.Option(help="Only inlet or outlet temperatures above this, degC.")
    ] = None,
) -> None:
    """Mean temperatures and cooling, weighted by volume over the whole period, with rating and excess volume."""
    known = open_known(home, as_of)
    first, last = _period(known, from_, to)
    if any(limit is not None and not isfinite(limit) for limit in (from_k, to_k, higher_than)):
        raise RegistryError("--from-k, --to-k and --higher-than are numbers.")
    if from_k is not None and to_k is not None and to_k < from_k:
        raise RegistryError(f"--to-k {to_k:g} lies below --from-k {from_k:g}.")
    if higher_than is not None and kind is Kind.cooling:
        raise RegistryError("--higher-than is about a temperature: add --type inlet or --type outlet.")
    asked = heat.Asked(
        first=first,
        last=last,
        zone=known.zone,
        kind=kind.value,
        ratings=frozenset(one.value for one in level or ()),
        from_k=from_k,
        to_k=to_k,
        higher_than=higher_than,
        group=group,
    )
    policies = known.policy(HeatPolicy), known.policy(RatingsPolicy)
    print_report(heat.report(known.lake, known.organisation, *policies, asked, members(known, group)), form)


def _checks(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Months in which counted energy does not fit volume and temperatures: wrong scale, wrong unit, bad sensor."""
    known = open_known(home, as_of)
    first, last = _period(known, from_, to)
    print_report(heat.checks(known.lake, known.organisation, first=first, last=last), form)


def _faults(
    home: HomeOption = None,
    on: HeatingDayOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    dismissed: Annotated[bool, typer.Option("--dismissed", help="Show those that were found false, too.")] = False,
) -> None:
    """Faults of substations, the worst first, with what people found of them."""
    known = open_known(home, as_of)
    at = noon_of(on, known.zone, known.now)
    found = heat_faults.report(
        known.lake, known.organisation, at=at, points=members(known, group), with_dismissed=dismissed
    )
    print_report(found, form)


def _degree_days(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Degree days of the weather stations."""
    known = open_known(home, as_of)
    first, last = _period(known, from_, to)
    policy = known.policy(WeatherPolicy)
    found = weather.sums(known.lake, known.organisation, policy, first=first, last=last)
    print_report(found, form)
    if found["missing_days"].sum():
        say("Where days are missing, the degree days are too few: import their temperatures.")


def _normalised(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    reference_year: Annotated[
        int | None,
        typer.Option(help="Year whose weather is the reference; by default all that are known.", min=1900, max=2200),
    ] = None,
) -> None:
    """Heat per point and month, by default of the last twelve, as it would have been in a reference's weather."""
    known = open_known(home, as_of)
    last = day_of(to) or known.today.replace(day=1) - timedelta(days=1)
    back = (last - (last.replace(day=1) - timedelta(days=334)).replace(day=1)).days + 1
    first, last = days_of(from_, to, latest=last, back=back)
    asked = normalisation.Asked(first, last, known.zone, reference_year)
    policy = known.policy(WeatherPolicy)
    print_report(normalisation.report(known.lake, known.organisation, policy, asked, members(known, group)), form)


def _motivation_tariff(
    year: Annotated[int, typer.Option(help="Calendar year.", min=2000, max=2200)],
    home: HomeOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Discount or surcharge of a year by return temperature; says who is left out, and why."""
    known = open_known(home, as_of)
    policy, zone = known.policy(MotivationTariffPolicy), known.zone
    days = local_days(date(year, 1, 1), date(year, 12, 31), zone)
    with known.house.registry.begin(readonly=True) as session:
        moved = places_of_moves(session, known.organisation, days["start"][0], days["end"][-1])
    found = motivation_tariff.report(
        known.lake,
        known.organisation,
        policy,
        year=year,
        zone=zone,
        moved=moved,
        points=members(known, group),
    )
    print_report(found, form)
    if days["end"][-1] > known.now:
        say(f"{year} is not over: the amounts are provisional.")


COMMANDS: dict[str, Callable[..., None]] = {
    "heat": _heat,
    "heat-checks": _checks,
    "heat-faults": _faults,
    "heat-normalised": _normalised,
    "degree-days": _degree_days,
    "motivation-tariff": _motivation_tariff,
}
"""The commands by name."""
