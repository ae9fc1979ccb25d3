"""``validation``: trying a changed policy before it holds."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.checks import KEYED
from assets.steps.expecting import check_table, results_folder
from assets.steps.publishing import publish_events
from assets.steps.trying import try_policy
from cli.files import read_text
from cli.home import HomeOption
from cli.messages import messages, say
from cli.report_options import DAY, Format, FormatOption, given_days, possible
from cli.work import Work
from registry.errors import RegistryError
from warehouse.published import render
from warehouse.transforms.validation.catalogue import RULES

app = typer.Typer(add_completion=False, help="Rules of validation.", no_args_is_help=True)


@app.callback()
def validation() -> None:
    """Rules of validation."""


@app.command()
def rules(home: HomeOption = None) -> None:
    """Lists the rules there are, what they look for, and their parameters."""
    Work.begin(home)
    for rule in RULES.values():
        typer.echo(f"{rule.code} {rule.name}: {rule.meaning}")
        for name, meaning in rule.parameters.items():
            typer.echo(f"    {name}: {meaning}")


@app.command("check-tables")
def check_tables(
    home: HomeOption = None,
    table: Annotated[list[str] | None, typer.Option(help="Only these tables; repeat it for more.")] = None,
) -> None:
    """Checks the newest month of each table against its declaration; the results stay in the folder 'quality'."""
    work = Work.begin(home)
    folder = results_folder(work.house, work.now)
    chosen = [one for one in KEYED if not table or one.name in table]
    if unknown := sorted(set(table or ()).difference(one.name for one in KEYED)):
        names = ", ".join(one.name for one in KEYED)
        raise RegistryError(f"There is no table {', '.join(unknown)} that is checked; there are {names}.")
    failed = 0
    for one in chosen:
        against = [outcome for outcome in check_table(work.house, one, folder) if not outcome.holds]
        failed += len(against)
        typer.echo(f"{one.name},{'fails' if against else 'holds'}")
        for outcome in against:
            say(f"{one.name}: {outcome.meaning} {outcome.against} rows are against it.")
    say(f"Results: {folder}")
    raise typer.Exit(int(failed > 0))


@app.command("dry-run")
def dry_run(
    file: Annotated[Path, typer.Argument(help="Document of the policy validation, YAML.")],
    from_: Annotated[datetime, typer.Option("--from", formats=DAY, callback=possible, help="First local day.")],
    to: Annotated[datetime, typer.Option("--to", formats=DAY, callback=possible, help="Last local day.")],
    home: HomeOption = None,
    form: FormatOption = Format.csv,
) -> None:
    """Says per rule what a changed policy would find anew and what no more, and changes nothing."""
    work = Work.begin(home)
    given_days(from_, to)
    first, last = from_.date(), to.date()
    with messages.status("Judging …"):
        counts = try_policy(work.house, read_text(file), first, last, **work.by)
    publish_events(work.house)
    typer.echo(render(counts, form.value), nl=False)
    say(f"{file} was tried over {first} to {last}; 'meterhouse policy set validation {file}' takes it.")
