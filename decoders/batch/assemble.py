"""From telegrams of one layout and device to rows of ``readings`` and ``records``."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from decoders.batch.columns import Bytes, Rows
from decoders.batch.exact import Mask, decimals, gauge, millionths
from decoders.batch.parts import Parts
from decoders.batch.telegrams import Telegrams
from decoders.batch.texts import hex_column
from decoders.batch.values import integers_of, masked, read, reals_of
from decoders.canonical import MICRO, Field, Plan
from decoders.record import DataRecord
from warehouse.schemas import READINGS, RECORDS
from warehouse.schemas.registers import CUMULATIVE, REGISTERS

REGISTER_NAMES = tuple(register.name for register in REGISTERS)
READING_COLUMNS = ("layout_id", "device_time", *REGISTER_NAMES, "info_code", "info_code_kind", "flags")
READING_SCHEMA = pl.Schema({name: READINGS.schema[name] for name in READING_COLUMNS})
KIND_COLUMNS = (
    *("record_no", "quantity", "unit", "function", "storage", "tariff", "subunit"),
    *("exponent", "modifiers", "dib", "vib"),
)
KIND_SCHEMA = pl.Schema({name: RECORDS.schema[name] for name in KIND_COLUMNS})
CELL_COLUMNS = ("value", "value_text", "raw_value", "data_hex")
CELL_SCHEMA = pl.Schema({"kind": pl.Int32(), **{name: RECORDS.schema[name] for name in CELL_COLUMNS}})
_TIME_FORMS = {"datetime_F": "%Y-%m-%dT%H:%M", "datetime_I": "%Y-%m-%dT%H:%M:%S"}
_ROOM = 10**18  # from here on a register overflows, which the scalar decoder flags


@dataclass(slots=True)
class Tables:
    """Rows gathered so far; ``kind`` is the position in ``kinds``."""

    readings: Parts = field(default_factory=lambda: Parts(READING_SCHEMA))
    cells: Parts = field(default_factory=lambda: Parts(CELL_SCHEMA))
    kinds: list[tuple[object, ...]] = field(default_factory=list)
    known_kinds: dict[tuple[object, ...], int] = field(default_factory=dict)

    def kind(self, record_no: int, record: DataRecord) -> int:
        """Number of what the layout says about a record."""
        kind = (
            *(record_no, record.quantity, record.unit, record.function),
            *(record.storage, record.tariff, record.subunit, record.exponent),
            *(",".join(record.modifiers) or None, record.dib.hex(), record.vib.hex()),
        )
        number = self.known_kinds.setdefault(kind, len(self.kinds))
        if number == len(self.kinds):
            self.kinds.append(kind)
        return number

    def add(self, telegrams: Telegrams, records: Sequence[DataRecord], plan: Plan, layout_id: str) -> None:
        """Adds telegrams of one layout that :func:`certain` has let pass."""
        rows, columns = _readings(telegrams, records, plan, layout_id)
        if len(rows):
            self.readings.add(rows, columns)
        used = plan.used()
        for number, record in enumerate(records):
            if number not in used:
                data = data_of(telegrams, record)
                kind = constant(self.kind(number, record), pl.Int32(), len(telegrams))
                cells = read(record, data).columns()
                self.cells.add(telegrams.rows, {"kind": kind, "data_hex": hex_column(data), **cells})

    def records(self) -> pl.DataFrame:
        """Records so far, in the order of their layouts."""
        cells = self.cells.table()
        kinds = pl.DataFrame(self.kinds, schema=KIND_SCHEMA, orient="row")
        return cells.drop("kind").hstack(kinds[cells["kind"]])


def constant(value: object, dtype: pl.DataType, count: int) -> pl.Series:
    """A column of one value."""
    return pl.Series([value], dtype=dtype).new_from_index(0, count)


def data_of(telegrams: Telegrams, record: DataRecord) -> Bytes:
    """Data bytes of a record in all telegrams, shape (n, width)."""
    return telegrams.rest[:, record.data_offset : record.data_offset + len(record.data)]


def certain(telegrams: Telegrams, records: Sequence[DataRecord], plan: Plan) -> Mask:
    """For which telegrams, shape (n,), the canonical columns can be reckoned in 64 bits."""
    mask = np.ones(len(telegrams), np.bool_)
    for item in plan.fields:
        record = records[item.record_no]
        if item.name == "device_time":
            continue
        data = data_of(telegrams, record)
        if record.data_type == "real32":
            if item.name in CUMULATIVE:
                scaled = reals_of(data) * float(item.numerator * MICRO) / item.denominator
                mask &= ~(np.isfinite(scaled) & (np.abs(scaled) >= _ROOM / 2))
            continue
        numbers = integers_of(record.data_type, data)
        if numbers is None:
            return np.zeros(len(telegrams), np.bool_)
        raw, _ = numbers
        if item.name != "info_code":
            reckon = millionths if item.name in CUMULATIVE else gauge
            mask &= reckon(raw, item.numerator, item.denominator)[1]
    return mask


def _readings(
    telegrams: Telegrams, records: Sequence[DataRecord], plan: Plan, layout_id: str
) -> tuple[Rows, dict[str, pl.Series]]:
    """Rows of ``readings`` and their frames, without those that have no value at all."""
    count = len(telegrams)
    columns: dict[str, pl.Series] = {}
    filled = np.zeros(count, np.bool_)
    gauges: dict[str, tuple[NDArray[np.float64], Mask]] = {}
    word, has_word = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    for item in plan.fields:
        record = records[item.record_no]
        data = data_of(telegrams, record)
        if item.name == "device_time":
            text = read(record, data).text
            if text is not None:
                columns[item.name] = text.str.to_datetime(_TIME_FORMS[record.data_type], time_unit="us")
                filled |= text.is_not_null().to_numpy()
        elif item.name in CUMULATIVE:
            scaled, valid = _cumulative(item, record, data)
            columns[item.name] = decimals(scaled, valid)
            filled |= valid
        elif item.name == "info_code":
            word, has_word = _counts(item, record, data)
            columns[item.name] = masked(word, has_word)
            kind = constant(plan.info_code_kind, pl.String(), count)
            columns["info_code_kind"] = kind if has_word.all() else kind.set(pl.Series(~has_word), None)
            filled |= has_word
        else:
            gauges[item.name] = _gauge(item, record, data)
    flagged = _take_out_sentinels(plan, gauges, word, has_word)
    for name, mask in plan.frozen:
        if name in columns:
            flagged[f"FROZEN:{name}"] = has_word & (word & mask != 0) & columns[name].is_not_null().to_numpy()
    flags = _joined(flagged)
    for name, (values, valid) in gauges.items():
        columns[name] = masked(values, valid)
        filled |= valid
    if flags is not None:
        columns["flags"] = flags
        filled |= flags.is_not_null().to_numpy()
    columns["layout_id"] = constant(layout_id, pl.String(), count)
    if filled.all():
        return telegrams.rows, columns
    kept = pl.Series(filled)
    return telegrams.rows[filled], {name: column.filter(kept) for name, column in columns.items()}


def _counts(item: Field, record: DataRecord, data: Bytes) -> tuple[NDArray[np.int64], Mask]:
    """Counts as sent and which of them mean something."""
    numbers = integers_of(record.data_type, data)
    assert numbers is not None  # noqa: S101  certain() lets no other types pass
    raw, valid = numbers
    for pattern in item.missing:
        if -(2**63) <= pattern < 2**63:
            valid = valid & (raw != pattern)
    return raw, valid


def _cumulative(item: Field, record: DataRecord, data: Bytes) -> tuple[NDArray[np.int64], Mask]:
    """Millionths of the base unit."""
    if record.data_type == "real32":
        real = reals_of(data)
        valid = np.isfinite(real)
        scaled = np.where(valid, real, 0.0) * float(item.numerator * MICRO) / item.denominator + 0.5
        return np.floor(scaled).astype(np.int64), valid
    raw, valid = _counts(item, record, data)
    return millionths(raw, item.numerator, item.denominator)[0], valid


def _gauge(item: Field, record: DataRecord, data: Bytes) -> tuple[NDArray[np.float64], Mask]:
    """Values in the base unit."""
    if record.data_type == "real32":
        real = reals_of(data)
        valid = np.isfinite(real)
        return np.where(valid, real, 0.0) * float(item.numerator) / item.denominator, valid
    raw, valid = _counts(item, record, data)
    return gauge(raw, item.numerator, item.denominator)[0], valid


def _take_out_sentinels(
    plan: Plan, gauges: dict[str, tuple[NDArray[np.float64], Mask]], word: NDArray[np.int64], has_word: Mask
) -> dict[str, Mask]:
    """Clears values that stand for a sensor's failure; the flags that say so, and where they hold."""
    flagged: dict[str, Mask] = {}
    for sentinel in plan.sentinels:
        if sentinel.column not in gauges:
            continue
        values, valid = gauges[sentinel.column]
        hit = valid & (values >= sentinel.low) & (values <= sentinel.high)
        if sentinel.mask:
            hit &= has_word & (word & sentinel.mask != 0)
        flag = f"SENTINEL:{sentinel.column}"
        gauges[sentinel.column] = values, valid & ~hit
        flagged[flag] = flagged.get(flag, False) | hit
    return flagged


def _joined(flagged: dict[str, Mask]) -> pl.Series | None:
    """Flags of each telegram in one text, in their order; ``None`` where there are none at all."""
    names = sorted(name for name, hit in flagged.items() if hit.any())
    if not names:
        return None
    texts = pl.DataFrame({name: flagged[name] for name in names}).select(
        pl.concat_str(
            (pl.when(pl.col(name)).then(pl.lit(name)) for name in names), separator=",", ignore_nulls=True
        ).alias("flags")
    )
    return texts["flags"].replace("", None)
