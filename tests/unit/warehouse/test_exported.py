"""What files are made of, from a small lake: places, own fields, old readings, figures filled or told again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from warehouse.errors import WarehouseError
from warehouse.lake import Lake
from warehouse.policies import ReplacementPolicy
from warehouse.queries.exported import ROWS, Asked, Places, in_order
from warehouse.queries.exported_figures import Filling, figures
from warehouse.queries.exported_readings import readings
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    GROUP_MEMBERS,
    GROUPS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    READINGS,
    Table,
)

DAY = timedelta(days=1)
START = datetime(2026, 2, 28, 23, tzinfo=UTC)
KNOWN = START + 10 * DAY
ASKED = Asked("default", ZoneInfo("Europe/Copenhagen"), START, START + 3 * DAY, KNOWN)
POLICY = ReplacementPolicy(least_absolute={"m3": Decimal("0.1")}, least_percent=Decimal(0), better_quality=False)
ALWAYS = {"organisation": "default", "known_from": START - DAY}


def rows(table: Table, *given: dict[str, object]) -> pl.DataFrame:
    schema = {name: table.schema[name] for row in given for name in row}
    frame = pl.DataFrame([{**row} for row in given], schema=schema)
    if "known_from" not in schema:
        frame = frame.with_columns(known_from=pl.lit(START - DAY))
    return frame.with_columns(organisation=pl.lit("default"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two points with water meters, one in stock, and one of another brand that nothing else is known of."""
    lake = Lake(tmp_path / "lake")
    meter = {"version": "1b", "device_type": "16", "medium": "water", "state": "in_use", "key_status": "ok"}
    own = ({"custom_fields": '{"pipe": "DN20", "note": "says \\"x\\": no"}'}, {"custom_fields": None})
    known = [
        {**meter, "meter_id": name, "manufacturer": name[0] * 3, "serial": name, **fields}
        for name, fields in (("A1", own[0]), ("B1", own[1]), ("C1", own[1]))
    ]
    lake.overwrite(METERS, rows(METERS, *known))
    points = [
        {"metering_point": "P1", "role": "consumption", "custom_fields": '{"zone": "3", "pipe": "DN25"}'},
        {"metering_point": "P2", "role": "consumption", "custom_fields": None},
    ]
    lake.overwrite(METERING_POINTS, rows(METERING_POINTS, *points))
    spots = [
        {"metering_point": point, "meter_id": meter, "installed_at": START - DAY, "removed_at": None}
        for point, meter in (("P1", "B1"), ("P2", "A1"))
    ]
    lake.overwrite(INSTALLATIONS, rows(INSTALLATIONS, *spots))
    return lake


def reading(meter: str, at: datetime, **said: object) -> dict[str, object]:
    told = {"measured_at": at, "received_at": at, "landed_at": at, "source": "radio", "quality": "M"}
    return {"meter_id": meter, **told, "volume_m3": Decimal(1), "month": f"{at:%Y-%m}", **said}


def figure(point: str, meter: str, number: int, value: str | None, quality: str, **said: object) -> dict[str, object]:
    start = START + number * DAY
    told = {"register": "volume_m3", "unit": "m3", "start_quality": "M", "end_quality": "M", "method": "LIN"}
    told |= {"period_start": start, "period_end": start + DAY, "day": (start + DAY).date(), "month": f"{start:%Y-%m}"}
    value_ = None if value is None else Decimal(value)
    return {"metering_point": point, "meter_id": meter, **told, "consumption": value_, "quality": quality, **said}


def of_days(lake: Lake, filling: Filling = "all", asked: Asked = ASKED) -> list[tuple[object, ...]]:
    """Point, day, value and quality."""
    places = Places.known(lake, asked, None, None)
    parts = list(figures(lake, asked, places, "daily", filling=filling, replacement=POLICY))
    assert all(part.schema == pl.Schema(ROWS) for part in parts)
    told = in_order(pl.concat(parts)) if parts else pl.DataFrame(schema=ROWS)
    number = ((pl.col("period_start") - START).dt.total_days()).alias("number")
    return told.select("metering_point", number, "value", "quality").rows()


def test_readings_of_an_older_release_are_known_since_they_landed(lake: Lake) -> None:
    """A table that was written before ``known_from`` was noted reads as null there, and takes new rows."""
    old = READINGS.conform(rows(READINGS, reading("A1", START + DAY, landed_at=START + 2 * DAY)))
    folder = f"{lake._root}/readings"
    arrow = old.drop("known_from").to_arrow(compat_level=pl.CompatLevel.oldest())
    write_deltalake(folder, arrow, partition_by=["month"])
    assert "known_from" not in [field.name for field in DeltaTable(folder).schema().fields]
    assert lake.scan(READINGS).collect()["known_from"].to_list() == [None]
    places = Places.known(lake, ASKED, None, None)

    def found(asked: Asked) -> list[tuple[object, ...]]:
        parts = [READINGS.empty().select("meter_id", "measured_at", "known_from"), *readings(lake, asked, places)]
        return pl.concat([part.select(parts[0].columns) for part in parts]).rows()

    assert found(ASKED) == [("A1", START + DAY, START + 2 * DAY)]
    window = Asked("default", ASKED.zone, START, START, KNOWN, START + 2 * DAY)
    assert found(window) == []
    late = reading("A1", START + DAY * 1.5, known_from=START + 5 * DAY)
    lake.append(READINGS, rows(READINGS, late))
    assert found(window) == [("A1", START + DAY * 1.5, START + 5 * DAY)]
    before = Asked("default", ASKED.zone, START, ASKED.end, START + 4 * DAY)
    assert found(before) == [("A1", START + DAY, START + 2 * DAY)]


def test_a_register_that_was_told_is_not_told_again_with_another(lake: Lake) -> None:
    """A frame that came later gave the reading a temperature: its volume is known to others."""
    at = START + DAY
    first = reading("A1", at, known_from=at)
    then = READINGS.history
    assert then is not None
    lake.append(then, rows(then, {**first, "superseded_at": at + DAY}))
    lake.append(READINGS, rows(READINGS, reading("A1", at, known_from=at + DAY, flow_temp_c=12.5)))
    places = Places.known(lake, ASKED, None, None)
    window = Asked("default", ASKED.zone, START, START, KNOWN, at)
    (found,) = readings(lake, window, places)
    assert found.select("metering_point", "register", "value").rows() == [("P2", "flow_temp_c", Decimal("12.5"))]


def test_a_meter_in_stock_is_nowhere_and_in_no_group(lake: Lake) -> None:
    lake.append(READINGS, rows(READINGS, *(reading(meter, START + DAY) for meter in ("A1", "B1", "C1"))))
    lake.overwrite(GROUPS, rows(GROUPS, {"group": "North", "kind": "manual"}))
    member = {"group": "North", "metering_point": "P1", "meter_id": None, "valid_from": START, "valid_to": None}
    lake.overwrite(GROUP_MEMBERS, rows(GROUP_MEMBERS, member))

    def found(group: str | None) -> list[tuple[object, ...]]:
        parts = readings(lake, ASKED, Places.known(lake, ASKED, group, None))
        return in_order(pl.concat(parts)).select("metering_point", "meter_id").rows()

    assert found(None) == [("P1", "B1"), ("P2", "A1"), (None, "C1")]
    assert found("North") == [("P1", "B1")]
    with pytest.raises(WarehouseError, match="There is no group South: name one of 'meterhouse group list'"):
        found("South")


def test_own_fields_are_those_of_the_point_then_of_the_meter(lake: Lake) -> None:
    places = Places.known(lake, ASKED, None, None)
    assert places.fields == ("field:note", "field:pipe", "field:zone")
    told = places.described(pl.DataFrame({"metering_point": ["P1", "P2"], "meter_id": ["A1", "A1"]}))
    assert told.select(places.fields).rows() == [('says "x": no', "DN25", "3"), ('says "x": no', "DN20", None)]


@pytest.mark.parametrize(
    ("filling", "shown"),
    [
        ("none", [("P1", 0, "1", "M"), ("P1", 1, None, "N"), ("P2", 0, None, "N"), ("P2", 1, "3", "F")]),
        ("scheduled", [("P1", 0, "1", "M"), ("P1", 1, "2", "I"), ("P2", 0, None, "N"), ("P2", 1, "3", "F")]),
        ("all", [("P1", 0, "1", "M"), ("P1", 1, "2", "I"), ("P2", 0, "5", "E"), ("P2", 1, "3", "F")]),
    ],
)
def test_filled_values_of_meters_that_are_passed_by(lake: Lake, filling: Filling, shown: list[tuple]) -> None:
    """Measured and final values are the same whatever is filled; what was never reckoned is missing."""
    lake.append(READINGS, rows(READINGS, reading("A1", START - 5 * DAY, source="drive_by"), reading("B1", START)))
    given = [figure("P1", "B1", 0, "1", "M"), figure("P1", "B1", 1, "2", "I")]
    given += [figure("P2", "A1", 0, "5", "E"), figure("P2", "A1", 1, "3", "F")]
    lake.append(CONSUMPTION_DAILY, rows(CONSUMPTION_DAILY, *given))
    expected = [(point, day, None if value is None else Decimal(value), mark) for point, day, value, mark in shown]
    found = of_days(lake, filling)
    assert [row for row in found if row[1] != 2] == expected
    assert [row for row in found if row[1] == 2] == [(point, 2, None, "N") for point in ("P1", "P2")]


def test_figures_that_others_know_are_told_again_by_the_policy(lake: Lake) -> None:
    sent = [figure("P1", "B1", number, value, "M") for number, value in enumerate(("1", "2", "3"))]
    lake.append(CONSUMPTION_DAILY, rows(CONSUMPTION_DAILY, *({**row, "known_from": START} for row in sent)))
    since = START + 5 * DAY
    changed = [figure("P1", "B1", 0, "1.05", "M"), figure("P1", "B1", 1, "2.5", "M"), figure("P2", "A1", 0, "7", "M")]
    lake.merge(
        CONSUMPTION_DAILY,
        rows(CONSUMPTION_DAILY, *({**row, "known_from": since + DAY} for row in changed)),
        stale=rows(CONSUMPTION_DAILY, sent[2]).select("organisation", "metering_point", "register", "period_start"),
        superseded_at=since + DAY,
    )
    window = Asked("default", ASKED.zone, START, START, KNOWN, since)
    assert of_days(lake, asked=window) == [
        ("P1", 1, Decimal("2.5"), "M"),  # by more than 0.1 m³
        ("P1", 2, None, "N"),  # is not known any more
        ("P2", 0, Decimal(7), "M"),  # is new
    ]
    assert of_days(lake, asked=Asked("default", ASKED.zone, START, START, since, since - DAY)) == []
    first = Asked("default", ASKED.zone, START, START, since, START - DAY)
    assert [row[2] for row in of_days(lake, asked=first)] == [Decimal(1), Decimal(2), Decimal(3)]
