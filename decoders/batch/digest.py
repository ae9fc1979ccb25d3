"""MD5 of equally long messages, side by side (RFC 1321); for identities of telegrams, not for security."""

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Bytes
from decoders.batch.texts import hex_column

_SHIFTS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_SINES = tuple(np.uint32(int(abs(math.sin(step + 1)) * 2**32)) for step in range(64))
_WORDS = tuple(
    tuple((factor * step + start) % 16 for step in range(16)) for factor, start in ((1, 0), (5, 1), (3, 5), (7, 0))
)
_START = tuple(np.uint32(word) for word in (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476))
_AT_ONCE = 16384  # rows whose state and message stay in the processor's cache


def md5_hex(messages: Bytes) -> pl.Series:
    """MD5 of each row as lower-case hex.

    Args:
        messages: Bytes, shape (n, width).

    Returns:
        Strings, shape (n,).
    """
    count, width = messages.shape
    blocks = (width + 8) // 64 + 1
    digests = np.empty((count, 4), "<u4")
    for start in range(0, count, _AT_ONCE):
        part = messages[start : start + _AT_ONCE]
        padded = np.zeros((len(part), blocks * 64), np.uint8)
        padded[:, :width] = part
        padded[:, width] = 0x80
        padded[:, -8:] = np.frombuffer((width * 8).to_bytes(8, "little"), np.uint8)
        words = np.ascontiguousarray(padded.view("<u4").T).astype(np.uint32, copy=False)
        digests[start : start + len(part)] = _digest(words, blocks).T
    return hex_column(digests.view(np.uint8).reshape(count, 16))


def _digest(words: NDArray[np.uint32], blocks: int) -> NDArray[np.uint32]:
    """The state after all blocks, shape (4, n); ``words`` has shape (16 blocks, n)."""
    count = words.shape[1]
    state = np.repeat(np.array(_START, np.uint32)[:, None], count, axis=1)
    mixed, carried = np.empty(count, np.uint32), np.empty(count, np.uint32)
    for block in range(blocks):
        a, b, c, d = (row.copy() for row in state)
        for round_no in range(4):
            for step in range(16):
                _mix(round_no, b, c, d, mixed)
                mixed += a
                mixed += words[block * 16 + _WORDS[round_no][step]]
                mixed += _SINES[round_no * 16 + step]
                turn = _SHIFTS[round_no][step % 4]
                np.right_shift(mixed, np.uint32(32 - turn), out=carried)
                np.left_shift(mixed, np.uint32(turn), out=mixed)
                mixed |= carried
                np.add(mixed, b, out=a)
                a, b, c, d = d, a, b, c
        state += np.stack((a, b, c, d))
    return state


def _mix(
    round_no: int, b: NDArray[np.uint32], c: NDArray[np.uint32], d: NDArray[np.uint32], out: NDArray[np.uint32]
) -> None:
    """The round's function of three state words."""
    if round_no == 0:  # choose c or d by b
        np.bitwise_xor(c, d, out=out)
        out &= b
        out ^= d
    elif round_no == 1:  # choose b or c by d
        np.bitwise_xor(b, c, out=out)
        out &= d
        out ^= c
    elif round_no == 2:
        np.bitwise_xor(b, c, out=out)
        out ^= d
    else:
        np.bitwise_not(d, out=out)
        out |= b
        out ^= c
