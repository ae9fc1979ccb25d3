"""``key public`` and ``key verify``: signatures of what field devices are given."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.acting import identity
from cli.files import read_bytes, read_text
from cli.home import HomeOption, open_home
from cli.messages import say
from registry.key_export import verify_file
from registry.signing import key_id, read_public, signer, written

PublicKey = Annotated[Path, typer.Option(help="File made by 'key public'.", exists=True, dir_okay=False)]


def public(home: HomeOption = None) -> None:
    """Prints the public key by which field devices check bundles and revocation lists, as PEM."""
    house = open_home(home)
    with house.registry.begin() as session:
        by = signer(session, house.vault, house.organisation, identity=identity(), now=datetime.now(UTC))
    typer.echo(written(by.public), nl=False)
    say(f"Key {by.key_id}.")


def verify(
    file: Annotated[Path, typer.Argument(help="Bundle or revocation list.", dir_okay=False)], public_key: PublicKey
) -> None:
    """Says whether a bundle or a revocation list is as the installation signed it; needs no installation."""
    known = read_public(read_text(public_key), public_key.name)
    say(f"{verify_file(read_bytes(file), file.name, known)}, as the key {key_id(known)} signed it.")
