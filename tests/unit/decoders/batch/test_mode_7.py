"""Mode 7: keys derived per message, in columns."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from decoders.batch import Decoded, decode_batch, remainder, transport
from decoders.batch.cmac import cmac, cmac_of_blocks
from decoders.batch.columns import Bytes
from decoders.compact import KNOWN
from decoders.scalar import Key, decode_telegram

# NIST SP 800-38B, D.1: one key, messages of 0, 16, 40 and 64 bytes
NIST_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
NIST_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_CODES = {
    0: "bb1d6929e95937287fa37d129b756746",
    16: "070a16b46b4d4144f79bdd9dd04a287c",
    40: "dfa66747de9ae63030ca32611497c827",
    64: "51f0bebf7e3b9d92fc49741779363cfe",
}


def matrix(*rows: bytes) -> Bytes:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)


def single(key: bytes, message: bytes) -> bytes:
    code = CMAC(algorithms.AES(key))
    code.update(message)
    return code.finalize()


@pytest.mark.parametrize("width", NIST_CODES)
def test_the_standards_codes(width: int) -> None:
    assert cmac(matrix(NIST_KEY), matrix(NIST_MESSAGE[:width])).tobytes().hex() == NIST_CODES[width]


@pytest.mark.parametrize("width", [1, 15, 16, 17, 33, 48])
def test_random_messages_equal_openssl(width: int) -> None:
    random = np.random.default_rng(width)
    keys = random.integers(0, 256, (70, 16), dtype=np.uint8)
    messages = random.integers(0, 256, (70, width), dtype=np.uint8)
    expected = [single(key.tobytes(), message.tobytes()) for key, message in zip(keys, messages, strict=True)]
    assert [row.tobytes() for row in cmac(keys, messages)] == expected


def test_blocks_are_messages_of_their_own() -> None:
    encryptor = Cipher(algorithms.AES(NIST_KEY), modes.ECB()).encryptor()

    def encrypt(rows: Bytes) -> Bytes:
        return np.frombuffer(encryptor.update(rows.tobytes()), np.uint8).reshape(rows.shape)

    found = cmac_of_blocks(encrypt, matrix(NIST_MESSAGE[:32])).tobytes()
    assert found == single(NIST_KEY, NIST_MESSAGE[:16]) + single(NIST_KEY, NIST_MESSAGE[16:32])


@dataclass(frozen=True)
class Meter:
    serial: bytes
    key: bytes

    def frame(self, counter: int, *, mac_size: int = 8, length: bool = False, fragment: int = 0) -> bytes:
        address = bytes.fromhex("2423") + self.serial + bytes.fromhex("0107")
        plain = (
            bytes.fromhex("2f2f0413") + (counter * 7).to_bytes(4, "little") + bytes.fromhex("426c9f2c") + b"\x2f" * 4
        )
        mcr, context = counter.to_bytes(4, "little"), self.serial + b"\x07" * 7
        encryption, authentication = (single(self.key, kind + mcr + context) for kind in (b"\x00", b"\x01"))
        cipher = Cipher(algorithms.AES(encryption), modes.CBC(bytes(16))).encryptor().update(plain)
        message = b"\x7a\x05\x00\x10\x07\x10" + cipher
        control = {2: 3, 4: 4, 8: 5}[mac_size]
        ml = len(message).to_bytes(2, "little") if length else b""
        mac = single(authentication, bytes([control]) + mcr + ml + message)[:mac_size]
        fields = (0x2C00 | (0x1000 if length else 0) | fragment).to_bytes(2, "little")
        layer = fields + bytes([control]) + mcr + mac + ml
        body = b"\x44" + address + b"\x90" + bytes([len(layer)]) + layer + message
        return bytes([len(body)]) + body


METERS = [Meter(number.to_bytes(4, "little"), bytes([number]) * 16) for number in range(1, 61)]


def meter_id(meter: Meter) -> str:
    return f"HYD-{meter.serial[::-1].hex()}-01-07"


def decode(frames: list[bytes], wrong: tuple[int, ...] = ()) -> Decoded:
    keys = pl.DataFrame(
        {
            "meter_id": [meter_id(meter) for meter in METERS],
            "key_no": [0] * len(METERS),
            "key": [bytes(16) if number in wrong else meter.key for number, meter in enumerate(METERS)],
            "verified": [False] * len(METERS),
        }
    )
    return decode_batch(pl.DataFrame({"frame_id": [str(n) for n in range(len(frames))], "frame": frames}), keys, KNOWN)


@pytest.fixture
def _columns_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_scalar(*_: object) -> None:
        raise AssertionError("left to the scalar decoder")

    monkeypatch.setattr(remainder, "decode_telegram", no_scalar)


@pytest.mark.usefixtures("_columns_only")
@pytest.mark.parametrize("mac_size", [2, 4, 8])
@pytest.mark.parametrize("length", [False, True])
def test_columns_open_what_their_keys_sealed(mac_size: int, *, length: bool) -> None:
    frames = [meter.frame(number, mac_size=mac_size, length=length) for number, meter in enumerate(METERS)]
    decoded = decode(frames, wrong=(3,))
    outcomes = decoded.outcomes
    assert outcomes["outcome"].value_counts(sort=True).rows() == [("decoded", 59), ("wrong_key", 1)]
    assert outcomes["outcome"][3] == "wrong_key"
    assert decoded.verified.height == 59
    expected = [decode_telegram(frame, [Key(meter.key)]) for frame, meter in zip(frames, METERS, strict=True)]
    del expected[3]
    readings = decoded.with_frames(decoded.readings.sort("frame_no"), "telegram_key")
    assert readings["volume_m3"].to_list() == [telegram.fields["volume_m3"] for telegram in expected]
    assert readings["telegram_key"].to_list() == [telegram.telegram_key for telegram in expected]


def test_a_forged_code_is_corrupt_and_a_damaged_text_a_wrong_key() -> None:
    frames = [meter.frame(9) for meter in METERS]
    forged, damaged = bytearray(frames[0]), bytearray(frames[1])
    forged[20] ^= 1  # in the MAC
    damaged[-16] ^= 1  # in the ciphertext
    decoded = decode([bytes(forged), bytes(damaged), *frames[2:]])
    reasons = decoded.outcomes.select("outcome", "reason").rows()
    for frame, key, found in zip((forged, damaged), METERS[:2], reasons[:2], strict=True):
        telegram = decode_telegram(bytes(frame), [Key(key.key)])
        assert found == (telegram.outcome, telegram.reason)
    assert [outcome for outcome, _ in reasons[:3]] == ["corrupt", "wrong_key", "decoded"]


def test_fragments_are_left_to_the_scalar_decoder() -> None:
    decoded = decode([meter.frame(1, fragment=2) for meter in METERS])
    assert set(decoded.outcomes["outcome"]) == {"unsupported"}


def test_few_frames_are_left_to_the_scalar_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [meter.frame(1) for meter in METERS[: transport.WORTH_COLUMNS - 1]]
    alone = decode(frames)
    monkeypatch.setattr(transport, "WORTH_COLUMNS", 1)
    assert decode(frames).outcomes.equals(alone.outcomes)
    assert set(alone.outcomes["outcome"]) == {"decoded"}
