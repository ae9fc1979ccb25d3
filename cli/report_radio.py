"""``report performance``, ``coverage``, ``collectors``, ``what-if``, ``silent``, ``batteries``: reading by radio."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import polars as pl
import typer

from cli.acting import identity
from cli.as_of import AsOfOption, Known, open_known
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.report_options import Format, FormatOption, FromOption, ToOption, days_of, print_report
from cli.report_subjects import GroupOption, members, with_customers
from registry.comments import comment as write_comment
from registry.comments import comments
from registry.errors import RegistryError
from registry.imports.instants import read_instant
from warehouse.policies import CoveragePolicy, PerformancePolicy
from warehouse.queries import coverage as coverage_queries
from warehouse.queries import performance as queries
from warehouse.queries import silence as silence_queries
from warehouse.queries import subjects

_BACK = 30
"""Days that a report goes back where it is not told how far."""


class Criterion(StrEnum):
    """By what meters are judged."""

    hourly = "hourly"
    daily = "daily"
    schedule = "schedule"
    billing = "billing"
    rsr = "rsr"
    bsr = "bsr"


def performance(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    criterion: Annotated[Criterion, typer.Option(help="By what meters are judged.")] = Criterion.daily,
    threshold: Annotated[
        float | None, typer.Option(help="Share below which a meter is poor [%]; else the policy's.", min=0, max=100)
    ] = None,
    poor: Annotated[bool, typer.Option("--poor", help="Only poor meters.")] = False,
    causes: Annotated[bool, typer.Option("--causes", help="Why readings are missing, per collector, instead.")] = False,
) -> None:
    """Reading performance per meter, by default of the last 30 days; the group's figures go to standard error."""
    if causes and (poor or threshold is not None):
        raise RegistryError("--poor and --threshold are about meters, --causes about collectors: leave one out.")
    known = open_known(home, as_of)
    first, last = period(known, from_, to)
    points = members(known, group)
    where = (known.lake, known.organisation, criterion.value, first, last)
    if causes:
        print_report(queries.causes(*where, points=points), form)
        return
    policy = known.policy(PerformancePolicy)
    below = policy.thresholds.get(criterion.value, 100.0) if threshold is None else threshold
    rows = queries.judged(queries.by_meter(*where, points=points), below)
    _say_summary(queries.summary(rows), below)
    rows = with_customers(known, rows.filter(pl.col("poor")) if poor else rows)
    with known.house.registry.begin(readonly=True) as session:
        said = comments(session, known.organisation, known.at)
    print_report(
        rows.join(said, on="meter_id", how="left", maintain_order="left").select(
            *("address", "postal_code", "city", "serial", "last_missing", "performance", "performance_on_time"),
            *("expected", "received", "received_on_time", "poor", "metering_point", "meter_id"),
            *("comment", "comment_by", "comment_at"),
        ),
        form,
    )


def comment(
    meter: Annotated[str, typer.Argument(help="Meter, e.g. KAM-91234567-1b-16.")],
    text: Annotated[str, typer.Argument(help="What is to be known about its row.")],
    home: HomeOption = None,
) -> None:
    """Writes a comment on a meter's row in the report of performance; the newest one is shown and exported."""
    house = open_home(home)
    with house.registry.begin() as session:
        number = write_comment(session, house.organisation, meter, text, identity=identity(), now=datetime.now(UTC))
    say(f"Comment {number} on {meter} is kept.")


def coverage(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    fragile: Annotated[bool, typer.Option("--fragile", help="Only meters that one collector hears.")] = False,
) -> None:
    """How well each meter is heard: collectors, signal and its trend, losses, transmit interval; the weakest first."""
    known = open_known(home, as_of)
    rows = coverage_queries.meters(
        known.lake, known.organisation, known.policy(CoveragePolicy), *period(known, from_, to)
    )
    if (points := members(known, group)) is not None:
        theirs = subjects.meters(known.lake, known.organisation).join(points, on="metering_point", how="semi")
        rows = rows.join(theirs, on="meter_id", how="semi")
    print_report(rows.filter(pl.col("fragile")) if fragile else rows, form)


def collectors(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    gaps: Annotated[bool, typer.Option("--gaps", help="When they heard nothing, instead.")] = False,
) -> None:
    """How collectors work: contact, gaps, backlog, clock, meters, and how many hear no other; the critical first."""
    known = open_known(home, as_of)
    ask = coverage_queries.gaps if gaps else coverage_queries.collectors
    asked = (known.lake, known.organisation, known.policy(CoveragePolicy), *period(known, from_, to))
    rows = ask(*asked, zone=known.zone)
    print_report(rows, form)


def what_if(
    home: HomeOption = None,
    from_: FromOption = None,
    to: ToOption = None,
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    without: Annotated[
        list[str] | None, typer.Option(help="Collectors that are taken away together; else each by itself.")
    ] = None,
) -> None:
    """Hourly performance as it would have been without collectors, and the meters that nobody else reads."""
    known = open_known(home, as_of)
    first, last = period(known, from_, to)
    asked = (known.lake, known.organisation, first, last)
    if without:
        readers = coverage_queries.what_if(*asked)["without"]
        if unread := [name for name in without if name not in readers]:
            raise RegistryError(f"{', '.join(unread)} read no meter between {first} and {last}.")
    rows = coverage_queries.what_if(*asked, without=without or ())
    print_report(rows, form)


AtOption = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="Instant: ISO 8601; local time where no offset is given. Else the last reception there is."
    ),
]


def silent(
    home: HomeOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    at: AtOption = "",
) -> None:
    """Meters that are silent for longer than they ever are, and whether it is they or their collector."""
    known = open_known(home, as_of)
    rows = silence_queries.silent(
        known.lake,
        known.organisation,
        known.policy(CoveragePolicy),
        _instant(known, at),
        known.zone,
        points=members(known, group),
    )
    print_report(rows, form)


def batteries(
    home: HomeOption = None,
    group: GroupOption = "",
    as_of: AsOfOption = "",
    form: FormatOption = Format.table,
    at: AtOption = "",
) -> None:
    """Age of batteries, what meters say of them, and the years they have left; the most urgent first."""
    known = open_known(home, as_of)
    policy, instant = known.policy(CoveragePolicy), _instant(known, at)
    print_report(
        silence_queries.batteries(known.lake, known.organisation, policy, instant, points=members(known, group)), form
    )


def _instant(known: Known, at: str) -> datetime:
    """The instant that a report is about: by default the last reception, since what is not delivered is not silent."""
    if at:
        return read_instant(at, known.zone)
    return silence_queries.newest(known.lake, known.organisation) or known.now


def period(known: Known, from_: datetime | None, to: datetime | None) -> tuple[date, date]:
    """First and last local day of a report; the last is yesterday unless it is named.

    Raises:
        RegistryError: It would end before it begins.
    """
    return days_of(from_, to, latest=known.today - timedelta(days=1), back=_BACK)


def _say_summary(found: queries.Summary, threshold: float) -> None:
    if found.mean is None:
        say("Nothing was expected of these meters in this period: n/a.")
        return
    say(f"Average performance for the selected group: {found.mean:.2f} % (on time {found.mean_on_time:.2f} %)")
    say(f"All readings together: {found.pooled:.2f} %, as of {found.as_of:%Y-%m-%d %H:%M} UTC")
    say(f"Meters in group: {found.meters}")
    say(f"Meters with missing readings: {found.with_missing}")
    say(f"Poor meters, below {threshold:g} %: {found.poor}")
