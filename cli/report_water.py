"""``report water-loss``, ``night-flow`` and ``pressure``: districts of the water network."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from cli.as_of import AsOfOption, Known, open_known
from cli.home import HomeOption
from cli.messages import say
from cli.report_options import Format, FormatOption, FromOption, ToOption, days_of, print_report
from registry.errors import RegistryError
from warehouse.policies import DistrictsPolicy
from warehouse.queries import water as queries

DistrictOption = Annotated[str, typer.Option("--district", help="Only this district.")]

_BACK = 30
"""Days that a report goes back where it is not told how far."""


class Interval(StrEnum):
    """Length of the periods."""

    daily = "daily"
    monthly = "monthly"


class Shown(StrEnum):
    """What a report of pressure shows."""

    events = "events"
    grid = "grid"
    stretches = "stretches"


def water_loss(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    district: DistrictOption = "",
    interval: Annotated[Interval, typer.Option(help="Length of the periods.")] = Interval.monthly,
    alarms: Annotated[bool, typer.Option("--alarms", help="Alarms on losses instead of balances.")] = False,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Water balance of the districts with its uncertainty, or the alarms on their losses."""
    known, asked = _asked(open_known(home, as_of), from_, to, district)
    if alarms:
        rows = queries.loss_alarms(known.lake, known.organisation, asked)
    else:
        rows = queries.balances(known.lake, known.organisation, asked, interval.value)
    print_report(rows, form)


def night_flow(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    district: DistrictOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Minimum night flow of the districts, legitimate use, and the leakage it tells of."""
    known, asked = _asked(open_known(home, as_of), from_, to, district)
    rows = queries.night_flows(known.lake, known.organisation, asked)
    print_report(rows, form)


def pressure(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    district: DistrictOption = "",
    show: Annotated[
        Shown, typer.Option(help="Events, statistics of five minutes, or resistance of pipes by day.")
    ] = Shown.events,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Pressure of the districts' sensors. Samples cannot show water hammer, which lasts for seconds."""
    known, asked = _asked(open_known(home, as_of), from_, to, district)
    if show is Shown.events:
        rows = queries.pressure_events(known.lake, known.organisation, asked)
    elif show is Shown.grid:
        rows = queries.pressures(known.lake, known.organisation, known.policy(DistrictsPolicy), asked)
    else:
        rows = queries.stretches(known.lake, known.organisation, known.policy(DistrictsPolicy), asked)
    print_report(rows, form)


def _asked(known: Known, from_: datetime | None, to: datetime | None, district: str) -> tuple[Known, queries.Asked]:
    """The installation, and the days that are asked for: the last ones where nobody says."""
    districts = known.policy(DistrictsPolicy).districts
    if district and district not in districts:
        raise RegistryError(f"There is no district {district}; there are {', '.join(districts) or 'none'}.")
    if not districts:
        say("The policy districts names no district: meterhouse policy show districts.")
    first, last = days_of(from_, to, latest=known.today, back=_BACK + 1)
    return known, queries.Asked(known.zone, first, last, district)
