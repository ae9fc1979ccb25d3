"""Every format is recognised by its content and gives the frames of its lines."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from decoders.framefiles import FRAMES, REJECTED, read_frames

ZONE = ZoneInfo("Europe/Copenhagen")
AT = datetime(2025, 1, 15, 12, tzinfo=UTC)
WIRELESS = "2E44B4097856341233167A0100000000000000000000000000000000000000000000000000000000000000000000000000"[:94]
WIRED = "680808680805727856341224B416"
FIFO = "543D" + WIRELESS + "AA5513"


def frames_of(text: str, received_at: datetime | None = AT) -> pl.DataFrame:
    file = read_frames(text.encode(), "delivery", zone=ZONE, received_at=received_at)
    assert file.rejected.is_empty(), file.rejected
    return file.frames


def test_csv_in_any_column_order_keeps_other_columns():
    text = (
        "frame,lqi,received_at,rssi_dbm,concentrator,note\n"
        f'{WIRELESS},17,2025-01-15T12:00:00.250+01:00,-71.5,C-01,"a, ""b"""\n'
        f"{WIRED},,2025-01-15T11:00:01Z,,,\n"
    )
    file = read_frames(text.encode(), "delivery.csv", zone=ZONE)
    assert file.format == "csv"
    assert file.frames.schema == FRAMES
    assert file.rejected.schema == REJECTED
    first, second = file.frames.to_dicts()
    assert first["received_at"] == datetime(2025, 1, 15, 11, 0, 0, 250_000, tzinfo=UTC)
    assert (first["collector"], first["rssi_dbm"]) == ("C-01", -71.5)
    assert first["frame"] == bytes.fromhex(WIRELESS)
    assert json.loads(first["extra"]) == {"lqi": "17", "note": 'a, "b"'}
    assert (first["source_file"], first["source_line"], first["position"]) == ("delivery.csv", 2, "2")
    assert second["received_at"] == datetime(2025, 1, 15, 11, 0, 1, tzinfo=UTC)
    assert second["collector"] is second["rssi_dbm"] is None
    assert second["frame"] == bytes.fromhex(WIRED)


def test_csv_without_other_columns_has_no_extra():
    frames = frames_of(f"received_at,concentrator,rssi_dbm,frame\n2025-01-15T12:00:00Z,C1,-70,{WIRELESS}\n")
    assert frames["extra"].null_count() == 1


def test_csv_columns_that_hold_keys_are_not_kept():
    text = (
        f"received_at,frame,key_hex,lqi\n2025-01-15T12:00:00Z,{WIRELESS},{'AB' * 16},3\n2025-01-15T12:00:00Z,zz,x,3\n"
    )
    file = read_frames(text.encode(), "delivery", zone=ZONE)
    assert json.loads(file.frames["extra"][0]) == {"lqi": "3"}
    assert file.rejected["line"].to_list() == [None]


def test_unreadable_rssi_does_not_cost_the_frame():
    frames = frames_of(
        f"received_at,rssi_dbm,frame\n2025-01-15T12:00:00Z,weak,{WIRELESS}\n2025-01-15T12:00:00Z,nan,{WIRELESS}\n"
    )
    assert frames["rssi_dbm"].null_count() == 2
    assert [json.loads(text) for text in frames["extra"]] == [{"rssi_dbm": "weak"}, {"rssi_dbm": "nan"}]


def test_bare_hex_with_blanks_comments_and_separators():
    spaced = " ".join(WIRELESS[i : i + 2] for i in range(0, len(WIRELESS), 2))
    frames = frames_of(f"# a session\n\n{WIRELESS.lower()}\n  {spaced}  \n0x{WIRED}\n")
    assert frames["source_line"].to_list() == [3, 4, 5]
    assert frames["frame"].to_list() == [bytes.fromhex(WIRELESS)] * 2 + [bytes.fromhex(WIRED)]
    assert frames["received_at"].to_list() == [AT] * 3


def test_c_mode_dumps_keep_their_bytes():
    assert frames_of(FIFO)["frame"].to_list() == [bytes.fromhex(FIFO)]


def test_rtl_wmbus_lines_take_the_zone_and_leave_rssi_alone():
    line = f"C1;1;1;2019-04-03 19:00:42.000;97;148;88888888;0x{WIRELESS.lower()}"
    (frame,) = frames_of(line, None).to_dicts()
    assert frame["received_at"] == datetime(2019, 4, 3, 17, 0, 42, tzinfo=UTC)
    assert frame["rssi_dbm"] is None
    assert frame["frame"] == bytes.fromhex(WIRELESS)
    assert json.loads(frame["extra"]) == {
        "mode": "C1",
        "crc_ok": "1",
        "three_of_six_ok": "1",
        "packet_rssi": "97",
        "current_rssi": "148",
        "serial": "88888888",
    }


def test_logged_telegrams_count_from_the_given_time():
    frames = frames_of(f"telegram=|{WIRELESS[:20]}_{WIRELESS[20:]}|+0\ntelegram=|{WIRELESS}|+16\ntelegram=|{WIRED}|\n")
    assert frames["received_at"].to_list() == [AT, AT + timedelta(seconds=16), AT]
    assert frames["extra"].to_list() == ['{"offset_s":0}', '{"offset_s":16}', None]
    assert frames["frame"][0] == bytes.fromhex(WIRELESS)


def test_json_lines():
    lines = [
        {"telegram_hex": WIRELESS, "received_at": "2025-01-15T12:00:00+01:00", "rssi_dbm": -80, "concentrator": "C9"},
        {"frame": WIRED, "key_hex": "AB" * 16, "payload_hex": "2F2F"},
    ]
    frames = frames_of("\n".join(map(json.dumps, lines)))
    assert frames["received_at"].to_list() == [datetime(2025, 1, 15, 11, tzinfo=UTC), AT]
    assert frames["collector"].to_list() == ["C9", None]
    assert frames["rssi_dbm"].to_list() == [-80.0, None]
    assert frames["frame"].to_list() == [bytes.fromhex(WIRELESS), bytes.fromhex(WIRED)]
    assert "AB" * 16 not in str(frames.to_dicts())


def test_uplinks_are_receptions_of_their_device():
    event = {"data": "AAwG", "fPort": 2, "deviceInfo": {"devEui": "a1b2c3d4e5f60718"}, "time": "2025-01-15T11:00:00Z"}
    bad = [
        {"payload_hex": "000C06526761020C1497899900", "fport": 2},
        {**event, "deviceInfo": {"devEui": "A1B2"}},
        {**event, "data": ""},
    ]
    text = f'{{"telegram_hex": "{WIRELESS}"}}\n' + "\n".join(map(json.dumps, [event, *bad]))
    file = read_frames(text.encode(), "x", zone=ZONE, received_at=AT)
    assert file.frames.select("transport", "device_eui", "frame").rows() == [
        (None, None, bytes.fromhex(WIRELESS)),
        ("lorawan", "A1B2C3D4E5F60718", bytes.fromhex("000C06")),
    ]
    assert file.frames["received_at"][1] == datetime(2025, 1, 15, 11, tzinfo=UTC)
    assert file.rejected["reason"].to_list() == [
        "an uplink without a device EUI",
        "the device EUI is not 16 hex digits",
        "no frame",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(end: str, mark: bytes):
    text = end.join(["received_at,frame", f"2025-01-15T12:00:00Z,{WIRELESS}", "", f"2025-01-15T12:00:01Z,{WIRED}", ""])
    file = read_frames(mark + text.encode(), "x", zone=ZONE)
    assert file.frames["source_line"].to_list() == [2, 4]
    assert file.rejected.is_empty()


def _expected(folder: Path, name: str) -> dict[int, dict]:
    return {entry["line"]: entry for entry in json.loads((folder / f"{name}.expected.json").read_text())}


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["rtl_wmbus.txt", "logged_telegrams.txt", "c_mode_fifo.hex"])
def test_receiver_feeds_of_the_corpus(corpus: Path, name: str):
    expected = _expected(corpus / "feeds", Path(name).stem)
    cases = {}
    for line in (corpus / "constructed.jsonl").read_text().splitlines():
        case = json.loads(line)
        cases[case["case_id"]] = case
    file = read_frames((corpus / "feeds" / name).read_bytes(), name, zone=ZoneInfo("UTC"), received_at=AT)
    assert file.rejected.is_empty()
    assert file.frames["source_line"].to_list() == list(expected)
    for row in file.frames.to_dicts():
        entry = expected[row["source_line"]]
        telegram = bytes.fromhex(cases[entry["case_id"]]["telegram_hex"])
        if "received_at" in entry:
            assert row["received_at"] == datetime.fromisoformat(entry["received_at"]).replace(tzinfo=UTC)
            extra = json.loads(row["extra"])
            assert (extra["mode"], extra["crc_ok"]) == (entry["link_mode"], str(int(entry["crc_ok"])))
            assert extra["packet_rssi"] == str(entry["rssi"])
        if "offset_s" in entry:
            assert row["received_at"] == AT + timedelta(seconds=entry["offset_s"])
        if "trailing_bytes" in entry:
            end = len(row["frame"]) - entry["trailing_bytes"]
            assert row["frame"][2:end] == telegram
        elif cases[entry["case_id"]]["frame_format"] == "no_crc":
            assert row["frame"] == telegram
        else:  # the feed has the frame without its link CRCs
            assert row["frame"][1:10] == telegram[1:10]
