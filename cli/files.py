"""Files that are named on the command line, and the passwords and tokens that stand in some of them."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from registry.errors import RegistryError

FILE_BYTES = 128 << 20
"""Most bytes of a file of any kind."""

TEXT_BYTES = 32 << 20
"""Most bytes of a text file: a million serial numbers with labels and batches."""

SECRET_BYTES = 4 << 10
"""Most bytes of a file with a password or token."""


def read_text(file: Path, most: int = TEXT_BYTES) -> str:
    """A text file.

    Args:
        file: The file, or a pipe; UTF-8 with or without a byte order mark.
        most: Bytes it may have.

    Returns:
        Its text as it is written, but for the byte order mark.

    Raises:
        RegistryError: It cannot be read, is larger, or is no text; what it holds is not shown.
    """
    content = read_bytes(file, most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass  # the error shows what it could not read
    raise RegistryError(f"{file} is not UTF-8 text: save it as UTF-8.")


def read_bytes(file: Path, most: int = FILE_BYTES) -> bytes:
    """A file or a pipe of ``most`` bytes at the most.

    Raises:
        RegistryError: It cannot be read, or is larger.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as exc:
        raise RegistryError(f"{file} cannot be read: {exc.strerror}.") from exc
    if len(content) > most:
        raise RegistryError(f"{file} is too large: it may have {most} bytes.")
    return content


def secret_option(what: str, variable: str) -> Any:
    """The option of a file with a secret, which :func:`ask_secret` reads."""
    return typer.Option(help=f"File with {what}; else {variable}, or you are asked.", dir_okay=False)


def ask_secret(what: str, file: Path | None, variable: str, *, twice: bool = False) -> str:
    """A password or token; never from the command line, which every process may read.

    Args:
        what: What is asked for, such as ``password of order.kem``.
        file: File it stands in, if one is named; line ends after it do not belong to it.
        variable: Environment variable it may stand in.
        twice: Whether a person types it twice.

    Raises:
        RegistryError: There is none, or its file cannot be read.
    """
    if file is not None:
        return read_text(file, SECRET_BYTES).rstrip("\r\n")
    if secret := os.environ.get(variable):
        return secret
    if sys.stdin.isatty():
        return str(typer.prompt(what[0].upper() + what[1:], hide_input=True, confirmation_prompt=twice, err=True))
    raise RegistryError(f"The {what} is missing: name a file with it, or set {variable}.")


def refuse_existing(file: Path) -> None:
    """Sees to it that a file can be made.

    Raises:
        RegistryError: There is one.
    """
    if file.exists():
        raise RegistryError(f"{file} exists: name another file.")


@contextmanager
def private_file(file: Path) -> Iterator[Callable[[bytes], None]]:
    """A file that its owner alone may read, and that has its name only once all around it is done.

    Around a transaction, it is there where that was committed, and is not where it failed.

    Args:
        file: The file.

    Yields:
        Writes the content, beside it until then.

    Raises:
        RegistryError: It exists or cannot be written.
    """
    refuse_existing(file)
    beside = file.with_name(f".{secrets.token_hex(8)}.part")

    def write(content: bytes) -> None:
        with _writing(file), os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(content)

    try:
        yield write
        refuse_existing(file)  # somebody may have made one meanwhile
        with _writing(file):
            beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise RegistryError(f"{file} cannot be written: {exc.strerror}.") from exc
