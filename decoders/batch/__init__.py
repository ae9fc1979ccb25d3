"""Whole columns of frames to tables: the same results as :mod:`decoders.scalar`, without Python per frame.

Frames of one length are rows of a byte matrix, so header fields, checksums, decryption and data records are column
operations; frames that no column operation covers go to the scalar decoder. Nothing here knows files, clocks or stores.
"""

from decoders.batch.batches import Decoded, decode_batch

__all__ = ["Decoded", "decode_batch"]
