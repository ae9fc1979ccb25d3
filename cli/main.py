"""The console script: all commands under one name, every expected failure as one clear line."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from cli import decode, demo, ingest, installation, key, registry, serve, simulate, sql
from cli.messages import EXPECTED, complain

app = typer.Typer(
    name="meterhouse",
    help="Meter data from encrypted M-Bus telegrams to consumption that can be billed and traced.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("init")(installation.init)
app.command("demo")(demo.demo)
app.command("import")(registry.import_)
app.add_typer(key.app, name="key")
app.command("ingest")(ingest.ingest)
app.command("materialize")(ingest.materialize)
app.command("decode")(decode.decode)
app.command("sql")(sql.sql)
app.command("serve")(serve.serve)
app.command("simulate")(simulate.simulate)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(version("meterhouse"))
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Runs the command; what a user can mend is said in a line, with exit status 1."""
    try:
        app()
    except EXPECTED as exc:
        complain(str(exc))
        sys.exit(1)
