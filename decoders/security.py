"""Decryption and its proofs: link-layer AES-CTR, transport modes 2, 5 and 7 (EN 13757-7, OMS volume 2)."""

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from decoders.crc import crc16
from decoders.transport import Address, Afl, Ell

FILLER = b"\x2f\x2f"
"""What a decrypted payload of modes 5 and 7 begins with."""

BLOCK = 16
DES_KEY_BYTES = 8


def ctr_iv(link: Address, ell: Ell) -> bytes:
    """First counter block of link-layer encryption: address, CC without the hop bits, session, two counters."""
    assert ell.session is not None  # noqa: S101  encryption without a session does not come here
    return link.link_bytes + bytes([ell.control & 0xED]) + ell.session + bytes(3)


def decrypt_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-128-CTR with a big endian counter of 128 bits."""
    return Cipher(algorithms.AES(key), modes.CTR(iv)).decryptor().update(data)


def payload_crc_holds(data: bytes) -> bool:
    """Whether the two CRC bytes at the start, low byte first, are those of the rest."""
    return len(data) >= 2 and int.from_bytes(data[:2], "little") == crc16(data[2:])


def decrypt_cbc(key: bytes, iv: bytes, data: bytes, blocks: int) -> bytes:
    """AES-128-CBC over the first blocks; the rest is plain already.

    Args:
        key: 16 bytes.
        iv: 16 bytes.
        data: Payload as sent.
        blocks: Encrypted blocks; 15 in the configuration word means all that fit.

    Returns:
        The plain payload, as long as ``data``.
    """
    size = min(blocks * BLOCK, len(data) - len(data) % BLOCK)
    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data[:size]) + data[size:]


def decrypt_des(key: bytes, data: bytes, size: int) -> bytes:
    """DES-CBC without initialisation vector over the first bytes; the rest is plain already (mode 2, of old meters).

    Args:
        key: 8 bytes.
        data: Payload as sent.
        size: Encrypted bytes; what is no whole block of 8 stays as it is.

    Returns:
        The plain payload, as long as ``data``.
    """
    whole = min(size, len(data)) // DES_KEY_BYTES * DES_KEY_BYTES
    # Three times the same key makes Triple DES the single DES that the standard once asked for.
    cipher = Cipher(TripleDES(3 * key), modes.CBC(bytes(DES_KEY_BYTES)))
    return cipher.decryptor().update(data[:whole]) + data[whole:]


def mode5_iv(address: Address, access_no: int) -> bytes:
    """Address and eight times the access number."""
    return address.link_bytes + bytes([access_no]) * 8


def cmac(key: bytes, data: bytes) -> bytes:
    """AES-128-CMAC (NIST SP 800-38B)."""
    code = CMAC(algorithms.AES(key))
    code.update(data)
    return code.finalize()


def derived_keys(key: bytes, address: Address, counter: bytes) -> tuple[bytes, bytes]:
    """Encryption and authentication key of one message of mode 7, from the meter (OMS volume 2, key derivation)."""
    tail = counter + address.link_bytes[2:6] + bytes([7] * 7)
    return cmac(key, b"\x00" + tail), cmac(key, b"\x01" + tail)


def mac_holds(key: bytes, afl: Afl, message: bytes) -> bool:
    """Whether the message authentication code is that of the message.

    Args:
        key: Authentication key.
        afl: Authentication layer.
        message: From the CI field of the transport layer to the end, as sent.
    """
    covered = bytes([afl.mac_control or 0]) + afl.counter + afl.length + message
    return bool(afl.mac) and cmac(key, covered)[: len(afl.mac)] == afl.mac
