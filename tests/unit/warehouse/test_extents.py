"""The ends of tables."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.queries.extents import first_and_last_day, newest
from warehouse.schemas import LINK_DAILY, Table
from warehouse.schemas.frames import RECEPTIONS, TELEGRAMS

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRAME = {"received_at": AT, "landed_at": AT, "source_sha256": "0", "source_file": "f", "source_line": 1, "frame": b""}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    for owner, day in (("o", 1), ("o", 2), ("other", 2), ("other", 3), ("first", 1)):
        row = {**FRAME, "organisation": owner, "frame_id": f"{owner}-{day}", "landed_day": date(2026, 3, day)}
        lake.append(RECEPTIONS, pl.DataFrame([row]))
    return lake


@pytest.mark.parametrize(("owner", "day"), [("other", 3), ("o", 2), ("first", 1)])
def test_it_is_the_last_one_that_holds_such_rows(lake: Lake, owner: str, day: int) -> None:
    assert newest(lake, RECEPTIONS, pl.col("organisation") == owner) == date(2026, 3, day)


@pytest.mark.parametrize("table", [RECEPTIONS, TELEGRAMS])
def test_there_is_none_without_rows(lake: Lake, table: Table) -> None:
    assert newest(lake, table, pl.col("organisation") == "nobody") is None


def test_days_are_those_of_the_first_and_the_last_month_with_rows_of_the_organisation(lake: Lake) -> None:
    link = {"meter_id": "m", "collector": "c", "receptions": 1, "telegrams": 1, "known_from": AT}
    for owner, month, day in (("o", 1, 9), ("o", 1, 30), ("o", 2, 1), ("other", 1, 1), ("other", 3, 31)):
        at = date(2026, month, day)
        row = {**link, "organisation": owner, "day": at, "month": f"{at:%Y-%m}"}
        lake.append(LINK_DAILY, pl.DataFrame([row]))

    assert first_and_last_day(lake, LINK_DAILY, "o") == (date(2026, 1, 9), date(2026, 2, 1))
    assert first_and_last_day(lake, LINK_DAILY, "other") == (date(2026, 1, 1), date(2026, 3, 31))
    assert first_and_last_day(lake, LINK_DAILY, "nobody") is None
