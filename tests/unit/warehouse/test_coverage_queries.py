"""Coverage of a small place: two collectors, three meters, three days."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.policies import CoveragePolicy, read_policy, shipped_document
from warehouse.queries.coverage import collectors, gaps, meters, what_if
from warehouse.schemas import COLLECTOR_DAILY, LINK_DAILY, METER_LINKS, READING_PERFORMANCE_DAILY
from warehouse.transforms.calendar import local_days
from warehouse.transforms.trends import steps

FIRST = date(2026, 1, 30)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
LAST = DAYS[-1]
ZONE = ZoneInfo("Europe/Copenhagen")
KNOWN = datetime(2026, 2, 3, tzinfo=UTC)
ALL, EVEN, NONE = (1 << 24) - 1, 0x555555, 0
POLICY = read_policy(
    "coverage",
    shipped_document("coverage").replace(
        "collectors: {}", "collectors: {east: {sensitivity_dbm: -110, most_meters: 2}}"
    ),
)


def marked(day: date) -> dict[str, object]:
    return {"organisation": "o", "day": day, "known_from": KNOWN, "month": f"{day:%Y-%m}"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A is read by both, B by the west alone, C by the west alone in even hours."""
    made = Lake(tmp_path_factory.mktemp("lake"))
    heard = {("A", "west"): ALL, ("A", "east"): EVEN, ("B", "west"): ALL, ("C", "west"): EVEN, ("C", "east"): NONE}
    links, senders, judged, works = [], [], [], []
    for number, day in enumerate(DAYS):
        for (meter, collector), hours in heard.items():
            count = hours.bit_count()
            rssi = -90.0 - number if meter == "B" else -70.0
            signal = {f"rssi_p{share}_dbm": rssi for share in (10, 50, 90)}
            row = {"meter_id": meter, "collector": collector, "receptions": 1 + count, "telegrams": count}
            links.append({**marked(day), **row, **signal, "read_hours": hours, "error_rate": 0.0})
        for meter, count in {"A": 24, "B": 24, "C": 12}.items():
            sent = {"meter_id": meter, "telegrams": count, "first_heard": KNOWN, "last_heard": KNOWN, "redundancy": 1}
            senders.append({**marked(day), **sent, "transmit_interval_s": 16.0 if meter == "A" and number else 8.0})
            counts = {"criterion": "hourly", "expected": 24, "received": count, "received_on_time": count}
            judged.append({**marked(day), "meter_id": meter, **counts, "performance": 100.0})
        contact = {
            "first_contact": KNOWN,
            "last_contact": KNOWN + timedelta(hours=number),
            "backlog_p50_s": 60.0 + number,
        }
        works.append(
            {
                **marked(day),
                **contact,
                "collector": "west",
                "receptions": 9,
                "meters": 3,
                "heard_hours": ALL,
                "backlog_max_s": 90.0,
            }
        )
        if number != 1:
            bits = 0b1111 if number == 0 else 0b1100
            works.append(
                {
                    **marked(day),
                    **contact,
                    "collector": "east",
                    "receptions": 9,
                    "meters": 3,
                    "heard_hours": bits,
                    "backlog_max_s": 90.0,
                }
            )
    for table, rows in (
        (LINK_DAILY, links),
        (METER_LINKS, senders),
        (READING_PERFORMANCE_DAILY, judged),
        (COLLECTOR_DAILY, works),
    ):
        made.append(table, pl.DataFrame(rows))
    return made


def policy() -> CoveragePolicy:
    assert isinstance(POLICY, CoveragePolicy)
    return POLICY


def test_fragile_meters_and_margins(lake: Lake) -> None:
    rows = meters(lake, "o", policy(), FIRST, LAST)
    shown = rows.select("meter_id", "collector", "redundancy", "fragile", "telegrams", "margin_db").rows()
    assert shown == [
        ("B", "west", 1, True, 72, 14.0),
        ("A", "west", 2, False, 72, 35.0),
        ("C", "west", 1, True, 36, 35.0),
    ]


def test_the_transmit_interval_is_dated(lake: Lake) -> None:
    rows = meters(lake, "o", policy(), FIRST, LAST)
    shown = rows.sort("meter_id").select("transmit_interval_s", "interval_since").rows()
    assert shown == [(16.0, DAYS[1]), (8.0, DAYS[0]), (8.0, DAYS[0])]


def test_critical_collectors_and_capacity(lake: Lake) -> None:
    rows = collectors(lake, "o", policy(), FIRST, LAST, zone=ZONE)
    assert rows.select("collector", "meters", "only_for", "most_meters", "used", "backlog_p50_s").rows() == [
        ("west", 3, 2, None, None, 61.0),
        ("east", 2, 0, 2, 100.0, 61.0),
    ]
    assert rows["last_contact"].to_list() == [KNOWN + timedelta(hours=2)] * 2


def test_gaps_go_over_days_without_any_reception(lake: Lake) -> None:
    assert gaps(lake, "o", policy(), FIRST, LAST, zone=ZONE).rows() == [
        ("east", DAYS[0], 4, 20 + 24 + 2, False),
        ("east", DAYS[2], 4, 20, True),
    ]


def test_a_long_period_says_the_same_and_takes_no_more_than_what_was_heard(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[int] = []

    def noted(first: date, last: date, zone: ZoneInfo) -> pl.DataFrame:
        laid_out.append((last - first).days + 1)
        return local_days(first, last, zone)

    def widths(values: np.ndarray, **options: float) -> tuple[np.ndarray, np.ndarray]:
        laid_out.append(values.shape[1])
        return steps(values, **options)

    monkeypatch.setattr("warehouse.queries.coverage.local_days", noted)
    monkeypatch.setattr("warehouse.queries.coverage.steps", widths)
    ever = (date(1900, 1, 1), date(2199, 12, 31))
    short = collectors(lake, "o", policy(), FIRST, LAST, zone=ZONE), meters(lake, "o", policy(), FIRST, LAST)
    long = collectors(lake, "o", policy(), *ever, zone=ZONE), meters(lake, "o", policy(), *ever)
    assert long[0].equals(short[0])
    assert long[1].equals(short[1])
    assert max(laid_out) < 3 + 7
    assert gaps(lake, "nobody", policy(), *ever, zone=ZONE).is_empty()
    assert meters(lake, "nobody", policy(), *ever).is_empty()


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2025, 10, 26), 25)])
def test_gaps_know_how_many_hours_a_day_has(tmp_path: Path, day: date, hours: int) -> None:
    days = [day, day + timedelta(days=1)]
    whole = (1 << hours) - 1
    heard = {
        "always": (whole, ALL),
        "late": (whole ^ (1 << (hours - 1)), ALL),
        "later": (whole ^ (3 << (hours - 2)), ALL),
    }
    rows = [
        {**marked(one), "collector": name, "receptions": 9, "meters": 3, "heard_hours": bits}
        for name, both in heard.items()
        for one, bits in zip(days, both, strict=True)
    ]
    lake = Lake(tmp_path)
    contact = {"first_contact": KNOWN, "last_contact": KNOWN, "backlog_p50_s": 60.0, "backlog_max_s": 90.0}
    lake.append(COLLECTOR_DAILY, pl.DataFrame([row | contact for row in rows]))
    told = policy().model_copy(update={"gap_h": 1})
    assert gaps(lake, "o", told, *days, zone=ZONE).rows() == [
        ("late", day, hours - 1, 1, False),
        ("later", day, hours - 2, 2, False),
    ]


def test_what_if_each_collector_were_missing(lake: Lake) -> None:
    performance = round(100 * 180 / 216, 2)
    assert what_if(lake, "o", FIRST, LAST).rows() == [
        ("west", 3, 2, performance, round(100 * 36 / 216, 2)),
        ("east", 1, 0, performance, performance),
    ]


def test_what_if_several_were_missing_together(lake: Lake) -> None:
    found = what_if(lake, "o", FIRST, LAST, without=["west", "east"])
    assert found.rows() == [("west, east", 3, 3, 83.33, 0.0)]
    assert what_if(lake, "o", FIRST, LAST, without=["south"]).is_empty()
