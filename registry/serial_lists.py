"""Lists of serial numbers: typed, from a text or CSV file, or from an Excel workbook."""

import contextlib
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence

import fastexcel

from registry.errors import RegistryError
from warehouse.formulas import bare

LARGEST = 32 * 1024 * 1024
"""Bytes of a file: a million serial numbers with labels and batches as text."""

_HEADERS = ("meterid", "serial", "serialnumber", "serialno")
"""Headers of the column that names devices, without blanks and in small letters; the first of them that is there."""

_ARCHIVE = b"PK\x03\x04"
_OLD_OR_LOCKED = bytes.fromhex("d0cf11e0a1b11ae1")
_UNPACKED = 128 * 1024 * 1024
_PARTS = 2000
_CELLS = 5_000_000
"""What a workbook may hold: bytes, parts, and cells of a sheet, empty ones included. calamine lays a sheet out whole:
two cells in far corners would fill any memory."""
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,9})["']""")


def parse_serials(text: str) -> list[str]:
    """Reads serial numbers as people type them, or from a text or CSV file.

    Args:
        text: Serial numbers between commas, semicolons, blanks or lines, each maybe with its manufacturer before it
            (``KAM-90000001``) or as a whole ``meter_id``; or a CSV table with a column ``serial`` or ``meter_id``.

    Returns:
        Each once, in their order.
    """
    text = text.removeprefix("\ufeff")
    header = text.lstrip().partition("\n")[0]
    for delimiter in (",", ";", "\t"):
        place = _place(header.split(delimiter))
        if place is not None:
            rows = csv.reader(io.StringIO(text.lstrip()), delimiter=delimiter)
            return _once([row[place] for row in rows if len(row) > place][1:])
    return _once(re.split(r"[,;\s]+", text))


def read_serials(content: bytes, name: str) -> list[str]:
    """Reads the serial numbers in a file.

    Args:
        content: UTF-8 text (see :func:`parse_serials`), or an Excel workbook (``.xlsx``), of which the first sheet
            counts: its column ``serial`` or ``meter_id``, or its only column. Numbers get their leading zeros back,
            since a serial number has eight digits.
        name: Name of the file, for messages.

    Returns:
        Each once, in their order.

    Raises:
        RegistryError: It is too large, neither text nor a workbook that can be read, or nothing says which column of
            the sheet it is; what it holds is not shown.
    """
    if len(content) > LARGEST:
        raise RegistryError(f"{name} is larger than {LARGEST // 1024**2} MiB. Split the list.")
    if content.startswith(_OLD_OR_LOCKED):
        raise RegistryError(f"{name} is a workbook of an old form, or under a password: save it as .xlsx without one.")
    if content.startswith(_ARCHIVE):
        return _from_rows(_sheet(content, name), name)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")):
        raise RegistryError(f"{name} is no Excel workbook: save the list as .xlsx, or as CSV in UTF-8.")
    if b"\0" not in content:
        with contextlib.suppress(UnicodeDecodeError):  # the error shows what it could not read
            return parse_serials(content.decode("utf-8-sig"))
    raise RegistryError(f"{name} is neither UTF-8 text nor an Excel workbook (.xlsx).")


def _place(header: Sequence[str | None]) -> int | None:
    """Where in a header the devices are."""
    names = [re.sub(r"[\W_]", "", cell or "").lower() for cell in header]
    return next((names.index(name) for name in _HEADERS if name in names), None)


def _once(texts: Iterable[str | None]) -> list[str]:
    stripped = (bare((text or "").strip()) for text in texts)
    return list(dict.fromkeys(text for text in stripped if text))


def _from_rows(rows: Sequence[Sequence[str | None]], name: str) -> list[str]:
    filled = [row for row in rows if any((cell or "").strip() for cell in row)]
    if not filled:
        raise RegistryError(f"The first sheet of {name} is empty.")
    place = _place(filled[0])
    if place is not None:
        found = [row[place] for row in filled[1:]]
    else:
        used = [number for number, cells in enumerate(zip(*filled, strict=True)) if any(cells)]
        if len(used) > 1:
            raise RegistryError(f"{name} has several columns: write 'serial' above that of the serial numbers.")
        found = [row[used[0]] for row in filled]
    return _once(cell.strip().zfill(8) if cell and cell.strip().isdecimal() else cell for cell in found)


def _sheet(content: bytes, name: str) -> list[tuple[str | None, ...]]:
    """The cells of a workbook's first sheet, as texts."""
    try:
        book = fastexcel.read_excel(_unpacked(content, name))
        sheet = book.load_sheet(0, header_row=None, dtypes="string")
    except (fastexcel.FastExcelError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError):
        sheet = None  # the error may show what it could not read
    if sheet is None:
        raise RegistryError(
            f"{name} is no Excel workbook that can be read: save the list as .xlsx, or as CSV in UTF-8."
        )
    return sheet.to_polars().rows()


def _unpacked(content: bytes, name: str) -> bytes:
    """The workbook without compression, so that what was counted here is all that its reader meets.

    Raises:
        RegistryError: It holds too much.
        Exception: What :mod:`zipfile` raises of archives that are damaged, encrypted or packed in unknown ways.
    """
    left = _UNPACKED
    plain = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as packed, zipfile.ZipFile(plain, "w") as made:
        if len(packed.infolist()) > _PARTS:
            raise RegistryError(f"{name} has more than {_PARTS} parts: save the list in a workbook of its own.")
        for part in packed.infolist():
            with packed.open(part) as stream:
                read = stream.read(left + 1)
            left -= len(read)
            if left < 0:
                raise RegistryError(f"{name} unpacks to more than {_UNPACKED // 1024**2} MiB. Split the list.")
            _check_extent(read, name)
            made.writestr(part.filename, read)
    return plain.getvalue()


def _check_extent(part: bytes, name: str) -> None:
    """A sheet may lie in a part of any name."""
    columns = rows = 1
    for letters, digits in set(_CELL.findall(part)):
        number = 0
        for letter in letters:
            number = number * 26 + letter - ord("A") + 1
        columns, rows = max(columns, number), max(rows, int(digits))
    if columns * rows > _CELLS:
        extent = f"{rows} rows and {columns} columns"
        raise RegistryError(f"{name} has a sheet of {extent}: delete cells far from the list, or save it as CSV.")
