"""From telegrams of one layout to rows of ``readings`` and ``records``."""

from decoders.batch.columns import Bytes
from decoders.batch.telegrams import Telegrams
from decoders.record import DataRecord
from warehouse.schemas.registers import CUMULATIVE

FROM_FRAME = ("device_time", *CUMULATIVE)

KIND_COLUMNS = (
    "record_no",
    "quantity",
    "unit",
    "function",
    "storage",
    "tariff",
    "subunit",
    "exponent",
    "modifiers",
    "dib",
    "vib",
)
"""Columns of ``records`` that are the same for a record in all telegrams of a layout."""


def kind_of(record_no: int, record: DataRecord) -> dict[str, object]:
    """The part of a row of ``records`` that the layout decides."""
    return {
        "record_no": record_no,
        "quantity": record.quantity,
        "unit": record.unit,
        "function": record.function,
        "storage": record.storage,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "exponent": record.exponent,
        "modifiers": ",".join(record.modifiers) or None,
        "dib": record.dib.hex(),
        "vib": record.vib.hex(),
    }


def data_of(telegrams: Telegrams, record: DataRecord) -> Bytes:
    """Data bytes of a record in all telegrams, shape (n, width)."""
    return telegrams.rest[:, record.data_offset : record.data_offset + len(record.data)]
