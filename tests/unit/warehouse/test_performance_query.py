"""The report of reading performance, on a sample counted by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from warehouse.lake import Lake
from warehouse.queries.performance import by_meter, causes, judged, summary
from warehouse.schemas import INSTALLATIONS, LINK_DAILY, METERS, MISSING_CAUSES_DAILY, READING_PERFORMANCE_DAILY

FIRST, LAST = date(2026, 1, 30), date(2026, 2, 2)
KNOWN = datetime(2026, 2, 3, 5, tzinfo=UTC)
DAYS = [FIRST + timedelta(days=number) for number in range(4)]
RECEIVED = {  # hours received per day, and of these on time
    "A": ([24, 24, 24, 24], [24, 24, 24, 0]),
    "B": ([24, 0, 12, 24], [24, 0, 12, 24]),
    "C": ([0, 0, 0, 0], [0, 0, 0, 0]),
}
"""A: all 96. B: 60 of 96, its last gap on the third day. C: nothing."""


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("lake"))
    rows = []
    for meter, (received, on_time) in RECEIVED.items():
        for day, got, prompt in zip(DAYS, received, on_time, strict=True):
            lost = noon(day) if got < 24 else None
            rows.append(("o", meter, day, "hourly", 24, got, prompt, lost, KNOWN, f"{day:%Y-%m}"))
            rows.append(("o", meter, day, "daily", 1, int(got > 0), int(prompt > 0), lost, KNOWN, f"{day:%Y-%m}"))
    rows.append(("o", "C", LAST, "schedule", 2, 1, 1, noon(LAST), KNOWN, "2026-02"))
    rows.append(("o", "D", LAST, "hourly", 0, 0, 0, None, KNOWN, "2026-02"))  # drive-by: nothing is expected
    names = ("organisation", "meter_id", "day", "criterion", "expected", "received", "received_on_time")
    frame = pl.DataFrame(rows, schema=[*names, "last_missing", "known_from", "month"], orient="row")
    made.append(READING_PERFORMANCE_DAILY, frame)
    meters = [*RECEIVED, "D"]
    installed = {"organisation": "o", "installed_at": KNOWN - timedelta(days=99), "known_from": KNOWN}
    made.append(INSTALLATIONS, pl.DataFrame([{**installed, "meter_id": m, "metering_point": f"P-{m}"} for m in meters]))
    kind = {"organisation": "o", "manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water"}
    state = {"state": "in_use", "key_status": "ok"}
    made.append(METERS, pl.DataFrame([{**kind, **state, "meter_id": m, "serial": f"0000000{m}"} for m in meters]))
    missing = [("B", "no_frame", "", 24), ("B", "no_key", "north", 12), ("C", "no_frame", "", 96)]
    made.append(
        MISSING_CAUSES_DAILY,
        pl.DataFrame(
            [("o", m, LAST, "hourly", cause, c, n, KNOWN, "2026-02") for m, cause, c, n in missing],
            schema=[
                "organisation",
                "meter_id",
                "day",
                "criterion",
                "cause",
                "collector",
                "slots",
                "known_from",
                "month",
            ],
            orient="row",
        ),
    )
    heard = [("B", "north", 9), ("B", "south", 40)]
    made.append(
        LINK_DAILY,
        pl.DataFrame(
            [("o", m, c, LAST, n, n, KNOWN, "2026-02") for m, c, n in heard],
            schema=["organisation", "meter_id", "collector", "day", "receptions", "telegrams", "known_from", "month"],
            orient="row",
        ),
    )
    return made


def shares(lake: Lake, criterion: str, **options) -> dict[str, tuple]:
    rows = by_meter(lake, "o", criterion, FIRST, LAST, **options)
    return {row[0]: row[1:] for row in rows.select("meter_id", "received", "expected", "performance").rows()}


def test_every_criterion_equals_the_hand_count(lake: Lake) -> None:
    nothing = (0, 0, None)
    assert shares(lake, "hourly") == {"C": (0, 96, 0.0), "B": (60, 96, 62.5), "A": (96, 96, 100.0), "D": nothing}
    assert shares(lake, "daily") == {"C": (0, 4, 0.0), "B": (3, 4, 75.0), "A": (4, 4, 100.0)}
    assert shares(lake, "schedule") == {"C": (1, 2, 50.0)}
    assert shares(lake, "rsr")["C"] == (1, 74, 1.35), "polls where there is a schedule, hours on the other days"
    assert shares(lake, "bsr") == {"C": (0, 4, 0.0), "B": (2, 4, 50.0), "A": (4, 4, 100.0)}


def test_columns_of_the_list_and_the_worst_first(lake: Lake) -> None:
    rows = judged(by_meter(lake, "o", "hourly", FIRST, LAST), 95.0)
    assert rows["meter_id"].to_list() == ["C", "B", "A", "D"]
    assert rows.select("metering_point", "serial", "last_missing", "poor").row(1) == (
        "P-B",
        "0000000B",
        noon(DAYS[2]),
        True,
    )
    assert rows["performance_on_time"].to_list() == [0.0, 62.5, 75.0, None]
    assert rows["poor"].to_list() == [True, True, False, False]


def test_the_group_has_a_mean_and_a_pooled_figure(lake: Lake) -> None:
    found = summary(judged(by_meter(lake, "o", "hourly", FIRST, LAST), 95.0))
    assert (found.meters, found.with_missing, found.poor) == (3, 2, 2)
    assert (found.mean, found.pooled, found.mean_on_time) == (54.17, 54.17, 45.83)
    with_schedule = summary(judged(by_meter(lake, "o", "rsr", FIRST, LAST), 1.0))
    assert (with_schedule.mean, with_schedule.pooled, with_schedule.poor) == (54.62, 59.02, 0)
    assert found.as_of == KNOWN


def test_one_threshold_decides_what_is_poor(lake: Lake) -> None:
    rows = judged(by_meter(lake, "o", "hourly", FIRST, LAST), 62.5)
    assert rows.filter("poor")["meter_id"].to_list() == ["C"]


def test_a_group_is_judged_by_its_points(lake: Lake) -> None:
    points = pl.DataFrame({"metering_point": ["P-A"]})
    assert list(shares(lake, "daily", points=points)) == ["A"]
    assert summary(judged(by_meter(lake, "o", "daily", FIRST, LAST, points=points.head(0)), 95.0)).mean is None
    assert causes(lake, "o", "hourly", FIRST, LAST, points=points).is_empty()


def test_what_nobody_heard_counts_for_who_hears_the_meter_best(lake: Lake) -> None:
    assert causes(lake, "o", "hourly", FIRST, LAST).rows() == [
        ("", "no_frame", 1, 96),
        ("south", "no_frame", 1, 24),
        ("north", "no_key", 1, 12),
    ]
