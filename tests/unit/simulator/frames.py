"""Reads simulated files back the slow and plain way, with the cryptography library's own cipher modes."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import zstandard
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes

_WIDTHS = {"04": 4, "0C": 4, "0B": 3, "0A": 2, "02": 2, "42": 2, "44": 4, "4C": 4, "61": 1}
_VIF_LENGTHS = {"FF": 2, "FD": 2}


def content(path: Path) -> str:
    """Text of a file, decompressed as its name says."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zst":
        raw = zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    return raw.decode()


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(content(path))))


@dataclass(frozen=True)
class Line:
    """One line of a concentrator's file."""

    source: tuple[str, int]
    received_at: str
    frame: bytes
    telegram: bytes


def lines(folder: Path) -> Iterator[Line]:
    """Lines of all concentrators with link CRCs taken off, unchecked."""
    for path in sorted(folder.glob("frames*/concentrator-*")):
        for number, row in enumerate(table(path), start=2):
            try:
                frame = bytes.fromhex(row["frame"])
            except ValueError:
                frame = b""
            source = f"{path.parent.name}/{path.name}", number
            yield Line(source, row["received_at"], frame, without_crcs(frame, int(row["concentrator"][-1]) % 3))


def receiver_lines(folder: Path, zone: ZoneInfo) -> Iterator[Line]:
    """Lines of the rtl_wmbus receiver."""
    for path in folder.glob("frames/*.txt"):
        for number, line in enumerate(content(path).splitlines(), start=1):
            _, _, _, local, _, _, _, frame = line.split(";")
            received_at = datetime.fromisoformat(local).replace(tzinfo=zone).isoformat()
            telegram = bytes.fromhex(frame.removeprefix("0x"))
            yield Line((f"{path.parent.name}/{path.name}", number), received_at, telegram, telegram)


def without_crcs(frame: bytes, form: int) -> bytes:
    """The telegram in a frame of format none (1), A (2) or B (0)."""
    if form == 2:
        blocks = [frame[start : start + 16] for start in range(12, len(frame), 18)]
        last = frame[12 + 18 * (len(blocks) - 1) :][:-2] if blocks else b""
        return frame[:10] + b"".join([*blocks[:-1], last])
    return frame[:-2] if form == 0 else frame


def decrypt(telegram: bytes, key: bytes) -> bytes:
    """CI field and payload of a telegram with extended link layer, or the records of one with mode 5."""
    if telegram[10] == 0x8D:
        iv = telegram[2:10] + bytes([telegram[11] & 0xED]) + telegram[13:17] + bytes(3)
        return _decrypt(algorithms.AES(key), modes.CTR(iv), telegram[17:])[2:]
    is_long = telegram[10] == 0x72
    head = telegram[11:] if not is_long else telegram[19:]
    address = telegram[15:17] + telegram[11:15] + telegram[17:19] if is_long else telegram[2:10]
    if not head[3]:
        return head[4:]
    return _decrypt(algorithms.AES(key), modes.CBC(address + head[:1] * 8), head[4:])


def _decrypt(cipher: CipherAlgorithm, mode: modes.CTR | modes.CBC, text: bytes) -> bytes:
    return Cipher(cipher, mode).decryptor().update(text)


def records(area: bytes) -> dict[str, bytes]:
    """Data bytes of the records of an area by DIF and VIF, hex; only what the simulated layouts use."""
    found: dict[str, bytes] = {}
    position = 0
    while position < len(area):
        dif = f"{area[position]:02X}"
        if dif == "2F":
            position += 1
            continue
        length = _VIF_LENGTHS.get(f"{area[position + 1]:02X}", 1)
        data = position + 1 + length
        found[area[position:data].hex().upper()] = area[data : data + _WIDTHS[dif]]
        position = data + _WIDTHS[dif]
    return found


def crc(data: bytes) -> bytes:
    """CRC-16/EN-13757, bit by bit, high byte first."""
    register = 0
    for bit in (byte >> place & 1 for byte in data for place in range(7, -1, -1)):
        register = (register << 1 & 0xFFFF) ^ (0x3D65 if register >> 15 ^ bit else 0)
    return (register ^ 0xFFFF).to_bytes(2, "big")


def is_format_a(frame: bytes) -> bool:
    """Whether a frame of format A has the right length and CRCs."""
    blocks = [frame[:12], *(frame[start : start + 18] for start in range(12, len(frame), 18))]
    return len(frame) == frame[0] + 1 + 2 * len(blocks) and all(crc(block[:-2]) == block[-2:] for block in blocks)


def is_ell(telegram: bytes, key: bytes) -> bool:
    """Whether the payload CRC of a telegram with extended link layer holds under a key."""
    iv = telegram[2:10] + bytes([telegram[11] & 0xED]) + telegram[13:17] + bytes(3)
    plain = _decrypt(algorithms.AES(key), modes.CTR(iv), telegram[17:])
    return crc(plain[2:])[::-1] == plain[:2]


def to_ms(received_at: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 instant."""
    return round(datetime.fromisoformat(received_at).timestamp() * 1000)
