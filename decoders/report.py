"""What ``decode`` prints: one JSON object per telegram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from decoders.compact import KNOWN, FormatBook
from decoders.exact_json import exact_number
from decoders.fragments import fragment_of, messages
from decoders.info_codes import names
from decoders.lorawan import decode_uplink
from decoders.profiles import expand_profile
from decoders.record import DataRecord, RecordValue
from decoders.scalar import Key, Telegram, decode_telegram, of_message, of_parts

Json = dict[str, Any]


def telegram_report(telegram: Telegram, line: int, case_id: str | None = None) -> Json:
    """The object of one telegram.

    Args:
        telegram: What the frame says.
        line: Line of the input, from 1.
        case_id: Id that the input gave it.

    Returns:
        The object; numbers are exact (:func:`decoders.exact_json.to_json` writes them so), bytes hex.
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
        "serial": address.serial if address else _fabrication_number(telegram.records),
        "version": f"{address.version:02x}" if address else None,
        "device_type": f"{address.device_type:02x}" if address else None,
        "medium": telegram.medium,
        "link": telegram.link or None,
        "security": telegram.security,
        "outcome": telegram.outcome,
        "reason": telegram.reason,
        "payload_hex": telegram.payload.hex() if telegram.payload is not None else None,
        "fields": fields,
        "records": [_record(record, telegram.records) for record in telegram.records],
        **({"more_records_follow": True} if telegram.more_follow else {}),
    }


def _fabrication_number(records: Sequence[DataRecord]) -> str | None:
    """The serial that a record names, where no header does."""
    digits = (f"{record.raw_value:08}" for record in records if record.quantity == "fabrication_number")
    return next(digits, None)


def _record(record: DataRecord, records: Sequence[DataRecord]) -> Json:
    profile = [
        {"storage": item.storage, "time": item.time, "value": _number(item.value)}
        for item in expand_profile(record, records)
    ]
    bare = not record.vib  # manufacturer data has no header of its own
    return {
        "function": None if bare else record.function,
        "storage": None if bare else record.storage,
        "tariff": None if bare else record.tariff,
        "subunit": None if bare else record.subunit,
        "quantity": "manufacturer_specific" if bare else record.quantity,
        "unit": record.unit,
        "value": _number(record.value),
        "dib": record.dib.hex(),
        "vib": record.vib.hex(),
        "data_hex": record.data.hex(),
        **({"profile": profile} if profile else {}),
    }


def _number(value: RecordValue | Decimal | object) -> object:
    """A value as JSON has it."""
    return exact_number(value) if isinstance(value, Fraction | Decimal) else value


Secrets = Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class DecodedLine:
    """A line of an input with what all lines together tell about it.

    Attributes:
        line: Number, from 1.
        case_id: Id that the input gave it.
        frame: Its bytes; ``None`` where it has no whole ones.
        transport: As the input says.
        keys: Keys that were tried.
        telegram: What the frame says.
    """

    line: int
    case_id: str | None
    frame: bytes | None
    transport: str
    keys: Sequence[Key]
    telegram: Telegram


def read_lines(rows: pl.DataFrame, secrets: Secrets) -> tuple[list[DecodedLine], FormatBook]:
    """Decodes the lines of an input.

    The lines are read twice: formats that full frames teach, and keys that prove themselves, count for the whole input,
    whatever the order.

    Args:
        rows: ``source_line``, ``case_id``, ``key`` (for that line alone), ``transport``, ``frame`` (null where the line
            has no whole bytes), ``reason``; for the objects also ``device_eui`` (of LoRaWAN uplinks).
        secrets: Keys by ``meter_id``, or by the beginning of it: ``KAM-91234567``.

    Returns:
        The lines in input order, and the formats that were known in the end.
    """
    lines = rows.select("source_line", "case_id", "key", "transport", "frame", "reason").rows()
    rings = [_ring(frame, key, transport, secrets) for _, _, key, transport, frame, _ in lines]
    first = [
        _decode(frame, [Key(secret) for secret in ring], transport, reason, KNOWN)
        for (_, _, _, transport, frame, reason), ring in zip(lines, rings, strict=True)
    ]
    formats, proven = KNOWN, set[tuple[str | None, bytes]]()
    for telegram, ring in zip(first, rings, strict=True):
        if telegram.learned is not None and telegram.meter_id is not None:
            formats = formats.with_learned(telegram.learned[0], telegram.meter_id, telegram.learned[1])
        if telegram.verified_key is not None:
            proven.add((telegram.meter_id, ring[telegram.verified_key]))
    decoded = []
    for telegram, ring, (line, case_id, _, transport, frame, reason) in zip(first, rings, lines, strict=True):
        again = telegram.signature is not None or telegram.outcome == "wrong_key"
        keys = [Key(secret, (telegram.meter_id, secret) in proven) for secret in ring]
        final = _decode(frame, keys, transport, reason, formats) if again else telegram
        decoded.append(DecodedLine(line, case_id, frame, transport or "auto", keys, final))
    fragments = [(place, fragment_of(item.frame or b"", item.transport)) for place, item in enumerate(decoded)]
    for message in messages((place, fragment) for place, fragment in fragments if fragment is not None):
        if message.is_whole:
            telegrams = of_message(message, decoded[message.places[0]].keys, formats)
        else:
            telegrams = of_parts(message, [decoded[place].telegram for place in message.places])
        for place, telegram in telegrams:
            decoded[place] = replace(decoded[place], telegram=telegram)
    return decoded, formats


def decode_lines(rows: pl.DataFrame, secrets: Secrets) -> list[Json]:
    """The objects of the lines of an input, in its order; arguments as of :func:`read_lines`."""
    reports = []
    for item, device_eui in zip(read_lines(rows, secrets)[0], rows["device_eui"].to_list(), strict=True):
        report = telegram_report(item.telegram, item.line, item.case_id)
        reports.append({**report, "device_eui": device_eui.upper()} if device_eui else report)
    return reports


def _ring(frame: bytes | None, key: bytes | None, transport: str | None, secrets: Secrets) -> list[bytes]:
    """Keys to try on a line: its own, else those of the meter that the bare frame names."""
    if key is not None:
        return [key]
    if frame is None or not secrets or transport == "lorawan":
        return []
    meter_id = decode_telegram(frame, transport=transport or "auto").meter_id or ""
    return [*secrets.get(meter_id, ()), *secrets.get(meter_id[:12], ())]


def _decode(
    frame: bytes | None, keys: Sequence[Key], transport: str | None, reason: str | None, formats: FormatBook
) -> Telegram:
    if frame is None:
        return Telegram("corrupt", reason)
    if transport == "lorawan":
        return decode_uplink(frame, keys)
    return decode_telegram(frame, keys, formats, transport=transport or "auto")
