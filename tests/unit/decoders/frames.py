"""Frames of one made-up meter, for tests."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from decoders.crc import crc16

ADDRESS = bytes.fromhex("2D2C785634121B16")
KEY = bytes(range(16))


def bare(content: bytes) -> bytes:
    """A frame without CRCs around a CI field and what follows it."""
    return bytes([9 + len(content), 0x44]) + ADDRESS + content


def format_a(content: bytes) -> bytes:
    frame = bare(content)
    blocks = [frame[:10], *(frame[start : start + 16] for start in range(10, len(frame), 16))]
    return b"".join(block + crc16(block).to_bytes(2) for block in blocks)


def format_b(content: bytes) -> bytes:
    frame = bytes([len(content) + 11]) + bare(content)[1:]
    return frame + crc16(frame).to_bytes(2)


def wired(content: bytes) -> bytes:
    body = b"\x08\x01" + content
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


LINKS = (bare, format_a, format_b, wired)


def link_sealed(content: bytes, encryption: int = 1) -> bytes:
    """An extended link layer II around an application: CRC and content, under AES-CTR if so said."""
    session = (encryption << 29 | 77 << 4 | 5).to_bytes(4, "little")
    plain = crc16(content).to_bytes(2, "little") + content
    cipher = Cipher(algorithms.AES(KEY), modes.CTR(ADDRESS + b"\x20" + session + bytes(3))).encryptor()
    return b"\x8d\x20\x07" + session + (cipher.update(plain) if encryption == 1 else plain)


def mode_5(area: bytes, head: bytes = b"\x7a", tail: bytes = b"") -> bytes:
    """A short header and a record area under AES-CBC, filled up to whole blocks, and a plain tail."""
    plain = b"\x2f\x2f" + area
    plain += b"\x2f" * (-len(plain) % 16)
    cipher = Cipher(algorithms.AES(KEY), modes.CBC(ADDRESS + bytes([9]) * 8)).encryptor()
    return head + bytes([9, 0, len(plain) // 16 << 4, 0x05]) + cipher.update(plain) + tail
