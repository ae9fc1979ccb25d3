"""What makes copies of a transmission the same one."""

import numpy as np

from decoders.batch.columns import Bytes
from decoders.batch.digest import md5_hex
from decoders.batch.ledger import Ledger
from decoders.batch.meters import text_of_codes
from decoders.batch.telegrams import Telegrams


def note_telegram_keys(telegrams: Telegrams, ledger: Ledger) -> None:
    """Writes the digests of meter, access number, session and payload of readable telegrams of one shape."""
    if not len(telegrams):
        return
    rows = telegrams.rows
    parts: list[Bytes] = [text_of_codes(telegrams.codes)]
    if ledger.access[rows[0]] >= 0:
        parts.append(ledger.access[rows].astype(np.uint8)[:, None])
    if ledger.session[rows[0]] >= 0:
        parts.append(ledger.session[rows].astype("<u4").view(np.uint8).reshape(-1, 4))
    parts.append(telegrams.rest if telegrams.data is None else telegrams.data)
    ledger.keys.append((rows, md5_hex(np.concatenate(parts, axis=1))))
