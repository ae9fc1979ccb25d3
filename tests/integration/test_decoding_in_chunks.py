"""Receptions decoded in many chunks, one ahead of the one that is committed, come to what one chunk makes of them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.steps import decoding
from assets.steps.decoding import decode_days, latest_outcomes
from assets.steps.landing import frame_files, land_paths, read_landed_files
from simulator import Fleet, simulate
from tests.integration.installations import House, kept_environment, new_house
from warehouse.schemas import OUTCOMES, READINGS, RECORDS, TELEGRAMS

SMALL = Fleet(meters=24, days=1, start=date(2025, 10, 21), timezone="Europe/Copenhagen", seed=11)
OF_THE_RUN = ("known_from", "landed_at", "landed_day", "decided_at", "attempt")
"""Columns that tell when a run was, and how often it tried: a chunk learns formats from those before."""


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A day's files; then what further collectors heard of it, seconds and hours later, in the same hour and late."""
    folder = tmp_path_factory.mktemp("chunks")
    simulate(SMALL, folder)
    heard = pl.concat([
        pl.read_csv(file, infer_schema=False) for file in sorted((folder / "frames").glob("concentrator*"))
    ])  # fmt: skip
    at = pl.col("received_at").str.to_datetime(time_zone="UTC")
    later = {"near": timedelta(seconds=4), "repeater": timedelta(minutes=40), "drone": timedelta(hours=9)}
    copies = [
        heard.gather_every(step).with_columns(
            (at + by).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").alias("received_at"), concentrator=pl.lit(name)
        )
        for step, (name, by) in enumerate(later.items(), start=2)
    ]
    delivered = []
    for name, rows in (("first", pl.concat([heard, *copies[:2]])), ("late", copies[2])):
        delivered.append(folder / name)
        delivered[-1].mkdir()
        rows.write_csv(delivered[-1] / f"{name}.csv")
    return [folder / "meters.csv", *delivered]


def decoded(house: House, deliveries: list[Path]) -> dict[str, pl.DataFrame]:
    meters, *frames = deliveries
    assert house.take("meters", meters) == 0
    installation = house.installation
    for folder in frames:
        now = datetime.now(UTC)
        land_paths(installation, frame_files([folder]), now.date(), now)
        read_landed_files(installation, [now.date()])
        decode_days(installation, [now.date()], now)
    tables = {table.name: installation.lake.scan(table) for table in (TELEGRAMS, READINGS, RECORDS)}
    tables[OUTCOMES.name] = latest_outcomes(installation)
    told = {name: rows.drop(OF_THE_RUN, strict=False).collect() for name, rows in tables.items()}
    return {name: rows.sort(pl.all()) for name, rows in told.items()}


def test_chunks_come_to_what_one_makes(
    house: House, deliveries: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = decoded(house, deliveries)
    heard = together["telegrams"]["receptions"].value_counts(sort=True)
    assert set(heard["receptions"]) >= {1, 2, 3}, heard

    monkeypatch.setattr(decoding, "CHUNK_ROWS", 60)
    with kept_environment():
        (tmp_path / "parts").mkdir()
        parts = decoded(new_house(tmp_path / "parts"), deliveries)
    assert together["outcomes"].height > 10 * decoding.CHUNK_ROWS
    for name, rows in parts.items():
        assert rows.equals(together[name]), name
