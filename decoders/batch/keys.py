"""Which keys a batch may try, and AES with many keys at once."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows
from decoders.batch.meters import Codes, codes_of_ids

_ECB = modes.ECB()  # noqa: S305  the building block of CTR and CBC below, never used as a mode of its own

_KEPT = 20_000
"""Ciphers kept for the next slab; more of them cost memory and the garbage collector more time than they save."""


@dataclass(slots=True)
class KeyRing:
    """Keys of a batch in trial order.

    Attributes:
        codes: Meter codes, rising, shape (k,); one entry per key.
        meters: Distinct meter codes, rising, shape (m,).
        starts: Position of each meter's first key, shape (m,).
        counts: Number of each meter's keys, shape (m,).
        secrets: The keys, in the order of ``codes``.
        numbers: ``key_no`` of each key, shape (k,).
        proven: Whether a key has verified a frame, before or in this batch, shape (k,).
        worked: Whether a key has verified a frame of this batch, shape (k,).
        failed: Whether a key has failed a check in this batch, shape (k,).
        meter_ids: Meter id of each key, shape (k,).
    """

    codes: Codes
    meters: Codes
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    secrets: list[bytes]
    numbers: NDArray[np.int32]
    proven: NDArray[np.bool_]
    worked: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    meter_ids: pl.Series
    _pads: dict[tuple[int, bool], Callable[[bytes | memoryview], bytes]] = field(default_factory=dict, repr=False)

    def spans(self, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Position of each meter's first key and the number of its keys, both shape (n,)."""
        if not len(self.meters):
            return np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
        places = np.searchsorted(self.meters, codes).clip(max=len(self.meters) - 1)
        counts = np.where(self.meters[places] == codes, self.counts[places], 0)
        return self.starts[places], counts

    def trusted(self) -> Codes:
        """Meters one of whose keys is proven, rising."""
        return np.unique(self.codes[self.proven])

    def named(self, mask: NDArray[np.bool_]) -> pl.DataFrame:
        """Columns meter_id and key_no of the masked keys."""
        chosen = pl.DataFrame(
            {"meter_id": self.meter_ids, "key_no": self.numbers}, schema_overrides={"key_no": pl.Int32}
        )
        return chosen.filter(pl.Series(mask, dtype=pl.Boolean))

    def encrypt(self, keys: Rows, blocks: Bytes) -> Bytes:
        """AES-encrypts rows of whole blocks, shape (n, 16 m), each row with the key at ``keys``, shape (n,)."""
        return self._apply(keys, blocks, encrypt=True)

    def decrypt(self, keys: Rows, blocks: Bytes) -> Bytes:
        """AES-decrypts rows of whole blocks; see :meth:`encrypt`."""
        return self._apply(keys, blocks, encrypt=False)

    def _apply(self, keys: Rows, blocks: Bytes, *, encrypt: bool) -> Bytes:
        if not blocks.size:
            return blocks
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
        edges = (np.append(starts, len(order)) * blocks.shape[1]).tolist()
        source = blocks[order].ravel().data
        spans = zip(ordered[starts].tolist(), edges, edges[1:], strict=False)
        joined = b"".join(self._pad(key, encrypt=encrypt)(source[a:b]) for key, a, b in spans)
        result = np.empty_like(blocks)
        result[order] = np.frombuffer(joined, np.uint8).reshape(blocks.shape)
        return result

    def _pad(self, key: int, *, encrypt: bool) -> Callable[[bytes | memoryview], bytes]:
        found = self._pads.get((key, encrypt))
        if found is None:
            cipher = Cipher(algorithms.AES(self.secrets[key]), _ECB)
            found = (cipher.encryptor() if encrypt else cipher.decryptor()).update
            if len(self._pads) < _KEPT:
                self._pads[key, encrypt] = found
        return found


def key_ring(keys: pl.DataFrame) -> KeyRing:
    """Orders the keys by meter; keys of a meter keep their order.

    Args:
        keys: Columns meter_id, key_no, key (16 bytes) and verified.

    Returns:
        The ring. Keys of another length than 16 bytes are left out.
    """
    usable = keys.filter(pl.col("key").bin.size() == 16)
    codes, known = codes_of_ids(usable["meter_id"])
    order = np.flatnonzero(known)
    order = order[np.argsort(codes[order], kind="stable")]
    chosen = usable[order]
    proven = chosen["verified"].fill_null(value=False).to_numpy().astype(np.bool_)
    meters, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    return KeyRing(
        codes=codes[order],
        meters=meters,
        starts=starts,
        counts=counts,
        secrets=chosen["key"].to_list(),
        numbers=chosen["key_no"].to_numpy().astype(np.int32),
        proven=proven,
        worked=np.zeros(len(order), np.bool_),
        failed=np.zeros(len(order), np.bool_),
        meter_ids=chosen["meter_id"],
    )
