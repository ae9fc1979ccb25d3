from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import INSTANT, LINK_DAILY
from warehouse.transforms.links import link_daily

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
SCHEMA = pl.Schema(
    {
        "organisation": pl.String(),
        "meter_id": pl.String(),
        "collector": pl.String(),
        "received_at": INSTANT,
        "rssi_dbm": pl.Float64(),
        "telegram_id": pl.String(),
    }
)
LATE = datetime(2025, 1, 31, 22, 59, tzinfo=UTC)  # 23:59 local
NEXT = datetime(2025, 1, 31, 23, 0, tzinfo=UTC)  # local midnight


def test_receptions_telegrams_and_median_signal() -> None:
    heard = pl.DataFrame(
        [
            ("o", "m", "c1", LATE, -70.0, "t1"),
            ("o", "m", "c1", LATE, -90.0, "t1"),  # the second antenna
            ("o", "m", "c1", LATE, -80.0, "t2"),
            ("o", "m", "c1", LATE, None, None),  # corrupt
            ("o", "m", "c2", LATE, None, "t1"),
            ("o", "m", None, LATE, -60.0, "t1"),
            ("o", "m", "c1", NEXT, -75.0, "t3"),
            ("o", None, "c1", NEXT, -75.0, None),  # no header to tell the meter from
        ],
        schema=SCHEMA,
        orient="row",
    )
    links = link_daily(heard, COPENHAGEN)
    assert links.columns == [name for name in LINK_DAILY.schema if name != "known_from"]
    assert links.drop("organisation", "meter_id").rows() == [
        ("", date(2025, 1, 31), 1, 1, -60.0, "2025-01"),
        ("c1", date(2025, 1, 31), 4, 2, -80.0, "2025-01"),
        ("c2", date(2025, 1, 31), 1, 1, None, "2025-01"),
        ("c1", date(2025, 2, 1), 1, 1, -75.0, "2025-02"),
    ]


def test_no_receptions() -> None:
    assert link_daily(pl.DataFrame(schema=SCHEMA), COPENHAGEN).is_empty()
