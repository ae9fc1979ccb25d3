"""Written times: offsets, the zone, and the two hours of the year that are not like the others."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from decoders.framefiles import FrameFile, read_frames

FRAME = "680808680805727856341224B416"


def read(times: list[str], collectors: list[str] | None = None, zone: str = "Europe/Copenhagen") -> FrameFile:
    names = collectors or ["C1"] * len(times)
    rows = "".join(f"{time},{name},{FRAME}\n" for time, name in zip(times, names, strict=True))
    return read_frames(f"received_at,concentrator,frame\n{rows}".encode(), "x.csv", zone=ZoneInfo(zone))


def utc(*hours_minutes: tuple[int, int], day: datetime) -> list[datetime]:
    return [day.replace(hour=hour, minute=minute, tzinfo=UTC) for hour, minute in hours_minutes]


AUTUMN = datetime(2025, 10, 26)  # noqa: DTZ001
SPRING = datetime(2025, 3, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01T14:00:00+02:00",
        "2025-06-01T14:00:00.000000+0200",
        "2025-06-01 14:00:00+02",
        "2025-06-01T07:00:00-05:00",
        "2025-06-01T12:00Z",
        "2025-06-01T14:00:00",
        "2025-06-01 14:00",
    ],
)
def test_ways_to_write_an_instant(text: str):
    assert read([text]).frames["received_at"].to_list() == [datetime(2025, 6, 1, 12, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["yesterday", "2025-02-30T12:00:00Z", "2025-06-01", "12:00", "1748779200"])
def test_what_is_no_time_is_rejected(text: str):
    file = read(["2025-06-01T12:00:00Z", text])
    assert file.rejected["reason"].to_list() == ["bad time"]
    assert file.rejected["source_line"].to_list() == [3]


def test_a_missing_time_is_rejected_or_filled():
    assert read(["2025-06-01T12:00:00Z", ""]).rejected["reason"].to_list() == ["no time"]
    at = datetime(2025, 6, 2, tzinfo=UTC)
    text = f"received_at,frame\n2025-06-01T12:00:00Z,{FRAME}\n,{FRAME}\n".encode()
    filled = read_frames(text, "x", zone=ZoneInfo("UTC"), received_at=at)
    assert filled.frames["received_at"].to_list() == [datetime(2025, 6, 1, 12, tzinfo=UTC), at]


def test_autumn_hour_is_the_first_until_the_order_steps_back():
    file = read([f"2025-10-26T{t}:00" for t in ("01:50", "02:10", "02:50", "02:05", "02:40", "03:00")])
    expected = utc((23, 50), day=datetime(2025, 10, 25)) + utc((0, 10), (0, 50), (1, 5), (1, 40), (2, 0), day=AUTUMN)  # noqa: DTZ001
    assert file.frames["received_at"].to_list() == expected
    assert file.frames["extra"].null_count() == 6


def test_autumn_hour_of_each_collector_by_itself():
    times = [f"2025-10-26T02:{minute}:00" for minute in (30, 10, 40, 5, 20)]
    file = read(times, ["C1", "C2", "C1", "C1", "C2"])
    assert file.frames["received_at"].to_list() == utc((0, 30), (0, 10), (0, 40), (1, 5), (0, 20), day=AUTUMN)


def test_autumn_hour_in_disorder_is_never_guessed():
    file = read([f"2025-10-26T{t}:00" for t in ("02:30", "02:10", "02:20", "02:00", "04:00")])
    assert file.rejected["reason"].unique().to_list() == ["ambiguous local time (AMBIGUOUS_TIME)"]
    assert file.rejected["source_line"].to_list() == [2, 3, 4, 5]
    assert file.frames["received_at"].to_list() == utc((3, 0), day=AUTUMN)


def test_autumn_hour_with_offset_is_plain():
    file = read(["2025-10-26T02:30:00+01:00", "2025-10-26T02:30:00+02:00", "2025-10-26T02:10:00+01:00"])
    assert file.frames["received_at"].to_list() == utc((1, 30), (0, 30), (1, 10), day=AUTUMN)


def test_skipped_spring_time_moves_forward_and_says_so():
    file = read(["2025-03-30T01:59:59", "2025-03-30T02:30:00", "2025-03-30T03:00:00"])
    expected = [datetime(2025, 3, 30, 0, 59, 59, tzinfo=UTC), *utc((1, 30), (1, 0), day=SPRING)]
    assert file.frames["received_at"].to_list() == expected
    flags = [json.loads(text) if text else None for text in file.frames["extra"]]
    assert flags == [None, {"time_flag": "shifted_forward", "local_time": "2025-03-30T02:30:00"}, None]


def test_gap_of_half_an_hour():
    file = read(["2025-10-05T02:10:00"], zone="Australia/Lord_Howe")
    assert file.frames["received_at"].to_list() == [datetime(2025, 10, 4, 15, 40, tzinfo=UTC)]


def test_received_at_needs_an_offset():
    with pytest.raises(ValueError, match="offset"):
        read_frames(FRAME.encode(), "x", zone=ZoneInfo("UTC"), received_at=datetime(2025, 1, 1))  # noqa: DTZ001
