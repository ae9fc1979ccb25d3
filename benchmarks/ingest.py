"""From concentrator files to consumption: time and memory of one ``ingest``.

    .venv/bin/python benchmarks/ingest.py [--meters 10000] [--days 1] [--day-by-day] [--late DAYS] [--hours HOURS]
                                         [--keep DIR]

Simulates clean traffic of a fleet heard once an hour, makes a new installation, imports the registry files and runs
``meterhouse ingest`` as its own process. Prints its seconds, frames per second and peak memory, and the ratio to a
baseline of the same run: a loop that does no more than read the same files line by line and turn the hex into bytes.
Day by day, each day's files are ingested by a process of their own: whether a day costs more the more came before it.
With a late day, the files of so many days before the last one come after it. With hours, the last whole day comes in
files of an hour each, of which so many are ingested. A folder to keep is an installation then.
"""

import argparse
import contextlib
import csv
import gzip
import io
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from itertools import groupby
from pathlib import Path

import zstandard

from simulator import Fleet, simulate

KIB_PER_MIB = 1024


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--day-by-day", action="store_true")
    parser.add_argument("--late", type=int, default=0)
    parser.add_argument("--hours", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with contextlib.nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        run(
            Path(folder),
            options.meters,
            options.days,
            day_by_day=options.day_by_day or options.late > 0 or options.hours > 0,
            late=options.late,
            hours=options.hours,
        )


def run(folder: Path, meters: int, days: int, *, day_by_day: bool, late: int, hours: int) -> None:
    """Simulates, sets up, measures."""
    environment = {
        **os.environ,
        "METERHOUSE_HOME": str(folder / "home"),
        "METERHOUSE_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    environment.pop("_RJEM_MALLOC_CONF", None)  # that of this process, where Polars has set its own
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
    print(f"{count} frames of {meters} meters")
    total = 0.0
    deliveries = by_day(frames, late) if day_by_day else [[frames]]
    if hours:
        deliveries = [*deliveries[:-2], *by_hour(deliveries[-2], folder / "fleet" / "hours")[:hours]]
    for named in deliveries:
        before, started = processor(), time.perf_counter()
        subprocess.run([meterhouse, "ingest", *map(str, named)], env=environment, check=True)
        seconds = time.perf_counter() - started
        total += seconds
        if day_by_day:
            print(f"{named[0].name:40}{seconds:8.1f} s   {processor() - before:8.1f} s of processor")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB_PER_MIB
    print(f"ingest        {total:8.1f} s   {count / total:10,.0f} frames/s   peak {peak:,.0f} MiB")
    print(f"reading alone {baseline:8.1f} s   ratio {total / baseline:.1f}")


def by_day(folder: Path, late: int) -> list[list[Path]]:
    """Files by the day in their names, a late one at the end; those that name none go with the first day."""
    days: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        found = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", file.name)
        days.setdefault(found.group() if found else "", []).append(file)
    rest = days.pop("", [])
    first, *others = (files for _, files in sorted(days.items()))
    ordered = [[*rest, *first], *others]
    if late:
        ordered.append(ordered.pop(-1 - late))
    return ordered


def by_hour(files: list[Path], folder: Path) -> list[list[Path]]:
    """A day's files as files of an hour each, of the hour in which frames were heard."""
    folder.mkdir()
    header, *lines = (line for file in files for line in text_of(file).splitlines(keepends=True))
    parts: list[list[Path]] = []
    for hour, heard in groupby(sorted(line for line in lines if line != header), key=lambda line: line[:13]):
        part = folder / f"{hour}.csv"
        part.write_text(header + "".join(heard))
        parts.append([part])
    return parts


def processor() -> float:
    """Seconds of the processor that ended processes have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_line_by_line(folder: Path) -> int:
    """The baseline: lines to bytes; gives the number of frames."""
    count = 0
    for file in sorted(folder.iterdir()):
        for row in csv.DictReader(io.StringIO(text_of(file))):
            count += len(bytes.fromhex(row["frame"])) > 0
    return count


def text_of(file: Path) -> str:
    """What a file says, unpacked."""
    content = file.read_bytes()
    if file.suffix == ".gz":
        content = gzip.decompress(content)
    elif file.suffix == ".zst":
        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    return content.decode()


if __name__ == "__main__":
    main()
