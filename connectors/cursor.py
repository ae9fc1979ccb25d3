"""What a watched place has shown so far, as a string for the caller to keep.

A file is told by path, size and modification time; a file that changes is a new one. It is taken at the second look
that finds it unchanged, so that a file still being written is left alone. Files that are gone are forgotten, so the
cursor grows with the place and not with time. Where very many files lie, those of past days are folded into one digest
per day of modification: should such a day change, all its files are offered again, which costs time and loses nothing,
since contents that are known land once.
"""

import base64
import binascii
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

EXACT_FILES = 50_000
"""Files remembered one by one."""

_DIGEST_BYTES = 8
_DAY_S = 86_400
_UNFINISHED = (".part", ".tmp", ".filepart")


class Listed(Protocol):
    """A file of a listing."""

    @property
    def key(self) -> str:
        """What tells the file from others."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def mtime(self) -> float:
        """Modification time, seconds since 1970."""


AnyListed = TypeVar("AnyListed", bound=Listed)


def is_finished_name(path: str) -> bool:
    """Whether no part of a relative path is hidden and its name is not that of an unfinished upload."""
    parts = path.split("/")
    return not any(part.startswith(".") for part in parts) and not parts[-1].lower().endswith(_UNFINISHED)


@dataclass(slots=True)
class Cursor:
    """State between two looks.

    Attributes:
        seen: Digests of the files offered.
        waiting: Digests of the files seen once.
        folded: Day of modification to the digest of all its offered files.
    """

    seen: set[bytes] = field(default_factory=set)
    waiting: set[bytes] = field(default_factory=set)
    folded: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def load(cls, text: str | None) -> Self:
        """Reads a cursor; nothing, or what is no cursor, is a fresh one."""
        try:
            stored = json.loads(text or "{}")
            folded = {int(day): _unpack(digest)[0] for day, digest in stored.get("folded", {}).items()}
            seen, waiting = (set(_unpack(stored.get(name, ""))) for name in ("seen", "waiting"))
        except (ValueError, TypeError, AttributeError, IndexError, binascii.Error):
            return cls()
        return cls(seen=seen, waiting=waiting, folded=folded)

    def dump(self) -> str:
        """The cursor as a JSON string."""
        folded = {str(day): _pack([digest]) for day, digest in sorted(self.folded.items())}
        return json.dumps({"seen": _pack(self.seen), "waiting": _pack(self.waiting), "folded": folded})

    def look(self, listing: Iterable[AnyListed], exact_files: int = EXACT_FILES) -> tuple[list[AnyListed], "Cursor"]:
        """Compares a listing with what was seen.

        Args:
            listing: Every file that is there now.
            exact_files: Files to remember one by one.

        Returns:
            The files to take, oldest first, and the next cursor.
        """
        days: dict[int, dict[bytes, AnyListed]] = defaultdict(dict)
        for file in listing:
            days[int(file.mtime // _DAY_S)][_digest(file)] = file
        found: list[AnyListed] = []
        following = Cursor()
        exact: dict[int, set[bytes]] = {}
        for day, files in days.items():
            if self.folded.get(day) == _sum(files):
                following.folded[day] = self.folded[day]
                continue
            seen = files.keys() & self.seen
            complete = (files.keys() & self.waiting) - seen
            found += [files[digest] for digest in complete]
            following.waiting |= files.keys() - seen - complete
            exact[day] = seen | complete
        remembered = sum(map(len, exact.values()))
        for day in sorted(exact)[:-1]:  # never the newest day: files still come
            if remembered > exact_files and exact[day] == days[day].keys():
                following.folded[day] = _sum(exact[day])
                remembered -= len(exact.pop(day))
        following.seen = set().union(*exact.values())
        return sorted(found, key=lambda file: (file.mtime, file.key)), following


def _digest(file: Listed) -> bytes:
    text = f"{file.key}\0{file.size}\0{file.mtime!r}"
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_DIGEST_BYTES).digest()


def _sum(digests: Iterable[bytes]) -> bytes:
    return hashlib.blake2b(b"".join(sorted(digests)), digest_size=_DIGEST_BYTES).digest()


def _pack(digests: Iterable[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(digests))).decode()


def _unpack(text: str) -> list[bytes]:
    packed = base64.b64decode(text, validate=True)
    if len(packed) % _DIGEST_BYTES:
        raise ValueError("cut off")
    return [packed[i : i + _DIGEST_BYTES] for i in range(0, len(packed), _DIGEST_BYTES)]
