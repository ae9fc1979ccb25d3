"""``group``: groups of metering points, their members and rules, reading rounds and readers."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from assets.installation import Installation
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.report_options import Format, FormatOption, FromOption, OnOption, ToOption, print_report
from cli.work import Work
from connectors.folder import read_complete
from registry import groups
from registry.csv_table import read_table
from registry.groups import Author, GroupError, Outcome
from registry.imports.instants import read_instant
from warehouse.published import render
from warehouse.queries import groups as queries
from warehouse.transforms.calendar import local_days

app = typer.Typer(add_completion=False, help="Groups of metering points.", no_args_is_help=True)

SHOWN = 20
"""Points that a preview names."""


NameArgument = Annotated[str, typer.Argument(help="Name of the group.")]
MembersArgument = Annotated[list[str] | None, typer.Argument(help="Metering points, or ids of installed meters.")]
RuleOption = Annotated[
    Path | None, typer.Option("--rule", help="JSON file with a rule of who belongs to it.", exists=True, dir_okay=False)
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="CSV file with a column metering_point or meter_id.", exists=True, dir_okay=False),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]


@app.callback()
def all_groups() -> None:
    """Groups of metering points."""


@app.command("list")
def list_(home: HomeOption = None, form: FormatOption = Format.table) -> None:
    """Names all groups with how many members they have now."""
    house = open_home(home)
    print_report(queries.counts(house.lake, house.organisation, datetime.now(UTC)), form, for_people=True)


@app.command()
def new(name: NameArgument, home: HomeOption = None, rule: RuleOption = None, reason: ReasonOption = "") -> None:
    """Makes a group: with a rule, or for members that you add."""
    work = Work.begin(home)
    read = _read_rule(work.house, rule) if rule else None
    with work.changing() as session:
        groups.create(session, _author(work, reason), name, read)
    say(f"Made the group {name}{_count(work.house, name) if read else ''}.")


@app.command()
def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(help="Its new name.")],
    home: HomeOption = None,
    reason: ReasonOption = "",
) -> None:
    """Gives a group another name."""
    work = Work.begin(home)
    with work.changing() as session:
        groups.rename(session, _author(work, reason), name, new_name)
    say(f"The group {name} is now {new_name}.")


@app.command()
def delete(name: NameArgument, home: HomeOption = None, reason: ReasonOption = "") -> None:
    """Deletes a group; who belonged to it remains known."""
    work = Work.begin(home)
    with work.changing() as session:
        groups.delete(session, _author(work, reason), name)
    say(f"Deleted the group {name}.")


def _members_command(change: Callable[..., Outcome]) -> Callable[..., None]:
    """The command by which members come or go."""

    def command(
        name: NameArgument,
        members: MembersArgument = None,
        file: FileOption = None,
        home: HomeOption = None,
        from_: FromOption = None,
        to: ToOption = None,
        reason: ReasonOption = "",
    ) -> None:
        work = Work.begin(home)
        named = _named(members, file)
        start, end = _start(work.house, from_), _end(work.house, to)
        with work.changing() as session:
            outcome = change(session, _author(work, reason), name, named, valid_from=start, valid_to=end)
        _tell(work.house, name, outcome)

    return command


app.command("add", help="Adds points to a group: since their first installation unless --from names a day.")(
    _members_command(groups.add)
)
app.command("remove", help="Takes points out of a group: from now on unless --from names a day.")(
    _members_command(groups.remove)
)


@app.command("add-all")
def add_all(
    name: NameArgument,
    file: Annotated[
        Path, typer.Argument(help="CSV file with a column metering_point or meter_id.", exists=True, dir_okay=False)
    ],
    home: HomeOption = None,
    reason: ReasonOption = "",
) -> None:
    """Makes a group contain exactly the rows of a result, such as `meterhouse sql … --format csv` gives."""
    work = Work.begin(home)
    named = _named(None, file)
    with work.changing() as session:
        outcome = groups.add_all(session, work.organisation, name, named, **work.by, reason=reason or None)
    _tell(work.house, name, outcome)


@app.command()
def show(
    name: NameArgument,
    home: HomeOption = None,
    on: OnOption = None,
    as_of: Annotated[
        str, typer.Option("--as-of", help="All memberships as they were known then: ISO 8601 with offset.")
    ] = "",
    form: FormatOption = Format.table,
) -> None:
    """Names the members of a group on a day with their meters, or all memberships as they were known once."""
    house = open_home(home)
    if as_of:
        with house.registry.begin(readonly=True) as session:
            members = groups.members(session, house.organisation, name, read_instant(as_of, house.settings.zone))
    else:
        if name not in queries.counts(house.lake, house.organisation, datetime.now(UTC))["group"]:
            raise GroupError(f"There is no group {name!r}; `meterhouse group list` names them.")
        zone = house.settings.zone
        day = on.date() if on else datetime.now(zone).date()
        members = queries.on_day(house.lake, house.organisation, name, day, zone)
    print_report(members, form, for_people=True)


@app.command()
def rule(
    name: NameArgument,
    file: Annotated[Path | None, typer.Argument(help="JSON file with the new rule.", exists=True)] = None,
    home: HomeOption = None,
    reason: ReasonOption = "",
) -> None:
    """Shows the rule of a group, or gives it another."""
    work = Work.begin(home)
    if file is None:
        with work.house.registry.begin(readonly=True) as session:
            typer.echo(groups.rule_of(session, work.organisation, name).stored())
        return
    read = _read_rule(work.house, file)
    with work.changing() as session:
        groups.change_rule(session, _author(work, reason), name, read)
    say(f"The group {name} has a new rule{_count(work.house, name)}.")


@app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="JSON file with a rule.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Says who a rule would take, and changes nothing."""
    house = open_home(home)
    read = _read_rule(house, file)
    with house.registry.begin(readonly=True) as session:
        inventory = groups.read_inventory(session, house.organisation)
    members = groups.rule_members(inventory, [(house.organisation, "", read)])
    now = groups.present(members, datetime.now(UTC)).select("metering_point", "valid_from")
    shown = now.head(SHOWN) if form is Format.table else now
    print_report(shown, form, for_people=True)
    say(f"The rule takes {now.height} metering points{f'; {SHOWN} are shown' if shown.height < now.height else ''}.")


@app.command()
def route(
    names: Annotated[list[str] | None, typer.Argument(help="Groups to read; all meters if none.")] = None,
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for one CSV file per group.")] = None,
) -> None:
    """Writes the meters of a reading round as CSV, split by group; too many for one round are refused."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        meters = groups.reading_round(
            session, house.organisation, names or [], at=datetime.now(UTC), limit=house.settings.round_limit
        )
    if out is None:
        print_report(meters, Format.csv, for_people=True)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for number, part in enumerate(meters.partition_by("group", maintain_order=True), start=1):
            (out / f"round-{number:02}.csv").write_bytes(render(part, "csv", for_people=True))
    say(f"The round has {meters.height} meters of {meters['group'].n_unique()} groups.")


@app.command()
def assign(
    collector: Annotated[str, typer.Argument(help="Collector, e.g. an M-Bus master.")],
    name: NameArgument,
    home: HomeOption = None,
    from_: FromOption = None,
    reason: ReasonOption = "",
) -> None:
    """Makes a collector the expected reader of all meters of a group."""
    work = Work.begin(home)
    with work.changing() as session:
        groups.assign(session, _author(work, reason), collector, name, _start(work.house, from_))
    say(f"The collector {collector} is expected to read {name}.")


@app.command()
def release(
    collector: Annotated[str, typer.Argument(help="Collector, e.g. an M-Bus master.")],
    home: HomeOption = None,
    reason: ReasonOption = "",
) -> None:
    """Ends the assignment of a collector to its group."""
    work = Work.begin(home)
    with work.changing() as session:
        groups.release(session, _author(work, reason), collector)
    say(f"The collector {collector} reads no group any more.")


@app.command()
def readers(
    home: HomeOption = None,
    collector: Annotated[str, typer.Option(help="What this one is expected to read, and heard.")] = "",
    on: OnOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Names the collectors with the groups they are expected to read, or the meters of one."""
    house = open_home(home)
    zone = house.settings.zone
    day = on.date() if on else datetime.now(zone).date()
    if collector:
        print_report(queries.read_by(house.lake, house.organisation, collector, day, zone), form, for_people=True)
    else:
        print_report(queries.readers(house.lake, house.organisation, datetime.now(UTC)), form, for_people=True)


def _read_rule(house: Installation, file: Path) -> groups.Rule:
    return groups.read_rule(read_complete(file), house.settings.zone)


def _author(work: Work, reason: str) -> Author:
    return Author(work.organisation, work.identity, work.now, reason or None)


def _named(members: Sequence[str] | None, file: Path | None) -> list[str]:
    """The points and meters named on the command line and in a file.

    Raises:
        GroupError: None are.
    """
    named = list(members or [])
    if file is not None:
        table = read_table(read_complete(file), file.name, (), ("metering_point", "meter_id"))
        named += table.select(pl.coalesce("metering_point", "meter_id").drop_nulls()).to_series().to_list()
    if not named:
        raise GroupError("Name metering points or meters, or a CSV file with a column metering_point or meter_id.")
    return named


def _tell(house: Installation, name: str, outcome: Outcome) -> None:
    say(
        f"{name}: {outcome.added} points added, {outcome.removed} removed, {outcome.unchanged} unchanged"
        f"{_count(house, name)}."
    )


def _count(house: Installation, name: str) -> str:
    counts = dict(
        queries.counts(house.lake, house.organisation, datetime.now(UTC)).select("group", "members").iter_rows()
    )
    return f"; it has {counts.get(name.strip(), 0)} members now"


def _start(house: Installation, day: datetime | None) -> datetime | None:
    return None if day is None else _day(house, day.date())[0]


def _end(house: Installation, day: datetime | None) -> datetime | None:
    return None if day is None else _day(house, day.date())[1]


def _day(house: Installation, day: date) -> tuple[datetime, datetime]:
    days = local_days(day, day, house.settings.zone)
    if days.is_empty():
        raise GroupError(f"{day} is no day in {house.settings.timezone}.")
    return days["start"][0], days["end"][0]
