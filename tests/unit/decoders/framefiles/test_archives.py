"""Packed frame files: unpacked within bounds, refused when damaged."""

import gzip
import io
import tracemalloc
import zipfile
import zlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import zstandard

from decoders.framefiles import FrameFile, FrameFileError, archives, read_frames, read_telegrams

FRAME = "680808680805727856341224B416"
LINES = f"{FRAME}\n{FRAME}\n".encode()


def read(content: bytes, name: str = "delivery") -> FrameFile:
    return read_frames(content, name, zone=ZoneInfo("UTC"), received_at=datetime(2025, 1, 1, tzinfo=UTC))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


PACKERS = {"gzip": gzip.compress, "zstandard": zstandard.compress, "zip": lambda data: zipped({"a.csv": data})}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packed_files_are_told_by_content(pack):
    assert read(pack(LINES), "no-ending").frames["frame"].to_list() == [bytes.fromhex(FRAME)] * 2


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_pieces_one_after_another(pack):
    big = (FRAME + "\n").encode() * 5000
    assert read(pack(LINES) + pack(big)).frames.height == 5002


def test_gzip_padded_with_zeros():
    assert read(gzip.compress(LINES) + bytes(512)).frames.height == 2


def test_members_of_a_zip_are_files_of_their_own():
    csv = f"received_at,frame\n2025-01-02T00:00:00Z,{FRAME}\n2025-01-02T00:00:00Z,zz\n".encode()
    content = zipped({"day/": b"", "day/a.hex": LINES, "day/b.csv.gz": gzip.compress(csv)})
    file = read(content, "drop.zip")
    assert file.format == "hex,csv"
    assert file.frames.select("source_file", "source_line", "position").rows() == [
        ("drop.zip/day/a.hex", 1, "1.1"),
        ("drop.zip/day/a.hex", 2, "1.2"),
        ("drop.zip/day/b.csv.gz", 2, "2.2"),
    ]
    assert file.rejected.select("source_file", "position").rows() == [("drop.zip/day/b.csv.gz", "2.3")]
    assert read_telegrams(content, "drop.zip").height == 4


def test_names_in_a_zip_are_labels_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = read(zipped({"../../etc/evil\n.hex": LINES, "/abs.hex": LINES}), "drop.zip")
    assert file.frames["source_file"].unique(maintain_order=True).to_list() == [
        "drop.zip/../../etc/evil?.hex",
        "drop.zip//abs.hex",
    ]
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_cut_off(pack, keep: float):
    import random

    digits = random.Random(1).randbytes(20_000).hex().encode()
    packed = pack(digits)
    with pytest.raises(FrameFileError, match=r"delivery: .*damaged or cut off"):
        read(packed[: int(len(packed) * keep)])


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_last_byte_missing(pack):
    with pytest.raises(FrameFileError, match="cut off"):
        read(pack(LINES)[:-1])


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_flipped_bits(pack):
    packed = bytearray(pack(LINES * 100))
    packed[len(packed) // 2 - 20] ^= 0xFF
    with pytest.raises(FrameFileError, match="delivery"):
        read(bytes(packed))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_garbage_behind_packed_data(pack):
    with pytest.raises(FrameFileError, match="damaged"):
        read(pack(LINES) + b"garbage")


BOMBS = {
    "gzip": lambda: _gzip_bomb(400 << 20),
    "zstandard": lambda: zstandard.compress(bytes(400 << 20)),
    "zip": lambda: zipped({f"{n}.hex": bytes(50 << 20) for n in range(8)}),
}


def _gzip_bomb(size: int) -> bytes:
    stream = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    return b"".join([stream.compress(zeros) for _ in range(size >> 20)] + [stream.flush()])


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_before_they_fill_the_memory(bomb):
    packed = bomb()
    tracemalloc.start()
    try:
        with pytest.raises(FrameFileError, match=r"bomb\.gz: unpacks to more than"):
            read(packed, "bomb.gz")
        assert tracemalloc.get_traced_memory()[1] < 250 << 20
    finally:
        tracemalloc.stop()


def test_total_size_is_bounded(monkeypatch):
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    with pytest.raises(FrameFileError, match="unpacks to more than 1,000 bytes"):
        read(zipped({f"{n}.hex": LINES for n in range(40)}))


def test_encrypted_zip():
    packed = bytearray(zipped({"a.hex": LINES}))
    packed[6] |= 1  # general purpose flag of the member
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(FrameFileError, match="encrypted"):
        read(bytes(packed))


def test_unknown_packing_method():
    packed = bytearray(zipped({"a.hex": LINES}))
    packed[8] = packed[packed.index(b"PK\x01\x02") + 10] = 99
    with pytest.raises(FrameFileError, match="damaged"):
        read(bytes(packed))


def test_damaged_member_packed_in_a_rare_way():
    packed = bytearray(zipped({"a.hex": LINES * 100}, zipfile.ZIP_LZMA))
    packed[60:80] = bytes(20)
    with pytest.raises(FrameFileError, match="damaged"):
        read(bytes(packed))


def test_member_without_a_name():
    packed = bytearray(zipped({"a.hex": LINES}))
    entry = packed.index(b"PK\x01\x02")
    packed[entry + 28], packed[entry + 32] = 0, len("a.hex")  # what was the name becomes the comment
    with pytest.raises(FrameFileError, match="damaged"):
        read(bytes(packed))


def test_empty_zip():
    with pytest.raises(FrameFileError, match="holds no file"):
        read(zipped({}))


def test_a_member_that_is_no_frame_file_refuses_the_whole():
    with pytest.raises(FrameFileError, match=r"drop\.zip/readme\.txt: no frame file"):
        read(zipped({"a.hex": LINES, "readme.txt": b"Hello there\n"}), "drop.zip")
