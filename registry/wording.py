"""Texts that people read, in their language: a TOML file per language, with texts by section and name."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from registry.errors import RegistryError
from registry.mail.kinds import language_in
from registry.people.errors import PasswordError, PeopleError

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
        if isinstance(error, PasswordError) and error.faults and "error.password" in self.texts:
            faults = "; ".join(self(f"error.{fault}", **values) for fault, values in error.faults)
            return self("error.password", faults=faults)
        if isinstance(error, PeopleError) and f"error.{error.name}" in self.texts:
            return self(f"error.{error.name}", **error.values)
        return str(error)


def read_texts(language: str, *folders: Path) -> dict[str, str]:
    """The texts of a language from the files of one or several folders.

    Args:
        language: Two letters; the name of the file in each folder.
        folders: Where files lie; a text stands in one of them.

    Returns:
        Text by section and name, such as ``login.title``.

    Raises:
        ValueError: A text stands in two files.
    """
    found: dict[str, str] = {}
    for folder in folders:
        sections = tomllib.loads((folder / f"{language}.toml").read_text(encoding="utf-8"))
        texts = {f"{head}.{name}": text for head, names in sections.items() for name, text in names.items()}
        if twice := found.keys() & texts.keys():
            raise ValueError(f"{folder}: {', '.join(sorted(twice))} stand in another folder, too.")
        found |= texts
    return found


def asked_for(accepted: str) -> str | None:
    """The language that a browser likes best of those there are.

    Args:
        accepted: Its header ``Accept-Language``; empty where it sent none.

    Returns:
        Two letters; ``None`` where it names none of them.
    """
    wanted = []
    for part in accepted.split(",")[:_MOST_TAGS]:
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight or 1)
        except ValueError:
            continue
        language = language_in(tag.strip())
        if language and 0 < quality <= 1:
            wanted.append((quality, language))
    return max(wanted, key=lambda pair: pair[0])[1] if wanted else None  # of equals, the first
