"""Texts of the door's pages, in the language of who looks at them: a file per language in ``gateway/texts``."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from registry.errors import RegistryError
from registry.mail.kinds import language_in
from registry.people.errors import PasswordError, PeopleError

FOLDER = Path(__file__).parent / "texts"
_MOST_TAGS = 20


class Texts:
    """The texts of a language.

    Args:
        language: Two letters.
        texts: Text by section and name, such as ``login.title``.
    """

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.texts = texts

    def __call__(self, name: str, /, **values: object) -> str:
        """A text with its values filled in.

        Raises:
            KeyError: There is no such text, or a value of it is missing.
        """
        return self.texts[name].format(**values)

    def problem(self, error: RegistryError) -> str:
        """What an error says; in English where it is none that the pages expect."""
        if isinstance(error, PasswordError) and error.faults:
            faults = "; ".join(self(f"error.{fault}", **values) for fault, values in error.faults)
            return self("error.password", faults=faults)
        if isinstance(error, PeopleError) and error.name:
            return self(f"error.{error.name}", **error.values)
        return str(error)


@cache
def texts(language: str) -> Texts:
    """The texts of a language.

    Args:
        language: One of those that letters are written in.
    """
    sections = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Texts(language, {f"{head}.{name}": text for head, names in sections.items() for name, text in names.items()})


def asked_for(headers: Headers) -> str | None:
    """The language that a browser likes best of those there are; ``None`` where it names none of them."""
    wanted = []
    for part in headers.get("accept-language", "").split(",")[:_MOST_TAGS]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        language = language_in(tag.strip())
        if language and 0 < quality <= 1:
            wanted.append((quality, language))
    return max(wanted, key=lambda pair: pair[0])[1] if wanted else None  # of equals, the first


def texts_of(connection: HTTPConnection) -> Texts:
    """The texts that the door chose for a request."""
    found: Texts = connection.scope["texts"]
    return found
