"""The list of info codes: filters, order, states, days and words."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from decoders.info_codes import PRIORITIES
from warehouse.info_texts import BY_METER, BY_READINGS, CLASS_SPANS, FEW, LANGUAGES, shipped_texts
from warehouse.lake import Lake
from warehouse.policies import InfoCodePolicy, read_policy, shipped_document
from warehouse.queries.info_codes import Asked, report
from warehouse.schemas import INFO_CODE_EVENTS, INSTALLATIONS, METERS, READING_PERFORMANCE_DAILY

ZONE = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 3, 20, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ASKED = {"as_of": NOW, "zone": ZONE, "expected_interval": HOUR}


def policy(text: str = "") -> InfoCodePolicy:
    document = shipped_document("info_codes")
    read = read_policy("info_codes", document.replace("codes: {}\n", text) if text else document)
    assert isinstance(read, InfoCodePolicy)
    return read


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def put(lake: Lake) -> Callable[..., None]:
    def add(meter: str, code: str, first: datetime, last: datetime, **more: object) -> None:
        row = {
            "organisation": "o",
            "meter_id": meter,
            "code": code,
            "first_seen": first,
            "last_seen": last,
            "cleared_at": None,
            "days_active_30": 0,
            "days_observed_30": 0,
            "max_class": 0,
            "priority": "normal",
            "volume_m3": Decimal("0.5"),
            "source": "radio",
            "known_from": NOW,
        }
        schema = dict(INFO_CODE_EVENTS.schema)
        lake.append(INFO_CODE_EVENTS, pl.DataFrame([row | more], schema=schema))
        nulls = dict.fromkeys(METERS.schema.names())
        meter_row = nulls | {
            "organisation": "o", "meter_id": meter, "manufacturer": "KAM", "serial": meter, "version": "1b",
            "device_type": "16", "medium": "water", "state": "in_use", "key_status": "valid",
        }  # fmt: skip
        if lake.scan(METERS).filter(meter_id=meter).collect().is_empty():
            lake.append(METERS, pl.DataFrame([meter_row], schema=dict(METERS.schema)))
            place = {
                "organisation": "o", "meter_id": meter, "metering_point": f"P-{meter}",
                "installed_at": NOW - 400 * DAY, "removed_at": None, "known_from": NOW,
            }  # fmt: skip
            known = {name: place.get(name) for name in INSTALLATIONS.schema.names()}
            lake.append(INSTALLATIONS, pl.DataFrame([known], schema=dict(INSTALLATIONS.schema)))

    return add


def observed(lake: Lake, meter: str, days: list[date]) -> None:
    rows = [
        {
            "organisation": "o", "meter_id": meter, "day": day, "criterion": "daily", "expected": 1, "received": 1,
            "received_on_time": 1, "performance": 100.0, "known_from": NOW, "month": f"{day:%Y-%m}",
        }
        for day in days
    ]  # fmt: skip
    lake.append(READING_PERFORMANCE_DAILY, pl.DataFrame(rows, schema=dict(READING_PERFORMANCE_DAILY.schema)))


def test_the_meters_own_class_and_the_days_of_the_readings_are_both_told(lake: Lake, put) -> None:
    put("m", "LEAK", NOW - 40 * DAY, NOW - HOUR / 2, max_class=7, priority="high")
    observed(lake, "m", [date(2026, 3, 20) - i * DAY for i in range(41)])
    (row,) = report(lake, "o", policy(), Asked(**ASKED)).rows(named=True)
    assert row["by_meter"] == "Leak has been recorded for more than 21 days within the last 30 days"
    assert row["by_readings"] == "Recorded on 30 of 30 observed days in the last 30"
    assert (row["is_over"], row["state"], row["metering_point"]) == (True, "active", "P-m")
    assert (row["icon"], row["volume_m3"]) == ("leak", Decimal("0.5"))


def test_days_are_complete_local_days_and_few_of_them_are_told(lake: Lake, put) -> None:
    put("m", "DRY", NOW - 3 * DAY, NOW - 2 * DAY, cleared_at=NOW - DAY)
    put("m", "DRY", NOW - HOUR, NOW - HOUR)
    observed(lake, "m", [date(2026, 3, 20) - i * DAY for i in range(10)])
    rows = report(lake, "o", policy(), Asked(**ASKED, language="da"))
    assert rows.select("days_active", "days_observed").unique().rows() == [(2, 9)], "today is no complete day"
    assert rows["by_readings"][0] == "Registreret på 2 af 9 observerede dage af de seneste 30 (få observationer)"
    assert rows["by_meter"].to_list() == [None, None], "class 0 says nothing"


@pytest.mark.parametrize(
    ("age", "source", "state"),
    [
        (3 * HOUR, "radio", "active"),
        (3 * HOUR + timedelta(minutes=1), "radio", "stale"),
        (71 * HOUR, "import", "active"),
        (73 * HOUR, "import", "stale"),
        (80 * DAY, "drive_by", "active"),
        (4 * HOUR, None, "stale"),
    ],
)
def test_a_code_is_stale_when_the_reading_that_shows_it_is_too_old_for_its_source(
    lake: Lake, put, age: timedelta, source: str | None, state: str
) -> None:
    put("m", "LEAK", NOW - age, NOW - age, source=source)
    assert report(lake, "o", policy(), Asked(**ASKED))["state"].to_list() == [state]


def test_a_monthly_log_says_was_active(lake: Lake, put) -> None:
    put("m", "TAMPER_THIS_MONTH", NOW - HOUR, NOW)
    assert report(lake, "o", policy(), Asked(**ASKED))["state"].to_list() == ["was_active"]
    assert report(lake, "o", policy(), Asked(**ASKED, only_active=True)).is_empty()


def test_filters_and_orders(lake: Lake, put) -> None:
    put("a", "LEAK", NOW - 5 * DAY, NOW - 2 * HOUR, priority="high")
    put("b", "DRY", NOW - HOUR, NOW - HOUR / 2)
    put("c", "BURST", NOW - 9 * DAY, NOW - 8 * DAY, priority="high", cleared_at=NOW - 8 * DAY + HOUR)
    put("d", "X", NOW - HOUR, NOW - HOUR / 2, priority="ignore")

    def meters(points: pl.DataFrame | None = None, **options) -> list[str]:
        return report(lake, "o", policy(), Asked(**ASKED, **options), points)["meter_id"].to_list()

    assert meters() == ["b", "a", "c"]
    assert meters(order="important") == ["a", "c", "b"]
    assert meters(only_high=True) == ["a", "c"]
    assert meters(only_high=True, only_active=True) == ["a"]
    assert meters(last=date(2026, 3, 12)) == ["c"]
    assert meters(first=date(2026, 3, 13)) == ["b", "a"]
    assert meters(pl.DataFrame({"metering_point": ["P-b"]})) == ["b"]
    assert report(lake, "other", policy(), Asked(**ASKED)).is_empty()


def test_words_that_are_decided_go_before_the_shipped_ones(lake: Lake, put) -> None:
    put("m", "LEAK", NOW - HOUR, NOW)
    put("m", "OF_A_NEW_DEVICE", NOW - HOUR, NOW)
    text = "codes: {any: {LEAK: {icon: drop, text: {en: Any}}}, water: {LEAK: {text: {sv: Läcka}}}}\n"
    names = [
        dict(report(lake, "o", policy(text), Asked(**ASKED, language=language)).select("code", "name").rows())["LEAK"]
        for language in ("en", "sv", "de")
    ]
    assert names == ["Any", "Läcka", "Leckage"]
    rows = report(lake, "o", policy(text), Asked(**ASKED))
    assert dict(rows.select("code", "icon").rows()) == {"LEAK": "drop", "OF_A_NEW_DEVICE": "bit"}
    assert "OF_A_NEW_DEVICE" in rows["name"].to_list()


def test_priorities_are_those_of_the_device_files_but_for_what_is_decided() -> None:
    shipped = dict(PRIORITIES.select("code", "priority").rows())
    text = "codes: {any: {LEAK: {priority: normal}}, heat: {LEAK: {priority: ignore}, DRY: {icon: x}}}\n"
    found = {(medium, code): priority for medium, code, priority in policy(text).priorities(shipped).rows()}
    assert found["any", "LEAK"] == "normal"
    assert found["heat", "LEAK"] == "ignore"
    assert found["any", "BURST"] == "high"
    assert ("heat", "DRY") not in found
    assert PRIORITIES["code"].n_unique() == PRIORITIES.select("code", "priority").n_unique(), "one priority per code"


def test_every_shipped_code_has_an_icon_and_a_name_in_every_language() -> None:
    assert set(shipped_texts()) == set(PRIORITIES["code"])
    for code, text in shipped_texts().items():
        assert text.icon, code
        assert all(text.names[language].strip() for language in LANGUAGES), code
    assert set(BY_METER) == set(BY_READINGS) == set(CLASS_SPANS) == set(FEW) == set(LANGUAGES)
