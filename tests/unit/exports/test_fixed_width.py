"""Records of fixed width."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.errors import ExportError
from exports.fixed_width import FixedWidthFormat
from tests.unit.exports.export_rows import NIGHT, WATER, rows, written


def form(*columns: dict[str, Any], **settings: Any) -> FixedWidthFormat:
    named = {"layout": "fixed_width", "title": "A", "file_name": "a.txt", "columns": columns}
    return FixedWidthFormat.model_validate({**named, **settings})


def at(value: str | None, **more: Any) -> dict[str, Any]:
    return {**WATER, "measured_at": NIGHT[0], "value": None if value is None else Decimal(value), **more}


def line(value: str | None, **settings: Any) -> str:
    """The record of a value in eight characters."""
    column = {"variable": "value", "start": 1, "width": 8, **settings}
    return written(form(column), rows(at(value))).decode().removesuffix("\n")


@pytest.mark.parametrize(
    ("value", "settings", "record"),
    [
        ("12.5", {}, "    12.5"),
        ("-12.5", {}, "   -12.5"),
        ("12.5", {"align": "left"}, "12.5    "),
        ("12.5", {"pad": "*"}, "****12.5"),
        ("-12.5", {"pad": "*"}, "***-12.5"),
        ("12.5", {"pad": "0"}, "000012.5"),
        ("-12.5", {"pad": "0"}, "-00012.5"),
        ("12.5", {"pad": "0", "plus": "+"}, "+00012.5"),
        ("12.5", {"pad": "0", "decimals": 3, "decimal_mark": ""}, "00012500"),
        ("0.005", {"decimals": 3, "decimal_mark": ""}, "       5"),
        ("-12.5", {"pad": "0", "decimals": 3, "decimal_mark": "", "sign": "trailing"}, "0012500-"),
        ("12.5", {"pad": "0", "decimals": 3, "decimal_mark": "", "sign": "trailing", "plus": " "}, "0012500 "),
        ("12.5", {"pad": "0", "decimals": 3, "decimal_mark": "", "sign": "none"}, "00012500"),
        ("12345678", {}, "12345678"),
        (None, {"pad": "0"}, "        "),
        (None, {"pad": "0", "missing": "n/a"}, "     n/a"),
        (None, {"align": "left", "missing": "n/a"}, "n/a     "),
    ],
)
def test_value_stands_in_its_place(value: str | None, settings: dict[str, Any], record: str) -> None:
    assert line(value, **settings) == record


@settings(max_examples=60, deadline=None)
@given(
    st.decimals(min_value=-(10**12) + 1, max_value=10**12 - 1, places=6),
    st.integers(1, 20),
    st.integers(0, 6),
    st.sampled_from(["0", " "]),
    st.sampled_from(["leading", "trailing"]),
)
def test_record_says_the_value_exactly_or_the_file_is_refused(
    value: Decimal, width: int, decimals: int, pad: str, sign: str
) -> None:
    settings = {"width": width, "decimals": decimals, "decimal_mark": "", "pad": pad, "sign": sign}
    scaled = value.scaleb(decimals)
    fits = len(str(abs(int(scaled)))) + (value < 0) <= width
    if scaled != int(scaled) or not fits:
        with pytest.raises(ExportError, match="column value: the value"):
            line(str(value), rounding="exact", **settings)
    else:
        record = line(str(value), rounding="exact", **settings)
        assert len(record) == width
        said = record.strip()
        assert Decimal(f"-{said[:-1]}" if said.endswith("-") else said) == scaled


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="aæ漢 0", max_size=12), st.integers(1, 12), st.sampled_from(["left", "right"]))
def test_text_stands_whole_or_the_file_is_refused(text: str, width: int, align: str) -> None:
    column = {"variable": "address", "start": 3, "width": width, "align": align}
    table = rows(at("1", address=text))
    if len(text) > width:
        with pytest.raises(ExportError, match=f"column address: the value is wider than {width} characters"):
            written(form(column), table)
    else:
        record = written(form(column), table).decode().removesuffix("\n")
        assert record == "  " + (text.ljust(width) if align == "left" else text.rjust(width))


def test_message_names_meter_place_register_and_instant_and_no_person() -> None:
    column = {"variable": "customer_name", "start": 1, "width": 5}
    with pytest.raises(ExportError) as told:
        written(form(column), rows(at("1", customer_name="C"), at("1", measured_at=NIGHT[1])))
    assert str(told.value) == (
        "The row of meter KAM-91234567-1b-16, metering point P1, volume_m3, 2026-10-25T01:00:00+00:00, "
        "column customer_name: the value is wider than 5 characters."
    )


def test_columns_stand_at_their_places_whatever_their_order() -> None:
    columns = [
        {"variable": "value", "start": 12, "width": 4},
        {"constant": "R", "start": 1, "width": 2},
        {"variable": "serial", "start": 3, "width": 8},
    ]
    assert written(form(*columns), rows(at("1"))).decode() == "R 91234567    1\n"
    padded = form(*columns, length=18, end_of_line="crlf", header=["H{seq:04}"], footer=["T{rows:04}"])
    assert written(padded, rows(at("1"))).decode() == (
        "H0042             \r\nR 91234567    1   \r\nT0001             \r\n"
    )


def test_line_longer_than_the_records_refuses_the_file() -> None:
    long = form({"constant": "R", "start": 1, "width": 1}, length=4, header=["{job}"])
    with pytest.raises(ExportError, match="before or after the rows has 7 characters, more than 4"):
        written(long)


def test_line_end_in_a_value_refuses_the_file() -> None:
    column = {"variable": "address", "start": 1, "width": 8}
    with pytest.raises(ExportError, match="column address: the value holds a line end"):
        written(form(column), rows(at("1", address="a\nb")))


def test_replaced_characters_keep_the_width() -> None:
    column = {"variable": "city", "start": 1, "width": 4}
    content = written(form(column, encoding="latin-1", unencodable="replace"), rows(at("1", city="Łódź")))
    assert content == "?ód?\n".encode("latin-1")
