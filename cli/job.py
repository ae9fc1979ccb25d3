"""``job``: jobs of exports, their runs, and what became of them."""

from pathlib import Path
from typing import Annotated

import typer

from assets.steps.delivering import try_again, work_off
from assets.steps.export_planning import run_now
from assets.steps.export_settings import save_job, set_active
from assets.steps.publishing import publish_events
from cli.acting import AsOption
from cli.files import read_text
from cli.home import HomeOption, open_home
from cli.messages import complain, messages, say
from cli.report_options import FromOption, ToOption, given_days
from cli.tables import print_rows
from cli.work import Work
from exports.jobs import read_job
from exports.periods import next_due, of_days
from registry.errors import RegistryError
from registry.exports import jobs, runs
from registry.models import ExportRun

app = typer.Typer(add_completion=False, help="Jobs that send files for billing, and their runs.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the job; see 'job list'.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run; see 'job failed' and 'job runs'.")]

_RUN_COLUMNS = (
    *("job", "period_from", "period_to", "revision", "state", "tried_at", "next_at", "attempts"),
    *("reason", "file_name", "row_count", "requested_by", "run"),
)


@app.callback()
def job() -> None:
    """Jobs that send files for billing, and their runs."""


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="Its document, YAML.")],
    home: HomeOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Change the job of this name.")] = False,
) -> None:
    """Adds a job, or changes one."""
    found = read_job(read_text(file))
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        if not replace and any(row.name == found.name for row in jobs.listing(session, work.organisation)):
            raise RegistryError(f"There is a job {found.name}: say --replace to change it.")
        save_job(session, work.organisation, found, **work.by)
    due = next_due(found.schedule, work.house.settings.zone, work.now).astimezone(work.house.settings.zone)
    say(f"The job {found.name} is due {due:%Y-%m-%d %H:%M %Z}." if found.active else f"{found.name} is not active.")


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the jobs with their last run and when they are due next."""
    work = Work.begin(home)
    with work.house.registry.begin(readonly=True) as session:
        found = [(row, read_job(row.document)) for row in jobs.listing(session, work.organisation)]
        last = runs.last_of_jobs(session, work.organisation)
    columns = ("name", "interval", "active", "format", "destination", "readings", "group")
    rows = []
    for row, one in found:
        due = next_due(one.schedule, work.house.settings.zone, work.now) if one.active else None
        newest = last.get(row.job_id)
        rows.append(
            (one.name, one.schedule.interval, one.active, one.format, one.destination, one.readings, one.group)
            + ((newest.requested_at, newest.state) if newest else (None, None))
            + (due,)
        )
    print_rows((*columns, "last_run", "last_state", "next_run"), rows)


@app.command()
def show(name: NameArgument, home: HomeOption = None) -> None:
    """Prints a job's document, to be changed and given to 'job add --replace'."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        print(jobs.get(session, house.organisation, name).document, end="")


@app.command("runs")
def runs_(
    name: NameArgument,
    home: HomeOption = None,
    most: Annotated[int, typer.Option(help="How many at the most.")] = 100,
) -> None:
    """Lists the runs of a job, the newest first."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        job_id = jobs.get(session, house.organisation, name).job_id
        found = runs.listing(session, house.organisation, job_id=job_id, most=most)
    print_rows(_RUN_COLUMNS, [_cells(run) for run in found])


@app.command("failed")
def failed(home: HomeOption = None) -> None:
    """Lists the runs that wait for another try or for a person, or were given up."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = runs.listing(session, house.organisation, states=("waiting", "withheld", "failed"))
    print_rows(_RUN_COLUMNS, [_cells(run) for run in found])


@app.command()
def run(name: NameArgument, home: HomeOption = None, from_: FromOption = None, to: ToOption = None) -> None:
    """Builds and delivers a file now: for local days, or for the period that was due last.

    A period that was delivered goes out again, as its next revision.
    """
    work = Work.begin(home)
    first, last = given_days(from_, to)
    if (first is None) != (last is None):
        raise typer.BadParameter("give --from and --to, or neither.")
    period = of_days(first, last, work.house.settings.zone) if first and last else None
    asked = run_now(work.house, name, period, **work.by)
    raise typer.Exit(_work_off(work, asked))


@app.command()
def activate(name: NameArgument, home: HomeOption = None) -> None:
    """Lets a job's schedule hold from now on."""
    _switch(home, name, active=True)
    say(f"The job {name} is active.")


@app.command()
def deactivate(name: NameArgument, home: HomeOption = None) -> None:
    """Stops a job's schedule; 'job run' still works."""
    _switch(home, name, active=False)
    say(f"The job {name} is not active.")


@app.command()
def remove(
    name: NameArgument,
    home: HomeOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Removes a job, after asking; its runs that are not done are cancelled."""
    work = Work.begin(home)
    if not yes:
        typer.confirm(f"Remove the job {name}?", abort=True, err=True)
    with work.changing(publish_events) as session:
        jobs.remove(session, work.organisation, name, **work.by)
    say(f"Removed the job {name}.")


@app.command()
def retry(run_id: RunArgument, home: HomeOption = None) -> None:
    """Tries a run again at once; one that was given up is built anew."""
    work = Work.begin(home)
    asked = try_again(work.house, run_id, **work.by)
    raise typer.Exit(_work_off(work, asked))


@app.command()
def release(run_id: RunArgument, home: HomeOption = None, who: AsOption = "") -> None:
    """Lets a withheld file go, in your name."""
    work = Work.begin(home, who)
    with work.house.registry.begin() as session:
        asked = runs.release(session, work.organisation, run_id, **work.by)
    raise typer.Exit(_work_off(work, asked))


@app.command()
def cancel(run_id: RunArgument, home: HomeOption = None) -> None:
    """Gives up a run that is not done."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        runs.cancel(session, work.organisation, run_id, **work.by)
    say(f"Cancelled the run {run_id}.")


def _switch(home: Path | None, name: str, *, active: bool) -> None:
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        set_active(session, work.organisation, name, active, **work.by)


def _work_off(work: Work, asked: ExportRun) -> int:
    """Works off one run and says what became of it.

    Returns:
        Exit status: 0 where its file was delivered.
    """
    with messages.status("Building …"):
        work_off(work.house, work.now, run_id=asked.run_id, identity=work.identity)
    with work.house.registry.begin(readonly=True) as session:
        done = runs.get(session, work.organisation, asked.run_id)
    if done.state == "delivered":
        say(f"Delivered {done.file_name} with {done.rows} rows, revision {done.revision}.")
        return 0
    why = done.reason or "another process has it, or an earlier run of the job comes first"
    complain(f"The run {done.run_id} is {done.state}: {why}.".replace("..", "."))
    return 1


def _cells(run: ExportRun) -> tuple[object, ...]:
    period = (run.period_from, run.period_to, run.revision, run.state, run.tried_at)
    next_at = run.next_at if run.state == "waiting" else None
    told = (next_at, run.attempts, run.reason, run.file_name, run.rows, run.requested_by, run.run_id)
    return (read_job(run.job_document).name, *period, *told)
