"""The reference decoder: one telegram at a time, as plainly as the standard says it.

The batch decoder must agree with it on every telegram.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import md5

from decoders import diehl, fixed
from decoders import security as sec
from decoders.canonical import FieldValue, apply_plan, has_records, plan
from decoders.compact import KNOWN, FormatBook, expand, format_of, read_format_frame
from decoders.crc import crc16
from decoders.fragments import Message
from decoders.identity import digest
from decoders.link import CI_AT, Frame, LinkDamage, read_link
from decoders.opening import Key, Opened, Sealed, open_link, open_payload
from decoders.outcomes import Outcome, Stop
from decoders.record import DataRecord
from decoders.records import parse_records
from decoders.tables.header_codes import CI_FIELDS
from decoders.transport import (
    AFL,
    ELL_SIZES,
    NETWORK,
    Address,
    Afl,
    Ell,
    Tpl,
    TransportDamage,
    link_address,
    read_afl,
    read_ell,
    read_tpl,
)

__all__ = ["Key", "Telegram", "decode_telegram", "layout_id", "of_message", "of_parts"]

_COMPACT_HEADER = 4
_WIRED_TO_DEVICE = frozenset({0x53, 0x73, 0x40})


@dataclass(frozen=True, slots=True)
class Telegram:
    """What a frame says.

    Attributes:
        outcome: What became of it.
        reason: Why, where not ``decoded``.
        address: The meter; ``None`` where no header could be read.
        link: Link format, empty where none was found.
        security: ``none``, ``mode5``, ``ell_ctr``, ``mode7``; with ``logged_plain`` where the bytes were plain already.
        payload: Decrypted payload behind the headers; of a compact frame, behind signature and CRC.
        records: Its records.
        fields: Canonical columns.
        access_no: Access number of the extended link layer, else of the transport layer.
        status: Status byte of the transport layer.
        telegram_key: What makes copies of a transmission equal.
        layout_id: Digest of the record headers and the kind of device.
        signature: Format signature of a compact frame.
        learned: Signature and record headers that a full frame or a format frame teaches.
        verified_key: Number of the key that verified it.
        is_fragment: Whether it is a part of a message alone.
    """

    outcome: Outcome
    reason: str | None = None
    address: Address | None = None
    link: str = ""
    security: str = "none"
    payload: bytes | None = None
    records: tuple[DataRecord, ...] = ()
    fields: dict[str, FieldValue] = field(default_factory=dict)
    access_no: int | None = None
    status: int | None = None
    telegram_key: str | None = None
    layout_id: str | None = None
    signature: int | None = None
    learned: tuple[int, bytes] | None = None
    verified_key: int | None = None
    is_fragment: bool = False

    @property
    def meter_id(self) -> str | None:
        """The meter, e.g. ``KAM-91234567-1b-16``."""
        return self.address.meter_id if self.address else None

    @property
    def more_follow(self) -> bool:
        """Whether the sender has more records for another telegram (DIF 1F)."""
        return any(record.data_type == "manufacturer_data_more_follows" for record in self.records)

    @property
    def medium(self) -> str | None:
        """Medium of the device type."""
        return self.address.medium if self.address else None


def decode_telegram(
    frame: bytes,
    keys: Sequence[Key] = (),
    formats: FormatBook = KNOWN,
    registered: Collection[str] | None = None,
    transport: str = "auto",
) -> Telegram:
    """Decodes one frame.

    Args:
        frame: Bytes as received.
        keys: Keys of the meter that sends it, tried in order.
        formats: Formats of compact frames.
        registered: Meters that are registered; ``None`` takes every meter.
        transport: ``wmbus``, ``mbus`` or ``auto``.

    Returns:
        The telegram, whatever the bytes are.
    """

    def attempt(*, crc_removed: bool = False) -> Telegram:
        work = _Work(keys, formats, registered)
        return _told(work, lambda: work.read(read_link(frame, transport, crc_removed=crc_removed)))

    telegram = attempt()
    if telegram.link == "B" and telegram.outcome in ("corrupt", "wrong_key", "partial"):
        bare = attempt(crc_removed=True)
        return bare if bare.outcome == "decoded" else telegram
    return telegram


def of_message(
    message: Message,
    keys: Sequence[Key] = (),
    formats: FormatBook = KNOWN,
    registered: Collection[str] | None = None,
) -> Iterator[tuple[int, Telegram]]:
    """Decodes a message that came in several frames.

    Args:
        message: Its fragments, none missing.
        keys: Keys of the meter that sent it, tried in order.
        formats: Formats of compact frames.
        registered: Meters that are registered; ``None`` takes every meter.

    Yields:
        Each place of the message with a telegram. The first one has the records; the others share its outcome.
    """
    work = _Work(keys, formats, registered)
    whole = _told(work, lambda: work.read_message(message))
    first, *others = message.places
    yield first, whole
    for place in others:
        part = replace(whole, reason=whole.reason or "a fragment of a message", payload=None, records=(), fields={})
        yield place, replace(part, layout_id=None, learned=None)


def of_parts(message: Message, telegrams: Sequence[Telegram]) -> Iterator[tuple[int, Telegram]]:
    """Says of the fragments of a message that is not whole what is missing.

    Args:
        message: The message.
        telegrams: What its frames say alone, in the order of its places.

    Yields:
        Each place of the message with its telegram.
    """
    for place, telegram in zip(message.places, telegrams, strict=True):
        yield place, replace(telegram, reason=f"{telegram.reason}; missing: {message.gap}")


def _told(work: "_Work", read: Callable[[], None]) -> Telegram:
    try:
        read()
    except Stop as stop:
        work.outcome, work.reason, work.security = stop.outcome, stop.reason, stop.security or work.security
    except (LinkDamage, TransportDamage) as exc:
        work.outcome, work.reason = "corrupt", work.damage or str(exc)
    return work.telegram()


class _Work:
    """A telegram on its way through the layers."""

    def __init__(self, keys: Sequence[Key], formats: FormatBook, registered: Collection[str] | None) -> None:
        self.keys, self.formats, self.registered = keys, formats, registered
        self.outcome: Outcome = "decoded"
        self.reason: str | None = None
        self.damage: str | None = None
        self.link, self.security = "", "none"
        self.content = b""
        self.address: Address | None = None
        self.link_address: Address | None = None
        self.ell: Ell | None = None
        self.tpl: Tpl | None = None
        self.proven = False
        self.verified_key: int | None = None
        self.payload: bytes | None = None
        self.area: bytes | None = None
        self.records: tuple[DataRecord, ...] = ()
        self.signature: int | None = None
        self.taught: tuple[int, bytes] | None = None
        self.is_fragment = False

    def read(self, found: Frame) -> None:
        """Goes from the link to the records."""
        self.link, self.content, self.damage = found.format, found.content, found.damage
        if self.link == "mbus_short":
            raise Stop("unsupported", "a short frame, which carries no data")
        wired = self.link == "mbus_long"
        if wired:
            position = 2
            if self.damage is None and self.content[0] in _WIRED_TO_DEVICE:
                raise Stop("unsupported", "a frame to a device")
        else:
            self.address = self.link_address = link_address(self.content[2:10])
            position = self._extended(CI_AT)
            if self.content[position : position + 1] == bytes([NETWORK]):
                position += 2
        self._transport(*self._authentication(position))

    def read_message(self, message: Message) -> None:
        """Goes from joined fragments to the records."""
        found, afl, position = message.joined()
        self.link, self.content = found.format, found.content
        self.address = self.link_address = link_address(self.content[2:10])
        if position > CI_AT:
            self._extended(CI_AT)
        self._transport(afl, position)

    def _transport(self, afl: Afl | None, position: int) -> None:
        wired = self.link == "mbus_long"
        tpl = self.tpl = read_tpl(self.content, position, wired=wired)
        self.address = tpl.address or self.address
        if self.address is not None and self.address is self.link_address and diehl.has_own_order(self.address, tpl):
            self.address = diehl.reordered(self.address)
        self._judge_link()
        sealed = Sealed(self.content, position, tpl, afl, self.address, self.link_address)
        self.payload = self._take(open_payload(sealed, self.keys))
        self._application(tpl)

    def _take(self, opened: Opened) -> bytes:
        """Notes how bytes were opened; a layer without encryption leaves what the one below it had."""
        if opened.security != "none":
            self.security = opened.security
        self.proven = opened.proven or self.proven
        self.verified_key = self.verified_key if opened.key is None else opened.key
        return opened.plain

    def _judge_link(self) -> None:
        """Damage of the link comes before everything, an unknown meter before its missing key."""
        if self.damage:
            raise Stop("corrupt", self.damage)
        if self.registered is None:
            return
        if self.address is None:
            raise Stop("foreign", "the frame names no meter")
        if self.address.meter_id not in self.registered:
            raise Stop("foreign", "the meter is not registered")

    def _extended(self, position: int) -> int:
        """Reads an extended link layer and takes its encryption off."""
        if self.content[position] not in ELL_SIZES:
            return position
        ell = self.ell = read_ell(self.content, position)
        self.address = ell.address or self.address
        if ell.session is None:
            return ell.end
        if ell.encryption not in (0, 1):
            self._judge_link()
            raise Stop("unsupported", f"link layer encryption {ell.encryption}")
        sealed = self.content[ell.end :]
        if ell.encryption == 1:
            self._judge_link()
            assert self.link_address is not None  # noqa: S101  wireless frames have one
            sealed = self._take(open_link(self.link_address, ell, sealed, self.keys))
        elif not sec.payload_crc_holds(sealed):
            self._judge_link()
            raise Stop("corrupt", "the payload CRC does not match")
        self.proven = True
        self.content = self.content[: ell.end] + sealed
        return ell.end + 2

    def _authentication(self, position: int) -> tuple[Afl | None, int]:
        if self.content[position : position + 1] != bytes([AFL]):
            return None, position
        afl = read_afl(self.content, position)
        if afl.fragmented:
            self._judge_link()
            self.is_fragment = True
            raise Stop("unsupported", f"fragment {afl.number} of a message")
        return afl, afl.end

    def _application(self, tpl: Tpl) -> None:
        assert self.payload is not None  # noqa: S101  set by the step before
        if tpl.kind == "error":
            code = f"{self.payload[0]:02X}" if self.payload else "unknown"
            raise Stop("application_error", f"application error {code}")
        if tpl.kind == "manufacturer":
            raise Stop("manufacturer_data", f"manufacturer specific CI {tpl.ci:02X}")
        if tpl.kind == "fixed":
            if len(self.payload) != fixed.SIZE:
                raise Stop("corrupt", "the fixed data structure has not its 16 bytes")
            self.records = tuple(fixed.read_fixed(self.payload))
            return
        if tpl.kind == "format":
            self.taught = read_format_frame(self.payload)
            if self.taught is None:
                raise Stop("unsupported", "a format frame whose signature is not that of its record headers")
        if tpl.kind == "other":
            words = CI_FIELDS.get(tpl.ci, "of no known meaning")
            raise Stop("unsupported", f"CI {tpl.ci:02X}, {words}")
        if tpl.kind == "compact":
            self._expand(tpl)
        elif tpl.kind == "full":
            self.area = self.payload
        if self.area is None:
            return
        if self.address is not None and not has_records(*self.address.device):
            self.area = None
            raise Stop("manufacturer_data", "the device sends no data records")
        records, damage = parse_records(self.area)
        self.records = tuple(records)
        if damage and not records:
            raise Stop("corrupt", damage)
        if damage:
            raise Stop("partial", damage)

    def _expand(self, tpl: Tpl) -> None:
        """Finds the format of a compact frame: the one whose full frame has the CRC that was sent."""
        payload = self.payload or b""
        if tpl.mode in (5, 7):
            payload = payload.removeprefix(sec.FILLER)  # once: a signature may begin like a filler
        if len(payload) < _COMPACT_HEADER:
            raise Stop("corrupt", "premature end of a compact frame")
        self.signature = int.from_bytes(payload[:2], "little")
        full_crc, data = int.from_bytes(payload[2:4], "little"), payload[4:]
        self.payload = data
        meter_id = self.address.meter_id if self.address else ""
        fitting: list[bytes] = []
        for format_bytes in self.formats.candidates(self.signature, meter_id):
            area = expand(format_bytes, data)
            if area is None:
                continue
            if crc16(area) == full_crc:
                self.area = area
                return
            fitting.append(area)
        if fitting and self.proven:
            # The bytes are proven; the CRC of the full frame is the sender's own and some meters get it wrong.
            self.area = fitting[0]
            return
        if fitting:
            raise Stop("corrupt", "the CRC of the full frame does not match")
        raise Stop("unknown_format", f"format {self.signature:04X} is not known")

    def telegram(self) -> Telegram:
        """What the work came to."""
        readable = self.outcome in ("decoded", "partial")
        address, records = self.address, self.records if readable else ()
        fields: dict[str, FieldValue] = {}
        if address is not None and records:
            fields = apply_plan(plan(*address.device, records), records)
        if readable and self.tpl is not None and self.tpl.kind == "full" and self.area is not None:
            self.taught = format_of(self.area)
        return Telegram(
            outcome=self.outcome,
            reason=self.reason,
            address=address,
            link=self.link,
            security=self.security,
            payload=self.payload,
            records=records,
            fields=fields,
            access_no=self._access_no(),
            status=self.tpl.status if self.tpl is not None else None,
            telegram_key=self._key(),
            layout_id=layout_id(address, records) if address is not None and records else None,
            signature=self.signature,
            learned=self.taught if readable else None,
            verified_key=self.verified_key,
            is_fragment=self.is_fragment,
        )

    def _access_no(self) -> int | None:
        if self.ell is not None:
            return self.ell.access_no
        return self.tpl.access_no if self.tpl is not None else None

    def _key(self) -> str | None:
        if self.address is None:
            return None
        if self.outcome in ("decoded", "partial") and self.payload is not None:
            number = self._access_no()
            session = self.ell.session if self.ell is not None else None
            counters = (b"" if number is None else bytes([number])) + (session or b"")
            message = self.address.code + counters + self.payload
        else:
            message = self.content[1:]  # without L, which counts the CRCs in format B
        return digest(message).hex()


def layout_id(address: Address, records: Sequence[DataRecord]) -> str:
    """Digest of the record headers, their data lengths and the kind of device."""
    headers = b"".join(record.dib + record.vib + bytes([len(record.data) & 0xFF]) for record in records)
    return md5("-".join(address.device).encode() + headers, usedforsecurity=False).hexdigest()
