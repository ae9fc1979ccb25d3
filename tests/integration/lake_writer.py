"""Writers that the lake's tests run as processes of their own.

Usage: ``python -m tests.integration.lake_writer append|merge|upkeep ROOT NAME FIRST COUNT``
"""

import sys
from datetime import UTC, datetime, timedelta

import polars as pl

from warehouse.lake import Lake
from warehouse.schemas.readings import READINGS

METERS = 400
START = datetime(2026, 1, 31, tzinfo=UTC)


def batch(name: str, number: int) -> pl.DataFrame:
    """One reading of each meter of a writer, all with the batch's number as their volume."""
    at = START + timedelta(hours=number)
    return pl.DataFrame({"meter_id": [f"{name}-{meter:08d}-1b-16" for meter in range(METERS)]}).with_columns(
        organisation=pl.lit("o"),
        measured_at=pl.lit(at),
        received_at=pl.lit(at),
        landed_at=pl.lit(at),
        volume_m3=pl.lit(number).cast(pl.Decimal(18, 6)),
        source=pl.lit("radio"),
        quality=pl.lit("M"),
        month=pl.lit(f"{at:%Y-%m}"),
    )


def correction(name: str, number: int) -> pl.DataFrame:
    """A new figure for the one reading that all correcting writers share, and one reading of their own."""
    shared = batch("ALL", 0).head(1).with_columns(volume_m3=pl.lit(number).cast(pl.Decimal(18, 6)))
    return pl.concat([shared, batch(name, number).head(1)])


def main(kind: str, root: str, name: str, first: int, count: int) -> None:
    """Writes batches and reports each on a line once it is committed."""
    lake = Lake(root)
    for number in range(first, first + count):
        if kind in ("append", "upkeep"):
            lake.append(READINGS, batch(name, number), batch=name, batch_no=number)
            if kind == "upkeep":
                for partition in lake.overfull(READINGS):
                    (lake.compact if number % 2 else lake.gather)(READINGS, partition)
                lake.vacuum(READINGS, timedelta(hours=1))
        else:
            lake.merge(READINGS, correction(name, number), stale=pl.DataFrame(schema={"meter_id": pl.String}))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
