"""``report water-loss``, ``night-flow`` and ``pressure``: districts of the water network."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assets.installation import Installation
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.report_options import Format, FormatOption, FromOption, ToOption, day_of, print_report
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
    form: FormatOption = Format.table,
) -> None:
    """Water balance of the districts with its uncertainty, or the alarms on their losses."""
    house, asked = _asked(home, from_, to, district)
    if alarms:
        rows = queries.loss_alarms(house.lake, house.organisation, asked)
    else:
        rows = queries.balances(house.lake, house.organisation, asked, interval.value)
    print_report(rows, form)


def night_flow(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    district: DistrictOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Minimum night flow of the districts, legitimate use, and the leakage it tells of."""
    house, asked = _asked(home, from_, to, district)
    rows = queries.night_flows(house.lake, house.organisation, asked)
    print_report(rows, form)


def pressure(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    district: DistrictOption = "",
    show: Annotated[
        Shown, typer.Option(help="Events, statistics of five minutes, or resistance of pipes by day.")
    ] = Shown.events,
    form: FormatOption = Format.table,
) -> None:
    """Pressure of the districts' sensors. Samples cannot show water hammer, which lasts for seconds."""
    house, asked = _asked(home, from_, to, district)
    if show is Shown.events:
        rows = queries.pressure_events(house.lake, house.organisation, asked)
    elif show is Shown.grid:
        rows = queries.pressures(house.lake, house.organisation, house.policy(DistrictsPolicy), asked)
    else:
        rows = queries.stretches(house.lake, house.organisation, house.policy(DistrictsPolicy), asked)
    print_report(rows, form)


def _asked(
    home: Path | None, from_: datetime | None, to: datetime | None, district: str
) -> tuple[Installation, queries.Asked]:
    """The installation, and the days that are asked for: the last ones where nobody says."""
    house = open_home(home)
    known = house.policy(DistrictsPolicy).districts
    if district and district not in known:
        raise RegistryError(f"There is no district {district}; there are {', '.join(known) or 'none'}.")
    if not known:
        say("The policy districts names no district: meterhouse policy show districts.")
    last = day_of(to) or datetime.now(UTC).astimezone(house.settings.zone).date()
    first = day_of(from_) or last - timedelta(days=_BACK)
    return house, queries.Asked(house.settings.zone, first, last, district)
