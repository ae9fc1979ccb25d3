"""Headers between link and application: extended link layer, authentication layer, transport layer (EN 13757-7)."""

from dataclasses import dataclass
from typing import Literal

from decoders.tables.device_types import MEDIA

Kind = Literal["full", "compact", "format", "error", "manufacturer", "empty", "fixed", "other"]

ELL_SIZES = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}
"""Bytes after the CI field: CC and ACC; then, where there are, address (8), session number (4) and payload CRC (2)."""

NETWORK = 0x81
"""Network layer: one byte that only repeaters look at."""

AFL = 0x90

TPL: dict[int, tuple[Kind, int]] = {
    0x69: ("format", 0),
    0x6A: ("format", 4),
    0x6B: ("format", 12),
    0x6E: ("error", 4),
    0x6F: ("error", 12),
    0x70: ("error", 0),
    0x72: ("full", 12),
    0x73: ("compact", 12),
    0x78: ("full", 0),
    0x79: ("compact", 0),
    0x7A: ("full", 4),
    0x7B: ("compact", 4),
    0x8A: ("empty", 4),
    0x8B: ("empty", 12),
    **dict.fromkeys(range(0xA0, 0xB8), ("manufacturer", 0)),
}
"""What follows a CI field, and the bytes of its header: none, short (4) or long (12)."""

STANDARD_MODES = frozenset({2, 3, 5, 7, 8, 9, 10, 13})
"""Security modes that the standard defines (EN 13757-7)."""


class TransportDamage(Exception):  # noqa: N818  not an error of the program: data to be reported
    """A header ends before its end; the text names it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Identity of a device: manufacturer, serial, version and device type.

    Attributes:
        manufacturer: Three letters.
        serial: Eight hex digits as printed on the meter.
        version: Version byte.
        device_type: Device type byte.
        link_bytes: Manufacturer, serial, version and type in the order of the link header; part of key derivations.
        model: Version and device type that the device is described by, where they are not the ones above.
    """

    manufacturer: str
    serial: str
    version: int
    device_type: int
    link_bytes: bytes
    model: tuple[int, int] | None = None

    @property
    def meter_id(self) -> str:
        """``KAM-91234567-1b-16``."""
        return f"{self.manufacturer}-{self.serial}-{self.version:02x}-{self.device_type:02x}"

    @property
    def device(self) -> tuple[str, str, str]:
        """Manufacturer, version and device type by which device files know it; both in two hex digits."""
        version, device_type = self.model or (self.version, self.device_type)
        return self.manufacturer, f"{version:02x}", f"{device_type:02x}"

    @property
    def medium(self) -> str:
        """Medium of the device type."""
        return MEDIA.get(int(self.device[2], 16), "unknown")

    @property
    def code(self) -> bytes:
        """The link bytes of every address with this meter id: without the top bit, which is the kind of address."""
        return bytes((self.link_bytes[0], self.link_bytes[1] & 0x7F)) + self.link_bytes[2:]


def manufacturer_letters(code: int) -> str:
    """Three letters of five bits each (EN 62056-21)."""
    return "".join(chr(64 + (code >> shift & 31)) for shift in (10, 5, 0))  # the top bit is the kind of address


def link_address(data: bytes) -> Address:
    """Address as link headers have it: manufacturer, serial, version, type."""
    return Address(
        manufacturer_letters(int.from_bytes(data[:2], "little")), data[5:1:-1].hex(), data[6], data[7], data[:8]
    )


def long_address(data: bytes) -> Address:
    """Address as long transport headers have it: serial, manufacturer, version, type."""
    return link_address(data[4:6] + data[:4] + data[6:8])


@dataclass(frozen=True, slots=True)
class Ell:
    """Extended link layer.

    Attributes:
        control: CC field.
        access_no: ACC field.
        address: Its own address, in variants III and IV.
        session: Session number field (4 bytes), in variants II and IV; bits 29 to 31 say how what follows is encrypted.
        end: Position behind the header; with a session number the payload CRC stands there, encrypted or not.
    """

    control: int
    access_no: int
    address: Address | None
    session: bytes | None
    end: int

    @property
    def encryption(self) -> int:
        """0 none, 1 AES-128-CTR."""
        return self.session[3] >> 5 if self.session else 0


def read_ell(content: bytes, position: int) -> Ell:
    """Reads an extended link layer.

    Args:
        content: Frame content.
        position: Of its CI field.

    Returns:
        The header.

    Raises:
        TransportDamage: It ends early.
    """
    size = ELL_SIZES[content[position]]
    data = content[position + 1 : position + 1 + size]
    if len(data) < size:
        raise TransportDamage("premature end of the extended link layer")
    address = link_address(data[2:10]) if size in (10, 16) else None
    session = data[-6:-2] if size in (8, 16) else None
    end = position + 1 + size - (2 if session else 0)
    return Ell(data[0], data[1], address, session, end)


@dataclass(frozen=True, slots=True)
class Afl:
    """Authentication and fragmentation layer.

    Attributes:
        control: FCL field.
        mac_control: MCL field, where there is one.
        counter: Message counter (4 bytes), where there is one.
        mac: Message authentication code, empty where there is none.
        length: Message length field, empty where there is none.
        end: Position behind the header.
    """

    control: int
    mac_control: int | None
    counter: bytes
    mac: bytes
    length: bytes
    end: int

    @property
    def fragmented(self) -> bool:
        """Whether the message goes on in another frame, or began in one."""
        return bool(self.number) or self.more_follow

    @property
    def number(self) -> int:
        """Number of the fragment, from 1; 0 where there is one alone."""
        return self.control & 0xFF

    @property
    def more_follow(self) -> bool:
        """Whether another fragment follows."""
        return bool(self.control >> 14 & 1)


MAC_SIZES = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16, 8: 12}
"""Bytes of the MAC by its type."""


def read_afl(content: bytes, position: int) -> Afl:
    """Reads an authentication and fragmentation layer.

    Args:
        content: Frame content.
        position: Of its CI field.

    Returns:
        The header.

    Raises:
        TransportDamage: It ends early.
    """
    if position + 2 > len(content):
        raise TransportDamage("premature end of the authentication layer")
    end = position + 2 + content[position + 1]
    data = content[position + 2 : end]
    if end > len(content) or len(data) < 2:
        raise TransportDamage("premature end of the authentication layer")
    control, at = int.from_bytes(data[:2], "little"), 2
    mac_control: int | None = None
    fields: dict[str, bytes] = {}
    for bit, name, size in ((13, "mcl", 1), (9, "ki", 2), (11, "mcr", 4), (10, "mac", 0), (12, "ml", 2)):
        if not control >> bit & 1:
            continue
        width = size
        if name == "mac":
            # Only the first fragment says how long the code is; in another one it fills what is left.
            left = len(data) - at - 2 * (control >> 12 & 1)
            width = left if mac_control is None else MAC_SIZES.get(mac_control & 15, 0)
        fields[name] = data[at : at + width]
        if len(fields[name]) < width:
            raise TransportDamage("premature end of the authentication layer")
        if name == "mcl":
            mac_control = fields["mcl"][0]
        at += width
    return Afl(control, mac_control, fields.get("mcr", b""), fields.get("mac", b""), fields.get("ml", b""), end)


@dataclass(frozen=True, slots=True)
class Tpl:
    """Transport layer header.

    Attributes:
        ci: CI field.
        kind: What follows.
        address: Address of a long header.
        access_no: Access number, where there is a header.
        status: Status byte, where there is a header (EN 13757-7, table 12).
        configuration: Configuration word, 0 without a header.
        extension: Configuration extension byte of mode 7, empty otherwise.
        end: Position of the payload.
    """

    ci: int
    kind: Kind
    address: Address | None
    access_no: int | None
    status: int | None
    configuration: int
    extension: bytes
    end: int

    @property
    def mode(self) -> int:
        """Security mode."""
        return self.configuration >> 8 & 31

    @property
    def blocks(self) -> int:
        """Encrypted blocks of 16 bytes, in modes 5 and 7."""
        return self.configuration >> 4 & 15

    @property
    def encrypted_bytes(self) -> int:
        """Encrypted bytes, in modes 2, 5 and 7."""
        return self.configuration & 0xFF if self.mode == 2 else 16 * self.blocks


def read_tpl(content: bytes, position: int, *, wired: bool = False) -> Tpl:
    """Reads a transport layer header.

    Args:
        content: Frame content.
        position: Of its CI field.
        wired: Whether the frame is wired, where CI 73 is the fixed data structure.

    Returns:
        The header.

    Raises:
        TransportDamage: It ends early.
    """
    if position >= len(content):
        raise TransportDamage("premature end: no CI field")
    ci = content[position]
    kind, size = TPL.get(ci, ("other", 0))
    if wired and ci == 0x73:
        kind, size = "fixed", 0
    data = content[position + 1 : position + 1 + size]
    if len(data) < size:
        raise TransportDamage("premature end of the transport header")
    end = position + 1 + size
    address = long_address(data) if size == 12 else None
    if not size:
        return Tpl(ci, kind, None, None, None, 0, b"", end)
    access_no, status, configuration = data[-4], data[-3], int.from_bytes(data[-2:], "little")
    extension = b""
    if configuration >> 8 & 31 == 7:
        extension, end = content[end : end + 1], end + 1
    return Tpl(ci, kind, address, access_no, status, configuration, extension, end)
