"""Columns as texts."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.columns import Column
from exports.errors import ExportError
from exports.texts import Manner, refuse, text_of
from tests.unit.exports.export_rows import NIGHT, WATER, rows

ZONE = ZoneInfo("Europe/Copenhagen")
VALUES = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda millionths: Decimal(millionths).scaleb(-6))


def texts(given: list[Any], **settings: Any) -> list[str | None]:
    """The column of these values as texts; faults refuse it."""
    column = Column.model_validate({"variable": "value", **settings})
    assert column.variable
    frame = rows(*({**WATER, "measured_at": NIGHT[0], column.variable: value} for value in given))
    text = text_of(column, Manner(), ZONE)
    refuse(frame, text.faults)
    return frame.select(text.whole.fill_null(text.missing).alias("text"))["text"].to_list()


def number(text: str, mark: str, thousands: str, power: int) -> Decimal:
    """What a program reads from the text."""
    sign = -1 if "-" in text else 1
    plain = text.strip("+- ").replace(thousands, "") if thousands else text.strip("+- ")
    return sign * Decimal(plain.replace(mark, ".")).scaleb(-power)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=20),
    st.sampled_from([(".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", "'")]),
    st.integers(-9, 9),
    st.sampled_from(["leading", "trailing"]),
    st.sampled_from(["", " ", "+"]),
)
def test_numbers_with_all_their_digits_read_back_exactly(
    values: list[Decimal], marks: tuple[str, str], power: int, sign: str, plus: str
) -> None:
    mark, thousands = marks
    settings = {"decimal_mark": mark, "thousands_mark": thousands, "power": power, "sign": sign, "plus": plus}
    assert [number(text or "", mark, thousands, power) for text in texts(values, **settings)] == values


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20), st.integers(-9, 9), st.integers(0, 9))
def test_rounding_is_half_away_from_zero(values: list[Decimal], power: int, decimals: int) -> None:
    with localcontext(prec=60):  # more digits than any value has here
        expected = [
            f"{value.scaleb(power).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) + 0:f}" for value in values
        ]
    assert texts(values, power=power, decimals=decimals) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20), st.integers(0, 9))
def test_exact_rounding_loses_nothing_or_refuses(values: list[Decimal], decimals: int) -> None:
    if all(value == value.quantize(Decimal(1).scaleb(-decimals)) for value in values):
        written = texts(values, decimals=decimals, rounding="exact")
        assert [Decimal(text or "") for text in written] == values
    else:
        with pytest.raises(ExportError, match=f"more than {decimals} decimals"):
            texts(values, decimals=decimals, rounding="exact")


@pytest.mark.parametrize(
    ("value", "settings", "text"),
    [
        ("0", {}, "0"),
        ("0", {"decimals": 3}, "0.000"),
        ("-0.0004", {"decimals": 3}, "0.000"),
        ("-0.0005", {"decimals": 3}, "-0.001"),
        ("0.5", {"decimals": 0}, "1"),
        ("-0.5", {"decimals": 0}, "-1"),
        ("1234.5", {"power": 3}, "1234500"),
        ("1234.5", {"power": -3, "decimals": 6}, "1.234500"),
        ("0.000001", {"power": -9}, "0.000000000000001"),
        ("1234567.891", {"thousands_mark": ","}, "1,234,567.891"),
        ("123456", {"thousands_mark": "."}, "123.456"),
        ("100", {"thousands_mark": ","}, "100"),
        ("-1000", {"thousands_mark": " "}, "-1 000"),
        ("12.5", {"decimal_mark": "", "decimals": 3}, "12500"),
        ("-12.5", {"sign": "trailing"}, "12.5-"),
        ("12.5", {"sign": "trailing", "plus": "+"}, "12.5+"),
        ("12.5", {"sign": "none", "plus": "+"}, "12.5"),
    ],
)
def test_number_is_written_as_asked(value: str, settings: dict[str, Any], text: str) -> None:
    settings = {"decimal_mark": ","} | settings if settings.get("thousands_mark") == "." else settings
    assert texts([Decimal(value)], **settings) == [text]


def test_missing_is_its_token_and_never_zero() -> None:
    assert texts([None, Decimal(0)]) == ["", "0"]
    assert texts([None, Decimal(0)], missing="n/a", decimals=1) == ["n/a", "0.0"]
    assert texts([None, ""], variable="address2", missing="-") == ["-", "-"]
    assert texts([None], variable="quality", map={"M": "1"}, missing="?") == ["?"]
    assert texts([None], variable="quality", map={"M": "1"}, **{"else": "9"}) == [""]
    assert texts([None], variable="serial", zero_pad=8) == [""]
    assert texts([None], variable="received_at", missing="never") == ["never"]


def test_negative_number_without_place_for_its_sign_is_refused() -> None:
    assert texts([Decimal("-0.4")], sign="none", decimals=0) == ["0"]
    with pytest.raises(ExportError, match="column value: the value is negative, and sign is none"):
        texts([Decimal(1), Decimal(-1)], sign="none")


def test_texts_change_case_and_are_filled_with_zeros() -> None:
    assert texts(["Ærø", "ß"], variable="city", case="upper") == ["ÆRØ", "SS"]
    assert texts(["ÆRØ"], variable="city", case="lower") == ["ærø"]
    assert texts(["42", "123456789"], variable="serial", zero_pad=8) == ["00000042", "123456789"]


def test_codes_are_those_of_the_table() -> None:
    table = {"M": "220", "E": "67"}
    assert texts(["M", "E", "N"], variable="quality", map=table, **{"else": "?"}) == ["220", "67", "?"]
    with pytest.raises(ExportError) as told:
        texts(["M", "N"], variable="quality", map=table)
    assert str(told.value) == (
        "The row of meter KAM-91234567-1b-16, metering point P1, volume_m3, 2026-10-25T00:00:00+00:00, column quality: "
        "map has no text for it; it has one for M, E, and else would be one for the others."
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]),
        ({"time_zone": "utc"}, ["2026-10-25T00:00:00+00:00", "2026-10-25T01:00:00+00:00"]),
        ({"time_zone": "utc", "time_format": "%Y%m%d%H%MZ"}, ["202610250000Z", "202610250100Z"]),
        ({"time_format": "%d.%m.%y %H:%M"}, ["25.10.26 02:00", "25.10.26 02:00"]),
        ({"time_format": "%Y-%j %z %s.%3f"}, ["2026-298 +0200 1792886400.000", "2026-298 +0100 1792890000.000"]),
    ],
)
def test_instants_are_in_the_zone_that_is_asked_for(settings: dict[str, str], expected: list[str]) -> None:
    assert texts(list(NIGHT), variable="measured_at", **settings) == expected


def test_many_instants_are_written_as_single_ones_are() -> None:
    instants = [datetime(2026, 3, 29, 0, minute, tzinfo=UTC) for minute in range(60)] * 3
    expected = [instant.astimezone(ZONE).strftime("%d-%m-%Y %H:%M") for instant in instants]
    assert texts(list(instants), variable="measured_at", time_format="%d-%m-%Y %H:%M") == expected


def test_constant_stands_in_every_row() -> None:
    text = text_of(Column(constant="=R"), Manner(missing="?"), ZONE)
    frame = rows(WATER, WATER).with_columns(text.whole.alias("text"))
    assert frame.select(pl.col("text"))["text"].to_list() == ["=R", "=R"]
