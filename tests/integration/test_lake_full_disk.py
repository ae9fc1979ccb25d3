"""A full disk stops a write with a clear message and leaves the table as it was."""

from pathlib import Path

import polars as pl
import pytest

from tests.integration.disks import small_disk
from tests.integration.lake_writer import batch
from warehouse.errors import LakeError
from warehouse.lake import Lake
from warehouse.schemas.readings import READINGS
from warehouse.schemas.registry import GROUPS

__all__ = ["small_disk"]


def test_write_to_a_full_disk_changes_nothing(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.append(READINGS, batch("A", 1), batch="A", batch_no=1)
    before, version = lake.scan(READINGS).collect(), lake.version(READINGS)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(b"\0" * (1 << 20))

    for write in (
        lambda: lake.append(READINGS, batch("A", 2), batch="A", batch_no=2),
        lambda: lake.merge(READINGS, batch("A", 3), stale=pl.DataFrame({"organisation": ["o"]})),
        lambda: lake.overwrite(GROUPS, pl.DataFrame({"organisation": "o", "group": "g", "kind": "manual"})),
    ):
        with pytest.raises(LakeError, match=r"is full\. Nothing was half written") as caught:
            write()
        assert str(small_disk) in str(caught.value)
    assert lake.version(READINGS) == version
    assert lake.scan(READINGS).collect().equals(before)
    assert lake.scan(GROUPS).collect().is_empty()

    filler.unlink()
    assert lake.append(READINGS, batch("A", 2), batch="A", batch_no=2)
    assert lake.scan(READINGS).collect().height == 2 * before.height
