"""The way through a telegram's layers, each told by its own module."""

from collections.abc import Sequence
from dataclasses import replace

from decoders import security as sec
from decoders.compact import KNOWN, FormatBook
from decoders.crc import crc16
from decoders.explain.headers import (
    AFL,
    ELL,
    EXTENDED,
    NETWORK,
    NETWORK_FIELDS,
    TPL,
    authentication_fields,
    tell_damaged,
    transport_fields,
)
from decoders.explain.lines import Field, Line, Stream
from decoders.explain.link import open_short, open_wired, open_wireless
from decoders.explain.records import APPLICATION, tell_compact, tell_fixed, tell_format, tell_records
from decoders.link import LinkDamage, is_wired, read_link
from decoders.lorawan import decode_uplink
from decoders.opening import Sealed, open_link, open_payload
from decoders.outcomes import OUTCOMES, Stop
from decoders.scalar import Key, Telegram, decode_telegram
from decoders.tables.header_codes import APPLICATION_ERRORS, LINK_ENCRYPTIONS, SECURITY_MODES
from decoders.transport import AFL as AFL_CI
from decoders.transport import ELL_SIZES, Address, Afl, Tpl, TransportDamage, link_address, read_afl, read_ell, read_tpl
from decoders.transport import NETWORK as NETWORK_CI
from decoders.transport import TPL as TPL_CI

OUTCOME = "outcome"
UPLINK = "LoRaWAN uplink"


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
        transport: ``wmbus``, ``mbus`` or ``auto``; with ``lorawan`` the bytes are the payload of an uplink.
        telegram: What the decoder made of the frame with the same keys and formats; by default, it is asked.

    Returns:
        Lines in the order of the bytes. Those of depth 0 hold each byte of the frame once; those of depth 1 each byte
        that decryption made of a part of it; those of depth 2 the same once more. The last lines say the outcome.
    """
    if telegram is None and transport == "lorawan":
        telegram = decode_uplink(frame, keys)
    elif telegram is None:
        telegram = decode_telegram(frame, keys, formats, transport=transport)
    walk = _Walk(frame, keys, formats, telegram)
    if frame and transport == "lorawan":
        walk.read_uplink()
    elif frame:
        walk.read(transport)
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
        self.before = b""
        """Content up to what the link layer's encryption hid, once that is open."""
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
        link: Address | None = None
        position: int | None = None
        if found is not None and found.format == "mbus_short":
            self.streams[0] = open_short(self.frame)
        elif wired:
            self.streams[0], position = open_wired(self.frame, found, self.damage)
        else:
            self.streams[0], position = open_wireless(self.frame, found, self.damage, self.telegram.address)
        if position is not None and not wired:
            link = link_address(self.stream.content[2:10])
            position = self._extended(position, link)
            if self._ci(position) == NETWORK_CI:
                position = self.stream.tell_fields(NETWORK, position or 0, NETWORK_FIELDS)
        afl: Afl | None = None
        if self._ci(position) == AFL_CI:
            afl, position = self._authentication(position or 0)
        if position is not None:
            self._transport(position, afl, link)

    def read_uplink(self) -> None:
        """Goes through the payload of a LoRaWAN uplink: a transport header or a message byte, then records."""
        if self.frame[0] in TPL_CI:
            self._transport(0, None, None)
            return
        position = self.stream.tell_fields(UPLINK, 0, (_MESSAGE,))
        if self.telegram.payload is not None:
            tell_records(self.stream, position, self.telegram)
        else:
            self.stream.tell_rest(UPLINK, position, "not read", (self.reason, ""))

    def _ci(self, position: int | None) -> int | None:
        """The CI field at a position, where there is one."""
        content = self.stream.content
        return content[position] if position is not None and position < len(content) else None

    def _extended(self, position: int, link: Address) -> int | None:
        """Tells an extended link layer; returns where the next layer begins, ``None`` where nothing can be read."""
        stream, ci = self.stream, self._ci(position)
        if ci not in ELL_SIZES:
            return position
        try:
            ell = read_ell(stream.content, position)
        except TransportDamage as exc:
            tell_damaged(stream, ELL, position, EXTENDED[ci], str(exc))
            return None
        position = stream.tell_fields(ELL, position, EXTENDED[ci])
        if ell.session is None:
            return position
        if ell.encryption and (self.damage or ell.encryption not in LINK_ENCRYPTIONS):
            stream.tell_rest(ELL, position, "encrypted", (self.reason, ""), damaged=True)
            return None
        if ell.encryption:
            try:
                opened = open_link(link, ell, stream.content[position:], self.keys)
            except Stop as stop:
                stream.tell_rest(ELL, position, "encrypted", (stop.reason, ""), damaged=True)
                return None
            if opened.plain == stream.content[position:]:
                stream.note(ELL, position, "plain", LOGGED_PLAIN)
            else:
                stream.tell_rest(ELL, position, "encrypted", (f"{LINK_ENCRYPTIONS[ell.encryption]}: read below", ""))
                self.before = stream.content[:position]
                self.streams.append(Stream(opened.plain, stream.depth + 1))
                position = 0
        return self._payload_crc(position)

    def _payload_crc(self, position: int) -> int | None:
        """Tells the CRC over what follows it; where it does not hold, nothing can be read behind it."""
        stream = self.stream
        covered = stream.content[position + 2 :]
        if len(stream.content) < position + 2:
            stream.tell_rest(ELL, position, "not read", (self.reason, ""), damaged=True)
            return None
        holds = sec.payload_crc_holds(stream.content[position:])
        value = "ok" if holds else f"WRONG, {crc16(covered):04X} expected"
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

    def _transport(self, position: int, afl: Afl | None, link: Address | None) -> None:
        """Tells the transport header, and takes off the encryption that it names."""
        stream, start = self.stream, position
        _, size = TPL_CI.get(self._ci(position) or 0, ("other", 0))
        try:
            tpl = read_tpl(stream.content, position, wired=link is None)
        except TransportDamage as exc:
            tell_damaged(stream, TPL, position, transport_fields(size), str(exc))
            return
        fixed = tpl.kind == "fixed"
        fields = transport_fields(0 if fixed else size, extended=bool(tpl.extension), fixed=fixed)
        position = stream.tell_fields(TPL, position, fields)
        if self.damage:
            stream.tell_rest(TPL, position, "not read", (self.damage, ""), damaged=True)
            return
        sealed = Sealed(
            content=self.before + stream.content,
            start=len(self.before) + start,
            tpl=replace(tpl, end=len(self.before) + tpl.end),
            afl=afl,
            address=self.telegram.address,
            link=link,
        )
        try:
            opened = open_payload(sealed, self.keys)
        except Stop as stop:
            stream.tell_rest(TPL, position, "encrypted", (stop.reason, ""), damaged=True)
            return
        if opened.plain != sealed.payload:
            position = self._sealed(position, tpl, opened.plain)
        elif opened.security.endswith("logged_plain"):
            stream.note(TPL, start, "plain", LOGGED_PLAIN)
        self._application(tpl, position)

    def _sealed(self, position: int, tpl: Tpl, plain: bytes) -> int:
        """Tells encrypted bytes, and goes on in what was made of them."""
        stream = self.stream
        size = len(stream.content) - position
        block = {2: sec.DES_KEY_BYTES, 5: sec.BLOCK, 7: sec.BLOCK}.get(tpl.mode)
        if block is not None:
            size = min(tpl.encrypted_bytes, size) // block * block
        words = f"{SECURITY_MODES.get(tpl.mode, 'encrypted')}: read below", ""
        stream.tell(TPL, position, position + size, "encrypted", words)
        stream.tell_rest(TPL, position + size, "plain", ("behind the encrypted blocks: read below", ""))
        self.streams.append(Stream(plain, stream.depth + 1))
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
        elif tpl.kind == "fixed" and telegram.records:
            tell_fixed(stream, position, telegram)
        elif tpl.kind == "format" and telegram.learned is not None:
            tell_format(stream, position, telegram.learned[1])
        else:
            if tpl.kind == "error":
                position = stream.tell_fields(APPLICATION, position, (_ERROR,))
            field = "data" if telegram.outcome == "manufacturer_data" else "not read"
            stream.tell_rest(APPLICATION, position, field, (self.reason, ""), damaged=telegram.outcome == "corrupt")


LOGGED_PLAIN = ("named as encrypted, yet plain: logged after decryption", "")
_MESSAGE = Field("message", 1, lambda data: ("message byte of the module", data.hex().upper()))
_ERROR = Field("error", 1, lambda data: (APPLICATION_ERRORS.get(data[0], "not in the standard"), data.hex().upper()))
