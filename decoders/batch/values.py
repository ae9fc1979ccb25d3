"""Values of one data record in many telegrams at once.

Integers, BCD and real numbers are read as columns. Whether a record is such a plain number is not assumed: both
decoders read the same probe bytes, and only where they agree the column way is taken. All else (dates, texts, opaque
bytes) is read by the scalar decoder once per distinct content.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows, int_le, uint_le
from decoders.batch.parts import Mask, Values
from decoders.batch.vocabulary import Vocabulary
from decoders.record import DataRecord
from decoders.records import parse_records

_EXACT = 2**53  # integers up to here are doubles without loss, so that one multiplication or division rounds once
_EXACT_POWER = 22  # so are powers of ten
_INT64 = range(-(2**63), 2**63)
_BCD = np.full(256, -1, np.int64)
_BCD[[tens << 4 | ones for tens in range(10) for ones in range(10)]] = np.arange(100)
_SHORT = 2  # bytes of which a table of all contents is small
_PROBES = ("00", "12", "99", "FF", "F1", "80", "AA", "7F")


@dataclass(frozen=True, slots=True)
class Cells:
    """One data record of n telegrams; ``None`` where nothing is there.

    Attributes:
        raw: Integers as sent; missing where invalid.
        value: Numbers in the record's unit.
        texts: Distinct texts or dates.
        places: Which of the texts each telegram has, shape (n,).
    """

    raw: Values | None = None
    value: Values | None = None
    texts: list[str | None] | None = None
    places: Rows | None = None

    def columns(self, vocabulary: Vocabulary) -> dict[str, Values]:
        """The columns of ``records``."""
        columns: dict[str, Values] = {}
        if self.raw is not None:
            columns["raw_value"] = self.raw
        if self.value is not None:
            columns["value"] = self.value
        if self.texts is not None and self.places is not None:
            columns["value_text"] = Values(vocabulary.numbers(self.texts)[self.places])
        return columns

    def datetimes(self) -> Values | None:
        """The texts as microseconds since 1970."""
        if self.texts is None or self.places is None:
            return None
        instants = np.array([text or "NaT" for text in self.texts], "datetime64[us]")
        return Values(instants.astype(np.int64)[self.places], ~np.isnat(instants)[self.places])


def cells_of(record: DataRecord) -> tuple[int | None, float | None, str | None]:
    """Integer as sent, number and text of one record, as the columns of ``records`` hold them."""
    raw, value = record.raw_value, record.value
    whole = raw if isinstance(raw, int) and raw in _INT64 else None
    if isinstance(value, str):
        return whole, None, value
    return whole, None if value is None else float(value), None


def read(record: DataRecord, data: Bytes) -> Cells:
    """Values of the data bytes of one record.

    Args:
        record: The record as one of the telegrams has it, which says how to read the bytes.
        data: The record's data bytes in all telegrams, shape (n, width); where there is an LVAR byte, it is the same.

    Returns:
        Cells of n telegrams.
    """
    if _reads_as_number(record.dib, record.vib, record.data_type, record.exponent, data.shape[1]):
        cells = _numbers(record.data_type, record.exponent, data)
        if cells is not None:
            return cells
    return _by_content(record.dib + record.vib, data)


@lru_cache(maxsize=4096)
def _reads_as_number(dib: bytes, vib: bytes, data_type: str, exponent: int, width: int) -> bool:
    """Whether column and scalar reading agree on the probes."""
    if not width or data_type.startswith(("lvar", "manufacturer")) or abs(exponent) > _EXACT_POWER:
        return False
    tops = [bytes.fromhex(probe) for probe in _PROBES]
    probes = [fill * (width - 1) + top for fill in (b"\x00", b"\x12", b"\xff") for top in tops]
    for probe in probes:
        cells = _numbers(data_type, exponent, np.frombuffer(probe, np.uint8)[None])
        found = parse_records(dib + vib + probe)[0]
        if cells is None:
            # Beyond the exact range: such telegrams take the other way, so there is nothing to agree on.
            continue
        if len(found) != 1 or (_first(cells.raw), _first(cells.value), None) != cells_of(found[0]):
            return False
    return bool(probes) and _numbers(data_type, exponent, np.zeros((1, width), np.uint8)) is not None


def _first(values: Values | None) -> object:
    if values is None or (values.valid is not None and not values.valid[0]):
        return None
    return values.data[0].item()


def _numbers(data_type: str, exponent: int, data: Bytes) -> Cells | None:
    """Cells of a numeric type; ``None`` for other types and for integers beyond the exact range of doubles."""
    if data_type == "real32":
        real = reals_of(data)
        return Cells(None, Values(real * 10.0**exponent, np.isfinite(real)))
    integers = integers_of(data_type, data)
    if integers is None:
        return None
    raw, valid = integers
    if exponent and ((raw > _EXACT) | (raw < -_EXACT)).any():
        return None
    return Cells(Values(raw, valid), Values(_scaled(raw.astype(np.float64), exponent), valid))


def reals_of(data: Bytes) -> NDArray[np.float64]:
    """IEEE 754 singles (type H) as doubles, shape (n,)."""
    with np.errstate(invalid="ignore"):  # signalling not-a-numbers
        return np.ascontiguousarray(data).view("<f4").ravel().astype(np.float64)


def integers_of(data_type: str, data: Bytes) -> tuple[NDArray[np.int64], Mask] | None:
    """Integers as sent and which are valid, both shape (n,); ``None`` where they are none or need more than 63 bits."""
    width = data.shape[1]
    if data_type.startswith("bcd"):
        return bcd_to_int(data)
    if data_type.startswith("uint"):
        raw = uint_le(data, 0, width).view(np.int64)
        return None if width == 8 and (raw < 0).any() else (raw, np.ones(len(raw), np.bool_))
    if data_type.startswith("int"):
        raw = int_le(data, 0, width)
        return raw, np.ones(len(raw), np.bool_)
    return None


def bcd_to_int(data: Bytes) -> tuple[NDArray[np.int64], Mask]:
    """Decodes little-endian packed BCD fields of equal width (EN 13757-3, type A).

    Args:
        data: Field bytes, shape (n, width), least significant byte first.

    Returns:
        Values and validity, shape (n,). A top nibble of F means minus; any other digit above 9 makes a row invalid,
        value 0.
    """
    minus = data[:, -1] >= 0xF0
    pairs = np.ascontiguousarray(data.T)
    top = np.where(minus, pairs[-1] & 0x0F, pairs[-1])
    total = _BCD[top]
    lowest = total
    for row in pairs[-2::-1]:
        pair = _BCD[row]
        lowest = np.minimum(lowest, pair)
        total = total * 100 + pair
    valid = lowest >= 0
    return np.where(valid, np.where(minus, -total, total), 0), valid


def _scaled(numbers: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    return numbers * 10.0**exponent if exponent >= 0 else numbers / 10.0**-exponent


def _by_content(header: bytes, data: Bytes) -> Cells:
    """Cells read by the scalar decoder, once per distinct content."""
    contents, places = distinct(data)
    raw, value, texts = zip(*map(_content_cells, map(header.__add__, contents)), strict=True)
    return Cells(
        _values(raw, np.int64, places),
        _values(value, np.float64, places),
        None if all(text is None for text in texts) else list(texts),
        places,
    )


def _values(found: Sequence[float | None], dtype: type[np.int64 | np.float64], places: Rows) -> Values | None:
    """A column of the contents' numbers."""
    missing = found.count(None)
    if missing == len(found):
        return None
    if not missing:
        return Values(np.array(found, dtype)[places])
    valid = np.array([number is not None for number in found])
    return Values(np.array([number or 0 for number in found], dtype)[places], valid[places])


@lru_cache(maxsize=65536)
def _content_cells(record: bytes) -> tuple[int | None, float | None, str | None]:
    return cells_of(parse_records(record)[0][0])


def distinct(data: Bytes) -> tuple[list[bytes], NDArray[np.int64]]:
    """Distinct rows of a byte matrix and which of them each row is."""
    count, width = data.shape
    if width == 0:
        return [b""], np.zeros(count, np.int64)
    if width <= _SHORT:
        short = uint_le(data, 0, width).astype(np.int64)
        table = np.zeros(1 << 8 * width, np.int64)
        table[short] = 1
        found = np.flatnonzero(table)
        table[found] = np.arange(len(found))
        return _contents(found, width), table[short]
    if width <= 8:
        words, places = np.unique(uint_le(data, 0, width), return_inverse=True)
        return _contents(words, width), places
    cells, places = np.unique(np.ascontiguousarray(data).view(f"V{width}").ravel(), return_inverse=True)
    return cells.tolist(), places


def _contents(words: NDArray[np.integer], width: int) -> list[bytes]:
    """The lower ``width`` bytes of integers of 8 bytes."""
    cells = words.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]
    found: list[bytes] = np.ascontiguousarray(cells).view(f"V{width}").ravel().tolist()
    return found
