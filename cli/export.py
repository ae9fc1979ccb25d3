"""``export``: files for billing, by hand and from manifests; ``export run`` works off what jobs are due."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from assets.steps.delivering import work_off
from assets.steps.export_manifests import diff, verify
from assets.steps.export_now import AD_HOC, write_file
from cli.acting import identity
from cli.as_of import AsOfOption, known_at
from cli.export_destinations import app as destinations
from cli.export_formats import app as formats
from cli.files import read_text
from cli.home import HomeOption, open_home
from cli.messages import complain, messages, say
from cli.report_options import DAY, Format, FormatOption, given_days, possible, print_report
from exports.errors import ExportError
from exports.jobs import Job
from exports.manifest import Manifest
from exports.periods import of_days

app = typer.Typer(add_completion=False, help="Files for billing.", no_args_is_help=True)
app.add_typer(formats, name="formats")
app.add_typer(destinations, name="destinations")

_Manifest = Annotated[Path, typer.Argument(help="Manifest of a file, JSON.", exists=True, dir_okay=False)]


@app.callback()
def export() -> None:
    """Files for billing."""


@app.command()
def now(
    form: Annotated[str, typer.Option("--format", help="Name of the format; see 'export formats list'.")],
    from_: Annotated[datetime, typer.Option("--from", formats=DAY, callback=possible, help="First local day.")],
    to: Annotated[datetime, typer.Option("--to", formats=DAY, callback=possible, help="Last local day.")],
    out: Annotated[Path, typer.Option(help="File to write; its manifest comes beside it.")],
    home: HomeOption = None,
    group: Annotated[str, typer.Option(help="Metering points of this group alone.")] = "",
    medium: Annotated[list[str] | None, typer.Option(help="Meters of this medium alone; repeat it for more.")] = None,
    readings: Annotated[str, typer.Option(help="all, last or final.")] = "all",
    interpolate: Annotated[bool, typer.Option("--interpolate", help="With interpolated and estimated values.")] = False,
    name: Annotated[str, typer.Option("--job", help="Name of the job that the file shows.")] = AD_HOC,
) -> None:
    """Writes a file, with the engine that jobs use; nothing is noted as delivered."""
    house = open_home(home)
    given_days(from_, to)
    if readings not in ("all", "last", "final"):
        raise typer.BadParameter("--readings is all, last or final.")
    job = Job(
        name=name,
        format=form,
        destination=AD_HOC,
        active=False,
        group=group or None,
        media=tuple(medium) if medium else None,
        readings=readings,
        interpolate=interpolate,
    )
    period = of_days(from_.date(), to.date(), house.settings.zone)
    with messages.status("Building …"):
        rows = write_file(house, job, period, out, identity=identity(), now=datetime.now(UTC))
    say(f"Wrote {out} with {rows} rows.")


@app.command()
def run(home: HomeOption = None) -> None:
    """Asks for what jobs are due, and builds and delivers all that waits."""
    import dagster as dg  # takes seconds, and this command alone asks which schedules are switched off

    from pipelines.exports import ask_for_jobs

    house = open_home(home)
    with dg.DagsterInstance.get() as instance:
        ask_for_jobs(house, instance, [], datetime.now(UTC), identity=identity())
    with messages.status("Building …"):
        done = work_off(house, datetime.now(UTC), identity=identity())
    say(
        f"{done.delivered} delivered, {done.withheld} withheld, {done.waiting} to be tried again, {done.failed} failed."
    )
    for trouble in done.troubles:
        complain(trouble)
    raise typer.Exit(1 if done.troubles else 0)


@app.command("verify")
def verify_(manifest: _Manifest, home: HomeOption = None) -> None:
    """Makes a file again from its manifest, and says whether it is the same."""
    house = open_home(home)
    with messages.status("Building …"):
        verdict = verify(house, _read(manifest))
    for reason in verdict.reasons:
        complain(reason)
    if verdict.same:
        say("The same rows and the same bytes.")
    raise typer.Exit(0 if verdict.same else 1)


@app.command("diff")
def diff_(
    manifest: _Manifest, home: HomeOption = None, as_of: AsOfOption = "", form: FormatOption = Format.csv
) -> None:
    """Lists what of a file's rows is known differently now, or at a later instant."""
    house = open_home(home)
    with messages.status("Comparing …"):
        found = diff(house, _read(manifest), known_at(house, as_of) or datetime.now(UTC))
    print_report(found, form)


def _read(file: Path) -> Manifest:
    try:
        return Manifest.read(read_text(file))
    except ValidationError:
        pass  # the error shows what stands there
    raise ExportError(f"{file} is no manifest of a file.")
