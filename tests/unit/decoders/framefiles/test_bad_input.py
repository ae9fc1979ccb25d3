"""Bad lines are rejected rows, bad files are refused, nothing is lost and nothing moves."""

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoders.framefiles import FrameFile, FrameFileError, read_frames, read_telegrams

WIRED = "680808680805727856341224B416"
AT = datetime(2025, 1, 1, tzinfo=UTC)
HEADER = "received_at,concentrator,rssi_dbm,frame"
GOOD = f"2025-01-01T00:00:00Z,C1,-70,{WIRED}"


def read(content: bytes | str, received_at: datetime | None = AT) -> FrameFile:
    data = content.encode() if isinstance(content, str) else content
    return read_frames(data, "delivery.csv", zone=ZoneInfo("Europe/Copenhagen"), received_at=received_at)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"2025-01-01T00:00:00Z,C1,{WIRED}", "not 4 fields"),
        (f"{GOOD},more", "not 4 fields"),
        (f'2025-01-01T00:00:00Z,"C1,-70,{WIRED}', "stray quote or not 4 fields"),
        (f'2025-01-01T00:00:00Z,C"1,-70,{WIRED}', "stray quote or not 4 fields"),
        (f'2025-01-01T00:00:00Z,"C,1",{WIRED}', "stray quote or not 4 fields"),
        (HEADER, "repeated header"),
        ("2025-01-01T00:00:00Z,C1,-70,", "no frame"),
        ("2025-01-01T00:00:00Z,C1,-70,hello!", "no hex"),
        (f"2025-01-01T00:00:00Z,C1,-70,{WIRED[:-1]}", "odd number of hex digits"),
        ("2025-01-01T00:00:00Z,C1,-70,680000680816", "fewer bytes than a header"),
        ("2025-01-01T00:00:00Z,C1,-70,2E44B409785634123316", "fewer bytes than a header"),
        (f"2025-01-01T00:00:00Z,C1,-70,{'44' * 1025}", "more bytes than a frame can have"),
        (f"soon,C1,-70,{WIRED}", "bad time"),
        ("not a line at all", "not 4 fields"),
    ],
)
def test_a_bad_line_spoils_no_other(line: str, reason: str):
    file = read("\n".join([HEADER, GOOD, line, GOOD, "", GOOD]) + "\n")
    assert file.rejected.select("source_file", "source_line", "reason", "line").rows() == [
        ("delivery.csv", 3, reason, line[:200])
    ]
    assert file.frames["source_line"].to_list() == [2, 4, 6]


def test_bytes_that_are_not_utf8_spoil_their_line():
    file = read(b"\n".join([HEADER.encode(), GOOD.encode(), GOOD.replace("C1", "Kælder").encode("latin-1")]))
    assert file.rejected.select("source_line", "reason").rows() == [(3, "unreadable bytes")]


def test_zeros_of_a_crashed_writer_spoil_their_line():
    file = read(f"{HEADER}\n{GOOD}\n2025-01-01T00".encode() + bytes(4000))
    assert file.frames.height == 1
    assert file.rejected.select("source_line", "reason").rows() == [(3, "unreadable bytes")]


def test_a_csv_cut_off_in_its_last_line():
    file = read("\n".join([HEADER, GOOD, GOOD])[:-5])
    assert file.frames.height == 1
    assert file.rejected["reason"].to_list() == ["odd number of hex digits"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("C1;1;1;2019-04-03 19:00:42.000;97;148;88888888", "not an rtl_wmbus line"),
        ("C1;1;1;noon;97;148;88888888;0x" + WIRED, "bad time"),
        ("C1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x", "no frame"),
        ("rtl_wmbus: started", "not an rtl_wmbus line"),
    ],
)
def test_bad_rtl_wmbus_lines(text: str, reason: str):
    file = read(f"{text}\nC1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x{WIRED}\n", None)
    assert file.format == "rtl_wmbus"
    assert file.rejected.select("source_line", "reason").rows() == [(1, reason)]


@pytest.mark.parametrize(
    ("text", "reason", "shown"),
    [
        ('{"telegram_hex": "6808', "no JSON object", True),
        ('{"telegram_hex": "6808", "key_hex": "AB', "no JSON object", False),
        ("hello", "no JSON object", True),
        ("[1, 2]", "no JSON object", True),
        ('{"telegram_hex": null}', "no frame", True),
        ("{}", "no frame", True),
    ],
)
def test_bad_json_lines_never_show_a_key(text: str, reason: str, shown: bool):
    good = f'{{"telegram_hex": "{WIRED}"}}\n'
    file = read(f"{good}{text}\n{good}")
    assert file.rejected.select("source_line", "reason", "line").rows() == [(2, reason, text if shown else None)]
    assert file.frames.height == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n  \n# only comments\n", "nothing but blanks"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "UTF-16"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16-le"), "UTF-16"),
        ("måling;værdi\nå;ø\n".encode("latin-1"), "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1", "binary"),
        (b"<html><body>502 Bad Gateway</body></html>", "no frame file"),
        (b"received_at,concentrator,rssi_dbm\n2025-01-01T00:00:00Z,C1,-70\n", "column 'frame' is missing"),
        (f"frame,Frame\n{WIRED},{WIRED}\n".encode(), r"\['frame'\] twice"),
        (f"2025-01-01T00:00:00Z,C1,-70,{WIRED}\n".encode(), "header received_at,concentrator,rssi_dbm,frame"),
        (
            b"manufacturer,serial,version,device_type,key\nKAM,12345678,1b,16,00112233445566778899AABBCCDDEEFF\n",
            "no frame",
        ),
    ],
)
@pytest.mark.parametrize("reader", [read, lambda content: read_telegrams(content, "delivery.csv")])
def test_a_file_that_is_no_frame_file_is_refused(content: bytes, message: str, reader):
    with pytest.raises(FrameFileError, match=f"^delivery.csv: .*{message}") as raised:
        reader(content)
    assert "00112233" not in str(raised.value)


def test_a_header_alone_is_an_hour_in_which_nothing_was_heard():
    file = read(f"{HEADER}\n", None)
    assert (file.format, file.frames.height, file.rejected.height) == ("csv", 0, 0)


@pytest.mark.parametrize("text", [WIRED, f"frame\n{WIRED}", f"telegram=|{WIRED}|+3", f'{{"frame":"{WIRED}"}}'])
def test_frames_without_times_ask_for_them(text: str):
    with pytest.raises(FrameFileError, match="--received-at"):
        read(text, None)
    assert read(text).frames.height == 1


def test_a_line_that_may_hold_a_key_is_not_shown():
    file = read(f"{WIRED}\nKey: 00112233445566778899AABBCCDDEEFF\n")
    assert file.rejected.select("source_line", "reason", "line").rows() == [(2, "no hex", None)]


def test_a_long_line_is_shown_short():
    file = read(f"{HEADER}\n{GOOD}\n{'x' * 5000}\n")
    assert file.rejected["line"].str.len_chars().to_list() == [200]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_readers(content: bytes):
    for reader in (read, lambda data: read_telegrams(data, "delivery.csv")):
        with contextlib.suppress(FrameFileError):
            reader(content)


FRAGMENT = st.sampled_from(
    [
        GOOD,
        HEADER,
        WIRED,
        "",
        "#",
        ",",
        '"',
        '""',
        "68",
        "{",
        "}",
        '{"frame":"68"}',
        ";",
        "|",
        "telegram=|68|+1",
        "\r",
        "ü",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(FRAGMENT, max_size=3).map("".join), max_size=8))
def test_every_line_is_a_frame_or_a_rejected_row(lines: list[str]):
    text = "\n".join([HEADER, *lines])
    file = read(text)
    significant = [
        number
        for number, line in enumerate(text.split("\n")[1:], start=2)
        if line.strip() and not line.strip().startswith("#")
    ]
    rows = file.frames["source_line"].to_list() + file.rejected["source_line"].to_list()
    assert sorted(rows) == significant
