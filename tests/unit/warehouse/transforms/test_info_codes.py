from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.schemas import INFO_CODE_EVENTS, INSTANT, REGISTER
from warehouse.transforms.info_codes import (
    Meanings,
    active_codes,
    duration_classes,
    info_code_events,
    naming,
    prioritised,
)

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
NOON = datetime(2025, 6, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
BITS = pl.DataFrame(
    [
        ("water_16bit", 0, "DRY"),
        ("water_16bit", 1, "REVERSE"),
        ("water_16bit", 2, "LEAK"),
        ("water_16bit", 3, "BURST"),
        ("heat_32bit", 2, "SENSOR_ERROR"),
        ("heat_32bit", 5, "LEAK"),
        ("heat_32bit", 31, "TOP_BIT"),
    ],
    schema={"kind": pl.String(), "bit": pl.Int64(), "code": pl.String()},
    orient="row",
)
CLASSES = pl.DataFrame(
    [("water_16bit", code, shift, 7) for code, shift in (("DRY", 4), ("REVERSE", 7), ("LEAK", 10), ("BURST", 13))],
    schema={"kind": pl.String(), "code": pl.String(), "shift": pl.Int64(), "mask": pl.Int64()},
    orient="row",
)
PRIORITIES = pl.DataFrame(
    [("water", "BURST", "high"), ("any", "BURST", "normal"), ("any", "DRY", "ignore"), ("heat", "DRY", "high")],
    schema={"medium": pl.String(), "code": pl.String(), "priority": pl.String()},
    orient="row",
)
MEDIA = pl.DataFrame({"organisation": ["o"], "meter_id": ["m"], "medium": ["water"]})
READINGS = pl.Schema(
    {
        "organisation": pl.String(),
        "meter_id": pl.String(),
        "measured_at": INSTANT,
        "info_code": pl.Int64(),
        "info_code_kind": pl.String(),
        "volume_m3": REGISTER,
        "source": pl.String(),
    }
)
DRY, LEAK, BURST = 1, 4, 8


def readings(*rows: tuple[datetime, int | None], meter: str = "m", kind: str | None = "water_16bit") -> pl.DataFrame:
    cells = [("o", meter, at, code, kind, None, "radio") for at, code in rows]
    return pl.DataFrame(cells, schema=READINGS, orient="row")


def events(*frames: pl.DataFrame) -> list[dict[str, Any]]:
    found = info_code_events(pl.concat(frames), Meanings(BITS, CLASSES, MEDIA, PRIORITIES), COPENHAGEN)
    assert found.schema == {name: dtype for name, dtype in INFO_CODE_EVENTS.schema.items() if name != "known_from"}
    return found.drop("organisation").rows(named=True)


@pytest.mark.parametrize(
    ("word", "active", "dry_class"),
    [(0x0011, ["DRY"], 1), (0x0070, [], 7), (0x0000, [], 0), (0x000C, ["LEAK", "BURST"], 0)],
)
def test_words_of_16_bit_water_meters(word: int, active: list[str], dry_class: int) -> None:
    assert active_codes(word, "water_16bit", BITS) == active
    assert duration_classes(word, "water_16bit", CLASSES)["DRY"] == dry_class


def test_words_without_a_table_or_a_value_say_nothing() -> None:
    assert active_codes(None, "water_16bit", BITS) == []
    assert active_codes(0xFF, "unknown", BITS) == []
    assert active_codes(1 << 31, "heat_32bit", BITS) == ["TOP_BIT"]
    assert duration_classes(None, "water_16bit", CLASSES) == {}
    assert duration_classes(0xFFFF, "heat_32bit", CLASSES) == {}
    assert duration_classes(0xE000, "water_16bit", CLASSES) == {"DRY": 0, "REVERSE": 0, "LEAK": 0, "BURST": 7}


def test_an_episode_lasts_from_the_first_to_the_clearing_reading() -> None:
    hours = [NOON + timedelta(hours=i) for i in range(7)]
    words = [0, LEAK | 1 << 10, LEAK | 3 << 10, LEAK | 2 << 10, 0x0070, LEAK | BURST, LEAK]
    leak, again = (e for e in events(readings(*zip(hours, words, strict=True))) if e["code"] == "LEAK")
    assert leak == {
        "meter_id": "m",
        "code": "LEAK",
        "first_seen": hours[1],
        "last_seen": hours[3],
        "cleared_at": hours[4],
        "days_active_30": 1,
        "days_observed_30": 1,
        "max_class": 3,
        "priority": "normal",
        "volume_m3": None,
        "source": "radio",
    }
    assert (again["first_seen"], again["last_seen"], again["cleared_at"]) == (hours[5], hours[6], None)


def test_each_code_has_its_own_episodes_and_priority() -> None:
    found = events(readings((NOON, BURST | DRY), (NOON + DAY, BURST), (NOON + 2 * DAY, 0)))
    assert [(e["code"], e["last_seen"], e["cleared_at"], e["priority"]) for e in found] == [
        ("BURST", NOON + DAY, NOON + 2 * DAY, "high"),
        ("DRY", NOON, NOON + DAY, "ignore"),
    ]


def test_a_medium_goes_before_all_media_and_what_is_not_listed_is_normal() -> None:
    codes = pl.DataFrame(
        {"organisation": "o", "meter_id": ["m", "n", "h", "m"], "code": ["BURST", "BURST", "DRY", "X"]}
    )
    media = pl.DataFrame({"organisation": "o", "meter_id": ["m", "n", "h"], "medium": ["water", "gas", "heat"]})
    found = prioritised(codes, Meanings(BITS, CLASSES, media, PRIORITIES))
    assert found["priority"].to_list() == ["high", "normal", "high", "normal"]


def test_volume_runs_to_the_clearing_reading_and_is_unknown_where_the_register_fell() -> None:
    hours = [NOON + timedelta(hours=i) for i in range(6)]
    heard = readings(*zip(hours, [LEAK, LEAK, 0, LEAK, LEAK, 0], strict=True)).with_columns(
        volume_m3=pl.Series([1.0, 1.5, 2.25, 3.0, 0.5, 0.75]).cast(REGISTER)
    )
    assert [e["volume_m3"] for e in events(heard)] == [Decimal("1.25"), None]
    assert [e["volume_m3"] for e in events(heard.head(2))] == [Decimal("0.5")]


def test_what_a_logger_stored_at_midnight_tells_of_the_day_that_ended() -> None:
    midnight = datetime(2025, 6, 1, 22, tzinfo=UTC)
    heard = readings((midnight - timedelta(hours=2), LEAK), (midnight, LEAK))
    assert [e["days_active_30"] for e in events(heard)] == [2]
    logged = heard.with_columns(source=pl.Series(["radio", "logger"]))
    found = events(logged)
    assert [(e["days_active_30"], e["last_seen"], e["source"]) for e in found] == [(1, midnight, "logger")]


def test_a_duration_class_alone_is_no_episode() -> None:
    assert events(readings((NOON, 0x0070))) == []


def test_a_reading_without_an_info_code_observes_nothing() -> None:
    found = events(readings((NOON, LEAK), (NOON + DAY, None), (NOON + 2 * DAY, LEAK), (NOON + 3 * DAY, None)))
    assert [(e["first_seen"], e["last_seen"], e["cleared_at"]) for e in found] == [(NOON, NOON + 2 * DAY, None)]
    assert (found[0]["days_active_30"], found[0]["days_observed_30"]) == (2, 2)
    assert events(readings((NOON, LEAK), kind=None)) == []


def test_meters_do_not_clear_each_other() -> None:
    found = events(readings((NOON, LEAK)), readings((NOON + DAY, 0), (NOON + 2 * DAY, LEAK), meter="n"))
    assert [(e["meter_id"], e["cleared_at"]) for e in found] == [("m", None), ("n", None)]


def test_words_with_a_named_bit_name_a_code_and_others_none() -> None:
    words = readings((NOON, 0), (NOON + DAY, DRY), (NOON + 2 * DAY, 7 << 4), (NOON + 3 * DAY, None))
    other = readings((NOON, DRY), meter="other", kind="heat_32bit")
    assert naming(pl.concat([words, other]), BITS).equals(words[1:2])


def test_the_same_name_means_different_bits_in_different_kinds() -> None:
    water, heat = readings((NOON, LEAK)), readings((NOON, 1 << 5 | 1 << 31), meter="n", kind="heat_32bit")
    assert [(e["meter_id"], e["code"], e["max_class"]) for e in events(water, heat)] == [
        ("m", "LEAK", 0),
        ("n", "LEAK", None),
        ("n", "TOP_BIT", None),
    ]
    # A kind that does not know the code neither continues nor clears it.
    found = events(readings((NOON, DRY)), readings((NOON + DAY, 0), kind="heat_32bit"))
    assert [(e["code"], e["cleared_at"]) for e in found] == [("DRY", None)]


def test_two_bits_of_one_name_are_one_code() -> None:
    bits = pl.concat([BITS, BITS.filter(pl.col("code") == "SENSOR_ERROR").with_columns(bit=pl.lit(7, pl.Int64))])
    heard = readings((NOON, 1 << 2), (NOON + DAY, 1 << 7), (NOON + 2 * DAY, 0), kind="heat_32bit")
    found = info_code_events(heard, Meanings(bits, CLASSES, MEDIA, PRIORITIES), COPENHAGEN)
    assert found.select("code", "last_seen", "cleared_at").rows() == [("SENSOR_ERROR", NOON + DAY, NOON + 2 * DAY)]


def test_days_count_back_from_the_day_last_seen() -> None:
    # 40 days, active on every third, then cleared; the window of the last episode is days 9 to 38.
    each_day = [(NOON + i * DAY, LEAK if i % 3 == 2 else 0) for i in range(40)]
    last = events(readings(*each_day))[-1]
    assert last["last_seen"] == NOON + 38 * DAY
    assert (last["days_active_30"], last["days_observed_30"]) == (10, 30)


def test_days_are_local() -> None:
    before_midnight = datetime(2025, 6, 1, 21, 59, tzinfo=UTC)
    found = events(readings((before_midnight, LEAK), (before_midnight + timedelta(minutes=2), LEAK)))
    assert found[0]["days_active_30"] == 2


def test_no_readings() -> None:
    assert events(readings()) == []


def by_hand(rows: list[tuple[int, int | None]]) -> list[tuple[int, int, int | None, int, int]]:
    """Episodes of LEAK among rows of (half day, word), and their days, one row at a time."""
    seen = [(at, bool(word & LEAK)) for at, word in sorted(rows) if word is not None]
    found: list[tuple[int, int, int | None, int, int]] = []
    start = last = None
    for at, leaks in [*seen, (None, False)]:
        if leaks:
            start, last = (at if start is None else start), at
        elif start is not None and last is not None:
            window = range(last // 2 - 29, last // 2 + 1)
            active = {a // 2 for a, leak in seen if leak and a // 2 in window}
            observed = {a // 2 for a, _ in seen if a // 2 in window}
            found.append((start, last, at, len(active), len(observed)))
            start = None
    return found


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    rows=st.dictionaries(st.integers(0, 120), st.sampled_from([None, 0, LEAK, LEAK | BURST, BURST]), max_size=40),
)
def test_episodes_are_those_of_a_hand_count_in_any_order(data: st.DataObject, rows: dict[int, int | None]) -> None:
    shuffled = data.draw(st.permutations(list(rows.items())))
    start = datetime(2025, 5, 31, 23, tzinfo=UTC)  # 01:00 local, no change of clocks in the window
    at = {half_day: start + timedelta(hours=12 * half_day) for half_day in rows}
    found = [e for e in events(readings(*((at[half], word) for half, word in shuffled))) if e["code"] == "LEAK"]
    assert [
        (e["first_seen"], e["last_seen"], e["cleared_at"], e["days_active_30"], e["days_observed_30"]) for e in found
    ] == [
        (at[first], at[last], None if cleared is None else at[cleared], active, observed)
        for first, last, cleared, active, observed in by_hand(list(rows.items()))
    ]


def test_reckoning_again_from_the_open_episode_gives_the_same() -> None:
    words = [0, LEAK, 0, *[LEAK] * 50, 0, 0, LEAK]
    each_day = [(NOON + i * DAY, word) for i, word in enumerate(words)]
    changed = NOON + 45 * DAY
    whole = events(readings(*each_day))
    open_then = [e for e in whole if e["cleared_at"] is None or e["cleared_at"] >= changed]
    since = min(changed - 31 * DAY, *(e["first_seen"] for e in open_then))
    again = events(readings(*(row for row in each_day if row[0] >= since)))
    assert [e for e in again if e["cleared_at"] is None or e["cleared_at"] >= changed] == open_then
    assert len(open_then) == 2
    assert date(2025, 6, 4) == since.date()
