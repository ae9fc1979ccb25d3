"""CSV exports of keys: one file in ``profiles/`` per layout, so that a new layout is a new file."""

import csv
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from registry.csv_table import LINE, REASON, read_table
from registry.keyfiles.errors import KeyFileError
from registry.keyfiles.lines import USAGES, KeyFile, key_line, letters

DELIMITERS = (",", ";", "\t")

_HEADER_BYTES = 1 << 16

FIELDS = (
    "manufacturer", "serial", "version", "device_type", "model", "device_eui", "join_eui",
    "key_class", "algorithm", "usage", "valid_from", "valid_to",
)  # fmt: skip
"""What a profile may find in a line beside the keys."""


@dataclass(frozen=True, slots=True)
class KeyProfile:
    """A layout of key exports.

    Attributes:
        name: Its name.
        key_class: Class of the keys where a line names none.
        needs: Groups of columns; a file has at least one column of each.
        spellings: Columns (fields, and keys by usage) with the headers they go by, in any case and punctuation.
    """

    name: str
    key_class: str
    needs: tuple[tuple[str, ...], ...]
    spellings: dict[str, tuple[str, ...]]

    def columns(self, header: Sequence[str]) -> list[str]:
        """The column behind each header; an empty text where the header means nothing here."""
        meanings = {letters(text): column for column, texts in self.spellings.items() for text in texts}
        return [meanings.get(letters(cell), "") for cell in header]

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether all that is needed is there."""
        return all(any(column in columns for column in group) for group in self.needs)


@cache
def profiles() -> tuple[KeyProfile, ...]:
    """The profiles that come with the package, by name."""
    folder = files("registry.keyfiles") / "profiles"
    shipped = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return tuple(_profile(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8"))) for file in shipped)


def find_profile(name: str) -> KeyProfile:
    """A profile by its name, or from a file of one's own.

    Args:
        name: Name of a profile that comes with the package, or path of a ``.toml`` file.

    Returns:
        The profile.

    Raises:
        KeyFileError: There is none of that name, or the file is no profile.
    """
    if name.endswith(".toml"):
        try:
            return _profile(Path(name).stem, tomllib.loads(Path(name).read_text("utf-8")))
        except OSError as exc:
            raise KeyFileError(f"The profile {name} cannot be read: {exc.strerror}.") from exc
        except ValueError as exc:
            raise KeyFileError(f"The profile {name} is not understood: {exc}.") from exc
    found = next((profile for profile in profiles() if profile.name == name), None)
    if found is None:
        names = ", ".join(profile.name for profile in profiles())
        raise KeyFileError(f"There is no profile {name!r}; there are {names}, or name a .toml file of your own.")
    return found


def read_csv(content: bytes, name: str, profile: KeyProfile | None = None) -> KeyFile:
    """Reads a CSV export with a header; commas, semicolons or tabs between the fields.

    Args:
        content: Bytes of the file, UTF-8.
        name: Name of the file, for messages.
        profile: Its layout; by default the one that knows most of its header.

    Returns:
        Its lines, counted from 1 with the header.

    Raises:
        KeyFileError: No profile fits the header.
        RegistryError: The file is empty or no CSV in UTF-8.
    """
    chosen, delimiter = _layout(content, name, [profile] if profile else profiles())
    table = read_table(content, name, (), also=bool, delimiter=delimiter, columns=chosen.columns)
    keys = [column for column in table.columns if column == "key" or any(column in u for u in USAGES.values())]
    # Line by line: an order comes once, and each of its keys is wrapped by itself in any case.
    lines = (
        key_line(
            row[LINE],
            {field: row.get(field) for field in FIELDS},
            {key: row[key] for key in keys},
            key_class=chosen.key_class,
            fault=row[REASON],
        )
        for row in table.iter_rows(named=True)
    )
    return KeyFile(f"CSV ({chosen.name})", "line", tuple(lines))


def _layout(content: bytes, name: str, candidates: Sequence[KeyProfile]) -> tuple[KeyProfile, str]:
    """The profile and the delimiter that make most of the header; among equals, the profile that needs more."""
    lines = content[:_HEADER_BYTES].decode("utf-8-sig", errors="replace").splitlines()
    best: tuple[tuple[int, int], KeyProfile, str] | None = None
    for delimiter in DELIMITERS:
        header = next(csv.reader(lines[:1], delimiter=delimiter), [])
        for profile in candidates:
            columns = profile.columns(header)
            rank = sum(bool(column) for column in columns), len(profile.needs)
            if profile.fits(columns) and (best is None or rank > best[0]):
                best = rank, profile, delimiter
    if best is not None:
        return best[1], best[2]
    read_table(content, name, ())  # refuses what is empty, binary or not UTF-8
    # The header is not shown: without one, it may be a key.
    wanted = "; ".join(
        f"{profile.name}: {', '.join(' or '.join(group) for group in profile.needs)}" for profile in candidates
    )
    raise KeyFileError(
        f"{name} is no key file that is known: neither KEM nor a CSV file whose first line names the columns of a "
        f"profile ({wanted})."
    )


def _profile(name: str, facts: dict[str, Any]) -> KeyProfile:
    """A profile from its file.

    Raises:
        ValueError: A column or class is unknown, or something is missing.
    """
    try:
        key_class, needs, columns = facts["key_class"], facts["needs"], facts["columns"]
    except KeyError as exc:
        raise ValueError(f"it lacks {exc.args[0]}") from exc
    if key_class not in USAGES:
        raise ValueError(f"key_class is none of {', '.join(USAGES)}")
    known = {*FIELDS, "key", *USAGES[key_class]}
    strange = sorted({*columns, *(column for group in needs for column in group)} - known)
    if strange:
        raise ValueError(f"there is no column {strange[0]}")
    return KeyProfile(
        name,
        key_class,
        tuple(tuple(group) for group in needs),
        {column: (column, *spellings) for column, spellings in columns.items()},
    )
