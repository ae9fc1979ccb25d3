"""``explain``: the way from a figure to the lines of the files it rests on."""

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from assets.installation import Installation
from cli.as_of import AsOfOption, known_at
from cli.home import HomeOption, open_home
from cli.report_options import possible
from cli.seen_by import SeenByOption, meters_seen
from registry.erasures import erased_periods
from registry.errors import RegistryError
from warehouse.excerpt import Excerpt, Readable
from warehouse.queries import provenance
from warehouse.schemas import METERING_POINTS
from warehouse.schemas.registers import CUMULATIVE
from warehouse.versions import Past

_Row = dict[str, Any]


class Format(StrEnum):
    """How the explanation is written."""

    text = "text"
    json = "json"


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it as 2026-01-31.") from None
    possible(day)
    return day


def explain(
    point: Annotated[str, typer.Option(help="Metering point.")],
    day: Annotated[date, typer.Option(parser=_day, metavar="DAY", help="Local day.")],
    register: Annotated[str | None, typer.Option(help="Register, e.g. volume_m3; all if none.")] = None,
    home: HomeOption = None,
    as_of: AsOfOption = "",
    seen_by: SeenByOption = "",
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.text,
) -> None:
    """Explains a day's consumption: boundary readings, telegrams, frames, files and lines; instants are UTC."""
    if register and register not in CUMULATIVE:
        raise RegistryError(f"There is no register {register}; there are {', '.join(CUMULATIVE)}.")
    house = open_home(home)
    lake: Readable = house.lake
    if at := known_at(house, as_of):
        lake = Past(lake, at)
    if seen_by and (meters := meters_seen(house, seen_by)) is not None:
        lake = Excerpt(lake, meters)
    erased = erased_periods(house.registry, house.organisation)
    found = provenance.of_day(lake, house.organisation, point, day, register=register, erased=erased)
    if not (seen_by or found["installations"] or found["figures"] or _exists(house, point)):
        raise RegistryError(f"There is no metering point {point}.")
    if form is Format.json:
        sys.stdout.write(json.dumps(found, default=_text, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(_page(found)) + "\n")


def _exists(house: Installation, point: str) -> bool:
    there = house.lake.scan(METERING_POINTS).filter(organisation=house.organisation, metering_point=point)
    return not there.head(1).collect().is_empty()


def _text(value: object) -> str:
    """A value as it is printed: instants in ISO 8601, registers as the decimals they are."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "unknown" if value is None else str(value)


def _page(found: _Row) -> Iterator[str]:
    yield f"{found['metering_point']} on {found['day']}"
    for period in found["erased"]:
        yield f"  data of {period['first_day']} to {period['last_day']} was erased on request, with figures beside it"
    for row in found["installations"]:
        until = f" until {_text(row['removed_at'])}" if row["removed_at"] else ""
        yield f"  {row['meter_id']} installed {_text(row['installed_at'])}{until}"
    if not found["figures"]:
        yield "  no figure is known of this day"
    for figure in found["figures"]:
        yield ""
        yield from _figure(figure)


def _figure(figure: _Row) -> Iterator[str]:
    yield (
        f"{figure['register']} = {_text(figure['consumption'])} {figure['unit']}, quality {figure['quality']}, "
        f"method {_text(figure['method'])}, known since {_text(figure['known_from'])}"
    )
    if figure["policy"]:
        version = figure["policy"]["version"]
        yield f"  reckoned by version {version} of the policy consumption{'' if version else ' (the shipped one)'}"
    for old in figure["superseded"]:
        yield (
            f"  before {_text(old['known_to'])}: {_text(old['consumption'])}, quality {old['quality']}, "
            f"method {_text(old['method'])}; changed by {old['cause'] or 'a boundary that became known'}"
            + (f" ({old['identity']})" if old["identity"] else "")
        )
    for side in ("start", "end"):
        yield from _boundary(side, figure[side])
    for row in figure["exchanges"]:
        yield (
            f"  exchange at {_text(row['exchanged_at'])}: {row['old_meter_id']} ended at {_text(row['old_final'])}, "
            f"{row['new_meter_id']} began at {_text(row['new_initial'])}"
        )
    for row in figure["events"]:
        yield (
            f"  {row['kind']} at {_text(row['at'])}: from {_text(row['before'])} to {_text(row['after'])}, "
            f"corrected by {_text(row['correction'])}"
        )
    for row in figure["exceptions"]:
        yield f"  {row['rule']} at {_text(row['at'])} ({row['state']}{_by_whom(row)}): {row['reason']}"


def _by_whom(row: _Row) -> str:
    if row["decided_by"] is None:
        return ""
    return f" by {row['decided_by']} at {_text(row['decided_at'])}, {row['reason_code']}"


def _boundary(side: str, boundary: _Row) -> Iterator[str]:
    readings = boundary["readings"]
    exact = len(readings) == 1 and readings[0]["measured_at"] == boundary["at"]
    how = "read there" if exact else "between the readings" if len(readings) > 1 else "no readings on both sides"
    yield f"  {side} {_text(boundary['at'])}: {_text(boundary['register'])}, quality {boundary['quality']}, {how}"
    for reading in readings:
        yield (
            f"    reading {_text(reading['measured_at'])}: {_text(reading['value'])}, quality {reading['quality']}, "
            f"{reading['source']}, {reading['meter_id']}" + (f", {reading['flags']}" if reading["flags"] else "")
        )
        if decision := reading["decision"]:
            how = "approved" if decision["value"] is None else f"given in place of {_text(decision['original'])}"
            yield f"      {how}{_by_whom(decision)}, {decision['rule']}"
        yield from _origin(reading)


def _origin(reading: _Row) -> Iterator[str]:
    telegram = reading["telegram"]
    if telegram is None:
        yield f"      {_place(reading)}, taken {_text(reading['landed_at'])}"
        return
    number = "without access number" if telegram["access_no"] is None else f"access number {telegram['access_no']}"
    yield f"      telegram {telegram['telegram_id']}, {number}, receptions {len(telegram['receptions'])}"
    for heard in telegram["receptions"]:
        signal = f", {heard['rssi_dbm']:g} dBm" if heard["rssi_dbm"] is not None else ""
        reason = f" ({heard['reason']})" if heard["reason"] else ""
        yield (
            f"        frame {heard['frame_id']} heard {_text(heard['received_at'])} by {_text(heard['collector'])}"
            f"{signal}: {heard['outcome']}{reason}"
        )
        yield f"          {_place(heard)}, landed {_text(heard['landed_at'])}"


def _place(row: _Row) -> str:
    if row["source_file"] is None:
        return "file and line were not kept"
    return f"file {row['source_file']}, line {_text(row['source_line'])}"
