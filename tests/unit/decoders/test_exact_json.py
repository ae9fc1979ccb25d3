"""Numbers in JSON lose no digit."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoders.exact_json import exact_number, to_json
from decoders.report import telegram_report
from decoders.scalar import decode_telegram
from tests.unit.decoders.frames import bare


@given(st.integers(-(2**64), 2**64), st.integers(0, 18))
def test_every_count_and_exponent_comes_back(count: int, places: int) -> None:
    value = Fraction(count, 10**places)
    text = to_json(exact_number(value))
    assert Fraction(json.loads(text, parse_float=Decimal)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1234, 1000), "1.234"),
        (Fraction(5), "5"),
        (Fraction(2**63 - 1, 1000), "9223372036854775.807"),
        (Decimal("0.000001"), "1e-06"),
        (Fraction(2**63 - 1, 10**18), "9.223372036854775807"),
    ],
)
def test_numbers(value: Fraction | Decimal, text: str) -> None:
    assert to_json(exact_number(value)) == text


def test_other_values_are_as_the_standard_library_writes_them() -> None:
    value = {"a": [1, 2.5, None, True, 'text "ö"\n'], "b": {}, "c": []}
    assert to_json(value) == json.dumps(value, ensure_ascii=False)


def test_a_register_of_64_bits_is_printed_whole() -> None:
    area = bytes.fromhex("0713FFFFFFFFFFFFFF7F0703FFFFFFFFFFFFFF7F")
    report = telegram_report(decode_telegram(bare(b"\x78" + area)), 1)
    volume, energy = report["records"]
    assert to_json(volume["value"]) == "9223372036854775.807"
    assert to_json(energy["value"]) == "9223372036854775807"
