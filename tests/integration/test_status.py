"""The status byte of the transport layer, from frames to episodes."""

from pathlib import Path

from tests.integration.installations import House


def frame(access_no: int, status: int) -> str:
    """ABC-90000001-01-07 with a short header."""
    body = bytes.fromhex("444304010000900107" + f"7A{access_no:02X}{status:02X}0000" + "0413D2040000")
    return (bytes([len(body)]) + body).hex()


def test_errors_in_the_status_byte_are_episodes(house: House, tmp_path: Path) -> None:
    (tmp_path / "meters.csv").write_text("manufacturer,serial,version,device_type\nABC,90000001,01,07\n")
    assert house.take("meters", tmp_path / "meters.csv") == 0
    lines = [f"2025-10-21T0{hour}:00:00Z,{frame(hour, status)}" for hour, status in enumerate((0, 4, 12, 0, 1))]
    (tmp_path / "frames.csv").write_text("received_at,frame\n" + "\n".join(lines) + "\n")
    assert house.ingest(tmp_path / "frames.csv") == 0
    assert house.ask("select status from readings order by measured_at")["status"].to_list() == [0, 4, 12, 0, 1]
    events = house.ask(
        "select code, hour(first_seen), hour(last_seen), hour(cleared_at), priority from info_code_events order by all"
    )
    assert events.rows() == [
        ("STATUS_LOW_POWER", 1, 2, 3, "normal"),
        ("STATUS_PERMANENT_ERROR", 2, 2, 3, "high"),
    ]
