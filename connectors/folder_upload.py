"""A folder of this machine that files are put into."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from connectors.destinations import FolderDestination
from connectors.errors import ConnectorError, Permanent, Transient

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_LASTING = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EFBIG,
}
"""What does not pass by itself; a full disk and a network drive that is away do."""


@contextlib.contextmanager
def opened(destination: FolderDestination, root: Path) -> Iterator["FolderPlace"]:
    """The folder of a destination.

    Folders inside the export folder are made where they are missing. The export folder itself is not: where it lies on
    a disk that is not mounted, files would go to the wrong one. Links are not followed, whoever puts them there.

    Args:
        destination: The destination.
        root: The export folder.

    Raises:
        Transient: The disk is full, or does not answer.
        Permanent: The export folder is missing, a part of the path is no folder or a link, or may not be written.
    """
    with _told(root, "Make it, or name another one as METERHOUSE_EXPORT_FOLDER."):
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    path = root
    try:
        for part in PurePosixPath(destination.path).parts:
            path /= part
            with _told(path, "It has to be a folder, and no link."):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o750, dir_fd=descriptor)
                    _sync(descriptor)
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield FolderPlace(descriptor, path)
    finally:
        os.close(descriptor)


class FolderPlace:
    """An open folder; see :class:`connectors.uploads.Place`."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def store(self, name: str, content: Iterator[bytes]) -> int:
        """Writes a file that is not there yet, to the disk."""
        with self._told():
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=self._descriptor)
            with os.fdopen(made, "wb") as stream:
                for block in content:
                    stream.write(block)
                stream.flush()
                os.fsync(made)
                return os.fstat(made).st_size

    def rename(self, name: str, to: str) -> None:
        """Renames a file in one step, over another one."""
        with self._told():
            os.replace(name, to, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            _sync(self._descriptor)

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with self._told():
            try:
                return stat.S_ISREG(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode)
            except FileNotFoundError:
                return False

    def remove(self, name: str) -> None:
        """Removes a file, if there is one."""
        with self._told(), contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _told(self._path, "Check the disk's free space and the rights.")


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # network drives know no such thing for folders
            raise


@contextlib.contextmanager
def _told(path: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        kind: type[ConnectorError] = Permanent if exc.errno in _LASTING else Transient
        raise kind(f"{path} cannot be written: {exc.strerror}. {remedy}") from exc
