import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulator.ciphers import ell_iv, encrypt_cbc, encrypt_ctr, mode5_iv

KEY = bytes(range(16))


def random_rows(count: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).integers(256, size=(count, width), dtype=np.uint8)


@pytest.mark.parametrize("width", [1, 16, 17, 100])
def test_counter_mode_agrees_with_the_library(width: int) -> None:
    plain, iv = random_rows(5, width), random_rows(5, 16)
    iv[:, 15] = 0
    expected = [
        Cipher(algorithms.AES(KEY), modes.CTR(start.tobytes())).encryptor().update(text.tobytes())
        for start, text in zip(iv, plain, strict=True)
    ]
    assert [row.tobytes() for row in encrypt_ctr(KEY, iv, plain)] == expected


@pytest.mark.parametrize("width", [16, 32, 96])
def test_block_chaining_agrees_with_the_library(width: int) -> None:
    plain, iv = random_rows(5, width), random_rows(5, 16)
    expected = [
        Cipher(algorithms.AES(KEY), modes.CBC(start.tobytes())).encryptor().update(text.tobytes())
        for start, text in zip(iv, plain, strict=True)
    ]
    assert [row.tobytes() for row in encrypt_cbc(KEY, iv, plain)] == expected


def test_block_chaining_needs_whole_blocks() -> None:
    with pytest.raises(ValueError, match="no multiple of 16"):
        encrypt_cbc(KEY, random_rows(1, 16), random_rows(1, 15))


def test_a_repeaters_bits_do_not_change_the_initialisation_vector() -> None:
    address, session = random_rows(1, 8), random_rows(1, 4)
    assert (ell_iv(address, 0x20, session) == ell_iv(address, 0x20 | 0x12, session)).all()
    assert (ell_iv(address, 0x20, session) != ell_iv(address, 0x21, session)).any()


def test_mode5_vector_repeats_the_access_number() -> None:
    iv = mode5_iv(random_rows(1, 8), np.array([0x2A], dtype=np.uint8))
    assert iv[0, 8:].tolist() == [0x2A] * 8
