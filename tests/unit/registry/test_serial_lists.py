"""Lists of serial numbers: text, CSV, and Excel workbooks."""

import io
import zipfile

import pytest

from registry.errors import RegistryError
from registry.serial_lists import LARGEST, parse_serials, read_serials
from tests.workbooks import workbook


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90000001, 90000002;90000003\n90000001", ["90000001", "90000002", "90000003"]),
        ("\ufeff90000001\r\n90000002\r\n", ["90000001", "90000002"]),
        ("type;Serial No\nx;90000001\ny;90000002\n", ["90000001", "90000002"]),
        ("meter_id,labels\nKAM-90000001-1b-16,a\n", ["KAM-90000001-1b-16"]),
        ("PKX-90000001", ["PKX-90000001"]),
        ("", []),
    ],
)
def test_serial_numbers_are_read_from_text_and_tables(text: str, found: list[str]) -> None:
    assert parse_serials(text) == found
    assert read_serials(text.encode(), "list.txt") == found


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[90000001], [90000002], [90000001]], ["90000001", "90000002"]),
        ([["Serial no."], [1234567], ["01234568"], [" 90000001 "]], ["01234567", "01234568", "90000001"]),
        ([["Type", "Serial"], ["x", 90000001], ["y", None], [None, None], ["z", "KAM-90000002"]],
         ["90000001", "KAM-90000002"]),
        ([[None, None], ["Serial", "Meter id"], [1, "KAM-90000001-1b-16"]], ["KAM-90000001-1b-16"]),
        ([[None, 90000001], [None, 1.5]], ["90000001", "1.5"]),
        ([["serial"]], []),
    ],
)  # fmt: skip
def test_serial_numbers_are_read_from_the_first_sheet_of_a_workbook(rows: list[list[object]], found: list[str]) -> None:
    assert read_serials(workbook(rows, [["serial"], [77777777]]), "list.xlsx") == found


def test_a_workbook_is_known_by_its_content() -> None:
    assert read_serials(workbook([[90000001]]), "list") == ["90000001"]


def zipped(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


WHOLE = workbook([["serial"], [90000001]])


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"serial\n90000001\n", "list.xlsx", "list.xlsx is no Excel workbook: save"),
        (WHOLE[: len(WHOLE) // 2], "list.xlsx", "no Excel workbook that can be read"),
        (WHOLE.replace(b"sheet1", b"sheet9"), "list.xlsx", "no Excel workbook that can be read"),
        (zipped(a=b"90000001"), "list.xlsx", "no Excel workbook that can be read"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512), "list.xls", "old form, or under a password"),
        (b"\xff\xfe9\x000\x00", "list.txt", "neither UTF-8 text nor an Excel workbook"),
        (b"9\x000\x00", "list.txt", "neither UTF-8 text nor an Excel workbook"),
        (b"9" * (LARGEST + 1), "list.txt", "larger than 32 MiB"),
        (zipped(a=bytes(129 * 1024**2)), "list.xlsx", "unpacks to more than 128 MiB"),
        (zipped(**{f"p{n}": b"" for n in range(2001)}), "list.xlsx", "more than 2000 parts"),
        (workbook([[1], [2]], first_cell="XFD1048576"), "list.xlsx", "1048576 rows and 16384 columns"),
        (workbook([["Type", "Number"], ["x", 90000001]]), "list.xlsx", "write 'serial' above"),
        (workbook([]), "list.xlsx", "is empty"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_is_no_list_is_refused_with_the_reason(content: bytes, name: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason) as refused:
        read_serials(content, name)
    assert "9000000" not in str(refused.value)
