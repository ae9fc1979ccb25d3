"""Full decoding of a fleet's frames against a loop that does nothing but decrypt them.

    .venv/bin/python benchmarks/decode.py [SHAPE ...] [--repeats 5]

Full decoding is link checksums, headers, decryption, payload checksums, compact frames, records to columns and the
identity of each telegram, in one process. The loop calls the cipher once per encrypted frame with its key (mode 7: two
derived keys, decryption, authentication code), in the same run and in turn with the decoding. Frames come shuffled.

Two ratios are printed. ``fleet`` compares the times for the same frames; those that are not encrypted cost the loop
nothing. ``frame`` compares frames per second, of which the loop counts the encrypted ones alone. Memory is how far a
process of its own peaks above what it had before decoding, with all tables that decoding returns.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from fleet import DERIVED_WATER, LINK_HEAT, LINK_WATER, SIX, Kind, Loop, Traffic, traffic

from decoders.batch import decode_batch
from decoders.compact import KNOWN


@dataclass(frozen=True, slots=True)
class Shape:
    """A fleet to decode.

    Attributes:
        meters: Meters, each with its own key.
        hours: Frames per meter.
        kinds: Kinds of meters, in equal shares.
        blocks: Whether frames keep their link checksums.
        loop: Whether to time the decryption loop, too.
    """

    meters: int
    hours: int
    kinds: tuple[Kind, ...] = SIX
    blocks: bool = True
    loop: bool = True


ENOUGH = 1_000_000
"""Frames after which more repeats of a small shape say no more."""

LINK = (LINK_WATER, LINK_HEAT)
SHAPES = {
    "mixed": Shape(10_000, 24),
    "mixed-no-crc": Shape(10_000, 24, blocks=False),
    "link": Shape(10_000, 24, LINK),
    "link-no-crc": Shape(10_000, 24, LINK, blocks=False),
    "hourly": Shape(100_000, 1),
    "hourly-link": Shape(100_000, 1, LINK),
    "mode7": Shape(10_000, 24, (DERIVED_WATER,)),
    "mode7-hourly": Shape(100_000, 1, (DERIVED_WATER,)),
    "small": Shape(1_000, 24, loop=False),
    "large": Shape(100_000, 24, loop=False),
}


def main() -> None:
    """Runs the benchmark and prints a line per shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"one of {', '.join(SHAPES)}; all if none is given")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(peak(options.memory_of))
        return
    head = ("shape", "meters", "hours", "frames", "loop/s", "decoding/s", "us/frame", "fleet", "frame", "bytes/frame")
    print("{:14}{:>9}{:>7}{:>11}{:>11}{:>13}{:>10}{:>8}{:>8}{:>13}".format(*head))
    shapes = options.shapes or list(SHAPES)
    for name in shapes:
        if len(shapes) == 1:
            measure(name, SHAPES[name], options.repeats)
        else:  # what one shape leaves of the heap slows the next one down
            command = [sys.executable, __file__, name, "--repeats", str(options.repeats)]
            measured = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(measured.splitlines()[-1], flush=True)


def measure(name: str, shape: Shape, repeats: int) -> None:
    """Prints the medians of one shape."""
    sample = traffic(shape.meters, shape.hours, shape.kinds, blocks=shape.blocks, loop=shape.loop)
    memory = memory_per_frame(sample)
    loops, decodings = [], []
    for _ in range(max(repeats, min(30, ENOUGH // sample.frames.height))):
        if shape.loop:
            loops.append(seconds(lambda: decrypt_only(sample.sealed)))
        decodings.append(seconds(lambda: decode_all(sample)))
    frames, decoding = sample.frames.height, statistics.median(decodings)
    columns = [f"{name:14}{shape.meters:>9,}{shape.hours:>7}{frames:>11,}"]
    if shape.loop:
        loop, sealed = statistics.median(loops), sum(map(len, sample.sealed.values()))
        columns.append(f"{sealed / loop:>11,.0f}{frames / decoding:>13,.0f}{decoding / frames * 1e6:>10.2f}")
        columns.append(f"{loop / decoding:>8.2f}{frames / decoding * loop / sealed:>8.2f}")
    else:
        columns.append(f"{'':11}{frames / decoding:>13,.0f}{decoding / frames * 1e6:>10.2f}{'':16}")
    print("".join(columns) + f"{memory:>13,.0f}", flush=True)


def seconds(run: Callable[[], None]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def decrypt_only(sealed: dict[str, Loop]) -> None:
    """Decrypts every encrypted frame by a cipher call of its own."""
    for key, start, text, _ in sealed.get("ctr", ()):
        Cipher(algorithms.AES(key), modes.CTR(start)).decryptor().update(text)
    for key, start, text, _ in sealed.get("mode5", ()):
        Cipher(algorithms.AES(key), modes.CBC(start)).decryptor().update(text)
    for key, context, text, covered in sealed.get("mode7", ()):
        derived = cmac(key, b"\x00" + context), cmac(key, b"\x01" + context)
        Cipher(algorithms.AES(derived[0]), modes.CBC(bytes(16))).decryptor().update(text)
        cmac(derived[1], covered)


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC of one message."""
    code = CMAC(algorithms.AES(key))
    code.update(message)
    return code.finalize()


def decode_all(sample: Traffic) -> None:
    """Decodes every frame and insists that they become readings.

    One in 65,536 frames without link checksums ends, by chance, in what would be a checksum of format B.
    """
    decoded = decode_batch(sample.frames, sample.keys, KNOWN)
    if decoded.readings.height < sample.frames.height * 0.9999:
        raise SystemExit(f"Not all frames were decoded: {decoded.outcomes['outcome'].value_counts().to_dicts()}")


def memory_per_frame(sample: Traffic) -> float:
    """Peak of a new process above its state before decoding, in bytes per frame."""
    with tempfile.TemporaryDirectory() as folder:
        sample.frames.write_parquet(f"{folder}/frames")
        sample.keys.write_parquet(f"{folder}/keys")
        command = [sys.executable, __file__, "--memory-of", folder]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak(folder: Path) -> float:
    """What :func:`memory_per_frame` asks the new process for (Linux)."""
    sample = Traffic(pl.read_parquet(folder / "frames"), pl.read_parquet(folder / "keys"))
    decode_batch(sample.frames.head(100), sample.keys.head(10), KNOWN)  # loads what is loaded once
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    decoded = decode_batch(sample.frames, sample.keys, KNOWN)
    return (_status("VmHWM") - before) / decoded.outcomes.height


def _status(name: str) -> int:
    """Bytes from the process's status."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
