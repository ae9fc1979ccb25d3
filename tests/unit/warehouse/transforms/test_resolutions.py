"""Resolution classes of meters: by configuration and priority, on local days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.schemas import GROUP_MEMBERS, INSTALLATIONS, METER_CONFIGURATIONS, Table
from warehouse.transforms.resolutions import class_of, stretches, with_resolutions

ZONE = ZoneInfo("Europe/Copenhagen")
HOUR = timedelta(hours=1)


def local(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).astimezone(UTC)


def january(day: int) -> date:
    return date(2025, 1, day)


def known(table: Table, *rows: dict) -> pl.DataFrame:
    cells = [{"organisation": "o", "known_from": local(january(1)), **row} for row in rows]
    schema = dict(table.schema.items())
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in cells], schema=schema)


INSTALLED = known(
    INSTALLATIONS,
    {"metering_point": "P", "meter_id": "a", "installed_at": local(january(1)), "removed_at": local(january(20), 9)},
    {"metering_point": "P", "meter_id": "b", "installed_at": local(january(20), 9)},
    {"metering_point": "Q", "meter_id": "c", "installed_at": local(january(1))},
)
SET = known(
    METER_CONFIGURATIONS,
    {"meter_id": "a", "valid_from": local(january(5)), "valid_to": local(january(8), 12), "interval_s": 600},
    {"meter_id": "a", "valid_from": local(january(8), 12), "interval_s": 7200},
    {"meter_id": "c", "valid_from": local(january(3)), "valid_to": local(january(6)), "interval_s": None},
)
CHOSEN = known(
    GROUP_MEMBERS,
    {"group": "g", "metering_point": "P", "valid_from": local(january(10)), "valid_to": local(january(12), 1)},
    {"group": "g", "metering_point": "P", "valid_from": local(january(18))},
)


def classes(key: str, name: str | None, days: range, usual: timedelta = HOUR) -> list[str | None]:
    rows = pl.DataFrame(
        {"organisation": "o", key: [name] * len(days), "aged_on": [january(day) for day in days]},
        schema_overrides={key: pl.String},
    )
    noted = stretches(SET, CHOSEN, INSTALLED, key, ZONE)
    found = with_resolutions(rows.reverse().lazy(), noted, key, usual).collect()
    assert found.height == len(days)
    return found.sort("aged_on")["resolution"].to_list()


@pytest.mark.parametrize(
    ("interval_s", "name"),
    [(60, "5min"), (300, "5min"), (301, "15min"), (900, "15min"), (3600, "hour"), (3601, "day"), (200_000, "day")],
)
def test_an_interval_is_of_the_finest_class_that_it_fits_in(interval_s: int, name: str) -> None:
    assert pl.select(class_of(pl.lit(interval_s))).item() == name
    assert pl.select(class_of(pl.lit(None, pl.Int64))).item() is None


def test_a_meter_is_of_the_class_it_was_set_to_on_the_day_and_priority_is_the_finest() -> None:
    assert classes("meter_id", "a", range(4, 21)) == [
        "hour", *["15min"] * 3, *["day"] * 2, *["5min"] * 2, *["day"] * 6, *["5min"] * 2, "day",
    ]  # fmt: skip
    assert classes("meter_id", "b", range(19, 23)) == ["hour", *["5min"] * 3], "the point went on being one of priority"
    assert classes("meter_id", "c", range(2, 8)) == ["hour"] * 6, "a configuration without an interval says nothing"


def test_a_point_is_of_the_class_of_the_meter_that_is_there() -> None:
    assert classes("metering_point", "P", range(4, 23)) == [
        "hour", *["15min"] * 3, *["day"] * 2, *["5min"] * 2, *["day"] * 6, *["5min"] * 5,
    ]  # fmt: skip


def test_where_nothing_is_noted_the_usual_interval_says_it_and_what_is_of_no_meter_has_none() -> None:
    assert classes("meter_id", "x", range(1, 3), timedelta(minutes=5)) == ["5min"] * 2
    assert classes("meter_id", None, range(1, 3)) == [None] * 2
