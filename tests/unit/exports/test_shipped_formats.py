"""The formats that come with the package, against files that were checked by hand."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from exports.errors import ExportError
from exports.file_names import file_name
from exports.formats import read_format, shipped, shipped_document
from tests.unit.exports.export_rows import FACTS, days, readings, written

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "rows", "golden"),
    [
        ("ready-csv", readings(), "ready.csv"),
        ("fixed-width", readings(), "fixed.txt"),
        ("consumption-csv", days(), "consumption.csv"),
    ],
)
def test_file_is_as_it_was_checked(name: str, rows: pl.DataFrame, golden: str) -> None:
    assert written(shipped()[name], rows) == (GOLDEN / golden).read_bytes()


def test_ready_csv_is_read_back_by_a_csv_reader() -> None:
    content = written(shipped()["ready-csv"], readings()).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=";"))
    assert [line["Value"] for line in lines] == ["0", "1234,5", "", "98765,4321", "98766", "-0,0005"]
    assert lines[1]["Address"] == 'Åvej 1; "Gården"'
    assert [line["Reading time"] for line in lines[1:3]] == ["25-10-2026 02:00:00 +02:00", "25-10-2026 02:00:00 +01:00"]


def test_records_of_the_fixed_width_example_have_one_length() -> None:
    lines = written(shipped()["fixed-width"], readings()).decode("latin-1").split("\r\n")
    assert lines.pop() == ""
    assert {len(line) for line in lines} == {104}
    assert [line[70:86] for line in lines[1:-1]] == [
        "000000000000000 ",
        "000000001234500 ",
        "                ",
        "000000098765432 ",
        "000000098766000 ",
        "000000000000001-",
    ]
    assert lines[-1].startswith("T000000006" + "000000000001234499" + "000000000197531432" + "0" * 18)


@pytest.mark.parametrize("name", shipped())
def test_document_reads_back_as_the_same(name: str) -> None:
    form = shipped()[name]
    assert read_format(form.written(), name) == form
    assert read_format(shipped_document(name), name) == form
    assert file_name(form.file_name, FACTS)


def test_same_rows_in_other_pieces_are_the_same_lines() -> None:
    form = shipped()["fixed-width"]
    assert written(form, readings()[:3], readings()[3:]) == written(form, readings())


def test_file_without_rows_has_its_header_and_footer() -> None:
    lines = written(shipped()["fixed-width"]).decode("latin-1").splitlines()
    assert [line[0] for line in lines] == ["H", "T"]
    assert lines[1].rstrip() == "T" + "0" * 63


def test_unknown_name_is_told() -> None:
    with pytest.raises(ExportError, match="No format called nothing comes with Meterhouse; there are consumption-csv,"):
        shipped_document("nothing")
