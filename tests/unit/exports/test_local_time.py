from zoneinfo import ZoneInfo

import pytest

from exports.local_time import LocalTime, local_time


@pytest.mark.parametrize(
    ("zone", "year", "expected"),
    [
        ("America/New_York", 2026, LocalTime(-18_000, 3600, "360E2000", "B40E2000")),
        ("Europe/Copenhagen", 2026, LocalTime(3600, 3600, "3E0E2000", "AE0E3000")),
        ("Australia/Sydney", 2026, LocalTime(36_000, 3600, "A40E2000", "440E3000")),
        ("Australia/Lord_Howe", 2026, LocalTime(37_800, 1800, "A40E2000", "440E2000")),
        ("Europe/Dublin", 2026, LocalTime(0, 3600, "3E0E1000", "AE0E2000")),
        ("Australia/Brisbane", 2026, LocalTime(36_000, 0)),
        ("Asia/Kathmandu", 2026, LocalTime(20_700, 0)),
    ],
)
def test_rules_of_zones(zone: str, year: int, expected: LocalTime) -> None:
    assert local_time(ZoneInfo(zone), year) == expected


def test_change_on_a_day_that_fits_no_weekday_is_the_day_of_the_month() -> None:
    """The United States began on the first Sunday of April in 2006, and on the second of March since."""
    before = local_time(ZoneInfo("America/New_York"), 2006)
    assert (before.begins, before.ends) == ("40202000", "A1D02000")
