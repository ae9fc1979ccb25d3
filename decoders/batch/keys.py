"""Which keys a batch may try, and AES with many keys at once."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

from decoders.batch import aes
from decoders.batch.columns import Bytes, Rows, order_of, slabs, taken
from decoders.batch.meters import CodeIndex, Codes, codes_of_ids
from decoders.batch.terms import Terms, split_into_terms

_ECB = modes.ECB()  # noqa: S305  the building block of CTR and CBC, never used as a mode of its own

_COLUMNS_START = 6_000
_CIPHER_START = 20
"""What starting costs, in blocks of AES over columns: one call of it, and setting up a cipher (benchmarks/aes.py)."""


@dataclass(slots=True)
class KeyRing:
    """Keys of a batch in trial order.

    Attributes:
        codes: Meter codes, rising, shape (k,); one entry per key.
        meters: Distinct meters, shape (m,).
        terms: Terms of the meters: stretches of time in which the same keys of a meter are valid.
        order: Positions of the keys of each term, in trial order, term by term, shape (t,); a key stands in several.
        secrets: The keys, in the order of ``codes``, shape (k, 16).
        proven: Whether a key has verified a frame, before or in this batch, shape (k,).
        worked: Whether a key has verified a frame of this batch, shape (k,).
        failed: Whether a key has failed a check in this batch, shape (k,).
        table: The keys as given, with columns meter_id and key_no.
        places: Position of each key in the table, shape (k,).
    """

    codes: Codes
    meters: CodeIndex
    terms: Terms
    order: Rows
    secrets: Bytes = field(repr=False)
    proven: NDArray[np.bool_]
    worked: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    table: pl.DataFrame
    places: Rows

    def spans(self, codes: Codes, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The keys that may open frames.

        Args:
            codes: Meter of each frame, shape (n,).
            rows: Position of each frame in the batch, which tells when it was received, shape (n,).

        Returns:
            Place in ``order`` of the first key, and the number of keys, both shape (n,).
        """
        if not len(self.codes):
            return np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
        places, found = self.meters.find(codes)
        terms = self.terms.of(places, rows)
        return self.terms.starts[terms], np.where(found, self.terms.counts[terms], 0)

    def trusts(self, codes: Codes, rows: Rows) -> NDArray[np.bool_]:
        """Of which meters a key is proven that is valid for the frame; see :meth:`spans`, shape (n,)."""
        first, count = self.spans(codes, rows)
        proven = np.concatenate([[0], np.cumsum(self.proven[self.order])])
        trusted: NDArray[np.bool_] = proven[first + count] > proven[first]
        return trusted

    def results(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Columns meter_id and key_no of the keys that worked, and of those that failed and have never worked."""
        meter_ids, numbers = self.table["meter_id"], self.table["key_no"].cast(pl.Int32)
        worked, failed = (pl.Series(self.places[mask]) for mask in (self.worked, self.failed & ~self.proven))
        return pl.DataFrame([meter_ids[worked], numbers[worked]]), pl.DataFrame([meter_ids[failed], numbers[failed]])

    def encrypt(self, keys: Rows, blocks: Bytes) -> Bytes:
        """AES-encrypts rows of whole blocks, shape (n, 16 m), each row with the key at ``keys``, shape (n,)."""
        if _suits_columns(keys, blocks):
            return aes.encrypt(self.secrets[keys], blocks)
        return self.per_key(keys, blocks, encrypt=True)

    def decrypt(self, keys: Rows, blocks: Bytes) -> Bytes:
        """AES-decrypts rows of whole blocks; see :meth:`encrypt`."""
        if _suits_columns(keys, blocks):
            return aes.decrypt(self.secrets[keys], blocks)
        return self.per_key(keys, blocks, encrypt=False)

    def per_key(self, keys: Rows, blocks: Bytes, *, encrypt: bool) -> Bytes:
        """One cipher per key, over the blocks of all its rows."""
        if not blocks.size:
            return blocks
        order = order_of(keys)
        ordered = keys[order]
        starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
        edges = (np.append(starts, len(order)) * blocks.shape[1]).tolist()
        source = taken(blocks, order).ravel().data
        secrets = self.secrets[ordered[starts]].tobytes()
        joined = b"".join(
            _ecb(secrets[at : at + 16], encrypt=encrypt).update(source[start:stop])
            for at, start, stop in zip(range(0, len(secrets), 16), edges, edges[1:], strict=False)
        )
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return taken(np.frombuffer(joined, np.uint8).reshape(blocks.shape), back)


def _ecb(secret: bytes, *, encrypt: bool) -> CipherContext:
    cipher = Cipher(algorithms.AES(secret), _ECB)
    return cipher.encryptor() if encrypt else cipher.decryptor()


def _suits_columns(keys: Rows, blocks: Bytes) -> bool:
    """Whether setting up a cipher for each key would cost more than AES over columns."""
    cost = _COLUMNS_START + blocks.size // aes.BLOCK
    if cost > _CIPHER_START * len(keys):
        return False
    return bool(cost < _CIPHER_START * np.count_nonzero(np.bincount(keys)))


def key_ring(keys: pl.DataFrame, received_at: pl.Series | None = None) -> KeyRing:
    """Orders the keys by meter; keys of a meter keep their order.

    Args:
        keys: Columns meter_id, key_no, key (16 bytes) and verified; where they are valid for a time, valid_from and
            valid_to (half open, null: no bound).
        received_at: When each frame of the batch was received; without it, every key is valid for every frame.

    Returns:
        The ring. Keys of another length than 16 bytes are left out.
    """
    sizes = keys["key"].bin.size()
    usable = keys if (sizes == aes.BLOCK).all() else keys.filter(sizes == aes.BLOCK)
    codes, known = codes_of_ids(usable["meter_id"])
    order = np.flatnonzero(known)
    order = order[np.argsort(codes[order], kind="stable")]
    codes = codes[order]
    verified = usable["verified"]
    proven = (verified.fill_null(value=False) if verified.null_count() else verified).to_numpy()[order].astype(np.bool_)
    begins = codes != np.concatenate([~codes[:1], codes[:-1]])
    terms, trials = split_into_terms(np.cumsum(begins) - 1, usable[pl.Series(order)], received_at)
    return KeyRing(
        codes=codes,
        meters=CodeIndex(codes[begins]),
        terms=terms,
        order=trials,
        secrets=taken(_matrix(usable["key"]), order),
        proven=proven,
        worked=np.zeros(len(order), np.bool_),
        failed=np.zeros(len(order), np.bool_),
        table=usable,
        places=order,
    )


def _matrix(secrets: pl.Series) -> Bytes:
    """Keys of 16 bytes each as rows."""
    return next((slab.data for slab in slabs(secrets)), np.zeros((0, aes.BLOCK), np.uint8))
