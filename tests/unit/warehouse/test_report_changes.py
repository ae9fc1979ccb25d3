"""What a consumption report said before, and says now."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Excerpt
from warehouse.lake import Lake
from warehouse.queries.report_changes import report_changes
from warehouse.queries.reports import Asked
from warehouse.schemas import CONSUMPTION_DAILY, CORRECTIONS, INSTALLATIONS, METERING_POINTS, METERS, Table
from warehouse.versions import keep_versions

ZONE = ZoneInfo("Europe/Copenhagen")
FIRST = datetime(2025, 3, 3, 23, tzinfo=UTC)
ONCE, LATER, NOW = (datetime(2025, 3, day, 12, tzinfo=UTC) for day in (10, 20, 30))
ASKED = Asked(date(2025, 3, 4), date(2025, 3, 4), ZONE)


def _lake(path: Path) -> Lake:
    """P-1 was estimated and is corrected on the 20th, P-2 stays as it is."""
    lake = Lake(path)
    for point in ("P-1", "P-2"):
        meter = f"KAM-0000000{point[-1]}-1b-16"
        _write(lake, METERING_POINTS, metering_point=point, role="consumption")
        _write(lake, INSTALLATIONS, metering_point=point, meter_id=meter, installed_at=FIRST)
        what = {"manufacturer": "KAM", "serial": meter[4:12], "version": "1b", "device_type": "16", "medium": "water"}
        _write(lake, METERS, meter_id=meter, state="in_use", key_status="ok", **what)
        old = _figure(point, meter, "E", 5, ONCE)
        if point == "P-1":
            keep_versions(lake, CONSUMPTION_DAILY, old, LATER)
            lake.append(CONSUMPTION_DAILY, _figure(point, meter, "M", 7, LATER))
        else:
            lake.append(CONSUMPTION_DAILY, old)
    _write(
        lake,
        CORRECTIONS,
        table_name="consumption_daily",
        metering_point="P-1",
        register="volume_m3",
        period_start=FIRST,
        period_end=FIRST + timedelta(days=1),
        old_consumption=Decimal(5),
        old_quality="E",
        new_consumption=Decimal(7),
        new_quality="M",
        cause="late_data",
        known_to=LATER,
    )
    return lake


def _write(lake: Lake, table: Table, **row: object) -> None:
    lake.append(table, pl.DataFrame([{"organisation": "utility", "known_from": ONCE, **row}]))


def _figure(point: str, meter: str, quality: str, used: int, known: datetime) -> pl.DataFrame:
    row = {
        "organisation": "utility",
        "metering_point": point,
        "meter_id": meter,
        "register": "volume_m3",
        "period_start": FIRST,
        "period_end": FIRST + timedelta(days=1),
        "day": ASKED.first,
        "consumption": used,
        "unit": "m3",
        "quality": quality,
        "method": "EXACT",
        "register_start": 100,
        "register_end": 100 + used,
        "start_quality": "M",
        "end_quality": quality,
        "known_from": known,
        "month": "2025-03",
    }
    schema = CONSUMPTION_DAILY.schema
    return pl.DataFrame([row], schema_overrides={name: schema[name] for name in row})


def test_corrected_figure_is_told_with_its_cause(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    earlier = datetime(2025, 3, 15, tzinfo=UTC)

    (row,) = report_changes(lake, "utility", ASKED, earlier).rows(named=True)

    assert (row["metering_point"], row["before"], row["after"], row["difference"]) == ("P-1", 5, 7, 2)
    assert (row["quality_before"], row["quality_after"], row["causes"]) == ("E", "M", "late_data")
    assert row["corrected_at"] == LATER


def test_nothing_changed_between_two_instants_after_it(tmp_path: Path) -> None:
    lake = _lake(tmp_path)

    assert report_changes(lake, "utility", ASKED, LATER + timedelta(hours=1), NOW).is_empty()
    assert report_changes(lake, "utility", ASKED, ONCE + timedelta(hours=1), LATER - timedelta(hours=1)).is_empty()


def test_figures_that_were_not_there_have_no_cause(tmp_path: Path) -> None:
    rows = report_changes(_lake(tmp_path), "utility", ASKED, ONCE - timedelta(hours=1), LATER - timedelta(hours=1))

    assert rows["before"].to_list() == [None, None]
    assert rows["after"].to_list() == [5, 5]
    assert rows["causes"].to_list() == [None, None]


def test_who_sees_single_meters_sees_their_changes_alone(tmp_path: Path) -> None:
    lake, earlier = _lake(tmp_path), datetime(2025, 3, 15, tzinfo=UTC)

    assert report_changes(Excerpt(lake, ["KAM-00000001-1b-16"]), "utility", ASKED, earlier).height == 1
    assert report_changes(Excerpt(lake, ["KAM-00000002-1b-16"]), "utility", ASKED, earlier).is_empty()
