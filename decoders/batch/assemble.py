"""From telegrams of one layout and device to rows of ``readings`` and ``records``."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows, groups
from decoders.batch.exact import gauge, millionths
from decoders.batch.parts import Mask, Parts, Values
from decoders.batch.telegrams import Telegrams
from decoders.batch.values import integers_of, read, reals_of
from decoders.batch.vocabulary import Vocabulary, shared
from decoders.canonical import MICRO, Field, Plan
from decoders.record import DataRecord
from warehouse.schemas import READINGS, RECORDS
from warehouse.schemas.registers import CUMULATIVE, REGISTERS

REGISTER_NAMES = tuple(register.name for register in REGISTERS)
READING_COLUMNS = ("layout_id", "device_time", *REGISTER_NAMES, "info_code", "info_code_kind", "flags")
READING_SCHEMA = shared(pl.Schema({name: READINGS.schema[name] for name in READING_COLUMNS}))
KIND_COLUMNS = (
    *("record_no", "quantity", "unit", "function", "storage", "tariff", "subunit"),
    *("exponent", "modifiers", "dib", "vib"),
)
KIND_SCHEMA = shared(pl.Schema({name: RECORDS.schema[name] for name in KIND_COLUMNS}))
CELL_COLUMNS = ("value", "value_text", "raw_value", "data_hex")
CELL_SCHEMA = pl.Schema({"kind": pl.Int32(), **{name: RECORDS.schema[name] for name in CELL_COLUMNS}})
_NO_VALUES = ("layout_id", "info_code_kind")
_ROOM = 10**18  # from here on a register overflows, which the scalar decoder flags


@dataclass(slots=True)
class Tables:
    """Rows gathered so far; ``kind`` is the position in ``kinds``."""

    readings: Parts = field(default_factory=lambda: Parts(READING_SCHEMA))
    cells: Parts = field(default_factory=lambda: Parts(CELL_SCHEMA))
    kinds: dict[tuple[object, ...], int] = field(default_factory=dict)

    def add(self, telegrams: Telegrams, records: Sequence[DataRecord], plan: Plan, layout_id: str) -> Telegrams:
        """Adds telegrams of one layout and device.

        Returns:
            Those that were added. The canonical columns of the others cannot be reckoned in 64 bits.
        """
        columns, fits = _canonical(telegrams, records, plan, self.readings.texts)
        if not fits.all():
            telegrams = telegrams.pick(fits)
            if not len(telegrams):
                return telegrams
            columns, _ = _canonical(telegrams, records, plan, self.readings.texts)
        if columns:
            columns["layout_id"] = self.readings.texts_of(layout_id, len(telegrams))
            self._add_readings(telegrams.rows, columns)
        used = plan.used()
        for number, record in enumerate(records):
            if number not in used:
                data = data_of(telegrams, record)
                kind = Values(np.full(len(telegrams), self._kind(number, record), np.int32))
                cells = read(record, data).columns(self.cells.texts)
                self.cells.add(telegrams.rows, {"kind": kind, "data_hex": Values(data.copy()), **cells})
        return telegrams

    def take_records(self) -> tuple[Rows, pl.DataFrame]:
        """Frames and columns of the records so far, in the order of their layouts."""
        cells = self.cells.take_table()
        places = cells.drop_in_place("kind")
        what = []
        for at, (name, dtype) in enumerate(KIND_SCHEMA.items()):
            values = [kind[at] for kind in self.kinds]
            column = pl.Series(name, values, dtype)
            what.append(column.new_from_index(0, cells.height) if len(set(values)) == 1 else column[places])
        return self.cells.rows(), cells.hstack(what)

    def _add_readings(self, rows: Rows, columns: dict[str, Values]) -> None:
        """Adds rows without those that have no value at all."""
        filled = np.zeros(len(rows), np.bool_)
        for name, values in columns.items():
            if name == "flags":
                filled |= values.data != 0
            elif name not in _NO_VALUES:
                filled |= values.there()
        if filled.all():
            self.readings.add(rows, columns)
        elif filled.any():
            self.readings.add(rows[filled], {name: values.filter(filled) for name, values in columns.items()})

    def _kind(self, record_no: int, record: DataRecord) -> int:
        """Number of what the layout says about a record."""
        return self.kinds.setdefault(kind_of(record_no, record), len(self.kinds))


def kind_of(record_no: int, record: DataRecord) -> tuple[object, ...]:
    """What the layout says about a record, in the order of :data:`KIND_COLUMNS`."""
    return (
        *(record_no, record.quantity, record.unit, record.function),
        *(record.storage, record.tariff, record.subunit, record.exponent),
        *(",".join(record.modifiers) or None, record.dib.hex(), record.vib.hex()),
    )


def data_of(telegrams: Telegrams, record: DataRecord) -> Bytes:
    """Data bytes of a record in all telegrams, shape (n, width)."""
    return telegrams.rest[:, record.data_offset : record.data_offset + len(record.data)]


def _canonical(
    telegrams: Telegrams, records: Sequence[DataRecord], plan: Plan, texts: Vocabulary
) -> tuple[dict[str, Values], Mask]:
    """Columns of ``readings``, and for which telegrams, shape (n,), they could be reckoned in 64 bits."""
    count = len(telegrams)
    columns: dict[str, Values] = {}
    fits = np.ones(count, np.bool_)
    gauges: dict[str, Values] = {}
    word = Values(np.zeros(count, np.int64), np.zeros(count, np.bool_))
    for item in plan.fields:
        record = records[item.record_no]
        data = data_of(telegrams, record)
        if item.name == "device_time":
            instants = read(record, data).datetimes()
            if instants is not None:
                columns[item.name] = instants
            continue
        if record.is_variable:
            return {}, np.zeros(count, np.bool_)  # behind the LVAR byte: rare, and left to the scalar decoder
        numbers = None if record.data_type == "real32" else integers_of(record.data_type, data)
        if record.data_type == "real32":
            values, inside = _of_reals(item, reals_of(data))
        elif numbers is None:
            return {}, np.zeros(count, np.bool_)
        else:
            values, inside = _of_counts(item, *numbers)
        fits &= inside
        if item.name == "info_code":
            word = values
            kind = np.full(count, texts.number(plan.info_code_kind), np.int32)
            columns |= {item.name: word, "info_code_kind": Values(np.where(word.there(), kind, 0))}
        elif item.name in CUMULATIVE:
            columns[item.name] = values
        else:
            gauges[item.name] = values
    flagged = _take_out_sentinels(plan, gauges, word)
    for name, mask in plan.frozen:
        if name in columns:
            flagged[f"FROZEN:{name}"] = word.there() & (word.data & mask != 0) & columns[name].there()
    return columns | gauges | _flags(flagged, texts), fits


def _of_counts(item: Field, raw: NDArray[np.int64], valid: Mask) -> tuple[Values, Mask]:
    """Values of counts as sent, and for which of them the reckoning held."""
    for pattern in item.missing:
        if -(2**63) <= pattern < 2**63:
            valid = valid & (raw != pattern)
    if item.name == "info_code":
        return Values(raw, valid), np.ones(len(raw), np.bool_)
    if item.name in CUMULATIVE:
        scaled, fits = millionths(raw, item.numerator, item.denominator)
        return Values(scaled, valid), fits
    reals, fits = gauge(raw, item.numerator, item.denominator)
    return Values(reals, valid), fits


def _of_reals(item: Field, real: NDArray[np.float64]) -> tuple[Values, Mask]:
    """Values of real numbers as sent, and for which of them the reckoning held."""
    valid = np.isfinite(real)
    real = np.where(valid, real, 0.0)
    if item.name not in CUMULATIVE:
        return Values(real * float(item.numerator) / item.denominator, valid), np.ones(len(real), np.bool_)
    scaled = real * float(item.numerator * MICRO) / item.denominator
    fits = ~(np.abs(scaled) >= _ROOM / 2)
    return Values(np.floor(np.where(fits, scaled, 0.0) + 0.5).astype(np.int64), valid), fits


def _take_out_sentinels(plan: Plan, gauges: dict[str, Values], word: Values) -> dict[str, Mask]:
    """Clears values that stand for a sensor's failure; the flags that say so, and where they hold."""
    flagged: dict[str, Mask] = {}
    for sentinel in plan.sentinels:
        if sentinel.column not in gauges:
            continue
        values = gauges[sentinel.column]
        hit = values.there() & (values.data >= sentinel.low) & (values.data <= sentinel.high)
        if sentinel.mask:
            hit &= word.there() & (word.data & sentinel.mask != 0)
        flag = f"SENTINEL:{sentinel.column}"
        gauges[sentinel.column] = Values(values.data, values.there() & ~hit)
        flagged[flag] = flagged.get(flag, False) | hit
    return flagged


def _flags(flagged: dict[str, Mask], texts: Vocabulary) -> dict[str, Values]:
    """The column ``flags``: what holds of each telegram in one text, in order; no column where nothing does."""
    names = sorted(name for name, hit in flagged.items() if hit.any())
    if not names:
        return {}
    which = np.stack([flagged[name] for name in names], axis=1) @ (1 << np.arange(len(names)))
    numbers = np.zeros(len(which), np.int32)
    for bits, places in groups(which):
        found = ",".join(name for bit, name in enumerate(names) if bits >> bit & 1)
        numbers[places] = texts.number(found or None)
    return {"flags": Values(numbers)}
