"""The console script: all commands under one name, every expected failure as one clear line."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli.messages import EXPECTED, complain
from cli.rights import guard

COMMANDS = {
    "init": "cli.installation:init",
    "demo": "cli.demo:demo",
    "import": "cli.registry:import_",
    "imports": "cli.imports:app",
    "customer": "cli.customer:app",
    "address": "cli.address:app",
    "key": "cli.key:app",
    "group": "cli.group:app",
    "meter": "cli.meter:app",
    "collector": "cli.collector:app",
    "org": "cli.org:app",
    "user": "cli.user:app",
    "ingest": "cli.ingest:ingest",
    "materialize": "cli.ingest:materialize",
    "decode": "cli.decode:decode",
    "sql": "cli.sql:sql",
    "explain": "cli.provenance:explain",
    "dictionary": "cli.dictionary:dictionary",
    "catalogue": "cli.catalogue:catalogue",
    "alert": "cli.alert:app",
    "report": "cli.report:app",
    "export": "cli.export:app",
    "job": "cli.job:app",
    "heat-fault": "cli.heat_fault:app",
    "policy": "cli.policy:app",
    "validation": "cli.validation:app",
    "exception": "cli.exception:app",
    "reading": "cli.reading:app",
    "backup": "cli.backup:app",
    "registry": "cli.registry_place:app",
    "timezone": "cli.timezone:app",
    "lake": "cli.lake:app",
    "retention": "cli.retention:app",
    "audit": "cli.audit:app",
    "erase": "cli.erase:app",
    "serve": "cli.serve:serve",
    "mail": "cli.mail:app",
    "notification": "cli.notification:app",
    "simulate": "cli.simulate:simulate",
}
"""Where the commands are; each is imported when it is asked for, since the orchestrator alone takes seconds."""


GARBAGE = (20_000, 20, 100)
"""New objects, and rounds, after which Python looks for garbage: data are in columns outside its reach, and what it
would walk are the modules."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Looks for no garbage meanwhile: imports make next to none, and the looking takes a quarter of their time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Commands(TyperGroup):
    """The commands, imported one by one."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  the base class asks for it
        """Names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  the base class asks for it
        """The command of a name; ``None`` where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        with uncollected():
            found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = cmd_name
        guard(command, cmd_name)
        return command


app = typer.Typer(
    name="meterhouse",
    cls=Commands,
    help="Meter data from encrypted M-Bus telegrams to consumption that can be billed and traced.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
    gc.set_threshold(*GARBAGE)
    try:
        app()
    except EXPECTED as exc:
        complain(str(exc))
        sys.exit(1)
