"""Any key file: what it is, and its lines."""

import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO

from registry.keyfiles.csv_profiles import KeyProfile, read_csv
from registry.keyfiles.errors import KeyFileError
from registry.keyfiles.kem import read_kem
from registry.keyfiles.lines import KeyFile

MAX_BYTES = 128 << 20
"""Largest file that is read, unpacked; one with the keys of 100,000 meters has about half of that."""

_BOM = b"\xef\xbb\xbf"


def read_key_file(content: bytes, name: str, password: Callable[[], str], profile: KeyProfile | None = None) -> KeyFile:
    """Reads a key file, recognised by its content.

    Args:
        content: Bytes of the file: KEM or KEM2, plain or as the one member of a zip archive, or a CSV export.
        name: Name of the file, for messages.
        password: Gives the password; asked only where the file is encrypted.
        profile: Layout of a CSV export; by default the one that its header fits.

    Returns:
        The file with its lines, also those with a fault.

    Raises:
        KeyFileError: The file is none of these, damaged, too large, or the password does not open it.
    """
    content = _unpacked(content, name)
    if len(content) > MAX_BYTES:
        raise KeyFileError(f"{name} has more than {MAX_BYTES:,} bytes, the most that is accepted. Split the order.")
    if content.removeprefix(_BOM).lstrip().startswith(b"<"):
        return read_kem(content.removeprefix(_BOM).strip(), name, password)
    return read_csv(content, name, profile)


def _unpacked(content: bytes, name: str) -> bytes:
    """The key file in a zip archive, or the bytes themselves."""
    if not content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return content
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            files = [info for info in archive.infolist() if not info.filename.endswith("/")]
            keys = [info for info in files if info.filename.lower().endswith((".kem", ".kem2"))] or files
            if len(keys) != 1:
                raise KeyFileError(f"{name} is a zip archive with {len(keys)} key files. Import them one by one.")
            if keys[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise KeyFileError(f"{name} is packed in a rare way. Unpack it and import the key file in it.")
            if keys[0].flag_bits & 1:
                raise KeyFileError(f"{name} is an encrypted zip archive. Unpack it and import the key file in it.")
            with archive.open(keys[0]) as member:
                return member.read(MAX_BYTES + 1)  # what the directory says of the size may be wrong
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as exc:
        raise KeyFileError(f"{name} is a damaged zip archive. Fetch the file again.") from exc
