"""``validation``: trying a changed policy before it holds."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from assets.steps.publishing import publish_events
from assets.steps.trying import try_policy
from cli.files import read_text
from cli.home import HomeOption
from cli.messages import messages, say
from cli.report import Format, FormatOption
from cli.work import Work
from registry.errors import RegistryError
from warehouse.published import render
from warehouse.transforms.validation.catalogue import RULES

app = typer.Typer(help="Rules of validation.", no_args_is_help=True)


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


@app.command("dry-run")
def dry_run(
    file: Annotated[Path, typer.Argument(help="Document of the policy validation, YAML.")],
    from_: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First local day.")],
    to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day.")],
    home: HomeOption = None,
    form: FormatOption = Format.csv,
) -> None:
    """Says per rule what a changed policy would find anew and what no more, and changes nothing."""
    work = Work.begin(home)
    first, last = from_.date(), to.date()
    _check(first, last)
    with messages.status("Judging …"):
        counts = try_policy(work.house, read_text(file), first, last, **work.by)
    publish_events(work.house)
    typer.echo(render(counts, form.value), nl=False)
    say(f"{file} was tried over {first} to {last}; 'meterhouse policy set validation {file}' takes it.")


def _check(first: date, last: date) -> None:
    if first > last:
        raise RegistryError("--from lies after --to.")
