"""``reading``: readings by hand."""

from typing import Annotated

import typer

from assets.steps.deciding import ManualEntry, add_reading
from cli.home import HomeOption
from cli.messages import say
from cli.registry import bring_up_to_date
from cli.work import Work
from registry.errors import RegistryError
from registry.inventory.registers import parse_registers

app = typer.Typer(add_completion=False, help="Readings by hand.", no_args_is_help=True)


@app.callback()
def reading() -> None:
    """Readings by hand."""


@app.command()
def add(
    meter: Annotated[str, typer.Argument(metavar="METER", help="The meter, e.g. KAM-91234567-1b-16.")],
    at: Annotated[str, typer.Option(help="When it was read, e.g. 2026-01-31T12:00; local without an offset.")],
    register: Annotated[list[str], typer.Option(help="REGISTER=VALUE, e.g. volume_m3=123.4; once per register.")],
    reader: Annotated[str, typer.Option(help="Who read it.")],
    home: HomeOption = None,
    photo: Annotated[str | None, typer.Option(help="Where the photograph is.")] = None,
) -> None:
    """Adds what somebody read off a meter; it is validated as any other reading."""
    work = Work.begin(home)
    pairs = [text.partition("=") for text in register]
    if any(not mark for _, mark, _ in pairs):
        raise RegistryError("Write registers as REGISTER=VALUE, e.g. volume_m3=123.4.")
    instant = work.instant(at)
    if instant is None:
        raise RegistryError("A reading needs the time at which it was taken.")
    registers = parse_registers({name: value for name, _, value in pairs})
    add_reading(work.house, ManualEntry(meter, instant, registers, reader, photo), **work.by)
    say(f"The reading of {meter} is entered.")
    raise typer.Exit(bring_up_to_date(work.house))
