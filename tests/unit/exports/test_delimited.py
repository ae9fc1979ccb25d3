"""Files with separators."""

import csv
import io
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.delimited import DelimitedFormat
from exports.errors import ExportError
from exports.formats import read_format
from tests.unit.exports.export_rows import NIGHT, WATER, days, readings, rows, written

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "iso-8859-15", "cp1252", "cp850"]


def form(**settings: Any) -> DelimitedFormat:
    return DelimitedFormat.model_validate(
        {"layout": "delimited", "title": "A", "file_name": "a.csv", "columns": ["address", "value"], **settings}
    )


def at(address: str | None, **more: Any) -> dict[str, Any]:
    return {**WATER, "measured_at": NIGHT[0], "value": Decimal("1.5"), "address": address, **more}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(alphabet="a;,|\t\"'\r\n =-æ") | st.none(), min_size=1, max_size=8),
    st.sampled_from([";", ",", "\t", "|", "^", "~", "#", ":", " "]),
    st.sampled_from(["minimal", "all"]),
    st.sampled_from(["lf", "crlf"]),
)
def test_csv_readers_read_back_what_was_written(
    addresses: list[str | None], separator: str, quote: str, end: str
) -> None:
    csv_form = form(separator=separator, quote=quote, end_of_line=end, headings=False)
    content = written(csv_form, rows(*map(at, addresses))).decode()
    read = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True))
    assert read == [[address or "", "1.5"] for address in addresses]
    assert content.endswith("\r\n" if end == "crlf" else "1.5\n" if quote == "minimal" else '"1.5"\n')


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="a;\"'\r\n^~# =") | st.none(), min_size=1), st.sampled_from([";", "^", "~", "#", " "]))
def test_without_quotes_each_field_is_whole_or_the_file_refused(addresses: list[str | None], separator: str) -> None:
    plain = form(separator=separator, quote="none", headings=False, end_of_line="crlf")
    if any(sign in (address or "") for address in addresses for sign in (separator, "\r", "\n")):
        with pytest.raises(ExportError, match=r"column address: .* holds the separator or a line end"):
            written(plain, rows(*map(at, addresses)))
    else:
        lines = written(plain, rows(*map(at, addresses))).decode().split("\r\n")
        assert lines == [*(f"{address or ''}{separator}1.5" for address in addresses), ""]


def test_headings_are_names_or_what_is_asked_for_in_order() -> None:
    columns = ["serial", {"variable": "value", "heading": "Stand; m³"}, {"constant": "x", "heading": ""}]
    assert written(form(columns=columns)).decode() == 'serial;"Stand; m³";\n'
    assert written(form(columns=columns[::-1], quote="all")).decode() == '"";"Stand; m³";"serial"\n'
    assert written(form(headings=False)) == b""


def test_missing_is_the_token_of_column_or_format() -> None:
    columns = ["address", {"variable": "value", "missing": "-999"}, "method"]
    assert written(form(columns=columns, headings=False), rows(at(None, value=None))).decode() == ";-999;\n"
    settings = {"columns": columns, "headings": False, "missing": "NULL"}
    assert written(form(**settings), rows(at("", value=None))).decode() == "NULL;-999;NULL\n"
    assert written(form(**settings, quote="all"), rows(at("", value=None))).decode() == '"NULL";"-999";"NULL"\n'
    assert written(form(columns=columns, headings=False, quote="all"), rows(at(None))).decode() == '"";"1.5";""\n'


def test_field_that_the_utility_has_not_is_missing() -> None:
    columns = [{"variable": "field:Pipe", "missing": "?"}, "serial"]
    pieces = readings()[:2], readings()[2:].drop("field:Pipe")
    lines = written(form(columns=columns), *pieces).decode().splitlines()
    assert lines == [
        "field:Pipe;serial",
        "?;00000042",
        "DN 20;91234567",
        "?;91234567",
        "?;91234568",
        "?;91234568",
        "?;91234568",
    ]


def test_lines_before_and_after_tell_rows_and_exact_sums() -> None:
    told = form(
        header=["# {job}, {from} to {to}, made {now:%d.%m.%Y %H:%M} ({now_utc})", "# {organisation:20}{{x}}"],
        footer=["#{rows};{rows:05};{rows:5}", "{sum.volume_m3};{sum.energy_kwh:012.1};{sum.volume_m3:9.2};{seq}"],
        columns=["register", "value"],
        decimal_mark=",",
    )
    lines = written(told, readings()[:3], readings()[3:]).decode().splitlines()
    assert lines[:3] == [
        "# billing, 2026-10-25T00:00:00 to 2026-10-26T00:00:00, made 26.10.2026 06:00 (2026-10-26T05:00:07)",
        "# Northtown Water     {x}",
        "register;value",
    ]
    assert lines[-2:] == ["#6;00006;    6", "1234,4995;0000197531,4;  1234,50;42"]


def test_sum_that_has_no_place_refuses_the_file() -> None:
    with pytest.raises(ExportError, match=r"line before or after the rows.*\{sum.volume_m3\} needs 9 characters"):
        written(form(footer=["{sum.volume_m3:5}"]), readings())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_file_is_in_its_encoding_with_one_mark_at_its_begin(encoding: str) -> None:
    content = written(form(encoding=encoding, header=["Å"], footer=["é"]), readings()[:2], readings()[2:])
    assert content.decode(encoding).startswith("Å\naddress;value\n")
    assert content.decode(encoding).count("\ufeff") == 0
    assert content.decode(encoding).splitlines()[2:5] == [";0", '"Åvej 1; ""Gården""";1234.5', '"Åvej 1; ""Gården""";']


def test_character_that_the_encoding_has_not_refuses_the_file_or_is_replaced() -> None:
    table = rows(at("plain"), at("Łąka", measured_at=NIGHT[1]))
    with pytest.raises(ExportError) as told:
        written(form(encoding="cp1252"), table)
    assert str(told.value) == (
        "The row of meter KAM-91234567-1b-16, metering point P1, volume_m3, 2026-10-25T01:00:00+00:00, column address: "
        "there is a character (U+0141) that cp1252 has not; choose another encoding, or unencodable: replace."
    )
    assert written(form(encoding="cp1252", unencodable="replace"), table).endswith(b"plain;1.5\n??ka;1.5\n")
    with pytest.raises(ExportError, match=r"A line before or after the rows has .*\(U\+0141\) that ascii"):
        written(form(encoding="ascii", header=["Ł"]), table)


def test_formulas_are_shielded_where_people_open_the_file() -> None:
    table = rows(at("=1+1", value=Decimal(-5)), at("-5"))
    assert written(form(headings=False), table).decode() == "=1+1;-5\n-5;1.5\n"
    marked = form(headings=False, shield_formulas=True, thousands_mark=" ")
    assert written(marked, table).decode() == "'=1+1;-5\n-5;1.5\n"
    assert written(marked, rows(at(None, value=Decimal(-1234)))).decode() == ";-1 234\n"


def test_rows_of_periods_have_their_ends() -> None:
    columns = [{"variable": "period_start", "time_format": "%d.%m.%Y"}, "period_end", "measured_at", "value", "quality"]
    lines = written(form(content="daily", columns=columns, headings=False), days()).decode().splitlines()
    assert lines[0] == "25.10.2026;2026-10-26T00:00:00+01:00;;0.125;A"


def test_document_with_all_settings_is_the_same_as_the_model() -> None:
    document = """
layout: delimited
title: Own
content: readings
file_name: "{job}.csv"
rows: register
separator: "\\t"
columns:
  - serial
  - {variable: value, decimals: 1, rounding: exact, power: 3, heading: litres}
  - {variable: quality, map: {M: measured}, else: other}
"""
    own = read_format(document, "own")
    assert isinstance(own, DelimitedFormat)
    lines = written(own, readings()[:2]).decode().splitlines()
    assert lines == ["serial\tlitres\tquality", "00000042\t0.0\tmeasured", "91234567\t1234500.0\tmeasured"]
    with pytest.raises(ExportError, match=r"KAM-91234567-1b-16, .*column value: .*more than 1 decimals"):
        written(own, pl.concat([readings(), rows(at(None, value=Decimal("0.00001")))], how="diagonal"))
