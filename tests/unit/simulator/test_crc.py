import numpy as np

from simulator.crc import crc16, high_first, low_first


def rows(*texts: bytes) -> np.ndarray:
    return np.array([list(text) for text in texts], dtype=np.uint8)


def test_check_value_of_the_standard() -> None:
    assert crc16(rows(b"123456789")).tolist() == [0xC2B7]


def test_every_row_is_checked_on_its_own() -> None:
    together = crc16(rows(b"first row", b"other row", b"123456789"))
    alone = [int(crc16(rows(text))[0]) for text in (b"first row", b"other row", b"123456789")]
    assert together.tolist() == alone


def test_one_wrong_bit_changes_the_crc() -> None:
    right = rows(b"a telegram of some length")
    wrong = np.repeat(right, 8 * right.shape[1], axis=0)
    for bit in range(len(wrong)):
        wrong[bit, bit // 8] ^= 1 << bit % 8
    assert not (crc16(wrong) == crc16(right)[0]).any()


def test_byte_orders() -> None:
    checks = crc16(rows(b"123456789"))
    assert high_first(checks).tobytes() == bytes.fromhex("C2B7")
    assert low_first(checks).tobytes() == bytes.fromhex("B7C2")
