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
