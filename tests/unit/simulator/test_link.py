import numpy as np
import pytest

from simulator import link
from simulator.crc import crc16, high_first


def make(width: int) -> np.ndarray:
    address = np.frombuffer(link.address("KAM", "90000001", "1b", "16"), dtype=np.uint8)
    body = np.arange(2 * width, dtype=np.uint8).reshape(2, width)
    return link.telegram(np.broadcast_to(address, (2, 8)), body)


def is_checked(block: np.ndarray) -> bool:
    return bool((high_first(crc16(block[:, :-2])) == block[:, -2:]).all())


def test_address_is_written_low_byte_first() -> None:
    assert link.address("KAM", "91234567", "1b", "16").hex().upper() == "2D2C674523911B16"


@pytest.mark.parametrize("width", [1, 16, 17, 64])
def test_format_a_has_a_crc_after_the_header_and_every_sixteen_bytes(width: int) -> None:
    telegrams = make(width)
    frames = link.format_a(telegrams)
    assert frames.shape[1] == telegrams.shape[1] + 2 * (1 + -(-width // 16))
    assert (frames[:, 0] == telegrams.shape[1] - 1).all()
    assert is_checked(frames[:, :12])
    assert is_checked(frames[:, 12 : 12 + min(width, 16) + 2])


@pytest.mark.parametrize(("width", "crcs"), [(1, 1), (116, 1), (117, 2)])
def test_format_b_counts_its_crcs_in_the_length(width: int, crcs: int) -> None:
    frames = link.format_b(make(width))
    assert frames.shape[1] == 10 + width + 2 * crcs
    assert (frames[:, 0] == frames.shape[1] - 1).all()
    assert is_checked(frames[:, :128])
    assert crcs == 1 or is_checked(frames[:, 128:])
