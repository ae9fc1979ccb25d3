"""Decryption of whole slabs with each meter's own keys, in trial order.

AES runs once per key and slab over all blocks of that key (ECB), never once per frame: for CTR it makes the key stream
of counter blocks, for CBC the previous ciphertext is added afterwards.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from decoders.batch import aes
from decoders.batch.checks import crc16, uint16_le
from decoders.batch.cmac import cmac, cmac_of_blocks
from decoders.batch.columns import Bytes, Rows
from decoders.batch.keys import KeyRing
from decoders.batch.meters import bytes_of_codes
from decoders.batch.telegrams import Telegrams

BLOCK = 16
FILLERS = 0x2F2F
_DERIVED = (0x00, 0x01)  # encryption and authentication key, from the meter
_SERIAL = slice(2, 6)
_CONTEXT_FILLER = 7
_UNSYNCHRONISED = 0xED  # the communication control bits that a repeater may change count as zero in the IV

Attempt = Callable[[Rows, Rows], tuple[Bytes, NDArray[np.bool_]]]
"""Decrypts the telegrams at some positions with one key each: plain bytes and whether they pass their check."""


def try_keys(first: Rows, count: Rows, ring: KeyRing, attempt: Attempt) -> tuple[Bytes, NDArray[np.bool_]]:
    """Decrypts each telegram with the first key of its meter that passes the check, and notes how the keys fared.

    Args:
        first: Place in the ring's order of the first key for each telegram, shape (n,).
        count: Number of keys for it, at least one, shape (n,).
        ring: Keys; ``worked``, ``proven`` and ``failed`` are updated.
        attempt: What a trial is.

    Returns:
        Plain bytes, shape (n, width), and which telegrams verified, shape (n,).
    """
    places = np.arange(len(first))
    keys = ring.order[first]
    plain, verified = attempt(places, keys)
    _mark(ring, keys, verified)
    for trial in range(1, int(count.max(initial=0))):
        places = np.flatnonzero(~verified & (count > trial))
        if not len(places):
            break
        keys = ring.order[first[places] + trial]
        found, holds = attempt(places, keys)
        _mark(ring, keys, holds)
        plain[places[holds]] = found[holds]
        verified[places[holds]] = True
    return plain, verified


def _mark(ring: KeyRing, keys: Rows, holds: NDArray[np.bool_]) -> None:
    ring.worked[keys[holds]] = True
    ring.proven[keys[holds]] = True
    ring.failed[keys[~holds]] = True


def ell_ctr(telegrams: Telegrams, session_at: int, ring: KeyRing) -> Attempt:
    """AES-CTR of the extended link layer (EN 13757-4); the check is the payload checksum.

    Args:
        telegrams: ``rest`` starts with the CI field of the extended link layer.
        session_at: Position of the session number in ``rest``; everything after it is encrypted.
        ring: Keys.

    Returns:
        An attempt whose plain bytes start with the payload checksum.
    """
    cipher = telegrams.rest[:, session_at + 4 :]
    width = cipher.shape[1]
    blocks = -(-width // BLOCK)
    start = np.zeros((len(telegrams), BLOCK), np.uint8)
    start[:, :8] = telegrams.link[:, 2:10]
    start[:, 8] = telegrams.rest[:, 1] & _UNSYNCHRONISED
    start[:, 9:13] = telegrams.rest[:, session_at : session_at + 4]
    counters = np.repeat(start[:, None, :], blocks, axis=1)
    counters[:, :, BLOCK - 1] = np.arange(blocks, dtype=np.uint8)  # a frame has at most 16 blocks: no carry
    counters = counters.reshape(len(telegrams), blocks * BLOCK)

    def attempt(places: Rows, keys: Rows) -> tuple[Bytes, NDArray[np.bool_]]:
        everything = len(places) == len(telegrams)
        stream = ring.encrypt(keys, counters if everything else counters[places])
        plain = stream[:, :width] ^ (cipher if everything else cipher[places])
        return plain, crc16(plain[:, 2:]) == uint16_le(plain, 0)

    return attempt


def mode_5(telegrams: Telegrams, cipher_at: int, blocks: int, access: NDArray[np.uint8], ring: KeyRing) -> Attempt:
    """AES-CBC with address and access number as initialisation vector (OMS security profile A); the check is 2F2F.

    Args:
        telegrams: ``rest`` holds the ciphertext.
        cipher_at: Where it starts in ``rest``.
        blocks: Encrypted blocks; bytes after them are plain already.
        access: Access numbers of the transport layer, shape (n,).
        ring: Keys.

    Returns:
        An attempt whose plain bytes are the record area, the fillers included.
    """
    size = blocks * BLOCK
    body = telegrams.rest[:, cipher_at:]
    previous = np.empty((len(telegrams), size), np.uint8)
    previous[:, :8] = bytes_of_codes(telegrams.codes)
    previous[:, 8:BLOCK] = access[:, None]
    previous[:, BLOCK:] = body[:, : size - BLOCK]

    def attempt(places: Rows, keys: Rows) -> tuple[Bytes, NDArray[np.bool_]]:
        everything = len(places) == len(telegrams)
        plain = body.copy() if everything else body[places]
        decrypted = ring.decrypt(keys, np.ascontiguousarray(plain[:, :size]))
        plain[:, :size] = decrypted ^ (previous if everything else previous[places])
        return plain, uint16_le(plain, 0) == FILLERS

    return attempt


def mode_7(telegrams: Telegrams, cipher_at: int, blocks: int, ring: KeyRing, forged: NDArray[np.bool_]) -> Attempt:
    """AES-CBC with keys that are derived for each message (OMS security profile B); the checks are MAC and 2F2F.

    Args:
        telegrams: ``rest`` holds the message from the CI field of the transport layer on.
        cipher_at: Where the ciphertext starts in ``rest``.
        blocks: Encrypted blocks; bytes after them are plain already.
        ring: Keys.
        forged: Where a key makes 2F2F of a message whose MAC does not hold, shape (n,); is set.

    Returns:
        An attempt whose plain bytes are the record area, the fillers included.
    """
    assert telegrams.authentication is not None  # noqa: S101  the caller sends only those with the layer
    layer = telegrams.authentication.of(telegrams.frame)
    size = blocks * BLOCK
    body = telegrams.rest[:, cipher_at:]
    context = np.empty((len(telegrams), 2 * BLOCK), np.uint8)
    for start, kind in zip((0, BLOCK), _DERIVED, strict=True):
        context[:, start] = kind
        context[:, start + 1 : start + 5] = layer.counter
        context[:, start + 5 : start + 9] = bytes_of_codes(telegrams.codes)[:, _SERIAL]
        context[:, start + 9 : start + BLOCK] = _CONTEXT_FILLER

    def attempt(places: Rows, keys: Rows) -> tuple[Bytes, NDArray[np.bool_]]:
        derived = cmac_of_blocks(lambda rows: ring.encrypt(keys, rows), context[places])
        plain = body[places]
        cipher = plain[:, :size].copy()
        plain[:, :size] = aes.decrypt(derived[:, :BLOCK], cipher)
        plain[:, BLOCK:size] ^= cipher[:, :-BLOCK]
        opens = uint16_le(plain, 0) == FILLERS
        code = cmac(derived[:, BLOCK:], layer.covered[places])[:, : layer.mac.shape[1]]
        authentic = (code == layer.mac[places]).all(axis=1)
        forged[places] |= opens & ~authentic
        return plain, opens & authentic

    return attempt
