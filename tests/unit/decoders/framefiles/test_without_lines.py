"""Frame files with some lines blank: the others keep their places."""

import gzip
import io
import zipfile
from zoneinfo import ZoneInfo

import pytest

from decoders.framefiles import read_frames, without_lines

ZONE = ZoneInfo("UTC")
FRAME = "1E44A511907856341B168C2027900F002C25"
CSV = "received_at,frame\r\n" + "".join(f"2026-01-0{day}T00:00:00Z,{FRAME}{day:02}\r\n" for day in range(1, 4))


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    return content.getvalue()


@pytest.mark.parametrize("packed", [CSV.encode(), gzip.compress(CSV.encode())], ids=["plain", "gzip"])
def test_of_one_file(packed: bytes) -> None:
    left = without_lines(packed, "a.csv", {"3"})
    frames = read_frames(left, "a.csv", zone=ZONE).frames
    assert frames["position"].to_list() == ["2", "4"]
    assert f"{FRAME}02".encode() not in left


def test_of_a_member_of_an_archive() -> None:
    packed = zipped(first=CSV.encode(), second=gzip.compress(CSV.encode()))
    left = without_lines(packed, "a.zip", {"2.2", "2.4"})
    before, after = (read_frames(content, "a.zip", zone=ZONE).frames for content in (packed, left))
    assert after["position"].to_list() == ["1.2", "1.3", "1.4", "2.3"]
    assert after.equals(before.filter(~before["position"].is_in(["2.2", "2.4"])))
