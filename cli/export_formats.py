"""``export formats``: what files look like, shipped and of the organisation's own."""

from pathlib import Path
from typing import Annotated

import typer

from assets.steps.export_settings import format_of, known_formats, remove_format, save_format
from assets.steps.publishing import publish_events
from cli.files import read_text
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_objects
from cli.work import Work

app = typer.Typer(add_completion=False, help="Formats of files: shipped ones, and your own.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the format; see 'export formats list'.")]


@app.callback()
def formats() -> None:
    """Formats of files: shipped ones, and your own."""


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the formats; one without a version is shipped."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = known_formats(session, house.organisation)
    print_objects(("name", "title", "layout", "content", "version"), found)


@app.command()
def show(name: NameArgument, home: HomeOption = None) -> None:
    """Prints a format's document, to be changed and given to 'export formats save'."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        print(format_of(session, house.organisation, name)[1], end="")


@app.command()
def save(
    name: Annotated[str, typer.Argument(help="Its name; that of a shipped one stands before it.")],
    file: Annotated[Path, typer.Argument(help="Its document, YAML.")],
    home: HomeOption = None,
) -> None:
    """Saves a format of your own; versions before it stay for files that were made by them."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        version = save_format(session, work.organisation, name, read_text(file), **work.by)
    say(f"Version {version} of the format {name} holds.")


@app.command()
def remove(name: NameArgument, home: HomeOption = None) -> None:
    """Removes a format of your own."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        remove_format(session, work.organisation, name, **work.by)
    say(f"Removed the format {name}.")
