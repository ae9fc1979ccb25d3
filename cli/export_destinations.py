"""``export destinations``: where files go, and what opens the places."""

from pathlib import Path
from typing import Annotated

import typer

from assets.steps.delivering import try_destination
from assets.steps.export_settings import remove_destination, save_destination
from assets.steps.publishing import publish_events
from cli.files import ask_secret, read_text, secret_option
from cli.home import HomeOption, open_home
from cli.messages import say
from cli.tables import print_rows
from cli.work import Work
from connectors.destinations import read_destination
from registry.exports import destinations as registry_destinations

app = typer.Typer(add_completion=False, help="Destinations of files.", no_args_is_help=True)

SECRET_VARIABLE = "METERHOUSE_DESTINATION_SECRET"  # noqa: S105  the variable's name

NameArgument = Annotated[str, typer.Argument(help="Name of the destination; see 'export destinations list'.")]


@app.callback()
def destinations() -> None:
    """Destinations of files."""


@app.command("list")
def list_(home: HomeOption = None) -> None:
    """Lists the destinations; passwords, keys and addresses are not shown."""
    house = open_home(home)
    with house.registry.begin(readonly=True) as session:
        found = registry_destinations.listing(session, house.organisation)
    rows = []
    for row in found:
        place = read_destination(row.document)
        rows.append((row.name, place.kind, place.label, row.secret is not None, row.version, row.changed_at))
    print_rows(("name", "kind", "place", "secret", "version", "changed_at"), rows)


@app.command()
def save(
    name: Annotated[str, typer.Argument(help="Its name.")],
    file: Annotated[Path, typer.Argument(help="Its document, YAML; without password or private key.")],
    home: HomeOption = None,
    secret_file: Annotated[Path | None, secret_option("the password or private key", SECRET_VARIABLE)] = None,
    keep_secret: Annotated[
        bool, typer.Option("--keep-secret", help="Leave the password or key as it is, where the place is the same.")
    ] = False,
) -> None:
    """Saves a destination; its password or private key is encrypted and never shown again."""
    work = Work.begin(home)
    document = read_text(file)
    secret = None
    if not keep_secret and read_destination(document).kind in ("sftp", "ftps"):
        secret = ask_secret(f"password or private key of {name}", secret_file, SECRET_VARIABLE)
    with work.changing(publish_events) as session:
        save_destination(
            session,
            work.house.vault,
            work.organisation,
            name,
            document,
            secret=secret.encode() if secret else None,
            **work.by,
        )
    say(f"Saved the destination {name}. 'meterhouse export destinations test {name}' tries it.")


@app.command("test")
def try_(name: NameArgument, home: HomeOption = None) -> None:
    """Sends a small file to a destination, so that a wrong setting shows now and not in the night."""
    work = Work.begin(home)
    say(f"{try_destination(work.house, name, work.now)} arrived at {name}.")


@app.command()
def remove(name: NameArgument, home: HomeOption = None) -> None:
    """Removes a destination and destroys its password or key."""
    work = Work.begin(home)
    with work.changing(publish_events) as session:
        remove_destination(session, work.organisation, name, **work.by)
    say(f"Removed the destination {name}.")
