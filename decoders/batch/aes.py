"""AES-128 (FIPS 197) of many rows side by side, each with a key of its own.

Setting up a cipher per key costs more than the few blocks of a telegram. Here the bytes of all rows lie in bit planes:
plane ``b`` holds bit ``b`` of every byte, so that one operation on a plane does the same to all rows. Planes have the
shape (8 bits, 4 rows of the AES state, 4 columns, blocks, words of 64 table rows).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from decoders.batch.circuit import RESTORE, SUBSTITUTE, Circuit
from decoders.batch.columns import Bytes

BLOCK = 16

_ROUNDS = 10
_CONSTANT = (0, 1, 5, 6)
"""Bits of 63, which the S-box adds."""
_REDUCTION = (0, 1, 3, 4)
"""Bits of 1B: what the field adds where a product leaves the byte."""
_ROUND_CONSTANTS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36)
_SHIFT_ROWS = np.array([4 * row + (column + row) % 4 for row in range(4) for column in range(4)])
_SHIFT_ROWS_BACK = np.argsort(_SHIFT_ROWS)
_SWAPS = ((4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555))
_LANES = 64
_AT_ONCE = 16384  # rows: enough to make a call worth its while, few enough for the processor's cache

Planes = NDArray[np.uint64]


def encrypt(keys: Bytes, blocks: Bytes) -> Bytes:
    """Encrypts whole blocks, each for itself (ECB): the building block of counter mode.

    Args:
        keys: A key per row, shape (n, 16).
        blocks: Blocks of each row, shape (n, 16 m).

    Returns:
        Ciphertext, shape (n, 16 m).
    """
    return _by_parts(keys, blocks, _encrypted)


def decrypt(keys: Bytes, blocks: Bytes) -> Bytes:
    """Decrypts whole blocks, each for itself: the building block of CBC; see :func:`encrypt`."""
    return _by_parts(keys, blocks, _decrypted)


def chain(keys: Bytes, blocks: Bytes) -> Bytes:
    """Last ciphertext block of each row in CBC from a start value of zeros, shape (n, 16); see :func:`encrypt`."""
    return _by_parts(keys, blocks, _chained)


def _by_parts(keys: Bytes, blocks: Bytes, work: Callable[[Planes, Planes], Planes]) -> Bytes:
    if not blocks.size:
        return blocks
    parts = []
    for start in range(0, len(keys), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        done = work(_schedule(_to_planes(keys[part])), _to_planes(blocks[part]))
        parts.append(_to_bytes(done)[: len(keys[part])])
    return np.concatenate(parts)


def _to_planes(blocks: Bytes) -> Planes:
    """Bit planes of rows of blocks, shape (n, 16 m); rows are added up to a multiple of 64."""
    count, width = blocks.shape
    added = -count % _LANES
    if added:
        blocks = np.concatenate([blocks, np.zeros((added, width), np.uint8)])
    eighths = blocks.reshape(8, -1, width // BLOCK, 4, 4)  # rows, blocks, and a state column by column
    planes = np.ascontiguousarray(eighths.transpose(0, 4, 3, 2, 1)).view(np.uint64)
    _transpose_bits(planes)
    return planes


def _to_bytes(planes: Planes) -> Bytes:
    """Rows of blocks; the planes are overwritten."""
    _transpose_bits(planes)
    eighths = planes.view(np.uint8).transpose(0, 4, 3, 2, 1)
    return np.ascontiguousarray(eighths).reshape(-1, BLOCK * planes.shape[3])


def _transpose_bits(words: Planes) -> None:
    """Swaps bit ``i`` of every byte of word ``j`` with bit ``j`` of the same byte of word ``i``; shape (8, ...)."""
    for distance, mask in _SWAPS:
        pairs = words.reshape(-1, 2, distance, words[0].size)
        low, high = pairs[:, 0], pairs[:, 1]
        moved = low >> np.uint64(distance)
        moved ^= high
        moved &= np.uint64(mask)
        high ^= moved
        moved <<= np.uint64(distance)
        low ^= moved


def _schedule(key: Planes) -> Planes:
    """Round keys, shape (11, *key.shape), all but the first with the constant that the S-box circuit leaves out.

    The constant passes through the other steps of a round unchanged, so the round key can bring it.
    """
    rounds = np.empty((_ROUNDS + 1, *key.shape), np.uint64)
    rounds[0] = key
    registers = np.empty((SUBSTITUTE.size, *key.shape[1:2], *key.shape[3:]), np.uint64)
    for number, constant in enumerate(_ROUND_CONSTANTS, 1):
        before, now = rounds[number - 1], rounds[number]
        registers[:8, :3], registers[:8, 3] = before[:, 1:, 3], before[:, 0, 3]
        for bit, plane in enumerate(SUBSTITUTE.run(list(registers))):
            if bit in _CONSTANT:
                np.invert(plane, out=plane)
            if constant >> bit & 1:
                np.invert(plane[0], out=plane[0])
            np.bitwise_xor(before[bit, :, 0], plane, out=now[bit, :, 0])
        for column in range(1, 4):
            np.bitwise_xor(before[:, :, column], now[:, :, column - 1], out=now[:, :, column])
    for bit in _CONSTANT:
        np.invert(rounds[1:, bit], out=rounds[1:, bit])
    return rounds


def _encrypted(schedule: Planes, blocks: Planes) -> Planes:
    state = blocks ^ schedule[0]
    spare, shifted = _room(SUBSTITUTE, state)
    for key in schedule[1:-1]:
        _substitute(SUBSTITUTE, state, spare, _SHIFT_ROWS, shifted)
        _mix_columns(shifted, state)
        state ^= key
    _substitute(SUBSTITUTE, state, spare, _SHIFT_ROWS, shifted)
    shifted ^= schedule[-1]
    return shifted


def _decrypted(schedule: Planes, blocks: Planes) -> Planes:
    state = blocks ^ schedule[-1]
    spare, shifted = _room(RESTORE, state)
    for key in schedule[-2:0:-1]:
        _substitute(RESTORE, state, spare, _SHIFT_ROWS_BACK, shifted)
        shifted ^= key
        _mix_columns_back(shifted, state)
    _substitute(RESTORE, state, spare, _SHIFT_ROWS_BACK, shifted)
    shifted ^= schedule[0]
    return shifted


def _chained(schedule: Planes, blocks: Planes) -> Planes:
    state = np.zeros_like(blocks[:, :, :, :1])
    for number in range(blocks.shape[3]):
        state = _encrypted(schedule, blocks[:, :, :, number : number + 1] ^ state)
    return state


def _room(circuit: Circuit, state: Planes) -> tuple[Planes, Planes]:
    """Registers besides those of the state, and a second state."""
    return np.empty((circuit.size - 8, *state.shape[1:]), np.uint64), np.empty_like(state)


def _substitute(circuit: Circuit, state: Planes, spare: Planes, order: NDArray[np.int64], out: Planes) -> None:
    """SubBytes and ShiftRows, or their inverses; the state is overwritten."""
    for bit, plane in enumerate(circuit.run([*state, *spare])):
        plane.reshape(BLOCK, -1).take(order, axis=0, out=out[bit].reshape(BLOCK, -1), mode="clip")


def _mix_columns(state: Planes, out: Planes) -> None:
    """MixColumns: of a column (a, b, c, d) its first byte becomes 2a + 3b + c + d = 2(a + b) + b + (c + d)."""
    sums = np.empty_like(state)  # of each byte and the next one of its column
    np.bitwise_xor(state[:, :3], state[:, 1:], out=sums[:, :3])
    np.bitwise_xor(state[:, 3], state[:, 0], out=sums[:, 3])
    np.bitwise_xor(state[:, 1:3], sums[:, 2:], out=out[:, :2])
    np.bitwise_xor(state[:, 3], sums[:, 0], out=out[:, 2])
    np.bitwise_xor(state[:, 0], sums[:, 1], out=out[:, 3])
    out[1:] ^= sums[:-1]
    for bit in _REDUCTION:
        out[bit] ^= sums[7]


def _mix_columns_back(state: Planes, out: Planes) -> None:
    """InvMixColumns: MixColumns once 4(a + c) has been added to a and c, and 4(b + d) to b and d."""
    sums = state[:, :2] ^ state[:, 2:]
    for half in (state[:, :2], state[:, 2:]):
        half[2:] ^= sums[:-2]
        for bit in _REDUCTION:
            half[bit] ^= sums[6]
            half[bit + 1] ^= sums[7]
    _mix_columns(state, out)
