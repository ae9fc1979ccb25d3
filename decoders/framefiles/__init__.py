"""Frame files: the bytes a concentrator or receiver delivers, to frames and rejected rows.

A frame file is recognised by its content, plain or packed (gzip, Zstandard, zip); its name is a label and nothing else.

================ ==================================================================================================
format           a line
================ ==================================================================================================
``csv``          fields under a header with ``frame`` and, in any order, ``received_at``, ``concentrator``,
                 ``rssi_dbm``; other columns are kept as JSON
``hex``          one telegram: wireless with or without link CRCs, wired long frame, or C-mode FIFO dump
``rtl_wmbus``    ``mode;crc_ok;3of6_ok;time;packet RSSI;current RSSI;serial;0xhex``, times in the utility's zone
``logged``       ``telegram=|hex_hex|+seconds``, seconds counted from a given time of reception
``json``         an object with ``telegram_hex`` or ``frame``, or for LoRaWAN ``payload_hex`` and ``fport``
================ ==================================================================================================

Blank lines and lines that begin with ``#`` are comments. A bad line is a rejected row with its reason and the rest goes
on; a file that is no frame file is refused whole with :class:`FrameFileError`. Bytes of frames are never changed here:
sync words, link CRCs and trailing bytes are the link layer's business.
"""

from decoders.framefiles.archives import MAX_BYTES, MAX_RATIO
from decoders.framefiles.errors import FrameFileError
from decoders.framefiles.reading import (
    FRAMES,
    REJECTED,
    TELEGRAMS,
    FrameFile,
    read_frames,
    read_telegrams,
    without_lines,
)

__all__ = [
    "FRAMES",
    "MAX_BYTES",
    "MAX_RATIO",
    "REJECTED",
    "TELEGRAMS",
    "FrameFile",
    "FrameFileError",
    "read_frames",
    "read_telegrams",
    "without_lines",
]
