"""What ``decode`` prints: one JSON object per telegram."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from decoders.compact import KNOWN, FormatBook
from decoders.info_codes import names
from decoders.record import DataRecord, RecordValue
from decoders.scalar import Key, Telegram, decode_telegram

Json = dict[str, Any]


def telegram_report(telegram: Telegram, line: int, case_id: str | None = None) -> Json:
    """The object of one telegram.

    Args:
        telegram: What the frame says.
        line: Line of the input, from 1.
        case_id: Id that the input gave it.

    Returns:
        The object; numbers are JSON numbers, bytes hex.
    """
    address = telegram.address
    fields: Json = {name: _number(value) for name, value in telegram.fields.items()}
    codes = names(fields.get("info_code_kind"), fields.get("info_code"))
    if codes:
        fields["info_codes"] = codes
    return {
        **({"case_id": case_id} if case_id is not None else {}),
        "line": line,
        "meter_id": telegram.meter_id,
        "manufacturer": address.manufacturer if address else None,
        "serial": address.serial if address else None,
        "version": f"{address.version:02x}" if address else None,
        "device_type": f"{address.device_type:02x}" if address else None,
        "medium": telegram.medium,
        "link": telegram.link or None,
        "security": telegram.security,
        "outcome": telegram.outcome,
        "reason": telegram.reason,
        "payload_hex": telegram.payload.hex() if telegram.payload is not None else None,
        "fields": fields,
        "records": [_record(record) for record in telegram.records],
    }


def _record(record: DataRecord) -> Json:
    return {
        "function": record.function,
        "storage": record.storage,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "quantity": record.quantity,
        "unit": record.unit,
        "value": _number(record.value),
        "dib": record.dib.hex(),
        "vib": record.vib.hex(),
        "data_hex": record.data.hex(),
    }


def _number(value: RecordValue | Decimal | object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Fraction | Decimal):
        return int(value) if value == int(value) else float(value)
    return value


def decode_lines(rows: pl.DataFrame, keys: Mapping[str, Sequence[Key]]) -> list[Json]:
    """Decodes the lines of an input.

    Full frames come first, so that compact frames find their formats whatever the order.

    Args:
        rows: ``source_line``, ``case_id``, ``key`` (for that line alone), ``transport``, ``frame`` (null where the line
            has no whole bytes), ``reason``.
        keys: Keys by ``meter_id``.

    Returns:
        One object per line, in input order.
    """
    lines = rows.select("source_line", "case_id", "key", "transport", "frame", "reason").rows()
    first = [_decode(frame, key, transport, reason, keys, KNOWN) for _, _, key, transport, frame, reason in lines]
    formats = KNOWN
    for telegram in first:
        if telegram.learned is not None and telegram.meter_id is not None:
            signature, headers = telegram.learned
            formats = formats.with_learned(signature, telegram.meter_id, headers)
    return [
        telegram_report(
            _decode(frame, key, transport, reason, keys, formats) if telegram.signature is not None else telegram,
            line,
            case_id,
        )
        for telegram, (line, case_id, key, transport, frame, reason) in zip(first, lines, strict=True)
    ]


def _decode(
    frame: bytes | None,
    key: bytes | None,
    transport: str | None,
    reason: str | None,
    keys: Mapping[str, Sequence[Key]],
    formats: FormatBook,
) -> Telegram:
    if frame is None:
        return Telegram("corrupt", reason)
    if transport == "lorawan":
        return Telegram("unsupported", "a LoRaWAN payload")
    if key is not None:
        if len(key) != 16:
            return Telegram("unsupported", "the key has not 16 bytes")
        return decode_telegram(frame, [Key(key)], formats, transport=transport or "auto")
    bare = decode_telegram(frame, (), formats, transport=transport or "auto")
    theirs = keys.get(bare.meter_id or "")
    if not theirs:
        return bare
    return decode_telegram(frame, theirs, formats, transport=transport or "auto")
