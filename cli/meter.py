"""``meter``: the inventory."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import typer
from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.publishing import publish_registry
from cli import meter_capacity, meter_configuration, meter_exchange, meter_field, meter_role
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import complain, say
from cli.registry import SHOWN, bring_up_to_date
from cli.report_options import Format, FormatOption, print_report
from cli.work import given
from connectors.folder import read_complete
from registry.imports.instants import read_instant
from registry.inventory import lifecycle
from registry.inventory.by_hand import NewMeter, add_meter, edit_meter
from registry.inventory.fields import Entity, fields, values
from registry.inventory.final_readings import enter_final_reading
from registry.inventory.list_columns import CUSTOMER_COLUMNS, IN_USE_COLUMNS, STOCK_COLUMNS
from registry.inventory.listing import UNKNOWN, Filters, list_meters
from registry.inventory.meters import find_meter, open_installation
from registry.inventory.updates import EMPTY, UpdateReport, update_inventory
from registry.key_status import KEY_STATUSES
from registry.models import Meter
from settings.features import require

app = typer.Typer(
    add_completion=False, help="Meters: in stock, in use, exchanged, removed; fields, capacity.", no_args_is_help=True
)
app.add_typer(meter_exchange.app, name="exchange")
app.add_typer(meter_field.app, name="field")
app.add_typer(meter_capacity.app, name="capacity")
app.command("role")(meter_role.role)
app.command("configure")(meter_configuration.configure_meter)

MeterArgument = Annotated[str, typer.Argument(help="Meter id, or a serial that only one meter has.")]
AtOption = Annotated[str, typer.Option("--at", help="When, local or with an offset; now by default.")]
ReasonOption = Annotated[str, typer.Option(help="Why; goes into the audit log, so that it names nobody.")]


@app.callback()
def meters() -> None:
    """Meters: in stock, in use, exchanged, removed; fields, capacity."""


@app.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Part of a serial, meter id, model or meter number.")] = "",
    home: HomeOption = None,
    state: Annotated[list[str] | None, typer.Option(help="stock, in_use, removed, scrapped or deleted.")] = None,
    medium: Annotated[list[str] | None, typer.Option(help="Medium.")] = None,
    manufacturer: Annotated[list[str] | None, typer.Option(help="Three letters.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Model.")] = None,
    key_status: Annotated[list[str] | None, typer.Option(help=f"{', '.join(KEY_STATUSES)}.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Label.")] = None,
    group: Annotated[str | None, typer.Option(help="Group that the meter's point belongs to.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Custom field and value, e.g. pit=yes.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="Column to show; several in their order.")] = None,
    sort: Annotated[str, typer.Option(help="Column to sort by.")] = "serial",
    descending: Annotated[bool, typer.Option("--descending", help="Greatest first.")] = False,
    page: Annotated[int, typer.Option(help="Page, from 1.", min=1)] = 1,
    size: Annotated[int, typer.Option(help="Meters on a page.", min=1, max=1000)] = 50,
    customers: Annotated[bool, typer.Option("--customers", help="With customers: names, numbers, addresses.")] = False,
    form: FormatOption = Format.table,
) -> None:
    """Lists meters; several values of one option widen it, further options narrow it."""
    house = open_home(home)
    in_use = [name for name in IN_USE_COLUMNS if customers or name not in CUSTOMER_COLUMNS]
    columns = column or (in_use if state == ["in_use"] else ["state", *STOCK_COLUMNS])
    filters = Filters(
        text=text,
        states=state or (),
        media=medium or (),
        manufacturers=[name.upper() for name in manufacturer or ()],
        models=model or (),
        key_statuses=key_status or (),
        labels=label or (),
        group=group,
        custom=meter_exchange.pairs(field or [], "--field"),
    )
    with house.registry.begin(readonly=True) as session:
        found = list_meters(
            session,
            house.organisation,
            filters,
            now=datetime.now(UTC),
            columns=columns,
            sort=sort,
            descending=descending,
            page=page,
            size=size,
            with_customers=customers,
            lake=house.lake,
        )
    names = list(dict.fromkeys(["meter_id", *columns]))
    rows = [
        {name: UNKNOWN if name == "model" and row[name] is None else row[name] for name in names} for row in found.rows
    ]
    table = (
        pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    )
    print_report(table, form, for_people=True)
    say(f"{len(rows)} of {found.total} meters, page {page}.")


@app.command()
def show(meter: MeterArgument, home: HomeOption = None) -> None:
    """Shows a meter: what it is, where it is, its fields."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        row = find_meter(session, house.organisation, meter)
        place = open_installation(session, house.organisation, meter_id=row.meter_id)
        defined = fields(session, house.organisation, Entity.meter)
        held = values(session, house.organisation, Entity.meter, [row.meter_id]).get(row.meter_id, {})
    names = ("meter_id", "manufacturer", "serial", "version", "device_type", "medium", "model", "meter_number", "state")
    lines: dict[str, Any] = {name: getattr(row, name) for name in (*names, "state_since", "deleted_at")}
    if place is not None:
        lines |= {"metering_point": place.metering_point, "installed_at": place.installed_at}
    lines |= {custom.label: held.get(name) for name, custom in defined.items()}
    for name, value in lines.items():
        if value is not None:
            print(f"{name}: {value.isoformat() if isinstance(value, datetime) else value}")


@app.command()
def add(
    manufacturer: Annotated[str, typer.Argument(help="Three letters.")],
    serial: Annotated[str, typer.Argument(help="Serial number, up to eight digits.")],
    version: Annotated[str, typer.Argument(help="Two hex digits.")],
    device_type: Annotated[str, typer.Argument(help="Two hex digits.")],
    home: HomeOption = None,
    medium: Annotated[str | None, typer.Option(help="Medium; that of the device type by default.")] = None,
    model: Annotated[str | None, typer.Option(help="Meter type.")] = None,
    state: Annotated[Literal["in_use", "stock"], typer.Option(help="Where it goes.")] = "in_use",
) -> None:
    """Adds one meter; its key comes with 'key import'."""
    house, now = open_home(home), datetime.now(UTC)
    new = NewMeter(manufacturer, serial, version, device_type, medium, model)
    with house.registry.begin() as session:
        added = add_meter(session, house.organisation, new, state=state, identity=identity(), now=now)
    publish_registry(house)
    say(f"{added}: added, {state}.")
    raise typer.Exit(bring_up_to_date(house))


@app.command()
def edit(
    meter: MeterArgument,
    home: HomeOption = None,
    model: Annotated[str | None, typer.Option(help="Meter type; an empty one takes it away.")] = None,
    medium: Annotated[str | None, typer.Option(help="Medium.")] = None,
    number: Annotated[str | None, typer.Option(help="Meter number; an empty one takes it away.")] = None,
    field: Annotated[
        list[str] | None, typer.Option(help="Custom field and value, e.g. pit=yes; an empty value takes it away.")
    ] = None,
    reason: ReasonOption = "",
) -> None:
    """Changes what is noted of a meter; who it is, and its state, stay."""
    house, now = open_home(home), datetime.now(UTC)
    news = given(model=model, medium=medium, meter_number=number)
    news |= meter_exchange.pairs(field or [], "--field")
    if field:
        require(house.settings, "custom_fields")
    if not news:
        raise typer.BadParameter("say what changes: --model, --medium, --number or --field.")
    with house.registry.begin() as session:
        row = find_meter(session, house.organisation, meter)
        change = edit_meter(
            session,
            house.organisation,
            row.meter_id,
            {name: value.strip() or EMPTY for name, value in news.items()},
            identity=identity(),
            now=now,
            reason=reason or None,
        )
    if change is None:
        say(f"{row.meter_id}: unchanged.")
        return
    publish_registry(house)
    for name, value in (change.after or {}).items():
        print(f"{row.meter_id} {name}: {_shown((change.before or {}).get(name))} -> {_shown(value)}")


@app.command()
def install(
    meter: MeterArgument,
    point: Annotated[str, typer.Argument(help="Metering point; made where there is none of this name.")],
    home: HomeOption = None,
    at: AtOption = "",
    reason: ReasonOption = "",
) -> None:
    """Installs a meter; the customer's data may come later."""
    house, now = open_home(home), datetime.now(UTC)
    since = read_instant(at, house.settings.zone) if at else now

    def act(session: Session, row: Meter) -> None:
        lifecycle.install(
            session,
            house.organisation,
            row,
            metering_point=point,
            at=since,
            identity=identity(),
            now=now,
            reason=reason or None,
        )

    raise typer.Exit(_change(house, meter, act))


@app.command()
def stock(meter: MeterArgument, home: HomeOption = None, at: AtOption = "", reason: ReasonOption = "") -> None:
    """Puts a meter in stock; where it is installed, the installation ends."""
    raise typer.Exit(_take_out(lifecycle.put_in_stock, meter, home, at, reason))


@app.command()
def remove(meter: MeterArgument, home: HomeOption = None, at: AtOption = "", reason: ReasonOption = "") -> None:
    """Takes a meter out of use; its installation ends."""
    raise typer.Exit(_take_out(lifecycle.remove, meter, home, at, reason))


@app.command()
def scrap(meter: MeterArgument, home: HomeOption = None, at: AtOption = "", reason: ReasonOption = "") -> None:
    """Notes that a meter is scrapped."""
    raise typer.Exit(_take_out(lifecycle.scrap, meter, home, at, reason))


@app.command()
def delete(meter: MeterArgument, home: HomeOption = None, reason: ReasonOption = "") -> None:
    """Deletes a meter from the lists; its readings and what was reckoned from them stay."""
    raise typer.Exit(_mark(lifecycle.delete, meter, home, reason))


@app.command()
def restore(meter: MeterArgument, home: HomeOption = None, reason: ReasonOption = "") -> None:
    """Takes the deletion of a meter back."""
    raise typer.Exit(_mark(lifecycle.restore, meter, home, reason))


@app.command()
def final(
    point: Annotated[str, typer.Argument(help="Metering point whose customer moved out.")],
    register: Annotated[list[str], typer.Option(help="Register and value, e.g. volume_m3=12.5.")],
    home: HomeOption = None,
    at: AtOption = "",
    reason: ReasonOption = "",
) -> None:
    """Enters the final reading of a customer who moved out; one of the same instant is corrected."""
    house, now = open_home(home), datetime.now(UTC)
    registers = meter_exchange.registers(register, "--register")
    read_at = read_instant(at, house.settings.zone) if at else now
    with house.registry.begin() as session:
        found = enter_final_reading(
            session,
            house.organisation,
            point,
            read_at,
            registers,
            vault=house.vault,
            zone=house.settings.zone,
            identity=identity(),
            now=now,
            reason=reason or None,
        )
    publish_registry(house)
    say(f"{point}: final reading of meter {found} at {read_at.isoformat()}.")


@app.command()
def update(
    file: Annotated[Path, typer.Argument(help="CSV file with a header.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Do good lines although others are rejected.")] = False,
) -> None:
    """Changes many meters (model, medium, meter number) or points (role), and custom fields of either."""
    house = open_home(home)
    require(house.settings, "meter_update")
    report = update_inventory(
        house.registry,
        read_complete(file),
        organisation=house.organisation,
        identity=identity(),
        now=datetime.now(UTC),
        source_name=file.name,
        dry_run=dry_run,
        partial=partial,
    )
    _tell(file.name, report, dry_run=dry_run)
    if report.applied:
        publish_registry(house)
    refused = report.rejected.height and not partial and not dry_run
    raise typer.Exit(1 if refused else 0)


def _tell(name: str, report: UpdateReport, *, dry_run: bool) -> None:
    for line, entity_id, field, before, after in report.changes.rows():
        print(f"line {line} {entity_id} {field}: {_shown(before)} -> {_shown(after)}")
    for line, reason in report.rejected.head(SHOWN).rows():
        complain(f"{name} line {line}: {reason}")
    if report.rejected.height > SHOWN:
        say(f"… and {report.rejected.height - SHOWN} more.")
    count = report.changes["id"].n_unique()
    done = f"{count} changed" if report.applied else f"{count} would change"
    why = "Dry run, nothing is changed: " if dry_run else "" if report.applied else "Nothing is changed: "
    say(f"{why}{name}: {done}, {report.unchanged} unchanged, {report.rejected.height} lines rejected.")


def _shown(value: object) -> str:
    return "(empty)" if value is None else str(value)


def _take_out(act: Callable[..., None], meter: str, home: Path | None, at: str, reason: str) -> int:
    house, now = open_home(home), datetime.now(UTC)
    since = read_instant(at, house.settings.zone) if at else now

    def do(session: Session, row: Meter) -> None:
        act(session, row, at=since, identity=identity(), now=now, reason=reason or None)

    return _change(house, meter, do)


def _mark(act: Callable[..., None], meter: str, home: Path | None, reason: str) -> int:
    house, now = open_home(home), datetime.now(UTC)

    def do(session: Session, row: Meter) -> None:
        act(session, row, identity=identity(), now=now, reason=reason or None)

    return _change(house, meter, do)


def _change(house: Installation, meter: str, act: Callable[[Session, Meter], None]) -> int:
    """Changes a meter, publishes that and brings figures up to date.

    Returns:
        Exit status: 0, or 1 where the run that follows failed.
    """
    with house.registry.begin() as session:
        row = find_meter(session, house.organisation, meter)
        before = row.state
        act(session, row)
    publish_registry(house)
    say(f"{row.meter_id}: {before} -> {row.state}.")
    return bring_up_to_date(house)
