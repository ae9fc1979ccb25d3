from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import COLLECTOR_DAILY, INSTANT
from warehouse.transforms.collectors import collector_daily

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
MIDNIGHT = datetime(2025, 6, 9, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEMA = {"collector": pl.String, "received_at": INSTANT, "landed_at": INSTANT}
LINKS = {"collector": pl.String, "day": pl.Date, "clock_offset_s": pl.Float64}


def test_contact_backlog_and_clock() -> None:
    times = [MIDNIGHT, MIDNIGHT + 2 * HOUR, MIDNIGHT + 2.5 * HOUR, MIDNIGHT + 25 * HOUR]
    lags = [10, 20, 60, 5]
    heard = pl.DataFrame(
        [("c", at, at + timedelta(seconds=lag)) for at, lag in zip(times, lags, strict=True)],
        schema=SCHEMA,
        orient="row",
    )
    links = pl.DataFrame(
        [("c", date(2025, 6, 10), offset) for offset in (1.0, 2.0, None, 6.0)], schema=LINKS, orient="row"
    )
    rows = collector_daily(heard, links, "o", COPENHAGEN)
    assert rows.columns == [name for name in COLLECTOR_DAILY.schema if name != "known_from"]
    shown = ("receptions", "meters", "heard_hours", "backlog_p50_s", "backlog_max_s", "clock_offset_s")
    assert rows.select(shown).rows() == [(3, 4, 0b101, 20.0, 60.0, 2.0), (1, 0, 0b10, 5.0, 5.0, None)]
    assert rows["last_contact"].to_list() == times[2:]
    assert collector_daily(heard.head(0), links, "o", COPENHAGEN).is_empty()
