"""Times that people type."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from registry.errors import RegistryError
from registry.imports.instants import read_instant

ZONE = ZoneInfo("Europe/Copenhagen")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-25T02:30+02:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25T00:30Z", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T03:00", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ("2026-10-25", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("2026-03-29 03:00", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ],
)
def test_a_time_with_its_offset_or_one_that_there_is_once_is_taken(text: str, instant: datetime) -> None:
    assert read_instant(text, ZONE) == instant


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-10-25 02:00", "2026-03-29T02:30"])
def test_a_local_time_that_clocks_skip_or_show_twice_needs_its_offset(text: str) -> None:
    with pytest.raises(RegistryError, match="skip or show twice: write its offset"):
        read_instant(text, ZONE)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(RegistryError, match="is no time"):
        read_instant("yesterday", ZONE)
