"""Digests by which copies of a transmission are known again.

AES with a key that is no secret is a fixed permutation, which computers run at memory speed; adding each block once
more after it makes the chain one-way. The digest tells telegrams apart. It proves nothing about their sender.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

DIGEST_SIZE: Final = 16
_PUBLIC = b"Meterhouse frame"


def permutation() -> CipherContext:
    """A fixed permutation of blocks of 16 bytes; it has no state."""
    return Cipher(algorithms.AES(_PUBLIC), modes.ECB()).encryptor()  # noqa: S305  a permutation is what is wanted


def digest(message: bytes) -> bytes:
    """Digest of a message, 16 bytes: from its length on, block by block, ``permuted(state ^ block) ^ block``."""
    permute = permutation()
    padded = message + bytes(-len(message) % DIGEST_SIZE)
    state = len(message)
    for start in range(0, len(padded), DIGEST_SIZE):
        block = int.from_bytes(padded[start : start + DIGEST_SIZE])
        mixed = (state ^ block).to_bytes(DIGEST_SIZE)
        state = int.from_bytes(permute.update(mixed)) ^ block
    return state.to_bytes(DIGEST_SIZE)
