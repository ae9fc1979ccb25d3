"""Diehl Metering (HYD, DME): its own order of the link address, its own checksum and its own cipher.

Frames with manufacturer specific CI fields, and full frames whose configuration word has bit 12 set, carry version and
device type before the serial. In such a full frame the high byte of the configuration word is the sum of the plain
payload's bytes, apart from that bit. The payload is plain, or XORed with a linear feedback shift register that the
headers and a key of eight bytes seed. The key that meters leave the factory with is public (source: wmbusmeters; found
again in the register's recurrence between a published telegram and its plain text).
"""

from collections.abc import Iterable

from decoders.transport import Address, Tpl

MANUFACTURERS = frozenset({"HYD", "DME"})
KEY_BYTES = 8
FACTORY_KEYS = (bytes.fromhex("39BC8A10E66D83F8"), bytes.fromhex("51728910E66D83F8"))
_OWN_ORDER_CI = range(0xA0, 0xA8)
_SEALED_FULL = 0x7A
_FLAG = 0x10
_SEEDS_AT = (2, 6, 10)
_CIPHER_AT = 15
_TAPS = (1, 2, 11, 31)


def has_own_order(link: Address, tpl: Tpl) -> bool:
    """Whether a frame's address has Diehl's order."""
    return link.manufacturer in MANUFACTURERS and (tpl.ci in _OWN_ORDER_CI or is_summed(link, tpl))


def is_summed(link: Address, tpl: Tpl) -> bool:
    """Whether a full frame's configuration word holds the sum of its payload."""
    return link.manufacturer in MANUFACTURERS and tpl.ci == _SEALED_FULL and bool(tpl.configuration >> 8 & _FLAG)


def reordered(link: Address) -> Address:
    """The address with the serial at its end.

    The meter's name keeps version and type from the bytes where other frames have them; those that describe the device
    stand before the serial.
    """
    raw, serial = link.link_bytes, link.link_bytes[4:8]
    own = raw[:2] + serial + raw[6:8]
    return Address(link.manufacturer, serial[::-1].hex(), link.version, link.device_type, own, (raw[2], raw[3]))


def holds(tpl: Tpl, payload: bytes) -> bool:
    """Whether the payload's sum is the one that was sent."""
    return (sum(payload) ^ tpl.configuration >> 8) & 0xFF & ~_FLAG == 0


def opened(frame: bytes, tpl: Tpl, keys: Iterable[bytes]) -> tuple[int, bytes] | None:
    """Takes the cipher off.

    Args:
        frame: From L on, without CRCs.
        tpl: Its transport header.
        keys: Keys of eight bytes.

    Returns:
        Position of the first key whose plain payload has the right sum, and that payload.
    """
    sealed = frame[_CIPHER_AT:]
    for number, key in enumerate(keys):
        state = int.from_bytes(key[:4]) ^ int.from_bytes(key[4:])
        for at in _SEEDS_AT:
            state ^= int.from_bytes(frame[at : at + 4])
        plain = bytearray()
        for byte in sealed:
            for _ in range(8):
                fed = sum(state >> tap for tap in _TAPS) & 1
                state = (state << 1 | fed) & 0xFFFFFFFF
            plain.append(byte ^ state & 0xFF)
        if holds(tpl, bytes(plain)):
            return number, bytes(plain)
    return None
