"""Packed files: gzip, Zstandard and zip, unpacked within bounds."""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from lzma import LZMAError
from typing import IO, Protocol

import zstandard

from decoders.framefiles.errors import FrameFileError

MAX_BYTES = 1 << 30
"""Most bytes that one delivered file may unpack to."""

MAX_RATIO = 200
"""Most bytes per packed byte. Hex of encrypted frames packs to about a half."""

_RATIO_FREE = 16 << 20
"""Up to this size the ratio does not matter: small files may repeat one line."""

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ZIP = b"PK\x03\x04"
_ZIP_EMPTY = b"PK\x05\x06"

_CHUNK = 1 << 20
_PIECE = 1 << 10
# A Zstandard block of 4 bytes may stand for 128 KiB and its decompressor knows no output limit, so packed bytes are fed
# in pieces that cannot become more than 32 MiB at once.


@dataclass(frozen=True, slots=True)
class Member:
    """One frame file of a delivery.

    Attributes:
        number: 0 for a file by itself, else the place in the zip archive, from 1.
        label: Name for people: the delivered file's, in archives followed by the member's.
        content: Unpacked bytes.
    """

    number: int
    label: str
    content: bytes


def members(content: bytes, name: str) -> tuple[Member, ...]:
    """Unpacks a delivered file.

    Args:
        content: Bytes as delivered.
        name: Name of the file, a label.

    Returns:
        The frame files in it: one for a plain, gzip or Zstandard file, one per member for a zip archive (a member may
        be packed once more).

    Raises:
        FrameFileError: Damaged, cut off, encrypted or empty archive, or more than the bounds allow.
    """
    budget = _Budget(name, packed=len(content))
    if not content.startswith((_ZIP, _ZIP_EMPTY)):
        return (Member(0, name, _unpacked(content, name, budget)),)
    unpacked = tuple(
        Member(number, label, _unpacked(member, label, budget))
        for number, (label, member) in enumerate(_zip_members(content, name, budget), start=1)
    )
    if not unpacked:
        raise FrameFileError(f"{name}: the zip archive holds no file. Deliver the frame files in it.")
    return unpacked


class _Budget:
    """Counts what a delivery unpacks to and refuses it when that is too much."""

    def __init__(self, name: str, packed: int) -> None:
        self._name = name
        self._packed = packed
        self._unpacked = 0

    def spend(self, size: int) -> None:
        self._unpacked += size
        limit = min(MAX_BYTES, max(_RATIO_FREE, MAX_RATIO * self._packed))
        if self._unpacked > limit:
            raise FrameFileError(
                f"{self._name}: unpacks to more than {limit:,} bytes from {self._packed:,}, the most that is accepted. "
                "Deliver it in smaller or plain files."
            )


def _unpacked(content: bytes, label: str, budget: _Budget) -> bytes:
    """The bytes behind one layer of gzip or Zstandard, or the bytes themselves."""
    if content.startswith(_GZIP):
        return _joined(_stream(content, label, _GZIP, lambda: zlib.decompressobj(wbits=31)), budget)
    if content.startswith(_ZSTANDARD):
        return _joined(_stream(content, label, _ZSTANDARD, zstandard.ZstdDecompressor().decompressobj), budget)
    return content


def _joined(chunks: Iterable[bytes], budget: _Budget) -> bytes:
    parts = []
    for chunk in chunks:
        budget.spend(len(chunk))
        parts.append(chunk)
    return b"".join(parts)


def _damaged(label: str) -> FrameFileError:
    return FrameFileError(f"{label}: the packed data is damaged or cut off. Deliver the file again.")


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _stream(content: bytes, label: str, magic: bytes, decompressor: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Unpacks the members of a gzip file or the frames of a Zstandard file one after another."""
    position = 0
    while content.startswith(magic, position):
        stream = decompressor()
        while not stream.eof:
            if position >= len(content):
                raise _damaged(label)
            try:
                yield stream.decompress(content[position : position + _PIECE])
            except (zlib.error, zstandard.ZstdError) as exc:
                raise _damaged(label) from exc
            position += _PIECE
        position = min(position, len(content)) - len(stream.unused_data)
    if content[position:].strip(b"\0"):  # a file may be padded with zeros
        raise _damaged(label)


def _zip_members(content: bytes, name: str, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for info in archive.infolist():
                if not info.filename.endswith("/"):
                    with archive.open(info) as stream:
                        yield f"{name}/{_printable(info.filename)}", _joined(_chunks(stream), budget)
    except (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, OSError, ValueError) as exc:
        raise _damaged(name) from exc
    except RuntimeError as exc:
        raise FrameFileError(f"{name}: the zip archive is encrypted. Deliver it without a password.") from exc


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
