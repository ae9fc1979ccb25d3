"""Whole telegrams: records, security and headers put together for many transmissions at once.

Rows are transmissions. Rows of one meter stand together, so that each key's work is one slice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import link
from simulator.ciphers import BLOCK, ell_iv, encrypt_cbc, encrypt_ctr, mode5_iv
from simulator.crc import crc16, low_first

CI_ELL = 0x8D
CI_FULL = 0x78
CI_COMPACT = 0x79
CI_SHORT = 0x7A
CI_LONG = 0x72
ELL_CONTROL = 0x20
ELL_SEALED_FROM = 17
"""First encrypted byte of a telegram with extended link layer: after the session number."""

_ELL_ENCRYPTED = 1 << 29
_FILLER = 0x2F
_MODE_5 = 0x0500


@dataclass(frozen=True, slots=True)
class Senders:
    """Who sends the rows.

    Attributes:
        address: Meter addresses, shape (n, 8).
        keys: Key of each meter, in row order.
        starts: First row of each meter and, last, the number of rows; shape (meters + 1,).
    """

    address: NDArray[np.uint8]
    keys: Sequence[bytes]
    starts: NDArray[np.int64]

    def slices(self) -> list[tuple[bytes, slice]]:
        """Key and rows of each meter that has rows."""
        bounds = zip(self.keys, self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        return [(key, slice(start, end)) for key, start, end in bounds if end > start]


def _column(value: int | NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    return np.broadcast_to(np.asarray(value, dtype=np.uint8), (count,))[:, None]


def session_numbers(sent_ms: NDArray[np.int64], origin_ms: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Session number fields: minutes since the meter started, sixteenth of the minute, AES-128-CTR.

    Args:
        sent_ms: Instants of transmission in milliseconds, shape (n,).
        origin_ms: When each row's meter started to count, shape (n,).

    Returns:
        Fields as transmitted, shape (n, 4).
    """
    age = sent_ms - origin_ms
    fields = age // 60_000 << 4 | age % 60_000 * 16 // 60_000 | _ELL_ENCRYPTED
    return np.ascontiguousarray(fields.astype("<u4")).view(np.uint8).reshape(-1, 4)


def ell_telegrams(
    senders: Senders,
    application: NDArray[np.uint8],
    access_no: NDArray[np.uint8],
    session: NDArray[np.uint8],
    control: int = ELL_CONTROL,
) -> NDArray[np.uint8]:
    """Telegrams with extended link layer 8D, payload CRC and AES-128-CTR.

    Args:
        senders: The rows' meters.
        application: CI field and payload, shape (n, width).
        access_no: Access numbers, shape (n,).
        session: Session number fields as transmitted, shape (n, 4).
        control: Communication control field.

    Returns:
        Telegrams without link CRCs, shape (n, 19 + width).
    """
    count = len(application)
    iv = ell_iv(senders.address, control, session)
    sealed = np.hstack([low_first(crc16(application)), application])
    for key, rows in senders.slices():
        sealed[rows] = encrypt_ctr(key, iv[rows], sealed[rows])
    header = [_column(CI_ELL, count), _column(control, count), _column(access_no, count), session]
    return link.telegram(senders.address, np.hstack([*header, sealed]))


def tpl_header(
    access_no: NDArray[np.uint8], configuration: int, meter: NDArray[np.uint8] | None = None, status: int = 0
) -> NDArray[np.uint8]:
    """Transport headers with their CI field.

    Args:
        access_no: Access numbers, shape (n,).
        configuration: Configuration word.
        meter: Addresses for a long header (CI 72), manufacturer first, shape (n, 8); without, the header is short (7A).
        status: Status byte.

    Returns:
        Headers, shape (n, 5) or (n, 13).
    """
    count = len(access_no)
    word = np.frombuffer(configuration.to_bytes(2, "little"), dtype=np.uint8)
    tail = [_column(access_no, count), _column(status, count), np.broadcast_to(word, (count, 2))]
    if meter is None:
        return np.hstack([_column(CI_SHORT, count), *tail])
    # A long header names the serial before the manufacturer; initialisation vectors keep the link layer's order.
    return np.hstack([_column(CI_LONG, count), meter[:, 2:6], meter[:, :2], meter[:, 6:], *tail])


def pad_for_mode5(records: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two idle fillers before the records, which decryption is checked by, and as many after them as fill a block."""
    width = -(-(2 + records.shape[1]) // BLOCK) * BLOCK
    padded = np.full((len(records), width), _FILLER, dtype=np.uint8)
    padded[:, 2 : 2 + records.shape[1]] = records
    return padded


def mode5_payloads(
    senders: Senders, plain: NDArray[np.uint8], access_no: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], int]:
    """Payloads of security mode 5.

    Args:
        senders: The rows' meters.
        plain: Padded records, shape (n, width), width a multiple of 16.
        access_no: Access numbers, shape (n,).

    Returns:
        Cipher texts, shape (n, width), and the configuration word that announces them.
    """
    iv = mode5_iv(senders.address, access_no)
    sealed = np.empty_like(plain)
    for key, rows in senders.slices():
        sealed[rows] = encrypt_cbc(key, iv[rows], plain[rows])
    return sealed, _MODE_5 | plain.shape[1] // BLOCK << 4
