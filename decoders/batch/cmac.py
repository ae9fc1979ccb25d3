"""AES-128-CMAC (NIST SP 800-38B) of many rows side by side."""

from collections.abc import Callable

import numpy as np

from decoders.batch import aes
from decoders.batch.columns import Bytes

_REDUCTION = np.uint8(0x87)


def cmac(keys: Bytes, messages: Bytes) -> Bytes:
    """Message authentication codes, shape (n, 16).

    Args:
        keys: A key per row, shape (n, 16).
        messages: Messages, shape (n, width).
    """
    count, width = messages.shape
    blocks = max(1, -(-width // aes.BLOCK))
    padded = np.zeros((count, blocks * aes.BLOCK), np.uint8)
    padded[:, :width] = messages
    subkey = _doubled(aes.encrypt(keys, np.zeros((count, aes.BLOCK), np.uint8)))
    if width < padded.shape[1]:
        padded[:, width] = 0x80
        subkey = _doubled(subkey)
    padded[:, -aes.BLOCK :] ^= subkey
    return aes.chain(keys, padded)


def cmac_of_blocks(encrypt: Callable[[Bytes], Bytes], blocks: Bytes) -> Bytes:
    """Codes of messages of one block each.

    Args:
        encrypt: Encrypts rows of blocks, each row with its key.
        blocks: Messages, shape (n, 16 m).

    Returns:
        Codes, shape (n, 16 m).
    """
    count, width = blocks.shape
    subkey = _doubled(encrypt(np.zeros((count, aes.BLOCK), np.uint8)))
    return encrypt(blocks ^ np.tile(subkey, width // aes.BLOCK))


def _doubled(blocks: Bytes) -> Bytes:
    """Twice each block, shape (n, 16), in the field of 2^128, the first byte highest."""
    twice = blocks << np.uint8(1)
    twice[:, :-1] |= blocks[:, 1:] >> np.uint8(7)
    twice[:, -1] ^= (blocks[:, 0] >> np.uint8(7)) * _REDUCTION
    return twice
