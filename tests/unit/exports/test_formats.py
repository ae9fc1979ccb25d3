"""What documents of formats may say, and how they are refused."""

import pytest

from exports.errors import ExportError
from exports.formats import read_format
from tests.unit.exports.export_rows import readings

CSV = 'layout: delimited\ntitle: A\nfile_name: "a.csv"\n'
FIXED = 'layout: fixed_width\ntitle: A\nfile_name: "a.txt"\n'
PARQUET = 'layout: parquet\ntitle: A\nfile_name: "a.parquet"\n'
ONE = "columns: [serial]\n"

REFUSED = {
    "layout: html": "layout: it is one of delimited, fixed_width, parquet",
    "- a": "holds no settings",
    "layout: [": "is no YAML that is taken",
    "layout: &a b\ntitle: *a": "aliases are not taken",
    CSV + ONE + "title: B": "'title' stands twice",
    CSV + "#" * 70_000: "is larger than 64 kB",
    CSV: "columns: Field required",
    CSV + "columns: []": "columns: ",
    CSV + ONE + "colour: red": "'colour' is no setting here; there are ",
    CSV + "columns: [{variable: serial, colour: red}]": "columns.0: .*'colour' is no setting here",
    CSV + "columns: [serial, seril]": "columns.1: .*there is no 'seril'; there are metering_point, ",
    CSV + "columns: ['field:']": "there is no 'field:'",
    CSV + "columns: [{heading: A}]": "either a variable or a constant",
    CSV + "columns: [{variable: serial, constant: A}]": "either a variable or a constant",
    CSV + "columns: [{constant: 5}]": "columns.0.constant: Input should be a valid string",
    CSV + "columns: [{constant: A, case: lower}]": "constant: it stands as it is",
    CSV + "columns: [{variable: serial, decimals: 2}]": "decimals: it is of a column with a number, this",
    CSV + "columns: [{variable: value, time_zone: utc}]": "time_zone: it is of a column with a time",
    CSV + "columns: [{variable: measured_at, zero_pad: 2}]": "zero_pad: it is of a column with a text",
    CSV + "columns: [{variable: value, decimals: 10}]": "columns.0.decimals: Input should be less than or equal to 9",
    CSV + "columns: [{variable: value, power: 0.5}]": "columns.0.power: ",
    CSV + "columns: [{variable: quality, else: A}]": "else: without map it does nothing",
    CSV + 'columns: [{variable: value, missing: "0"}]': "what is missing is not zero",
    CSV + ONE + 'missing: "-0,00"': "missing: .*what is missing is not zero",
    CSV + 'columns: [{variable: measured_at, time_format: "%Q"}]': "columns.0.time_format: .*it is made of %Y",
    CSV + ONE + 'time_format: "%Y%"': "time_format: .*it is made of %Y",
    CSV + ONE + "encoding: utf-7": "encoding: Input should be 'utf-8', ",
    CSV + ONE + "separator: ab": "separator: Input should be ';', ",
    CSV + ONE + "registers: [volume]": "registers: .*there is no register 'volume'; there are volume_m3, ",
    CSV + ONE + "content: daily\nreading_kind: logged": "reading_kind: only readings have kinds",
    CSV + 'columns: [value]\nthousands_mark: "."': "columns.0: decimal_mark and thousands_mark are the same",
    CSV + 'columns: [value]\ndecimal_mark: ""': "columns.0: implied decimals need decimals",
    CSV + 'columns: [value]\nseparator: ","\ndecimal_mark: ","\nquote: none': "the separator is a mark of its numbers",
    CSV + "columns: [volume_m3]": "columns.0.variable: 'volume_m3' needs rows: reading",
    CSV + "columns: [value]\nrows: reading": "each register has its own 'value'; say of which register",
    CSV + "columns: [volume_m3.serial]\nrows: reading": "there is no 'volume_m3.serial'",
    CSV + ONE + 'header: ["{rows}"]': r"header.0: there is nothing called \{rows\} here; there are job, from, ",
    CSV + ONE + 'footer: ["{sum.volume}"]': r"footer.0: .*revision, organisation, rows, sum.<register>",
    CSV + ONE + 'footer: ["{rows:x}"]': r"footer.0: the form of \{rows\} is a width",
    CSV + ONE + 'footer: ["{rows!r}"]': r"there is nothing called \{rows\}",
    CSV + ONE + 'footer: ["{rows"]': "footer.0: ",
    CSV + ONE + 'footer: ["{rows:.2}"]': r"footer.0: the form of \{rows\} is a width",
    CSV + ONE + 'header: ["{from:%c}"]': r"header.0: the form of \{from\} is made of %Y",
    CSV + ONE + 'header: ["{job:abc}"]': r"header.0: the form of \{job\} is a width such as 20",
    CSV + ONE + 'header: ["{job:2}"]': r"header.0: \{job\} needs 3 characters, its place has 2",
    CSV + ONE + 'footer: ["{sum.volume_m3}"]': r"footer: no column has the numbers that \{sum.volume_m3\} is",
    CSV + 'rows: reading\ncolumns: [volume_m3]\nfooter: ["{sum.energy_kwh}"]': "footer: no column has the numbers",
    CSV + ONE + 'header: ["a\\nb"]': "header.0: ",
    FIXED + "columns: [{variable: serial, start: 1}]": "columns.0.width: Field required",
    FIXED + "columns: [{constant: A, start: 0, width: 1}]": "columns.0.start: ",
    FIXED + "columns: [{constant: ABC, start: 1, width: 2}]": "columns.0: .*constant: it is wider than 2",
    FIXED + "columns: [{variable: serial, start: 1, width: 2, missing: none}]": "missing: it is wider than 2",
    FIXED + "missing: none\ncolumns: [{variable: serial, start: 1, width: 2}]": r"what is missing \('none'\) is wider",
    FIXED + "columns: [{variable: serial, start: 4, width: 8}, {variable: value, start: 1, width: 4}]": (
        "columns.0.start: it begins at 4, but columns.1 reaches to 4"
    ),
    FIXED + "length: 10\ncolumns: [{variable: serial, start: 4, width: 8}]": "it reaches to 11, beyond 10",
    FIXED + 'columns: [{variable: value, start: 1, width: 8, align: left, pad: "0"}]': "zeros behind a value change it",
    FIXED + 'columns: [{variable: value, start: 1, width: 8, pad: "1"}]': "columns.0.pad: Input should be ",
    PARQUET + "columns: [serial]": "columns: each stands once, and medium is among them",
    PARQUET + "columns: [medium, medium]": "columns: each stands once",
    PARQUET + "columns: [medium, seril]": "there is no 'seril'",
    PARQUET.replace("a.parquet", "../a.parquet"): "file_name: ",
}


@pytest.mark.parametrize(("document", "reason"), REFUSED.items(), ids=range(len(REFUSED)))
def test_wrong_document_is_refused_with_its_place(document: str, reason: str) -> None:
    with pytest.raises(ExportError, match=f"^The format mine .*{reason}") as told:
        read_format(document, "mine")
    assert "\n" not in str(told.value)


def test_document_that_is_not_wrong_is_taken() -> None:
    """What the refusals above vary is itself in order."""
    for document in (CSV + ONE, FIXED + "columns: [{variable: serial, start: 1, width: 8}]", PARQUET):
        form = read_format(document, "mine")
        assert read_format(form.written(), "mine") == form


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("reading_kind: logged", [3, 4, 5]),
        ("reading_kind: current", [0, 1, 2]),
    ],
)
def test_format_takes_its_kind_of_readings(settings: str, places: list[int]) -> None:
    form = read_format(CSV + ONE + settings, "mine")
    assert readings().filter(form.takes()).equals(readings()[places])
