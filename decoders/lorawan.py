"""LoRaWAN uplinks whose payload is M-Bus: a CI field with its header, or an Elvaco message byte, then data records.

The network has taken its own encryption off. The meter is the one that a long transport header or an enhanced
identification names; other payloads name no meter but its serial at most.
"""

from collections.abc import Sequence

from decoders.canonical import apply_plan, plan
from decoders.opening import Key, Sealed, open_payload
from decoders.outcomes import Outcome, Stop
from decoders.record import DataRecord
from decoders.records import parse_records
from decoders.scalar import Telegram
from decoders.tables.elvaco import METER_UNREACHABLE, RECORDS, TEXTS
from decoders.transport import Address, TransportDamage, long_address, read_tpl

FULL_CI = frozenset({0x72, 0x78, 0x7A})
"""First bytes that are CI fields of full frames."""
_HEAT = "04"
"""Device type of payloads that do not say theirs: the modules sit in heat meters."""
_IDENTIFICATION_BYTES = 8


def decode_uplink(payload: bytes, keys: Sequence[Key] = ()) -> Telegram:
    """Decodes the payload of one uplink.

    Args:
        payload: Application payload as the network server hands it out.
        keys: Keys of the meter, for payloads that are encrypted once more.

    Returns:
        The telegram; ``link`` is empty.
    """
    if not payload:
        return Telegram("corrupt", "an empty payload")
    if settled := verdict(payload[0]):
        return Telegram(*settled)
    security, address = "none", None
    try:
        if payload[0] in FULL_CI:
            tpl = read_tpl(payload, 0)
            address = tpl.address
            opened = open_payload(Sealed(payload, 0, tpl, None, address, None), keys)
            security, area = opened.security, opened.plain
        else:
            area = payload[1:]
    except Stop as stop:
        return Telegram(stop.outcome, stop.reason, address, security=stop.security or security)
    except TransportDamage as exc:
        return Telegram("corrupt", str(exc))
    records, damage = parse_records(area)
    if damage and not records:
        return Telegram("corrupt", damage, address, security=security, payload=area)
    address = address or _named(records)
    return Telegram(
        "partial" if damage else "decoded",
        damage,
        address,
        security=security,
        payload=area,
        records=tuple(records),
        fields=apply_plan(plan(*kind_of(address), records), records),
    )


def verdict(first: int) -> tuple[Outcome, str] | None:
    """What the first byte of a payload settles: outcome and reason; ``None`` where data records follow."""
    if first in FULL_CI or first in RECORDS:
        return None
    if first == METER_UNREACHABLE:
        return "application_error", "the module could not read its meter"
    return "unsupported", f"LoRaWAN message {first:02X}" + (", a text" if first in TEXTS else "")


def _named(records: Sequence[DataRecord]) -> Address | None:
    for record in records:
        if record.quantity == "enhanced_identification" and len(record.data) == _IDENTIFICATION_BYTES:
            return long_address(record.data)
    return None


def kind_of(address: Address | None) -> tuple[str, str, str]:
    """Manufacturer, version and device type by which the canonical columns are planned."""
    if address is None:
        return "", "", _HEAT
    return address.device
