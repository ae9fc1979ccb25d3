"""The link layer in words: what surrounds the content of a frame, its checksums and its header."""

from decoders.crc import crc16
from decoders.diehl import reordered
from decoders.explain.lines import Field, Stream, Words
from decoders.link import B_BLOCKS, BLOCK, FIRST_BLOCK, SYNC_A, SYNC_B, Frame, is_wired
from decoders.tables.device_types import MEDIA
from decoders.tables.header_codes import C_FUNCTIONS
from decoders.transport import Address, link_address, manufacturer_letters

LINK = "link layer"
BLOCK_CRC = "block CRC"

_WIRED_ENVELOPE = 4
"""Start, twice L, start."""
_HEADER_END = 10
"""Content up to the CI field of a wireless frame."""

Span = tuple[int, int]


def open_wireless(
    frame: bytes, found: Frame | None, damage: str | None, meter: Address | None
) -> tuple[Stream, int | None]:
    """Tells what the link layer of a wireless frame says.

    Args:
        frame: Bytes as received.
        found: What :func:`decoders.link.read_link` made of them; ``None`` where there is not even a header.
        damage: What is wrong with the frame, if so.
        meter: The meter as the decoder names it, who knows which makers have their own order of the address.

    Returns:
        The frame's stream, and the position of the CI field in its content; ``None`` where nothing can be read on.
    """
    sync = 2 if frame[:2] in (SYNC_A, SYNC_B) else 0
    blocks = _blocks(frame, sync, found.format if found is not None else "")
    places = [place for start, stop in blocks for place in range(start, min(stop, len(frame)))]
    stream = Stream(frame, places=places)
    readable = found is not None and stream.content == found.content
    if sync:
        stream.tell_raw(LINK, 0, sync, "sync word", (f"format {'A' if frame[:2] == SYNC_A else 'B'}", ""))
    if found is not None and found.format in ("A", "B"):
        for number, (start, stop) in enumerate(blocks, 1):
            if stop + 2 <= len(frame):
                _tell_crc(stream, number, start, stop)
    link = link_address(stream.content[2:10]) if len(stream.content) >= _HEADER_END else None
    own_order = link is not None and meter not in (None, link) and meter == reordered(link)
    address = REORDERED_ADDRESS if own_order else LINK_ADDRESS
    end = stream.tell_fields(LINK, 0, (*_wireless_header(len(frame), found), *address))
    if readable and end == _HEADER_END:
        return stream, end
    stream.tell_rest(LINK, end, "not read", (damage or "not understood", ""), damaged=True)
    return stream, None


def open_wired(frame: bytes, found: Frame | None, damage: str | None) -> tuple[Stream, int | None]:
    """Tells what the link layer of a wired frame says; as :func:`open_wireless`."""
    if not is_wired(frame):
        stream = Stream(frame)
        stream.tell_rest(LINK, 0, "not read", (damage or "not understood", ""), damaged=damage is not None)
        return stream, None
    end = min(_WIRED_ENVELOPE + frame[1], len(frame))
    stream = Stream(frame, places=range(_WIRED_ENVELOPE, end))
    missing = _WIRED_ENVELOPE + frame[1] + 2 - len(frame)
    stream.tell_raw(LINK, 0, 1, "start", ("long frame", ""))
    said = f"{frame[1]} bytes from C to the checksum"
    stream.tell_raw(LINK, 1, 2, "L", (said if missing <= 0 else f"{said}: {missing} are missing", str(frame[1])),
                    damaged=missing > 0)  # fmt: skip
    stream.tell_raw(LINK, 2, 3, "L", ("again", str(frame[2])))
    stream.tell_raw(LINK, 3, 4, "start", ("again", ""))
    if end < len(frame):
        total = sum(stream.content) & 0xFF
        right = total == frame[end]
        words = ("sum of the bytes from C on", "ok" if right else f"WRONG, {total:02X} expected")
        stream.tell_raw(LINK, end, end + 1, "checksum", words, damaged=not right)
    if end + 1 < len(frame):
        right = frame[end + 1] == 0x16
        stream.tell_raw(LINK, end + 1, end + 2, "stop", ("end of the frame", "ok" if right else "WRONG"),
                        damaged=not right)  # fmt: skip
    position = stream.tell_fields(LINK, 0, _WIRED_HEADER)
    if found is not None and found.content == stream.content:
        return stream, position
    stream.tell_rest(LINK, position, "not read", (damage or "not understood", ""), damaged=True)
    return stream, None


def open_short(frame: bytes) -> Stream:
    """Tells a wired acknowledgement or short frame, which :func:`decoders.link.is_wired_short` has found whole."""
    if len(frame) == 1:
        stream = Stream(frame)
        stream.tell_raw(LINK, 0, 1, "acknowledgement", ("received", ""))
        return stream
    stream = Stream(frame, places=(1, 2))
    stream.tell_raw(LINK, 0, 1, "start", ("short frame", ""))
    stream.tell_fields(LINK, 0, _WIRED_HEADER)
    stream.tell_raw(LINK, 3, 4, "checksum", ("sum of C and A", "ok"))
    stream.tell_raw(LINK, 4, 5, "stop", ("end of the frame", "ok"))
    return stream


def _blocks(frame: bytes, start: int, form: str) -> list[Span]:
    """Where the blocks of a frame stand; behind each, two bytes of CRC in formats A and B."""
    if form not in ("A", "B"):
        return [(start, len(frame))]
    if start == len(frame):
        return []
    left = frame[start] + 1
    if form == "B":
        first = min(left, B_BLOCKS + 2)
        blocks = [(start, start + first - 2)]
        if left > first:
            blocks.append((start + first, max(start + first, start + left - 2)))
    else:
        blocks = []
        while left > 0:
            size = min(left, BLOCK if blocks else FIRST_BLOCK)
            blocks.append((start, start + size))
            start, left = start + size + 2, left - size
    return [(first, stop) for first, stop in blocks if first < min(stop, len(frame))]


def _tell_crc(stream: Stream, number: int, start: int, stop: int) -> None:
    expected = crc16(stream.raw[start:stop])
    right = int.from_bytes(stream.raw[stop : stop + 2]) == expected
    words = (f"block {number}", "ok" if right else f"WRONG, {expected:04X} expected")
    stream.tell_raw(LINK, stop, stop + 2, BLOCK_CRC, words, damaged=not right)


def _wireless_header(size: int, found: Frame | None) -> tuple[Field, ...]:
    def length(data: bytes) -> Words:
        bad = found is None or found.format == "no_crc_bad_length"
        return f"bytes that follow{f'; the frame has {size} in all' if bad else ''}", str(data[0])

    return Field("L", 1, length), Field("C", 1, _control)


def _control(data: bytes) -> Words:
    code = data[0]
    primary = code >> 6 & 1
    # Bits 4 and 5 count frames and say who may send; the function is in the rest.
    function = C_FUNCTIONS.get((primary, code & 0x4F), "not in the standard")
    bits = ("FCV", "FCB") if primary else ("DFC", "ACD")
    set_bits = [name for shift, name in enumerate(bits, 4) if code >> shift & 1]
    return ", ".join([function, *set_bits]), ""


def _wired_address(data: bytes) -> Words:
    special = {0: "not configured", 253: "by secondary address", 254: "to all, who answer", 255: "to all"}
    return f"primary address{', ' + special[data[0]] if data[0] in special else ''}", str(data[0])


def _manufacturer(data: bytes) -> Words:
    return "manufacturer", manufacturer_letters(int.from_bytes(data, "little"))


def _serial(data: bytes) -> Words:
    return "serial number", data[::-1].hex()


def _version(data: bytes) -> Words:
    return "version", data.hex()


def _device_type(data: bytes) -> Words:
    return f"device type: {MEDIA.get(data[0], 'not in the standard')}", data.hex()


_WIRED_HEADER = (Field("C", 1, _control), Field("A", 1, _wired_address))
_MANUFACTURER = Field("M", 2, _manufacturer)
_SERIAL = Field("serial", 4, _serial)
_VERSION = Field("version", 1, _version)
_DEVICE_TYPE = Field("type", 1, _device_type)

REORDERED_ADDRESS = (
    _MANUFACTURER,
    Field("version, type", 2, lambda data: ("version and type before the serial: the maker's order", data.hex(" "))),
    _SERIAL,
)
"""Address in Diehl's order."""
LINK_ADDRESS = (_MANUFACTURER, _SERIAL, _VERSION, _DEVICE_TYPE)
"""Address in the order of link headers."""
LONG_ADDRESS = (_SERIAL, _MANUFACTURER, _VERSION, _DEVICE_TYPE)
"""Address in the order of long transport headers."""
