"""A full disk stops a landing with a clear message and leaves nothing half written."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import Permanent
from connectors.landing import land, read_landed
from tests.integration.disks import small_disk

__all__ = ["small_disk"]

AT = datetime(2025, 1, 1, tzinfo=UTC)


def test_landing_on_a_full_disk(small_disk: Path):
    first = land(small_disk, b"frames", "a.csv", AT)
    large = bytes(900_000)
    (small_disk / "filler").write_bytes(bytes(500_000))
    with pytest.raises(Permanent, match=r"cannot be written: No space left on device") as raised:
        land(small_disk, large, "b.csv", AT)
    assert str(small_disk) in str(raised.value)
    assert sorted(path.name for path in small_disk.rglob("*") if path.is_file()) == sorted(
        ["filler", first.sha256, Path(first.path).name]
    )
    (small_disk / "filler").unlink()
    assert land(small_disk, large, "b.csv", AT).size == len(large)
    assert read_landed(small_disk, hashlib.sha256(large).hexdigest()) == large
