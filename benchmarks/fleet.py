"""Frames of a made-up fleet, encoded column by column: enough traffic to time a decoder with."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from decoders.batch.checks import crc16

Bytes = NDArray[np.uint8]

_WATER_FORMAT = bytes.fromhex("02FF2004134413615B6167")
_WATER = ((b"\x02\xff\x20", 2), (b"\x04\x13", 4), (b"\x44\x13", 4), (b"\x61\x5b", 1), (b"\x61\x67", 1))
_HEAT = ((b"\x04\x06", 4), (b"\x04\x14", 4), (b"\x04\x3b", 4), (b"\x02\x59", 2), (b"\x02\x5d", 2), (b"\x04\xff\x22", 4))
_WATER_ADDRESS, _HEAT_ADDRESS, _OMS_ADDRESS = ("2D2C", "1B16"), ("2D2C", "3404"), ("D425", "7007")
FULL_EVERY = 8


@dataclass(frozen=True, slots=True)
class Traffic:
    """Frames with what a decoder needs to read them.

    Attributes:
        frames: Columns frame_id and frame, in the order of reception: every meter once an hour.
        keys: Columns meter_id, key_no, key and verified.
        sealed: Per encrypted frame: key, 16-byte start value and ciphertext, for the plain decryption loop.
    """

    frames: pl.DataFrame
    keys: pl.DataFrame
    sealed: list[tuple[bytes, bytes, bytes, bool]]


def traffic(meters: int, hours: int, *, mixed: bool = False, blocks: bool = True, seed: int = 1) -> Traffic:
    """Encodes ``hours`` frames of each of ``meters`` meters with a key of its own.

    Args:
        meters: Number of meters.
        hours: Frames per meter; every eighth is a full frame, the others are compact.
        mixed: A third of the meters sends mode 5 frames, another third plain heat frames.
        blocks: Whether the frames keep their link checksums (format A).
        seed: Start of the random numbers.

    Returns:
        The traffic.
    """
    random = np.random.default_rng(seed)
    serials = np.arange(10_000_000, 10_000_000 + meters)
    keys = random.integers(0, 256, (meters, 16), dtype=np.uint8)
    kinds = np.arange(meters) % 3 if mixed else np.zeros(meters, np.int64)
    frames: list[list[bytes]] = []
    ids, sealed = [], []
    encoders = (_water, _oms, _heat)
    parts = []
    for kind, encode in enumerate(encoders):
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            parts.append((chosen, encode(serials[chosen], keys[chosen], hours, random, blocks)))
    by_meter: dict[int, list[bytes]] = {}
    for chosen, (rows, secrets) in parts:
        for place, meter in enumerate(chosen.tolist()):
            by_meter[meter] = rows[place]
        sealed += secrets
    for hour in range(hours):
        frames.append([by_meter[meter][hour] for meter in range(meters)])
        ids += [f"{hour:016x}-{meter + 1}" for meter in range(meters)]
    names = {0: "KAM-{}-1b-16", 1: "INT-{}-70-07", 2: "KAM-{}-34-04"}
    return Traffic(
        frames=pl.DataFrame({"frame_id": ids, "frame": [frame for hour in frames for frame in hour]}),
        keys=pl.DataFrame(
            {
                "meter_id": [names[kind].format(serial) for kind, serial in zip(kinds, serials, strict=True)],
                "key_no": np.zeros(meters, np.int32),
                "key": [key.tobytes() for key in keys],
                "verified": np.zeros(meters, np.bool_),
            }
        ),
        sealed=sealed,
    )


Encoded = tuple[list[list[bytes]], list[tuple[bytes, bytes, bytes, bool]]]


def _water(serials: NDArray[np.int64], keys: Bytes, hours: int, random: np.random.Generator, blocks: bool) -> Encoded:
    """Link-encrypted (AES-CTR) full and compact frames of water meters."""
    head = _addresses(serials, *_WATER_ADDRESS)
    signature = crc16(np.frombuffer(_WATER_FORMAT, np.uint8)[None]).astype("<u2").view(np.uint8)
    frames: list[list[bytes]] = [[] for _ in serials]
    sealed = []
    values = random.integers(0, 5_000_000, len(serials))
    for hour in range(hours):
        values = values + random.integers(0, 200, len(serials))
        fields = [
            np.zeros((len(serials), 2), np.uint8),
            _le(values, 4),
            _le(values - values % 1000, 4),
            _le(random.integers(5, 25, len(serials)), 1),
            _le(random.integers(5, 25, len(serials)), 1),
        ]
        full = _full(_WATER, fields)
        if hour % FULL_EVERY:
            check = crc16(full).astype("<u2").view(np.uint8).reshape(-1, 2)
            payload = np.hstack([_same(b"\x79" + signature.tobytes(), serials), check, *fields])
        else:
            payload = np.hstack([_same(b"\x78", serials), full])
        payload = np.hstack([crc16(payload).astype("<u2").view(np.uint8).reshape(-1, 2), payload])
        session = _le(np.full(len(serials), 1 << 29 | (hour + 1) << 4), 4)
        control = _same(bytes((0x20,)), serials)
        start = np.hstack([head, control, session, _same(bytes(3), serials)])
        cipher = np.empty_like(payload)
        for place, key in enumerate(keys):
            secret, iv = key.tobytes(), start[place].tobytes()
            text = Cipher(algorithms.AES(secret), modes.CTR(iv)).encryptor().update(payload[place].tobytes())
            cipher[place] = np.frombuffer(text, np.uint8)
            sealed.append((secret, iv, text, True))
        access = _same(bytes((hour % 256,)), serials)
        body = np.hstack([_same(b"\x8d", serials), control, access, session, cipher])
        _append(frames, head, body, blocks)
    return frames, sealed


def _oms(serials: NDArray[np.int64], keys: Bytes, hours: int, random: np.random.Generator, blocks: bool) -> Encoded:
    """Mode 5 frames of water meters with a short transport header."""
    head = _addresses(serials, *_OMS_ADDRESS)
    records = ((b"\x2f\x2f\x04\x13", 4), (b"\x02\x5a", 2), (b"\x42\x6c", 2), (b"\x44\x13", 4), (b"\x02\xfd\x17", 2))
    frames: list[list[bytes]] = [[] for _ in serials]
    sealed = []
    values = random.integers(0, 5_000_000, len(serials))
    for hour in range(hours):
        values = values + random.integers(0, 200, len(serials))
        fields = [
            _le(values, 4),
            _le(random.integers(50, 250, len(serials)), 2),
            _same(bytes.fromhex("DF2C"), serials),
            _le(values - values % 1000, 4),
            _same(b"\0\0", serials),
        ]
        plain = _full(records, fields)
        plain = np.hstack([plain, np.full((len(serials), -plain.shape[1] % 16), 0x2F, np.uint8)])
        count = plain.shape[1] // 16
        access = bytes((hour % 256,))
        start = np.hstack([head, _same(access * 8, serials)])
        cipher = np.empty_like(plain)
        for place, key in enumerate(keys):
            secret, iv = key.tobytes(), start[place].tobytes()
            text = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor().update(plain[place].tobytes())
            cipher[place] = np.frombuffer(text, np.uint8)
            sealed.append((secret, iv, text, False))
        _append(frames, head, np.hstack([_same(b"\x7a" + access + bytes((0, count << 4, 5)), serials), cipher]), blocks)
    return frames, sealed


def _heat(serials: NDArray[np.int64], _keys: Bytes, hours: int, random: np.random.Generator, blocks: bool) -> Encoded:
    """Unencrypted frames of heat meters."""
    head = _addresses(serials, *_HEAT_ADDRESS)
    frames: list[list[bytes]] = [[] for _ in serials]
    for hour in range(hours):
        limits = (100_000, 1_000_000, 5000, 9000, 5000, 1)
        fields = [
            _le(random.integers(0, limit, len(serials)), width) for (_, width), limit in zip(_HEAT, limits, strict=True)
        ]
        header = b"\x7a" + bytes((hour % 256, 0, 0, 0))
        _append(frames, head, np.hstack([_same(header, serials), _full(_HEAT, fields)]), blocks)
    return frames, []


def _addresses(serials: NDArray[np.int64], manufacturer: str, kind: str) -> Bytes:
    """M, ID (BCD, low byte first), VERSION and TYPE, shape (n, 8)."""
    bcd = sum(((serials // 10**digit % 10) << 4 * digit for digit in range(8)), np.zeros_like(serials))
    return np.hstack([_same(bytes.fromhex(manufacturer), serials), _le(bcd, 4), _same(bytes.fromhex(kind), serials)])


def _append(frames: list[list[bytes]], head: Bytes, body: Bytes, blocks: bool) -> None:
    first = np.hstack([_same(bytes((9 + body.shape[1], 0x44)), head), head])
    parts = [first, *(body[:, start : start + 16] for start in range(0, body.shape[1], 16))]
    if blocks:
        parts = [np.hstack([part, crc16(part).astype(">u2").view(np.uint8).reshape(-1, 2)]) for part in parts]
    for meter, row in zip(frames, np.hstack(parts), strict=True):
        meter.append(row.tobytes())


def _full(records: tuple[tuple[bytes, int], ...], fields: list[Bytes]) -> Bytes:
    return np.hstack(
        [part for (header, _), field in zip(records, fields, strict=True) for part in (_same(header, field), field)]
    )


def _le(values: NDArray[np.int64], width: int) -> Bytes:
    return np.ascontiguousarray(values.astype("<i8")).view(np.uint8).reshape(-1, 8)[:, :width]


def _same(content: bytes, like: NDArray[np.generic]) -> Bytes:
    return np.tile(np.frombuffer(content, np.uint8), (len(like), 1))
