"""``retention``: what the policy lets go, and the certificates of what went."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from assets.steps.retention import EXPORTED
from assets.steps.retention import plan as count
from assets.steps.retention import run as remove
from cli.acting import identity
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects, print_rows
from registry import retention as registered
from warehouse.policies import PolicyError, presets

app = typer.Typer(
    add_completion=False, help="How long data is kept: plans, runs and certificates.", no_args_is_help=True
)


@app.callback()
def retention() -> None:
    """How long data is kept."""


@app.command("presets")
def presets_(
    name: Annotated[str, typer.Argument(help="Prints this document; else lists them all.")] = "",
    home: HomeOption = None,
) -> None:
    """Lists documents to begin with, or prints one for 'policy set retention'."""
    open_home(home)
    known = presets()
    if not name:
        meanings = ((each, text.splitlines()[0].removeprefix("# ")) for each, text in known.items())
        print_rows(("preset", "meaning"), meanings)
    elif name in known:
        print(known[name], end="")
    else:
        raise PolicyError(f"There is no preset {name}; there are {', '.join(known)}.")


@app.command()
def plan(home: HomeOption = None) -> None:
    """Counts what the policy in force lets go now, as CSV, and removes nothing."""
    counted = count(open_home(home), datetime.now(UTC))
    print_rows(counted.columns, counted.rows())
    goes = counted["stage"] != EXPORTED
    say(f"{counted.filter(goes)['rows'].sum()} rows would go; nothing is removed.")
    if not goes.all():
        say(
            f"{counted.filter(~goes)['rows'].sum()} rows are old enough, but stay: files for billing were made of them."
        )


@app.command()
def run(
    approve: Annotated[bool, typer.Option("--approve", help="Yes, remove it: it cannot be brought back.")] = False,
    home: HomeOption = None,
) -> None:
    """Removes what the policy in force lets go, from every layer, and writes a certificate."""
    house = open_home(home)
    if not approve:
        raise registered.RetentionError("What goes does not come back: see 'retention plan', then add --approve.")
    done = remove(house, identity=identity(), now=datetime.now(UTC))
    if done is None:
        say("There is nothing to remove.")
        return
    print_rows(("table", "rows"), done.rows.items())
    say(f"Certificate {done.certificate}: {sum(done.rows.values())} rows are removed; {done.digest}.")


@app.command()
def certificates(
    number: Annotated[int | None, typer.Argument(help="Shows the counts of this one; else lists them all.")] = None,
    home: HomeOption = None,
) -> None:
    """Lists certificates, or the rows per table of one, as CSV."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = registered.certificates(session, house.organisation)
        if number is None:
            print_objects(("id", "policy_version", "as_of", "identity", "begun_at", "finished_at", "digest"), found)
            return
        if number not in {one.id for one in found}:
            raise registered.RetentionError(f"There is no certificate {number}.")
        print_objects(("table_name", "rows_before", "rows_removed", "rows_after"), registered.counts(session, number))
