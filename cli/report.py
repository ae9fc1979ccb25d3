"""``report``: lists for people, one command each."""

from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import typer

from cli import report_radio, report_water
from cli.as_of import AsOfOption, open_known
from cli.heat_reports import COMMANDS as HEAT_COMMANDS
from cli.home import HomeOption
from cli.messages import say
from cli.report_options import Format, FormatOption, FromOption, ToOption, days_of, given_days, print_report
from cli.report_subjects import GroupOption, members, with_customers
from registry.errors import RegistryError
from warehouse.info_texts import LANGUAGES
from warehouse.policies import InfoCodePolicy, LeakPolicy, ReplacementPolicy
from warehouse.queries import corrections as correction_queries
from warehouse.queries import info_codes as info_code_queries
from warehouse.queries import leaks as leak_queries
from warehouse.queries import reports
from warehouse.queries.consumption import TABLE_OF
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.calendar import local_days

app = typer.Typer(add_completion=False, help="Lists for people.", no_args_is_help=True)


class Order(StrEnum):
    """What comes first in a list of info codes."""

    newest = "newest"
    important = "important"


class Limit(StrEnum):
    """Which consumers a report shows."""

    above = "above"
    below = "below"
    zero = "zero"
    no_data = "no_data"


class Period(StrEnum):
    """Which figures a report is about."""

    hourly = "hourly"
    daily = "daily"
    monthly = "monthly"
    yearly = "yearly"


@app.callback()
def report() -> None:
    """Lists for people."""


@app.command("info-codes")
def info_codes(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    only_high: Annotated[bool, typer.Option("--only-high-priority", help="Only codes of high priority.")] = False,
    only_active: Annotated[bool, typer.Option("--only-active", help="Only codes that are active now.")] = False,
    order: Annotated[Order, typer.Option("--sort", help="What comes first.")] = Order.newest,
    language: Annotated[str, typer.Option(help=f"Language of names and texts: {', '.join(LANGUAGES)}.")] = "en",
) -> None:
    """Info codes: which meters show what, since when, and on how many days of the last 30."""
    known = open_known(home, as_of)
    first, last = given_days(from_, to)
    if language not in LANGUAGES:
        raise RegistryError(f"There are no texts in {language}; there are {', '.join(LANGUAGES)}.")
    asked = info_code_queries.Asked(
        as_of=known.now,
        zone=known.zone,
        expected_interval=timedelta(seconds=known.house.settings.expected_interval_s),
        language=language,  # type: ignore[arg-type]
        order=order.value,
        only_high=only_high,
        only_active=only_active,
        first=first,
        last=last,
    )
    policy = known.policy(InfoCodePolicy)
    print_report(info_code_queries.report(known.lake, known.organisation, policy, asked, members(known, group)), form)


@app.command()
def leaks(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
) -> None:
    """Leaks and bursts that consumption shows, whatever the meter says; the most severe first."""
    known = open_known(home, as_of)
    asked = leak_queries.Asked(known.zone, *given_days(from_, to))
    policy = known.policy(LeakPolicy)
    print_report(leak_queries.report(known.lake, known.organisation, policy, asked, members(known, group)), form)


@app.command()
def consumption(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    register: Annotated[list[str] | None, typer.Option(help="Only these registers, e.g. volume_m3.")] = None,
    limit: Annotated[
        Limit | None, typer.Option(help="Only consumers above or below --bound, of zero, unknown.")
    ] = None,
    bound: Annotated[
        str | None, typer.Option(help="What above and below mean, in the register's unit; 0 if not given.")
    ] = None,
    customers: Annotated[bool, typer.Option("--customers", help="With number, name and address.")] = False,
) -> None:
    """Consumption per metering point between two days, by default last month's; totals go to standard error.

    With --to alone it begins with that month; with --from alone it ends with last month, or yesterday if begun since.
    """
    known = open_known(home, as_of)
    first, last = _month_or_days(known.today, from_, to)
    if limit not in (Limit.above, Limit.below) and bound is not None:
        raise RegistryError("--bound is what --limit above and --limit below mean: add one of them.")
    if unknown_registers := sorted(set(register or ()) - set(CUMULATIVE)):
        raise RegistryError(f"There is no register {', '.join(unknown_registers)}; there are {', '.join(CUMULATIVE)}.")
    asked = reports.Asked(
        first, last, known.zone, tuple(register or ()), limit.value if limit else None, _number(bound or "0")
    )
    rows = reports.consumption_report(known.lake, known.organisation, asked, members(known, group))
    if rows.is_empty():
        say(f"There are no such figures of {first} to {last}.")
    for line in reports.totals(rows).rows(named=True):
        unknown = f", {line['missing']} unknown" if line["missing"] else ""
        total = "unknown" if line["consumption"] is None else f"{line['consumption']} {line['unit']}"
        say(f"{line['register']}: {total}, {line['points']} metering points{unknown}")
    print_report(with_customers(known, rows) if customers else rows, form)


@app.command()
def corrections(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    period: Annotated[Period, typer.Option(help="Which figures.")] = Period.daily,
) -> None:
    """Figures that were corrected on some days, by default the last seven, as far as the policy 'replacement' says."""
    known = open_known(home, as_of)
    first, last = days_of(from_, to, latest=known.today, back=7)
    bounds = local_days(first, last, known.zone)
    table = TABLE_OF[period.value]
    policy = known.policy(ReplacementPolicy)
    start, end = bounds["start"][0], bounds["end"][-1]
    print_report(correction_queries.corrections(known.lake, known.organisation, table, policy, start, end), form)


def _month_or_days(today: date, from_: datetime | None, to: datetime | None) -> tuple[date, date]:
    """Last month, or the days that are asked for."""
    first, last = last_month(today)
    given, end = given_days(from_, to)
    if end:
        return given or end.replace(day=1), end
    if given and given > last:
        return given, max(given, today - timedelta(days=1))
    return given or first, last


def last_month(today: date) -> tuple[date, date]:
    """First and last day of the month before a day's."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise RegistryError(f"{text!r} is no number.") from None
    if not number.is_finite() or abs(number) >= 10**12:
        raise RegistryError(f"{text!r} is no amount that a register can have.")
    return number


for _command in (
    report_radio.performance,
    report_radio.comment,
    report_radio.coverage,
    report_radio.collectors,
    report_radio.what_if,
    report_radio.silent,
    report_radio.batteries,
    report_water.water_loss,
    report_water.night_flow,
    report_water.pressure,
):
    app.command(_command.__name__.replace("_", "-"))(_command)
for _name, _named in HEAT_COMMANDS.items():
    app.command(_name)(_named)
