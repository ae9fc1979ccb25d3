"""What makes copies of a transmission the same one: digests of equally long messages, side by side."""

import numpy as np

from decoders.batch.columns import Bytes
from decoders.batch.ledger import Ledger
from decoders.batch.meters import bytes_of_codes
from decoders.batch.telegrams import Telegrams
from decoders.identity import DIGEST_SIZE, permutation

_AT_ONCE = 16384  # rows whose states stay in the processor's cache


def digests(*parts: Bytes) -> Bytes:
    """:func:`decoders.identity.digest` of each row.

    Args:
        parts: Bytes of the messages one behind the other, shape (n, width) each.

    Returns:
        Digests, shape (n, 16).
    """
    found = np.empty((len(parts[0]), DIGEST_SIZE), np.uint8)
    for start in range(0, len(found), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found[some] = _digests([part[some] for part in parts])
    return found


def _digests(parts: list[Bytes]) -> Bytes:
    permute = permutation()
    count, width = len(parts[0]), sum(part.shape[1] for part in parts)
    blocks = -(-width // DIGEST_SIZE)
    padding = np.zeros((count, blocks * DIGEST_SIZE - width), np.uint8)
    padded = np.concatenate([*parts, padding], axis=1)
    columns = padded.view(np.uint64).reshape(count, blocks, 2).transpose(1, 0, 2)
    state = np.zeros((count, 2), np.uint64)
    state[:, 1] = np.array(width, ">u8").view(np.uint64)
    room = np.empty(state.nbytes + DIGEST_SIZE, np.uint8)  # the cipher wants room for a block more
    for block in columns:
        permute.update_into((state ^ block).data.cast("B"), room.data)
        np.bitwise_xor(room[: state.nbytes].view(np.uint64).reshape(count, 2), block, out=state)
    return state.view(np.uint8)


def note_telegram_keys(telegrams: Telegrams, ledger: Ledger) -> None:
    """Writes the digests of meter, access number, session and payload of readable telegrams of one shape."""
    if not len(telegrams):
        return
    rows = telegrams.rows
    parts: list[Bytes] = [bytes_of_codes(telegrams.codes)]
    if ledger.access[rows[0]] >= 0:
        parts.append(ledger.access[rows].astype(np.uint8)[:, None])
    if ledger.session[rows[0]] >= 0:
        parts.append(ledger.session[rows].astype("<u4").view(np.uint8).reshape(-1, 4))
    parts.append(telegrams.sent if telegrams.is_compact else telegrams.rest)
    ledger.identify(rows, digests(*parts))
