"""AES over columns against the standards' vectors and against OpenSSL."""

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from decoders.batch import aes, keys
from decoders.batch.circuit import RESTORE, SUBSTITUTE, Circuit, compiled
from decoders.batch.columns import Bytes

# NIST SP 800-38A, F.1.1 and F.2.1: key and four blocks of plain text
NIST_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
NIST_PLAIN = (
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_ECB = (
    "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
    "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
)


def matrix(*rows: str) -> Bytes:
    return np.array([list(bytes.fromhex(row)) for row in rows], np.uint8)


def ecb(key: Bytes, blocks: Bytes) -> bytes:
    return Cipher(algorithms.AES(key.tobytes()), modes.ECB()).encryptor().update(blocks.tobytes())


@pytest.mark.parametrize(
    ("key", "plain", "cipher"),
    [
        # FIPS 197, appendices B and C.1
        (NIST_KEY, "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
        (
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
        (NIST_KEY, NIST_PLAIN, NIST_ECB),
    ],
)
def test_vectors_of_the_standards(key: str, plain: str, cipher: str) -> None:
    assert aes.encrypt(matrix(key), matrix(plain)).tobytes().hex() == cipher
    assert aes.decrypt(matrix(key), matrix(cipher)).tobytes().hex() == plain


def test_all_vectors_side_by_side() -> None:
    keys = matrix(NIST_KEY, "000102030405060708090a0b0c0d0e0f")
    plain = matrix("3243f6a8885a308d313198a2e0370734", "00112233445566778899aabbccddeeff")
    assert [row.tobytes().hex() for row in aes.encrypt(keys, plain)] == [
        "3925841d02dc09fbdc118597196a0b32",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ]


@pytest.mark.parametrize(("count", "blocks"), [(1, 1), (63, 2), (64, 15), (65, 3), (200, 1)])
def test_random_rows_equal_openssl(monkeypatch: pytest.MonkeyPatch, count: int, blocks: int) -> None:
    monkeypatch.setattr(aes, "_AT_ONCE", 128)  # so that 200 rows are two parts
    random = np.random.default_rng(count)
    keys = random.integers(0, 256, (count, 16), dtype=np.uint8)
    plain = random.integers(0, 256, (count, 16 * blocks), dtype=np.uint8)
    cipher = aes.encrypt(keys, plain)
    assert [row.tobytes() for row in cipher] == [ecb(key, row) for key, row in zip(keys, plain, strict=True)]
    assert np.array_equal(aes.decrypt(keys, cipher), plain)


def test_chain_is_the_last_block_of_cbc() -> None:
    random = np.random.default_rng(2)
    keys = random.integers(0, 256, (70, 16), dtype=np.uint8)
    plain = random.integers(0, 256, (70, 48), dtype=np.uint8)
    for key, row, found in zip(keys, plain, aes.chain(keys, plain), strict=True):
        cipher = Cipher(algorithms.AES(key.tobytes()), modes.CBC(bytes(16))).encryptor().update(row.tobytes())
        assert found.tobytes() == cipher[-16:]


def test_no_rows_and_no_blocks() -> None:
    assert aes.encrypt(np.zeros((0, 16), np.uint8), np.zeros((0, 32), np.uint8)).shape == (0, 32)
    assert aes.decrypt(np.zeros((3, 16), np.uint8), np.zeros((3, 0), np.uint8)).shape == (3, 0)


def bytes_through(circuit: Circuit) -> list[int]:
    """What a circuit makes of all 256 bytes."""
    values = np.arange(256, dtype=np.uint64)
    registers = [values >> np.uint64(bit) & np.uint64(1) for bit in range(8)]
    registers += [np.zeros(256, np.uint64) for _ in range(circuit.size - 8)]
    return sum(plane << np.uint64(bit) for bit, plane in enumerate(circuit.run(registers))).tolist()


def test_circuits_are_inverse_permutations() -> None:
    there, back = bytes_through(SUBSTITUTE), bytes_through(RESTORE)
    assert [value ^ 0x63 for value in there[:4]] == [0x63, 0x7C, 0x77, 0x7B]  # FIPS 197, figure 7
    assert [back[value] for value in there] == list(range(256))


def test_a_register_is_given_up_after_its_last_use() -> None:
    swap = compiled("t=b0^b1 b1=t b0=t")
    assert swap.size == 8
    assert swap.gates[0][1:3] == (0, 1)


@pytest.mark.parametrize("column", [True, False])
def test_the_shape_of_a_batch_chooses_the_way_and_never_the_result(
    monkeypatch: pytest.MonkeyPatch, *, column: bool
) -> None:
    random = np.random.default_rng(4)
    secrets = random.integers(0, 256, (20, 16), dtype=np.uint8)
    ring = keys.key_ring(
        pl.DataFrame(
            {
                "meter_id": [f"KAM-{number:08d}-1b-16" for number in range(20)],
                "key_no": [0] * 20,
                "key": [secret.tobytes() for secret in secrets],
                "verified": [False] * 20,
            }
        )
    )
    wanted = random.permutation(np.arange(40) % 20)
    blocks = random.integers(0, 256, (40, 32), dtype=np.uint8)
    start = keys._CIPHER_START * 20 - 80  # what 20 ciphers cost to set up, less the blocks
    monkeypatch.setattr(keys, "_COLUMNS_START", start - 1 if column else start)
    assert keys._suits_columns(wanted, blocks) is column
    assert not keys._suits_columns(wanted, np.zeros((40, 16 * keys._CIPHER_START), np.uint8))
    expected = [ecb(secrets[key], row) for key, row in zip(wanted, blocks, strict=True)]
    assert [row.tobytes() for row in ring.encrypt(wanted, blocks)] == expected
    assert np.array_equal(ring.decrypt(wanted, ring.encrypt(wanted, blocks)), blocks)
    assert secrets.tobytes()[:8].hex() not in repr(ring)
