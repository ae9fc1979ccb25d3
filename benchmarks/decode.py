"""Full decoding of a fleet's frames against a loop that does nothing but decrypt them.

    .venv/bin/python benchmarks/decode.py [--meters 10000] [--hours 24] [--mixed] [--no-crc] [--repeats 5]

Full decoding is link checksums, headers, decryption, payload checksums, compact frames, records to columns and the
identity of each telegram, in one process. The baseline calls the cipher once per encrypted frame with its key,
in the same run; with ``--mixed`` a third of the frames is not encrypted and costs the baseline nothing. Medians over
the repeats, in turn.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from fleet import Traffic, traffic

from decoders.batch import decode_batch
from decoders.compact import KNOWN

MIB = 1024


def main() -> None:
    """Runs the benchmark and prints frames per second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=10_000, help="meters, each with its own key")
    parser.add_argument("--hours", type=int, default=24, help="frames per meter")
    parser.add_argument("--mixed", action="store_true", help="also mode 5 and plain frames")
    parser.add_argument("--no-crc", action="store_true", help="frames without link checksums")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    sample = traffic(options.meters, options.hours, mixed=options.mixed, blocks=not options.no_crc)
    print(f"{options.meters} meters x {options.hours} frames, {len(sample.sealed)} of them encrypted")
    rates: dict[str, list[float]] = {"decryption loop": [], "full decoding": []}
    for _ in range(options.repeats):
        rates["decryption loop"].append(sample.frames.height / seconds(lambda: decrypt_only(sample)))
        rates["full decoding"].append(sample.frames.height / seconds(lambda: decode_all(sample)))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        print(f"{name:16} {medians[name]:>12,.0f} frames/s   (min {min(found):,.0f}, max {max(found):,.0f})")
    print(f"ratio            {medians['full decoding'] / medians['decryption loop']:>12.2f}")
    print(f"peak memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB:>12,.0f} MiB")


def seconds(run: Callable[[], None]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def decrypt_only(sample: Traffic) -> None:
    """Decrypts every encrypted frame by a cipher call of its own."""
    for key, start, text, is_counter in sample.sealed:
        mode = modes.CTR(start) if is_counter else modes.CBC(start)
        Cipher(algorithms.AES(key), mode).decryptor().update(text)


def decode_all(sample: Traffic) -> None:
    """Decodes every frame and insists that they become readings.

    One in 65,536 frames without link checksums ends, by chance, in what would be a checksum of format B.
    """
    decoded = decode_batch(sample.frames, sample.keys, KNOWN)
    if decoded.readings.height < sample.frames.height * 0.9999:
        raise SystemExit(f"Not all frames were decoded: {decoded.outcomes['outcome'].value_counts().to_dicts()}")


if __name__ == "__main__":
    main()
