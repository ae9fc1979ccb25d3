"""Consumption by tariff on a small lake: which records count, what they are reckoned to, and what nobody may ask."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from warehouse.errors import LakeError
from warehouse.excerpt import Excerpt
from warehouse.lake import Lake
from warehouse.queries import tariffs
from warehouse.schemas import CONSUMPTION_DAILY, CONSUMPTION_HOURLY, INSTALLATIONS, LAYOUTS, READINGS, RECORDS, Table
from warehouse.versions import Past

ZONE = ZoneInfo("Europe/Copenhagen")
METER, NEXT, THEIRS = "KAM-00000001-30-02", "KAM-00000002-30-02", "KAM-00000003-30-02"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
AT = datetime(2026, 3, 31, 20, tzinfo=UTC)
"""Two hours before the first of April of Copenhagen."""
HOUR = timedelta(hours=1)
LIMIT = timedelta(days=35)

Told = list[tuple[datetime, str, Decimal | None, str | None]]


def write(lake: Lake, table: Table, *rows: dict[str, object]) -> None:
    frame = pl.DataFrame([{"organisation": "o", **row} for row in rows], infer_schema_length=None)
    lake.append(table, table.conform(frame))


def record(number: int, tariff: int, value: float | None, **other: object) -> dict[str, object]:
    """An energy register of a tariff in watt-hours, in steps of ten."""
    time = AT + number * HOUR
    row = {
        "meter_id": METER,
        "measured_at": time,
        "frame_id": f"f-{number}",
        "record_no": tariff,
        "quantity": "energy",
        "unit": "Wh",
        "function": "instantaneous",
        "storage": 0,
        "tariff": tariff,
        "subunit": 0,
        "value": value,
        "raw_value": None if value is None else round(value / 10),
        "exponent": 1,
        "dib": "8410",
        "vib": "04",
        "data_hex": "01000000",
        "month": f"{time:%Y-%m}",
        **other,
    }
    return row | {"month": f"{row['measured_at']:%Y-%m}"}


def reading(number: int, **other: object) -> dict[str, object]:
    time = AT + number * HOUR
    always = dict.fromkeys(("measured_at", "received_at", "landed_at"), time)
    row = {"meter_id": METER, **always, "layout_id": "l", "source": "radio", "quality": "M", "month": f"{time:%Y-%m}"}
    return {**row, **other}


def figure(number: int, total: str | None, quality: str = "M", **other: object) -> dict[str, object]:
    start = AT + number * HOUR
    return {
        "metering_point": "p",
        "meter_id": METER,
        "register": "energy_import_kwh",
        "period_start": start,
        "period_end": start + HOUR,
        "day": start.astimezone(ZONE).date(),
        "consumption": None if total is None else Decimal(total),
        "unit": "kWh",
        "quality": "N" if total is None else quality,
        "start_quality": "M",
        "end_quality": "M",
        "known_from": LONG_AGO,
        "month": f"{start:%Y-%m}",
        **other,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Four hours around a local midnight, of which the last one ends without a reading."""
    return filled(tmp_path, ("3.5", "4.5", "6", None))


def filled(folder: Path, totals: Sequence[str | None]) -> Lake:
    """Hours with these totals, of which tariff 1 counts 1 kWh each and tariff 2 counts 2 kWh."""
    lake = Lake(folder)
    there = {"installed_at": LONG_AGO, "removed_at": None, "known_from": LONG_AGO}
    write(lake, INSTALLATIONS, {**there, "metering_point": "p", "meter_id": METER})
    write(lake, INSTALLATIONS, {**there, "organisation": "x", "metering_point": "p", "meter_id": THEIRS})
    resolution = {"resolution_numerator": 1, "resolution_denominator": 10, "digits": None}
    write(lake, LAYOUTS, {"layout_id": "l", "register": "energy_import_kwh", **resolution})
    write(lake, CONSUMPTION_HOURLY, *(figure(number, total) for number, total in enumerate(totals)))
    write(lake, READINGS, *(reading(number) for number in range(4)))
    write(
        lake,
        RECORDS,
        *(record(number, tariff, 1000.0 * tariff * number) for number in range(4) for tariff in (1, 2)),
        *({**record(number, 3, 1e6 * number), "organisation": "x", "meter_id": THEIRS} for number in range(4)),
    )
    return lake


def told(lake: Lake, register: str = "energy_import_kwh", limit: timedelta = LIMIT, **other: object) -> Told:
    days = {"first": date(2026, 3, 31), "last": date(2026, 4, 1)}
    asked = {"interval": "hourly", "register": register, "gap_limit": limit, **days, **other}
    return tariffs.figures(lake, "o", "p", **asked).select("period_start", "tariff", "consumption", "reason").rows()  # type: ignore[arg-type]


def amounts(rows: Told) -> dict[str, list[float | str | None]]:
    found: dict[str, list[float | str | None]] = {}
    for _, tariff, consumption, reason in rows:
        found.setdefault(tariff, []).append(reason if consumption is None else float(consumption))
    return found


def sent(lake: Lake, register: str = "energy_import_kwh") -> list[int]:
    return tariffs.sent(lake, "o", "p", register=register, first=date(2026, 3, 31), last=date(2026, 4, 1))


def test_registers_of_tariffs_become_kilowatt_hours_and_leave_a_rest(lake: Lake) -> None:
    rows = told(lake)
    assert rows[:3] == [(AT, "1", Decimal(1), None), (AT, "2", Decimal(2), None), (AT, "other", Decimal("0.5"), None)]
    assert amounts(rows) == {
        "1": [1, 1, 1, "missing"],
        "2": [2, 2, 2, "missing"],
        "other": [0.5, 1.5, 3, None],
    }
    assert sent(lake) == [1, 2]


def test_what_rounding_accounts_for_is_no_rest(tmp_path: Path) -> None:
    lake = filled(tmp_path, ("3.1", "2.9", "3.0"))
    assert amounts(told(lake)) == {"1": [1, 1, 1], "2": [2, 2, 2]}


def test_of_an_estimated_total_no_rest_is_told(lake: Lake) -> None:
    write(lake, CONSUMPTION_HOURLY, figure(-1, "9", "I"))
    write(lake, READINGS, reading(-1))
    write(lake, RECORDS, record(-1, 1, -1000.0), record(-1, 2, -2000.0))
    assert amounts(told(lake))["other"] == [None, 0.5, 1.5, 3, None]


def test_tariffs_that_exceed_the_total_say_so(lake: Lake) -> None:
    write(lake, CONSUMPTION_HOURLY, figure(-1, "2"))
    write(lake, READINGS, reading(-1))
    write(lake, RECORDS, record(-1, 1, -1000.0), record(-1, 2, -2000.0))
    assert amounts(told(lake))["other"][0] == "excess"


OTHERS = [
    {"function": "maximum"},
    {"storage": 1},
    {"subunit": 1},
    {"tariff": 0},
    {"quantity": "reactive_energy"},
    {"unit": "kvarh"},
    {"value": None},
    {"data_hex": "ffffffff"},
    {"modifiers": "accumulation_abs_if_negative"},
    {"meter_id": "KAM-00000001-30-04"},
    {"measured_at": AT + HOUR / 2},
]
"""What is no register of the tariff of this meter, or of no reading that counts."""


@pytest.mark.parametrize("other", OTHERS, ids="-".join)
def test_other_records_do_not_count(lake: Lake, other: dict[str, object]) -> None:
    write(lake, RECORDS, *({**record(number, 4, 1e6 * number, record_no=9), **other} for number in range(4)))
    assert set(amounts(told(lake))) == {"1", "2", "other"}
    assert sent(lake) == ([1, 2, 4] if "measured_at" in other else [1, 2])


def test_records_of_rejected_readings_do_not_count(lake: Lake) -> None:
    write(lake, READINGS, *(reading(number, quality="R" if number == 1 else "M") for number in range(4, 7)))
    write(lake, READINGS, reading(7, quality="R"))
    write(lake, RECORDS, *(record(number, 1, 1000.0 * number) for number in range(4, 8)))
    write(lake, CONSUMPTION_HOURLY, *(figure(number, "1") for number in range(4, 7)))
    assert amounts(told(lake))["1"][4:] == [1, 1, "missing"]


def test_signed_and_scaled_kinds_of_a_register_count_once(lake: Lake) -> None:
    positive = {"modifiers": "accumulation_if_positive", "record_no": 7}
    write(lake, RECORDS, *(record(number, 1, 5000.0 * number, **positive) for number in range(4)))
    scaled = {"modifiers": "accumulation_if_positive,multiply_1e1", "record_no": 8}
    write(lake, RECORDS, *(record(number, 3, 500.0 * number, **scaled) for number in range(4)))
    found = amounts(told(lake))
    assert (found["1"][:3], found["3"][:3]) == ([1, 1, 1], [0.5, 0.5, 0.5])


def test_units_are_converted_as_those_of_readings(lake: Lake) -> None:
    write(lake, RECORDS, *(record(number, 5, 0.9 * number, unit="GJ", exponent=-1) for number in range(4)))
    write(lake, RECORDS, *(record(number, 6, 0.25 * number, unit="MWh", exponent=-2) for number in range(4)))
    found = amounts(told(lake))
    assert (found["5"][:3], found["6"][:3]) == ([250] * 3, [250] * 3)


def test_export_and_heat_have_registers_of_their_own(lake: Lake) -> None:
    sent_back = {"modifiers": "accumulation_abs_if_negative", "record_no": 9}
    write(lake, RECORDS, *(record(number, 1, 100.0 * number, **sent_back) for number in range(4)))
    write(lake, CONSUMPTION_HOURLY, figure(0, "0.1", register="energy_export_kwh"))
    assert amounts(told(lake, "energy_export_kwh")) == {"1": [0.1]}
    assert (sent(lake, "energy_export_kwh"), sent(lake, "energy_kwh"), sent(lake, "input_a")) == ([1], [], [])


def test_hours_have_no_line_across_readings_far_apart_and_days_none_across_the_limit(lake: Lake) -> None:
    write(lake, READINGS, reading(7))
    write(lake, RECORDS, record(7, 1, 7000.0), record(7, 2, 14000.0))
    write(lake, CONSUMPTION_HOURLY, *(figure(number, "3") for number in range(4, 7)))
    assert amounts(told(lake))["1"] == [1, 1, 1, "missing", "missing", "missing", "missing"]
    day = {"period_start": AT + HOUR, "period_end": AT + 5 * HOUR, "day": date(2026, 3, 31), "month": "2026-03"}
    write(lake, CONSUMPTION_DAILY, figure(1, "12", **day))
    assert amounts(told(lake, interval="daily")) == {"1": [4], "2": [8]}
    assert amounts(told(lake, interval="daily", limit=HOUR)) == {"1": ["missing"], "2": ["missing"]}


def test_what_belongs_to_others_is_not_asked(lake: Lake) -> None:
    assert tariffs.sent(
        lake, "x", "p", register="energy_import_kwh", first=date(2026, 3, 31), last=date(2026, 4, 1)
    ) == [3]
    mine, none = Excerpt(lake, {METER}), Excerpt(lake, {NEXT})
    assert amounts(told(mine))["1"] == [1, 1, 1, "missing"]  # type: ignore[arg-type]
    assert (told(none), sent(none)) == ([], [])  # type: ignore[arg-type]


def test_the_past_of_records_cannot_be_asked(lake: Lake) -> None:
    with pytest.raises(LakeError, match="records does not keep what it said before"):
        sent(Past(lake, AT))  # type: ignore[arg-type]


def test_an_empty_lake_has_no_tariffs(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert (sent(lake), told(lake)) == ([], [])
