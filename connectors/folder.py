"""A watched folder of this machine."""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from connectors.cursor import Cursor, is_finished_name
from connectors.errors import Permanent, Transient


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A complete file of the folder.

    Attributes:
        path: The file.
        key: Its path relative to the folder, with slashes.
        size: Bytes.
        mtime: Modification time, seconds since 1970.
    """

    path: Path
    key: str
    size: int
    mtime: float


def poll(folder: Path, cursor: str | None, *, without: Collection[str] = ()) -> tuple[list[FoundFile], str]:
    """Looks for new complete files.

    A file is offered once: at the second look that finds its size and modification time unchanged. Hidden files and
    folders, and names ending in ``.part``, ``.tmp`` or ``.filepart``, are left alone; links to folders are not
    followed.

    Args:
        folder: The folder, with all folders inside.
        cursor: What the look before returned; ``None`` at the first.
        without: Names of folders right inside that are left out.

    Returns:
        The files to take, oldest first, and the cursor for the next look.

    Raises:
        Permanent: The folder is missing or may not be read.
    """
    found, following = Cursor.load(cursor).look(list(_listing(folder, without)))
    return found, following.dump()


def read_complete(path: Path) -> bytes:
    """Reads a file that nobody writes at the moment.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        Transient: The file changed while it was read.
        Permanent: It is missing or may not be read.
    """
    try:
        with path.open("rb") as file:
            before = _state(file.fileno())
            content = file.read()
            after = _state(file.fileno())
    except OSError as exc:
        raise Permanent(f"{path} cannot be read: {exc.strerror}. Check that it exists and may be read.") from exc
    if before != after or len(content) != after[0]:
        raise Transient(f"{path} is still being written. Take it again when it is complete.")
    return content


def remove(path: Path, content: bytes) -> bool:
    """Removes a file that holds what was read of it.

    Args:
        path: The file.
        content: What was read.

    Returns:
        Whether it is gone; a file that holds something else by now stays.

    Raises:
        Transient: The file is being written.
        Permanent: It may not be read or removed.
    """
    if path.exists() and read_complete(path) != content:
        return False
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise Permanent(f"{path} cannot be removed: {exc.strerror}. Give the right, or remove it by hand.") from exc
    return True


def _state(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns


def _listing(folder: Path, without: Collection[str]) -> Iterator[FoundFile]:
    def unreadable(exc: OSError) -> None:
        if folder.is_dir() and isinstance(exc, FileNotFoundError):
            return  # a folder inside was taken away
        _raise(exc)

    for directory, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(directory)
        left_out = without if here == folder else ()
        folders[:] = [name for name in folders if not name.startswith(".") and name not in left_out]
        for name in names:
            key = (here / name).relative_to(folder).as_posix()
            if not is_finished_name(key):
                continue
            try:
                status = (here / name).stat()
            except FileNotFoundError:
                continue  # taken away between listing and looking
            except OSError as exc:
                _raise(exc)
            if stat.S_ISREG(status.st_mode):
                yield FoundFile(here / name, key, status.st_size, status.st_mtime)


def _raise(exc: OSError) -> NoReturn:
    raise Permanent(f"{exc.filename} cannot be read: {exc.strerror}. Check that it exists and may be read.") from exc
