"""From concentrator files to consumption: time and memory of one ``ingest``.

    .venv/bin/python benchmarks/ingest.py [--meters 10000] [--hours 24]

Simulates clean traffic of a fleet heard once an hour, makes a new installation, imports the registry files and runs
``meterhouse ingest`` as its own process. Prints seconds, frames per second and the peak memory of that process, and as a
baseline measured in the same run the time a plain copy of the same files takes.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from simulator import Fleet, simulate

MIB = 1024


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
    home = folder / "home"
    environment = {**os.environ, "METERHOUSE_HOME": str(home), "METERHOUSE_MASTER_KEY_FILE": str(folder / "master.key")}
    meterhouse = str(Path(sys.executable).parent / "meterhouse")
    fleet = Fleet(meters=meters, days=days, start=date(2026, 1, 12), collectors=1, incidents=False)
    summary = simulate(fleet, folder / "fleet")
    frames = folder / "fleet" / "frames"
    for command in (
        ["init", "--timezone", fleet.timezone],
        ["import", "meters", str(folder / "fleet" / "meters.csv")],
        ["import", "customers", str(folder / "fleet" / "customers.csv")],
    ):
        subprocess.run([meterhouse, *command], env=environment, check=True)
    started = time.perf_counter()
    shutil.copytree(frames, folder / "copy")
    copied = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run([meterhouse, "ingest", str(frames)], env=environment, check=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / MIB
    print(f"{summary}")
    print(f"ingest: {seconds:.1f} s, peak {peak:.0f} MiB; a plain copy of the files: {copied:.2f} s")


if __name__ == "__main__":
    main()
