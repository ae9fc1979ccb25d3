"""``report``: lists for people, one command each."""

import sys
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from cli.home import HomeOption, open_home
from registry.errors import RegistryError
from warehouse.info_texts import LANGUAGES
from warehouse.policies import InfoCodePolicy
from warehouse.published import render
from warehouse.queries import info_codes as info_code_queries
from warehouse.queries import subjects

app = typer.Typer(help="Lists for people.", no_args_is_help=True)


class Format(StrEnum):
    """How a report is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class Order(StrEnum):
    """What comes first in a list of info codes."""

    newest = "newest"
    important = "important"


FromOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")]
GroupOption = Annotated[str, typer.Option("--group", help="Only metering points of this group.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the report is written.")]


@app.callback()
def report() -> None:
    """Lists for people."""


@app.command("info-codes")
def info_codes(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    form: FormatOption = Format.table,
    only_high: Annotated[bool, typer.Option("--only-high-priority", help="Only codes of high priority.")] = False,
    only_active: Annotated[bool, typer.Option("--only-active", help="Only codes that are active now.")] = False,
    order: Annotated[Order, typer.Option("--sort", help="What comes first.")] = Order.newest,
    language: Annotated[str, typer.Option(help=f"Language of names and texts: {', '.join(LANGUAGES)}.")] = "en",
) -> None:
    """Info codes: which meters show what, since when, and on how many days of the last 30."""
    house = open_home(home)
    if language not in LANGUAGES:
        raise RegistryError(f"There are no texts in {language}; there are {', '.join(LANGUAGES)}.")
    asked = info_code_queries.Asked(
        as_of=datetime.now(UTC),
        zone=house.settings.zone,
        expected_interval=timedelta(seconds=house.settings.expected_interval_s),
        language=language,  # type: ignore[arg-type]
        order=order.value,
        only_high=only_high,
        only_active=only_active,
        first=_day(from_),
        last=_day(to),
    )
    policy = house.policy(InfoCodePolicy)
    _print(info_code_queries.report(house.lake, house.organisation, policy, asked, members(house, group)), form)


def members(house: Installation, group: str) -> pl.DataFrame | None:
    """The metering points that belong to a group now; ``None`` where none is named.

    Raises:
        RegistryError: There is no such group.
    """
    if not group:
        return None
    if group not in subjects.groups(house.lake, house.organisation)["group"]:
        raise RegistryError(f"There is no group {group}; 'meterhouse group list' names them.")
    now = pl.lit(datetime.now(UTC))
    points = subjects.group(house.lake, house.organisation, group)
    begun = (pl.col("valid_from") <= now).fill_null(value=True)
    return points.filter(begun, (pl.col("valid_to") > now).fill_null(value=True)).select("metering_point")


def _day(day: datetime | None) -> date | None:
    return day.date() if day else None


def _print(rows: pl.DataFrame, form: Format) -> None:
    sys.stdout.buffer.write(render(rows, form.value))
