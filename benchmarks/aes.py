"""AES with a key per row: a cipher set up per key against AES over columns.

    .venv/bin/python benchmarks/aes.py

Prints microseconds per key for both ways and marks the faster one: what ``decoders.batch.keys`` chooses by.
"""

import time
from collections.abc import Callable

import numpy as np
import polars as pl

from decoders.batch import aes
from decoders.batch.keys import KeyRing, key_ring

KEYS = (100, 300, 600, 1_000, 10_000, 50_000)
ROWS_AND_BLOCKS = ((1, 1), (1, 2), (1, 4), (3, 4), (6, 3), (6, 4), (8, 4), (24, 2), (24, 4))
"""Rows per key and blocks per row."""


def main() -> None:
    """Prints the table."""
    print("us per key     " + "".join(f"{f'{rows} x {blocks}':>18}" for rows, blocks in ROWS_AND_BLOCKS))
    for count in KEYS:
        ring = ring_of(count)
        cells = (compared(ring, count, rows, blocks) for rows, blocks in ROWS_AND_BLOCKS)
        print(f"{count:>8,} keys  " + "".join(f"{cell:>18}" for cell in cells))


def compared(ring: KeyRing, count: int, rows: int, blocks: int) -> str:
    """Both ways' microseconds per key."""
    places = np.tile(np.arange(count), rows)
    text = np.random.default_rng(1).integers(0, 256, (count * rows, blocks * aes.BLOCK), dtype=np.uint8)
    single = best(lambda: ring.per_key(places, text, encrypt=True)) / count * 1e6
    column = best(lambda: aes.encrypt(ring.secrets[places], text)) / count * 1e6
    return f"{single:>8.1f}{'<' if single < column else '>'}{column:<8.1f}"


def ring_of(count: int) -> KeyRing:
    """A ring of random keys."""
    secrets = np.random.default_rng(count).bytes(16 * count)
    return key_ring(
        pl.DataFrame(
            {
                "meter_id": [f"KAM-{number:08d}-1b-16" for number in range(count)],
                "key_no": np.zeros(count, np.int32),
                "key": [secrets[at : at + 16] for at in range(0, len(secrets), 16)],
                "verified": np.zeros(count, np.bool_),
            }
        )
    )


def best(run: Callable[[], object], repeats: int = 5) -> float:
    """Shortest wall time of several calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
