"""The way through a telegram's layers, each told by its own module."""

from collections.abc import Sequence

from decoders import security as sec
from decoders.compact import KNOWN, FormatBook
from decoders.crc import crc16
from decoders.explain.headers import (
    AFL,
    ELL,
    EXTENDED,
    TPL,
    authentication_fields,
    tell_damaged,
    transport_fields,
)
from decoders.explain.lines import Field, Line, Stream
from decoders.explain.link import open_wired, open_wireless
from decoders.explain.records import APPLICATION, tell_compact, tell_records
from decoders.link import LinkDamage, is_wired, read_link
from decoders.outcomes import OUTCOMES
from decoders.scalar import Key, Telegram, decode_telegram
from decoders.tables.header_codes import APPLICATION_ERRORS, LINK_ENCRYPTIONS, SECURITY_MODES
from decoders.transport import AFL as AFL_CI
from decoders.transport import ELL_SIZES, Afl, Ell, Tpl, TransportDamage, link_address, read_afl, read_ell, read_tpl
from decoders.transport import TPL as TPL_CI

OUTCOME = "outcome"


def explain(
    frame: bytes,
    keys: Sequence[Key] = (),
    formats: FormatBook = KNOWN,
    transport: str = "auto",
    telegram: Telegram | None = None,
) -> list[Line]:
    """Explains a frame byte by byte.

    What the frame is worth comes from the decoder: nothing is read here that it did not read.

    Args:
        frame: Bytes as received.
        keys: Keys of the meter that sends it, as for :func:`decoders.scalar.decode_telegram`.
        formats: Formats of compact frames.
        transport: ``wmbus``, ``mbus`` or ``auto``; of anything else the bytes are shown alone.
        telegram: What the decoder made of the frame with the same keys and formats; by default, it is asked.

    Returns:
        Lines in the order of the bytes. Those of depth 0 hold each byte of the frame once; those of depth 1 each byte
        that decryption made of a part of it; those of depth 2 the same once more. The last lines say the outcome.
    """
    if telegram is None:
        telegram = decode_telegram(frame, keys, formats, transport=transport)
    walk = _Walk(frame, keys, formats, telegram)
    if frame and transport in ("auto", "wmbus", "mbus"):
        walk.read(transport)
    else:
        walk.stream.tell_rest(transport, 0, "not read", (walk.reason, ""))
    lines = [line for stream in walk.streams for line in stream.lines()]
    return [*lines, *_outcome(len(frame), telegram)]


def _outcome(end: int, telegram: Telegram) -> list[Line]:
    """The decoder's verdict; lines without bytes behind the last one."""
    found = [
        ("meter", telegram.medium or "", telegram.meter_id or "unknown"),
        ("security", "", telegram.security),
        ("outcome", OUTCOMES[telegram.outcome], telegram.outcome),
        ("reason", "", telegram.reason or ""),
    ]
    damaged = telegram.outcome not in ("decoded", "manufacturer_data")
    return [
        Line(OUTCOME, end, end, b"", field, meaning, value, damaged and field in ("outcome", "reason"))
        for field, meaning, value in found
        if value
    ]


class _Walk:
    """A frame on its way through the layers."""

    def __init__(self, frame: bytes, keys: Sequence[Key], formats: FormatBook, telegram: Telegram) -> None:
        self.frame, self.keys, self.formats, self.telegram = frame, keys, formats, telegram
        self.streams = [Stream(frame)]
        self.damage: str | None = None

    @property
    def stream(self) -> Stream:
        """Where the reading goes on."""
        return self.streams[-1]

    @property
    def reason(self) -> str:
        """Why the decoder went no further."""
        return self.damage or self.telegram.reason or "not interpreted"

    def read(self, transport: str) -> None:
        """Goes from the link as far as the decoder came."""
        wired = transport == "mbus" or (transport == "auto" and is_wired(self.frame))
        found = None
        try:
            found = read_link(self.frame, transport, crc_removed=self.telegram.link != "B")
            self.damage = found.damage
        except LinkDamage as exc:
            self.damage = str(exc)
        opened = open_wired if wired else open_wireless
        self.streams[0], position = opened(self.frame, found, self.damage)
        if position is not None:
            position = self._extended(position)
        if position is None:
            return
        afl: Afl | None = None
        if self.stream.content[position : position + 1] == bytes([AFL_CI]):
            afl, position = self._authentication(position)
        if position is not None:
            self._transport(position, afl, wired=wired)

    def _extended(self, position: int) -> int | None:
        """Tells an extended link layer; returns where the next layer begins, ``None`` where nothing can be read."""
        stream = self.stream
        fields = EXTENDED.get(stream.content[position]) if position < len(stream.content) else None
        if fields is None or stream.content[position] not in ELL_SIZES:
            return position
        try:
            ell = read_ell(stream.content, position)
        except TransportDamage as exc:
            tell_damaged(stream, ELL, position, fields, str(exc))
            return None
        position = stream.tell_fields(ELL, position, fields)
        if ell.session is None:
            return position
        if ell.encryption:
            opened = self._opened_link(ell, stream.content[position:])
            if opened is None:
                stream.tell_rest(ELL, position, "encrypted", (self.reason, ""), damaged=True)
                return None
            if opened != stream.content[position:]:
                stream.tell_rest(ELL, position, "encrypted", (f"{LINK_ENCRYPTIONS[1]}: read below", ""))
                self.streams.append(Stream(opened, stream.depth + 1))
                position = 0
        return self._payload_crc(position)

    def _opened_link(self, ell: Ell, sealed: bytes) -> bytes | None:
        """What stands under link-layer encryption; the same where it was plain already, ``None`` where it is shut."""
        if ell.encryption != 1 or self.damage:
            return None
        iv = sec.ctr_iv(link_address(self.streams[0].content[2:10]), ell)
        for key in self.keys:
            opened = sec.decrypt_ctr(key.value, iv, sealed) if len(key.value) == sec.BLOCK else b""
            if sec.payload_crc_holds(opened):
                return opened
        return sealed if self.telegram.security != "ell_ctr" and sec.payload_crc_holds(sealed) else None

    def _payload_crc(self, position: int) -> int | None:
        """Tells the CRC over what follows it; where it does not hold, nothing can be read behind it."""
        stream = self.stream
        sealed = stream.content[position:]
        if len(sealed) < 2:
            stream.tell_rest(ELL, position, "not read", (self.reason, ""), damaged=True)
            return None
        expected = crc16(sealed[2:])
        holds = sec.payload_crc_holds(sealed)
        value = "ok" if holds else f"WRONG, {expected:04X} expected"
        stream.tell(ELL, position, position + 2, "payload CRC", ("of all that follows", value), damaged=not holds)
        if holds:
            return position + 2
        stream.tell_rest(ELL, position + 2, "not read", (self.reason, ""), damaged=True)
        return None

    def _authentication(self, position: int) -> tuple[Afl | None, int | None]:
        """Tells an authentication layer; returns it and where the transport layer begins."""
        stream = self.stream
        holds = self.telegram.security == "mode7" and self.telegram.verified_key is not None
        fields = authentication_fields(stream.content[position:], "ok" if holds else "")
        try:
            afl = read_afl(stream.content, position)
        except TransportDamage as exc:
            tell_damaged(stream, AFL, position, fields, str(exc))
            return None, None
        end = stream.tell_fields(AFL, position, fields)
        stream.tell(AFL, end, afl.end, "not read", ("not interpreted", ""))
        if not afl.fragmented:
            return afl, afl.end
        stream.tell_rest(AFL, afl.end, "fragment", (self.reason, ""), damaged=self.damage is not None)
        return afl, None

    def _transport(self, position: int, afl: Afl | None, *, wired: bool) -> None:
        """Tells the transport header and what follows it."""
        stream = self.stream
        ci = stream.content[position : position + 1]
        size = TPL_CI.get(ci[0], ("other", 0))[1] if ci else 0
        try:
            tpl = read_tpl(stream.content, position, wired=wired)
        except TransportDamage as exc:
            tell_damaged(stream, TPL, position, transport_fields(size), str(exc))
            return
        fixed = tpl.kind == "fixed"
        fields = transport_fields(0 if fixed else size, extended=bool(tpl.extension), fixed=fixed)
        position = stream.tell_fields(TPL, position, fields)
        if self.telegram.payload is None or self.damage:
            field = "encrypted" if tpl.mode and not self.damage else "not read"
            stream.tell_rest(TPL, position, field, (self.reason, ""), damaged=True)
            return
        opened = self._opened_payload(tpl, afl, stream.content[position:])
        if opened is not None:
            position = self._sealed(position, tpl, opened)
        self._application(tpl, position)

    def _opened_payload(self, tpl: Tpl, afl: Afl | None, sealed: bytes) -> bytes | None:
        """What the decoder found under the transport layer's encryption; ``None`` where the payload was plain."""
        telegram = self.telegram
        if telegram.payload is None or sealed.endswith(telegram.payload):
            return None
        if telegram.signature is None:
            return telegram.payload
        # The decoder keeps of a compact frame what follows signature and CRC.
        address, key = telegram.address, self.keys[telegram.verified_key or 0]
        if tpl.mode == 5 and address is not None:
            return sec.decrypt_cbc(key.value, sec.mode5_iv(address, tpl.access_no or 0), sealed, tpl.blocks)
        if tpl.mode == 7 and address is not None and afl is not None:
            encryption, _ = sec.derived_keys(key.value, address, afl.counter)
            return sec.decrypt_cbc(encryption, bytes(sec.BLOCK), sealed, tpl.blocks)
        return None

    def _sealed(self, position: int, tpl: Tpl, opened: bytes) -> int:
        """Tells encrypted bytes, and goes on in what was made of them."""
        stream = self.stream
        size = len(stream.content) - position
        if tpl.mode in (5, 7):
            size = min(tpl.blocks * sec.BLOCK, size - size % sec.BLOCK)
        words = f"{SECURITY_MODES.get(tpl.mode, 'encrypted')}: read below", ""
        stream.tell(TPL, position, position + size, "encrypted", words)
        stream.tell_rest(TPL, position + size, "plain", ("behind the encrypted blocks: read below", ""))
        self.streams.append(Stream(opened, stream.depth + 1))
        return 0

    def _application(self, tpl: Tpl, position: int) -> None:
        """Tells what the headers announced."""
        stream, telegram = self.stream, self.telegram
        if tpl.kind == "compact":
            if tpl.mode in (5, 7) and stream.content[position:].startswith(sec.FILLER):
                stream.tell(APPLICATION, position, position + 2, "filler", ("proves the decryption", ""))
                position += 2
            tell_compact(stream, position, telegram, self.formats)
        elif tpl.kind == "full" and telegram.outcome != "manufacturer_data":
            tell_records(stream, position, telegram)
        else:
            if tpl.kind == "error":
                position = stream.tell_fields(APPLICATION, position, (_ERROR,))
            field = "data" if telegram.outcome == "manufacturer_data" else "not read"
            stream.tell_rest(APPLICATION, position, field, (self.reason, ""), damaged=telegram.outcome == "corrupt")


_ERROR = Field("error", 1, lambda data: (APPLICATION_ERRORS.get(data[0], "not in the standard"), data.hex().upper()))
