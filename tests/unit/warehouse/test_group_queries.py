"""Groups on a day, on a small lake."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.queries import groups, subjects
from warehouse.schemas import GROUP_MEMBERS, GROUP_READERS, GROUPS, INSTALLATIONS, LINK_DAILY, Table

ZONE = ZoneInfo("Europe/Copenhagen")
DAY = date(2026, 3, 1)
MIDNIGHT = datetime(2026, 2, 28, 23, tzinfo=UTC)
"""Start of the day in the zone."""
HOUR = timedelta(hours=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    lake.append(table, pl.DataFrame([{"organisation": "o", **row} for row in rows], infer_schema_length=None))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    write(lake, GROUPS, {"group": "East", "kind": "manual"}, {"group": "Meters in stock", "kind": "built-in"})
    write(lake, GROUPS, {"group": "Empty", "kind": "manual"}, {"organisation": "x", "group": "Other", "kind": "manual"})
    there = {"group": "East", "valid_from": LONG_AGO, "valid_to": None}
    write(
        lake,
        GROUP_MEMBERS,
        {**there, "metering_point": "always"},
        {**there, "metering_point": "exchanged"},
        {**there, "metering_point": "bare"},
        {**there, "metering_point": "left before", "valid_to": MIDNIGHT},
        {**there, "metering_point": "left on the day", "valid_to": MIDNIGHT + HOUR},
        {**there, "metering_point": "came on the day", "valid_from": MIDNIGHT + 23 * HOUR},
        {**there, "metering_point": "came after", "valid_from": MIDNIGHT + 24 * HOUR},
        {**there, "organisation": "x", "metering_point": "foreign"},
    )
    write(lake, GROUP_MEMBERS, {"group": "Meters in stock", "meter_id": "S1", "valid_from": LONG_AGO})
    point = {"installed_at": LONG_AGO, "removed_at": None, "known_from": LONG_AGO}
    write(
        lake,
        INSTALLATIONS,
        {**point, "metering_point": "always", "meter_id": "A"},
        {**point, "metering_point": "exchanged", "meter_id": "B", "removed_at": MIDNIGHT + HOUR},
        {**point, "metering_point": "exchanged", "meter_id": "C", "installed_at": MIDNIGHT + HOUR},
        {**point, "metering_point": "left on the day", "meter_id": "D"},
        {**point, "metering_point": "came on the day", "meter_id": "E"},
        {**point, "organisation": "x", "metering_point": "always", "meter_id": "X"},
    )
    reader = {"collector": "master", "group": "East", "valid_from": LONG_AGO, "valid_to": None, "known_from": LONG_AGO}
    write(lake, GROUP_READERS, reader, {**reader, "organisation": "x", "collector": "foreign"})
    write(lake, GROUP_READERS, {**reader, "collector": "retired", "valid_to": MIDNIGHT})
    link = {"collector": "master", "day": DAY, "receptions": 7, "telegrams": 7, "known_from": LONG_AGO}
    link |= {"month": "2026-03"}
    write(
        lake,
        LINK_DAILY,
        {**link, "meter_id": "A"},
        {**link, "meter_id": "D", "collector": "another"},
        {**link, "meter_id": "E", "day": DAY + timedelta(days=1)},
        {**link, "meter_id": "stranger"},
    )
    return lake


def test_members_of_a_day(lake: Lake) -> None:
    assert groups.on_day(lake, "o", "East", DAY, ZONE).rows() == [
        ("always", "A"),
        ("bare", None),
        ("came on the day", "E"),
        ("exchanged", "B"),
        ("exchanged", "C"),
        ("left on the day", "D"),
    ]
    assert groups.on_day(lake, "o", "Meters in stock", DAY, ZONE).rows() == [(None, "S1")]
    assert groups.on_day(lake, "o", "Other", DAY, ZONE).is_empty()
    assert groups.on_day(lake, "x", "East", DAY, ZONE).rows() == [("foreign", None)]


def test_a_day_that_the_zone_skipped_has_no_members(lake: Lake) -> None:
    assert groups.on_day(lake, "o", "East", date(2011, 12, 30), ZoneInfo("Pacific/Apia")).is_empty()


def test_counts_at_an_instant(lake: Lake) -> None:
    now = groups.counts(lake, "o", MIDNIGHT)
    assert now.rows() == [("East", "manual", 4), ("Empty", "manual", 0), ("Meters in stock", "built-in", 1)]
    assert groups.counts(lake, "o", LONG_AGO - HOUR)["members"].to_list() == [0, 0, 0]
    assert groups.counts(lake, "x", MIDNIGHT).rows() == [("Other", "manual", 0)]
    assert groups.counts(lake, "nobody", MIDNIGHT).is_empty()


def test_what_a_collector_should_have_read_and_heard(lake: Lake) -> None:
    assert groups.readers(lake, "o", MIDNIGHT).rows() == [("master", "East", LONG_AGO)]
    rows = groups.read_by(lake, "o", "master", DAY, ZONE)
    assert dict(rows.select("meter_id", "receptions").rows()) == {"A": 7, "B": 0, "C": 0, "D": 0, "E": 0, None: 0}
    assert groups.read_by(lake, "o", "retired", DAY, ZONE).is_empty()
    assert groups.read_by(lake, "x", "master", DAY, ZONE).is_empty()


def test_meters_without_a_point_are_no_subject(lake: Lake) -> None:
    assert subjects.group(lake, "o", "Meters in stock").is_empty()
    assert dict(subjects.groups(lake, "o").select("group", "members").rows())["Meters in stock"] == 1
