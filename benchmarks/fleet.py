"""Frames of a made-up fleet, encoded column by column: enough traffic to time a decoder with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from decoders.batch import aes
from decoders.batch.checks import crc16
from decoders.batch.cmac import cmac
from warehouse.phrases import phrase

Bytes = NDArray[np.uint8]
Loop = list[tuple[bytes, bytes, bytes, bytes]]
"""Per frame: key, start value, ciphertext and, in mode 7, what its code covers."""

FULL_EVERY = 8
"""Of the frames of a meter that sends compact ones, one in so many is full."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Meters of one kind.

    Attributes:
        manufacturer: Three letters.
        device: Version and type, hex.
        records: Header, bytes and upper limit of each record.
        seal: ``none``, ``ctr`` (extended link layer), ``mode5`` or ``mode7``.
        compact: Whether it sends compact frames between the full ones.
    """

    manufacturer: str
    device: str
    records: tuple[tuple[str, int, int], ...]
    seal: str
    compact: bool = False


LINK_WATER = Kind(
    *("KAM", "1b16"),
    (("02FF20", 2, 1), ("0413", 4, 5_000_000), ("4413", 4, 5_000_000), ("615B", 1, 30), ("6167", 1, 30)),
    *("ctr", True),
)
LINK_HEAT = Kind(
    *("KAM", "3404"),
    (("0406", 4, 90_000), ("0414", 4, 900_000), ("02FF22", 2, 1), ("0259", 2, 9000), ("025D", 2, 5000)),
    *("ctr", True),
)
WATER = Kind(
    *("INT", "7007"),
    (("0413", 4, 5_000_000), ("025A", 2, 250), ("426C", 2, 0x2C00), ("4413", 4, 5_000_000), ("02FD17", 2, 1)),
    "mode5",
)
HEAT = Kind("DME", "4104", (("0406", 4, 90_000), ("0413", 4, 900_000), ("025A", 2, 900), ("025E", 2, 500)), "mode5")
PLAIN_HEAT = Kind(
    *("KAM", "1c04"),
    (("0406", 4, 90_000), ("0414", 4, 900_000), ("043B", 4, 5000), ("0259", 2, 9000), ("04FF22", 4, 1)),
    "none",
)
PLAIN_WATER = Kind("SEN", "6807", (("0413", 4, 5_000_000), ("02FD17", 2, 1), ("4413", 4, 5_000_000)), "none")
DERIVED_WATER = Kind("HYD", "0107", (("0413", 4, 5_000_000), ("426C", 2, 0x2C00), ("4413", 4, 5_000_000)), "mode7")

SIX = (LINK_WATER, LINK_HEAT, WATER, HEAT, PLAIN_HEAT, PLAIN_WATER)
"""Six layouts; two thirds of the frames are encrypted, half of those on the link."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Frames with what a decoder needs to read them.

    Attributes:
        frames: Columns frame_id and frame, shuffled.
        keys: Columns meter_id, key_no, key and verified.
        sealed: What a plain decryption loop needs, by kind of seal.
    """

    frames: pl.DataFrame
    keys: pl.DataFrame
    sealed: dict[str, Loop] = field(default_factory=dict)


def traffic(
    meters: int, hours: int, kinds: tuple[Kind, ...] = SIX, *, blocks: bool = True, loop: bool = True, seed: int = 1
) -> Traffic:
    """Encodes ``hours`` frames of each of ``meters`` meters with a key of its own.

    Args:
        meters: Number of meters.
        hours: Frames per meter.
        kinds: Kinds of meters, in equal shares.
        blocks: Whether the frames keep their link checksums (format A).
        loop: Whether to keep what a decryption loop needs.
        seed: Start of the random numbers.

    Returns:
        The traffic.
    """
    random = np.random.default_rng(seed)
    serials = np.arange(10_000_000, 10_000_000 + meters)
    keys = random.integers(0, 256, (meters, 16), dtype=np.uint8)
    sealed: dict[str, Loop] = {}
    columns = []
    for number, kind in enumerate(kinds):
        mine = np.arange(number, meters, len(kinds))
        for hour in range(hours):
            made = _frames(kind, serials[mine], keys[mine], hour, random, sealed if loop else None)
            columns += [_column(_with_checksums(frames) if blocks else frames) for frames in made]
    frames = pl.concat(columns, rechunk=True)
    order = pl.Series(random.permutation(len(frames)))
    return Traffic(
        frames=pl.DataFrame({"number": order, "frame": frames.gather(order)}).select(
            phrase("{}-{}", pl.col("number").cast(pl.String).str.zfill(16), pl.col("number") + 1).alias("frame_id"),
            "frame",
        ),
        keys=pl.DataFrame(
            {
                "meter_id": [
                    f"{kinds[place % len(kinds)].manufacturer}-{serial}-"
                    f"{kinds[place % len(kinds)].device[:2]}-{kinds[place % len(kinds)].device[2:]}"
                    for place, serial in enumerate(serials.tolist())
                ],
                "key_no": np.zeros(meters, np.int32),
                "key": [key.tobytes() for key in keys],
                "verified": np.zeros(meters, np.bool_),
            }
        ),
        sealed=sealed,
    )


def _frames(
    kind: Kind,
    serials: NDArray[np.int64],
    keys: Bytes,
    hour: int,
    random: np.random.Generator,
    sealed: dict[str, Loop] | None,
) -> Iterator[Bytes]:
    """Frames of one kind in one hour, without link checksums: one matrix per length."""
    is_full = (np.arange(len(serials)) + hour) % FULL_EVERY == 0 if kind.compact else np.ones(len(serials), np.bool_)
    for part, encode in ((is_full, _full), (~is_full, _compact)):
        chosen = np.flatnonzero(part)
        if not len(chosen):
            continue
        fields = [_le(random.integers(0, limit, len(chosen)), width) for _, width, limit in kind.records]
        head = _addresses(serials[chosen], kind)
        body, loop = _SEALS[kind.seal](head, keys[chosen], encode(kind, fields), hour)
        if sealed is not None:
            sealed.setdefault(kind.seal, []).extend(loop)
        yield np.hstack([_same(bytes((9 + body.shape[1], 0x44)), head), head, body])


def _full(kind: Kind, fields: list[Bytes]) -> Bytes:
    """CI field and record area of a full frame."""
    parts = [_same(b"\x78", fields[0])]
    for (header, _, _), content in zip(kind.records, fields, strict=True):
        parts += [_same(bytes.fromhex(header), content), content]
    return np.hstack(parts)


def _compact(kind: Kind, fields: list[Bytes]) -> Bytes:
    """CI field, format signature, checksum of the full frame and data."""
    headers = np.frombuffer(bytes.fromhex("".join(header for header, _, _ in kind.records)), np.uint8)
    signature = crc16(headers[None]).astype("<u2").tobytes()
    check = crc16(_full(kind, fields)[:, 1:]).astype("<u2").view(np.uint8).reshape(-1, 2)
    return np.hstack([_same(b"\x79" + signature, check), check, *fields])


def _plain(head: Bytes, _keys: Bytes, payload: Bytes, hour: int) -> tuple[Bytes, Loop]:
    return np.hstack([_same(bytes((0x8C, 0x20, hour % 256)), head), payload]), []


def _on_the_link(head: Bytes, keys: Bytes, payload: Bytes, hour: int) -> tuple[Bytes, Loop]:
    """Extended link layer with AES-CTR."""
    session = (1 << 29 | (hour + 1) << 4).to_bytes(4, "little")
    start = np.hstack([head, _same(b"\x20" + session + bytes(3), head)])
    plain = np.hstack([crc16(payload).astype("<u2").view(np.uint8).reshape(-1, 2), payload])
    blocks = -(-plain.shape[1] // 16)
    counters = np.tile(start, blocks)
    counters[:, 15::16] = np.arange(blocks)
    cipher = plain ^ aes.encrypt(keys, counters)[:, : plain.shape[1]]
    body = np.hstack([_same(bytes((0x8D, 0x20, hour % 256)) + session, head), cipher])
    return body, _loop(keys, start, cipher, cipher[:, :0])


def _mode_5(head: Bytes, keys: Bytes, payload: Bytes, hour: int) -> tuple[Bytes, Loop]:
    access = bytes((hour % 256,))
    start = np.hstack([head, _same(access * 8, head)])
    cipher = _cbc(keys, start, _filled(payload[:, 1:]))
    header = b"\x7a" + access + bytes((0, cipher.shape[1], 5))
    return np.hstack([_same(header, head), cipher]), _loop(keys, start, cipher, cipher[:, :0])


def _mode_7(head: Bytes, keys: Bytes, payload: Bytes, hour: int) -> tuple[Bytes, Loop]:
    counter = hour.to_bytes(4, "little")
    context = np.hstack([_same(counter, head), head[:, 2:6], _same(b"\x07" * 7, head)])
    encryption = cmac(keys, np.hstack([_same(b"\x00", head), context]))
    authentication = cmac(keys, np.hstack([_same(b"\x01", head), context]))
    cipher = _cbc(encryption, np.zeros((len(keys), 16), np.uint8), _filled(payload[:, 1:]))
    message = np.hstack([_same(bytes((0x7A, hour % 256, 0, cipher.shape[1], 7, 0x10)), head), cipher])
    covered = np.hstack([_same(b"\x05" + counter, head), message])
    code = cmac(authentication, covered)[:, :8]
    body = np.hstack([_same(b"\x90\x0f\x00\x2c\x05" + counter, head), code, message])
    return body, _loop(keys, context, cipher, covered)


_SEALS: dict[str, Callable[[Bytes, Bytes, Bytes, int], tuple[Bytes, Loop]]] = {
    "none": _plain,
    "ctr": _on_the_link,
    "mode5": _mode_5,
    "mode7": _mode_7,
}


def _loop(keys: Bytes, start: Bytes, cipher: Bytes, covered: Bytes) -> Loop:
    columns = ([row.tobytes() for row in part] for part in (keys, start, cipher, covered))
    return list(zip(*columns, strict=True))


def _filled(area: Bytes) -> Bytes:
    """A record area between the fillers that an encrypted one has."""
    behind = _same(b"\x2f" * (-(2 + area.shape[1]) % 16), area)
    return np.hstack([_same(b"\x2f\x2f", area), area, behind])


def _cbc(keys: Bytes, start: Bytes, plain: Bytes) -> Bytes:
    parts = [start]
    for at in range(0, plain.shape[1], 16):
        parts.append(aes.encrypt(keys, plain[:, at : at + 16] ^ parts[-1]))
    return np.hstack(parts[1:])


def _addresses(serials: NDArray[np.int64], kind: Kind) -> Bytes:
    """M, ID (BCD, low byte first), VERSION and TYPE, shape (n, 8)."""
    letters = [ord(letter) - 64 for letter in kind.manufacturer]
    manufacturer = (letters[0] << 10 | letters[1] << 5 | letters[2]).to_bytes(2, "little")
    bcd = sum(((serials // 10**digit % 10) << 4 * digit for digit in range(8)), np.zeros_like(serials))
    return np.hstack([_same(manufacturer, serials), _le(bcd, 4), _same(bytes.fromhex(kind.device), serials)])


def _with_checksums(frames: Bytes) -> Bytes:
    """Format A."""
    parts = [frames[:, :10], *(frames[:, start : start + 16] for start in range(10, frames.shape[1], 16))]
    return np.hstack([np.hstack([part, crc16(part).astype(">u2").view(np.uint8).reshape(-1, 2)]) for part in parts])


def _column(frames: Bytes) -> pl.Series:
    offsets = np.arange(len(frames) + 1, dtype=np.int64) * frames.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(frames))]
    return pl.Series(pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(frames), buffers))


def _le(values: NDArray[np.int64], width: int) -> Bytes:
    return np.ascontiguousarray(values.astype("<i8")).view(np.uint8).reshape(-1, 8)[:, :width]


def _same(content: bytes, like: NDArray[np.generic]) -> Bytes:
    return np.tile(np.frombuffer(content, np.uint8), (len(like), 1))
