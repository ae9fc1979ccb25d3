from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INSTANT, LINK_DAILY
from warehouse.transforms.links import radio

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
SCHEMA = pl.Schema(
    {
        "meter_id": pl.String(),
        "collector": pl.String(),
        "received_at": INSTANT,
        "rssi_dbm": pl.Float64(),
        "lqi": pl.Float64(),
        "telegram_key": pl.String(),
        "access_no": pl.Int32(),
        "readable": pl.Boolean(),
    }
)
LATE = datetime(2025, 1, 31, 22, 59, tzinfo=UTC)  # 23:59 local
NEXT = datetime(2025, 1, 31, 23, 0, tzinfo=UTC)  # local midnight
LAST_HOUR = 1 << 23
HOUR = timedelta(hours=1)


def heard(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def test_receptions_telegrams_and_signal() -> None:
    rows = heard(
        ("m", "c1", LATE, -70.0, 3.0, "t1", 1, True),
        ("m", "c1", LATE, -90.0, 5.0, "t1", 1, True),  # the second antenna
        ("m", "c1", LATE, -80.0, None, "t2", 2, True),
        ("m", "c1", LATE, None, None, None, None, False),  # corrupt
        ("m", "c2", LATE, None, None, "t1", 1, False),
        ("m", None, LATE, -60.0, None, "t1", 1, True),
        ("m", "c1", NEXT, -75.0, None, "t3", 3, True),
    )
    links = radio(rows, "o", COPENHAGEN).links
    assert links.columns == [name for name in LINK_DAILY.schema if name != "known_from"]
    shown = links.select(
        *("collector", "day", "receptions", "telegrams", "rssi_p10_dbm", "rssi_p50_dbm", "rssi_p90_dbm", "lqi_p50"),
        "read_hours",
    )
    assert shown.rows() == [
        ("", date(2025, 1, 31), 1, 1, -60.0, -60.0, -60.0, None, LAST_HOUR),
        ("c1", date(2025, 1, 31), 4, 2, -88.0, -80.0, -72.0, 4.0, LAST_HOUR),
        ("c2", date(2025, 1, 31), 1, 1, None, None, None, None, 0),
        ("c1", date(2025, 2, 1), 1, 1, -75.0, -75.0, -75.0, None, 1),
    ]


def test_no_receptions() -> None:
    assert radio(heard(), "o", COPENHAGEN).links.is_empty()


def sent(meter: str, collector: str, count: int, *, every_s: float, number: int = 0, skip: int = 0, shift_s: float = 0):
    """Receptions of a meter's transmissions by a collector, all but each ``skip``-th."""
    start = datetime(2025, 6, 9, 22, tzinfo=UTC)
    return [
        (
            meter,
            collector,
            start + timedelta(seconds=index * every_s + shift_s),
            -80.0,
            None,
            f"{meter}-{number + index}",
            (number + index) % 256,
            True,
        )
        for index in range(count)
        if not (skip and index % skip == skip - 1)
    ]


def one(frame: pl.DataFrame, **key: Any) -> dict[str, Any]:
    return frame.filter(**key).row(0, named=True)


def test_the_transmit_interval_is_learned_over_the_roll_over_of_access_numbers() -> None:
    rows = heard(*sent("m", "c", 20, every_s=96, number=250))
    assert one(radio(rows, "o", COPENHAGEN).meters)["transmit_interval_s"] == 96
    gaps = heard(*sent("m", "c", 60, every_s=16, skip=3))
    assert one(radio(gaps, "o", COPENHAGEN).meters)["transmit_interval_s"] == 16


def test_hours_of_a_meter_that_sends_every_16_seconds_teach_no_interval() -> None:
    hourly = heard(*(row for row in sent("m", "c", 24 * 225, every_s=16) if row[2].minute == 0 and row[2].second < 16))
    found = radio(hourly.vstack(heard(*sent("m", "d", 1, every_s=1, number=9000))), "o", COPENHAGEN)
    assert one(found.meters)["transmit_interval_s"] is None
    assert one(found.links, collector="c")["error_rate"] == 0.0
    assert one(found.links, collector="d")["error_rate"] == 95.83  # 1 of 24 hours


def test_error_rate_and_redundancy() -> None:
    rows = heard(
        *sent("m", "near", 100, every_s=60),
        *sent("m", "near", 100, every_s=60, shift_s=0.1),  # its other antenna
        *sent("m", "far", 100, every_s=60, skip=4),
        *sent("m", "rim", 9, every_s=60),
    )
    found = radio(rows, "o", COPENHAGEN)
    assert {row["collector"]: row["error_rate"] for row in found.links.iter_rows(named=True)} == {
        "near": 0.0,
        "far": 25.0,
        "rim": 91.0,
    }
    assert one(found.links, collector="near")["receptions"] == 200
    meter = one(found.meters)
    assert (meter["telegrams"], meter["redundancy"]) == (100, 2)
    assert meter["longest_gap_s"] == 59.9
    assert (meter["last_heard"] - meter["first_heard"]).total_seconds() == 99 * 60 + 0.1


def test_the_clock_of_a_collector_shows_beside_others() -> None:
    rows = heard(*sent("m", "right", 20, every_s=900), *sent("m", "ahead", 20, every_s=900, shift_s=8))
    found = radio(rows, "o", COPENHAGEN).links
    assert one(found, collector="ahead")["clock_offset_s"] == 4.0
    assert one(found, collector="right")["clock_offset_s"] == -4.0
    alone = radio(heard(*sent("m", "c", 20, every_s=900)), "o", COPENHAGEN).links
    assert alone["clock_offset_s"].to_list() == [None]


def test_bytes_without_access_number_are_new_after_seconds() -> None:
    at = [LATE - timedelta(minutes=20), LATE - timedelta(minutes=20, seconds=-5), LATE]
    rows = heard(*(("m", "c", instant, None, None, "same", None, True) for instant in at))
    assert radio(rows, "o", COPENHAGEN).links["telegrams"].to_list() == [2]


def test_order_of_receptions_does_not_matter() -> None:
    rows = heard(
        *sent("m", "c", 50, every_s=600, skip=7), *sent("n", "c", 50, every_s=700), *sent("m", "d", 40, every_s=600)
    )
    expected, found = radio(rows, "o", COPENHAGEN), radio(rows.reverse(), "o", COPENHAGEN)
    assert found.links.equals(expected.links)
    assert found.meters.equals(expected.meters)
