"""AES-128 as meters apply it: counter mode of the extended link layer, block chaining of security mode 5.

Every function works on all frames of one key: counter blocks, or the same block of every frame, go through the cipher
in one call. The single-block cipher serves as a building block only; the modes around it are those of the standard.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

BLOCK = 16
_HOP_BITS = 0xED
"""A repeater may change bits 4 and 1 of the communication control field; the initialisation vector leaves them out."""


def _encrypt_blocks(key: bytes, blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return np.frombuffer(encryptor.update(blocks.tobytes()), dtype=np.uint8).reshape(blocks.shape)


def encrypt_ctr(key: bytes, iv: NDArray[np.uint8], plain: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Encrypts frames of one key in counter mode.

    Args:
        key: 16 bytes.
        iv: First counter blocks, shape (n, 16), last byte zero. Frames have fewer than 256 blocks, so only it counts.
        plain: Plain texts, shape (n, width).

    Returns:
        Cipher texts, shape (n, width).
    """
    width = plain.shape[1]
    count = -(-width // BLOCK)
    counters = np.repeat(iv[:, None, :], count, axis=1)
    counters[:, :, -1] = np.arange(count, dtype=np.uint8)
    return plain ^ _encrypt_blocks(key, counters).reshape(len(plain), -1)[:, :width]


def encrypt_cbc(key: bytes, iv: NDArray[np.uint8], plain: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Encrypts frames of one key by block chaining.

    Args:
        key: 16 bytes.
        iv: Initialisation vectors, shape (n, 16).
        plain: Plain texts, shape (n, width), width a multiple of 16.

    Returns:
        Cipher texts, shape (n, width).

    Raises:
        ValueError: The width is no multiple of 16.
    """
    if plain.shape[1] % BLOCK:
        raise ValueError(f"plain text of {plain.shape[1]} bytes is no multiple of {BLOCK}; pad it with 2F")
    cipher_text = np.empty_like(plain)
    previous = iv
    for start in range(0, plain.shape[1], BLOCK):
        previous = _encrypt_blocks(key, plain[:, start : start + BLOCK] ^ previous)
        cipher_text[:, start : start + BLOCK] = previous
    return cipher_text


def ell_iv(address: NDArray[np.uint8], control: int, session: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """First counter blocks of the extended link layer (EN 13757-4, encryption mode 1).

    Args:
        address: Manufacturer, serial, version and type as transmitted, shape (n, 8).
        control: Communication control field.
        session: Session number field as transmitted, shape (n, 4).

    Returns:
        Blocks of address, control field without hop bits, session, frame number 0 and block counter 0, shape (n, 16).
    """
    iv = np.zeros((len(address), BLOCK), dtype=np.uint8)
    iv[:, :8] = address
    iv[:, 8] = control & _HOP_BITS
    iv[:, 9:13] = session
    return iv


def mode5_iv(address: NDArray[np.uint8], access_no: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Initialisation vectors of security mode 5 (OMS Vol. 2, profile A).

    Args:
        address: The meter's address, manufacturer first, shape (n, 8).
        access_no: Access numbers of the transport layer, shape (n,).

    Returns:
        Address and eight times the access number, shape (n, 16).
    """
    return np.hstack([address, np.repeat(access_no[:, None], 8, axis=1)])
