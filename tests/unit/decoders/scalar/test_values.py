"""Data types of EN 13757-3, annex A."""

from fractions import Fraction

import pytest

from decoders import values
from decoders.canonical import plan
from decoders.crc import crc16
from decoders.records import parse_records


def test_check_value_of_the_crc() -> None:
    assert crc16(b"123456789") == 0xC2B7


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("78563412", (12345678, None)),
        ("02F0", (-2, "bcd_negative")),
        ("0000B66A", (None, "bcd_invalid")),
        ("F0", (0, "bcd_negative")),
    ],
)
def test_bcd(data: str, expected: tuple[int | None, str | None]) -> None:
    assert values.bcd(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [("0C4C", "2032-12-12"), ("0000", None), ("E1F7", None), ("FFFF", None), ("1F22", None)],
)
def test_date(data: str, expected: str | None) -> None:
    value, note = values.date_g(bytes.fromhex(data))
    assert value == expected
    assert (note is None) == (expected is not None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("2B117811", ("2011-01-24T17:43", None)),
        ("0F8E5A37", ("2026-07-26T14:15", "summer_time")),
        ("B32E3438", (None, "invalid_flag")),
        ("00000000", (None, "invalid")),
        ("0000E1F1", (None, "wildcard_or_invalid")),
    ],
)
def test_date_and_time(data: str, expected: tuple[str | None, str | None]) -> None:
    assert values.datetime_f(bytes.fromhex(data)) == expected


def test_long_date_and_time_has_seconds() -> None:
    assert values.datetime_i(bytes.fromhex("221AE0100100")) == ("2000-01-16T00:26:34", None)


def test_real_numbers_that_are_none_are_missing() -> None:
    assert values.real32(bytes.fromhex("0000C0FF")) == (None, "not_finite")
    assert values.real32(bytes.fromhex("0000803F")) == (1.0, None)


def test_a_record_that_ends_early_is_named_and_the_ones_before_are_kept() -> None:
    records, damage = parse_records(bytes.fromhex("0413102700000413"))
    assert [record.value for record in records] == [10]
    assert damage == "premature end of data"


@pytest.mark.parametrize(("area", "reason"), [("8B" * 12 + "13", "DIFE"), ("04" + "93" * 12 + "13", "VIFE")])
def test_extensions_are_bounded(area: str, reason: str) -> None:
    records, damage = parse_records(bytes.fromhex(area))
    assert records == []
    assert damage is not None
    assert reason in damage


@pytest.mark.parametrize(
    ("area", "data_type", "value"),
    [
        ("0D13C3563412", "bcd6", Fraction(123456, 1000)),
        ("0D13D3563412", "bcd6", Fraction(-123456, 1000)),
        ("0D13E4D2040000", "lvar_binary", Fraction(1234, 1000)),
        ("0D13E2FFFF", "lvar_binary", Fraction(-1, 1000)),
        ("0D78E2FFFF", "lvar_binary", 65535),
        ("0D13E0", "lvar_binary", None),
        ("0D13E9010203040506070809", "lvar_binary", None),
        ("0DFD3BE101", "lvar_binary", None),
        ("0493FC11FFFFFFFF", "uint32", Fraction(0xFFFFFFFF, 1000)),
        ("0493FC12FFFFFFFF", "uint32", Fraction(0xFFFFFFFF, 1000)),
        ("0413FFFFFFFF", "int32", Fraction(-1, 1000)),
    ],
)
def test_numbers_of_any_length_and_sign(area: str, data_type: str, value: object) -> None:
    ((record,), damage) = parse_records(bytes.fromhex(area))
    assert (record.data_type, record.value, damage) == (data_type, value, None)


def test_a_register_of_variable_length_has_no_digits() -> None:
    """A field of six digits rolls over at a million; what says its own length may grow."""
    for area, digits in (("0B13563412", 6), ("0D13C3563412", None)):
        ((field,), *_) = (plan("ABC", "01", "07", parse_records(bytes.fromhex(area))[0]).fields,)
        assert (field.name, field.digits) == ("volume_m3", digits)
