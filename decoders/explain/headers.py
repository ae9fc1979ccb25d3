"""Headers between link and application in words: extended link layer, authentication layer, transport layer."""

from decoders.explain.lines import Field, Note, Stream, Words
from decoders.explain.link import LINK_ADDRESS, LONG_ADDRESS
from decoders.tables.header_codes import (
    APPLICATION_STATES,
    CI_FIELDS,
    COMMUNICATION_BITS,
    LINK_ENCRYPTIONS,
    SECURITY_MODES,
    STATUS_BITS,
)
from decoders.transport import MAC_SIZES

ELL = "extended link layer"
NETWORK = "network layer"
AFL = "authentication layer"
TPL = "transport layer"

LONG_HEADER = 12


def _ci(data: bytes) -> Words:
    return CI_FIELDS.get(data[0], "not in the standard"), ""


def _access_no(data: bytes) -> Words:
    return "access number", str(data[0])


def _communication_bits(data: bytes) -> list[Note]:
    return [(f"bit {bit}", name, "") for bit, name in COMMUNICATION_BITS.items() if data[0] >> bit & 1]


def _session_bits(data: bytes) -> list[Note]:
    number = int.from_bytes(data, "little")
    encryption = number >> 29
    return [
        ("bits 29-31", "encryption", LINK_ENCRYPTIONS.get(encryption, f"{encryption}, reserved")),
        ("bits 4-28", "time", str(number >> 4 & 0x1FFFFFF)),
        ("bits 0-3", "session", str(number & 15)),
    ]


CI = Field("CI", 1, _ci)
_CONTROL = Field("CC", 1, lambda _: ("communication control", ""), _communication_bits)
_ACCESS = Field("ACC", 1, _access_no)
_SESSION = Field("SN", 4, lambda _: ("session number", ""), _session_bits)

EXTENDED = {
    0x8C: (CI, _CONTROL, _ACCESS),
    0x8D: (CI, _CONTROL, _ACCESS, _SESSION),
    0x8E: (CI, _CONTROL, _ACCESS, *LINK_ADDRESS),
    0x8F: (CI, _CONTROL, _ACCESS, *LINK_ADDRESS, _SESSION),
}
"""Fields of the extended link layers up to the payload CRC, which may be encrypted."""


NETWORK_FIELDS = (CI, Field("hops", 1, lambda _: ("for repeaters", "")))


def authentication_fields(header: bytes, verdict: str) -> tuple[Field, ...]:
    """Fields of an authentication and fragmentation layer.

    Args:
        header: From its CI field on.
        verdict: What the decoder says of the message authentication code.

    Returns:
        The fields that its control field announces.
    """
    fields = [CI, Field("AFLL", 1, lambda data: ("bytes of this layer that follow", str(data[0])))]
    fields.append(Field("FCL", 2, _fragment, _fragment_bits))
    control = int.from_bytes(header[2:4], "little")
    mac_control = 0
    if control >> 13 & 1:
        fields.append(Field("MCL", 1, lambda _: ("message control", ""), _message_bits))
        mac_control = header[4] if len(header) > 4 else 0
    if control >> 9 & 1:
        fields.append(Field("KI", 2, lambda data: ("key information", data[::-1].hex())))
    if control >> 11 & 1:
        fields.append(Field("MCR", 4, lambda data: ("message counter", str(int.from_bytes(data, "little")))))
    if control >> 10 & 1:
        fields.append(
            Field("MAC", MAC_SIZES.get(mac_control & 15, 0), lambda _: ("message authentication code", verdict))
        )
    if control >> 12 & 1:
        fields.append(Field("ML", 2, lambda data: ("message length", str(int.from_bytes(data, "little")))))
    return tuple(field for field in fields if field.size)


def _fragment(data: bytes) -> Words:
    number = data[0]
    return "fragment control", f"fragment {number}" if number else "not fragmented"


def _fragment_bits(data: bytes) -> list[Note]:
    control = int.from_bytes(data, "little")
    names = {14: "more fragments follow", 13: "MCL", 12: "ML", 11: "MCR", 10: "MAC", 9: "KI"}
    return [
        (f"bit {bit}", name if bit == 14 else f"{name} is there", "")
        for bit, name in names.items()
        if control >> bit & 1
    ]


def _message_bits(data: bytes) -> list[Note]:
    kind = data[0] & 15
    size = MAC_SIZES.get(kind)
    return [("bits 0-3", "kind of MAC", f"{kind}: {size} bytes" if size else f"{kind}: none")]


def transport_fields(size: int, *, extended: bool = False, fixed: bool = False) -> tuple[Field, ...]:
    """Fields of a transport header.

    Args:
        size: Bytes behind the CI field: 0, 4 (short header) or 12 (long header).
        extended: Whether a configuration extension follows.
        fixed: Whether the CI field announces the fixed data structure of wired meters, as its 73 does.

    Returns:
        The fields from the CI field on.
    """
    fields: tuple[Field, ...] = (Field("CI", 1, lambda _: ("fixed data structure", "")) if fixed else CI,)
    if size == LONG_HEADER:
        fields += LONG_ADDRESS
    if size:
        fields += (_ACCESS, Field("status", 1, _status, _status_bits), _CONFIGURATION)
    return (*fields, _EXTENSION) if extended else fields


def _status(data: bytes) -> Words:
    return f"status: {APPLICATION_STATES[data[0] & 3]}", ""


def _status_bits(data: bytes) -> list[Note]:
    return [(f"bit {bit}", name, "") for bit, name in STATUS_BITS.items() if data[0] >> bit & 1]


def _configuration(data: bytes) -> Words:
    return "configuration word", f"{int.from_bytes(data, 'little'):04X}"


def _configuration_bits(data: bytes) -> list[Note]:
    word = int.from_bytes(data, "little")
    mode = word >> 8 & 31
    notes: list[Note] = [("bits 8-12", "security mode", f"{mode}: {SECURITY_MODES.get(mode, 'reserved')}")]
    if mode in (2, 3):
        return [*notes, ("bits 0-7", "encrypted bytes", str(word & 0xFF))]
    if mode in (5, 7):
        blocks = word >> 4 & 15
        notes.append(("bits 4-7", "encrypted blocks of 16 bytes", "as many as fit" if blocks == 15 else str(blocks)))
    if mode not in (0, 5):
        return notes
    flags = {15: "bidirectional", 14: "accessible", 13: "synchronous"}
    notes += [(f"bit {bit}", name, "") for bit, name in flags.items() if word >> bit & 1]
    if word & 0x0C:
        notes.append(("bits 2-3", "content", str(word >> 2 & 3)))
    if word & 0x03:
        notes.append(("bits 0-1", "hops", str(word & 3)))
    return notes


def _extension_bits(data: bytes) -> list[Note]:
    derivation = data[0] >> 4 & 3
    return [
        ("bits 4-5", "key derivation", f"{derivation}: CMAC" if derivation == 1 else str(derivation)),
        ("bits 0-3", "number of the key", str(data[0] & 15)),
    ]


_CONFIGURATION = Field("configuration", 2, _configuration, _configuration_bits)
_EXTENSION = Field("extension", 1, lambda _: ("configuration extension", ""), _extension_bits)


def tell_damaged(stream: Stream, layer: str, position: int, fields: tuple[Field, ...], damage: str) -> None:
    """Tells a header that ends early: its whole fields, then the rest with the damage."""
    end = stream.tell_fields(layer, position, fields)
    stream.tell_rest(layer, end, "not read", (damage, ""), damaged=True)
