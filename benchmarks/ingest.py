"""From concentrator files to consumption: time and memory of one ``ingest``.

    .venv/bin/python benchmarks/ingest.py [--meters 10000] [--days 1]

Simulates clean traffic of a fleet heard once an hour, makes a new installation, imports the registry files and runs
``meterhouse ingest`` as its own process. Prints its seconds, frames per second and peak memory, and the ratio to a
baseline of the same run: a loop that does no more than read the same files line by line and turn the hex into bytes.
"""

import argparse
import csv
import gzip
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import zstandard

from simulator import Fleet, simulate

KIB_PER_MIB = 1024


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), options.meters, options.days)


def run(folder: Path, meters: int, days: int) -> None:
    """Simulates, sets up, measures."""
    environment = {
        **os.environ,
        "METERHOUSE_HOME": str(folder / "home"),
        "METERHOUSE_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    meterhouse = str(Path(sys.executable).parent / "meterhouse")
    fleet = Fleet(meters=meters, days=days, start=date(2026, 1, 12), collectors=1, incidents=False)
    simulate(fleet, folder / "fleet")
    frames = folder / "fleet" / "frames"
    for command in (
        ["init", "--timezone", fleet.timezone],
        ["import", "meters", str(folder / "fleet" / "meters.csv")],
        ["import", "customers", str(folder / "fleet" / "customers.csv")],
    ):
        subprocess.run([meterhouse, *command], env=environment, check=True)
    started = time.perf_counter()
    count = read_line_by_line(frames)
    baseline = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run([meterhouse, "ingest", str(frames)], env=environment, check=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB_PER_MIB
    print(f"{count} frames of {meters} meters")
    print(f"ingest        {seconds:8.1f} s   {count / seconds:10,.0f} frames/s   peak {peak:,.0f} MiB")
    print(f"reading alone {baseline:8.1f} s   ratio {seconds / baseline:.1f}")


def read_line_by_line(folder: Path) -> int:
    """The baseline: lines to bytes; gives the number of frames."""
    count = 0
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        elif file.suffix == ".zst":
            content = zstandard.ZstdDecompressor().stream_reader(content).read()
        for row in csv.DictReader(io.StringIO(content.decode())):
            count += len(bytes.fromhex(row["frame"])) > 0
    return count


if __name__ == "__main__":
    main()
