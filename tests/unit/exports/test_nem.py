from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from nemreader.nem_objects import Reading
from nemreader.nem_reader import NEMFile

from exports.base import BaseFormat
from exports.errors import ExportError
from tests.unit.exports.export_rows import WATER, rows, written
from tests.unit.exports.market_rows import ELECTRICITY, EXPORTED, adapted, hours, reading, table

PARTIES = {"sender": "MDP1", "receiver": "RETAIL"}
FORM = adapted("nem12", **PARTIES)
READINGS = adapted("nem13", **PARTIES)
MIDNIGHT = datetime(2026, 10, 24, 14, tzinfo=UTC)
"""Of market time, ten hours before UTC."""

NMI = ELECTRICITY["metering_point"]


def read(content: bytes) -> dict[str, dict[str, list[Reading]]]:
    readings: dict[str, dict[str, list[Reading]]] = (
        NEMFile("", strict=True).parse_nem_file(StringIO(content.decode())).readings
    )
    return readings


def lines(content: bytes) -> list[list[str]]:
    return [line.split(",") for line in content.decode().split("\r\n")]


def test_whole_day_is_as_it_was_checked() -> None:
    sent = table(hours(ELECTRICITY, ["0.25"] * 23 + ["1.2345"], start=MIDNIGHT))
    assert written(FORM, sent).decode() == (
        "100,NEM12,202610261500,MDP1,RETAIL\r\n"
        "200,6123456789,E1,1,E1,N1,35000001,KWH,60,\r\n"
        "300,20261025," + "0.250," * 23 + "1.235,A,,,20261026143000,\r\n"
        "900\r\n"
    )


def test_day_of_several_qualities_says_which_intervals_have_which() -> None:
    form = adapted("nem12", **PARTIES, qualities={"I": "S17", "E": "E52"})
    sent = table(
        hours(ELECTRICITY, ["1", "2"], start=MIDNIGHT),
        hours(ELECTRICITY, ["3", "4"], start=MIDNIGHT + timedelta(hours=2), quality="I"),
        hours(ELECTRICITY, [None], start=MIDNIGHT + timedelta(hours=4)),
        hours(ELECTRICITY, ["5"], start=MIDNIGHT + timedelta(hours=6), quality="R"),
        hours(ELECTRICITY, ["6"] * 17, start=MIDNIGHT + timedelta(hours=7), quality="E"),
    )
    content = written(form, sent)
    assert [line for line in lines(content) if line[0] == "400"] == [
        ["400", "1", "2", "A", "", ""],
        ["400", "3", "4", "S17", "", ""],
        ["400", "5", "7", "N", "", ""],
        ["400", "8", "24", "E52", "", ""],
    ]
    day = read(content)[NMI]["E1"]
    assert [interval.read_value for interval in day] == [1, 2, 3, 4, None, None, None, *[6] * 17]
    assert [interval.quality_method for interval in day] == ["A"] * 2 + ["S17"] * 2 + ["N"] * 3 + ["E52"] * 17
    assert (day[0].t_start, day[-1].t_end) == (datetime(2026, 10, 25), datetime(2026, 10, 26))  # noqa: DTZ001


def test_days_are_those_of_market_time_whatever_the_clocks_of_the_place() -> None:
    """The 25 hours of a local day in Copenhagen lie in two days of market time."""
    content = written(FORM, table(hours(ELECTRICITY, [str(hour) for hour in range(25)])))
    days = [line for line in lines(content) if line[0] == "300"]
    assert [line[1] for line in days] == ["20261025", "20261026"]
    assert [line[26] for line in days] == ["V", "V"]
    values = read(content)[NMI]["E1"]
    assert [interval.read_value for interval in values if interval.quality_method == "A"] == list(range(25))
    first = next(interval for interval in values if interval.quality_method == "A")
    assert first.t_start == datetime(2026, 10, 25, 8)  # noqa: DTZ001
    place = adapted("nem12", **PARTIES, utc_offset_h=8)
    assert read(written(place, table(hours(ELECTRICITY, ["1"]))))[NMI]["E1"][6].read_value == 1


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_length_of_intervals_is_that_of_the_rows(minutes: int) -> None:
    steps = [MIDNIGHT + timedelta(minutes=minutes) * step for step in range(3)]
    sent = rows(*({**hours(ELECTRICITY, ["1"])[0], "period_start": a, "period_end": b} for a, b in pairwise(steps)))
    day = read(written(FORM, sent))[NMI]["E1"]
    assert len(day) == 24 * 60 // minutes
    assert [interval.read_value for interval in day[:3]] == [1, 1, None]


def test_registers_are_streams_of_one_configuration() -> None:
    content = written(FORM, table(hours(EXPORTED, ["1"]), hours(ELECTRICITY, ["2"])))
    details = [line for line in lines(content) if line[0] == "200"]
    assert [(line[2], line[4]) for line in details] == [("B1E1", "B1"), ("B1E1", "E1")]
    assert {suffix: len(values) for suffix, values in read(content)[NMI].items()} == {"B1": 24, "E1": 24}


def test_meters_that_followed_each_other_have_a_line_200_each() -> None:
    after = {**ELECTRICITY, "meter_id": "KAM-35000002-1c-02", "serial": "35000002"}
    content = written(FORM, table(hours(ELECTRICITY, ["1"]), hours(after, ["2"], start=MIDNIGHT + timedelta(days=1))))
    assert [line[6] for line in lines(content) if line[0] == "200"] == ["35000001", "35000002"]


def test_pieces_make_no_difference_and_a_file_begins_and_ends_once() -> None:
    other = {**ELECTRICITY, "metering_point": "6123456790"}
    sent = table(hours(ELECTRICITY, ["1"] * 30), hours(other, ["2"]))
    content = written(FORM, sent[:30], sent[30:])
    assert content == written(FORM, sent)
    assert [line[0] for line in lines(content)] == [
        "100",
        "200",
        "300",
        "400",
        "400",
        "300",
        "400",
        "400",
        "200",
        "300",
        "400",
        "400",
        "400",
        "900",
        "",
    ]
    assert [line[0] for line in lines(written(FORM))] == ["100", "900", ""]


def test_readings_go_out_in_pairs() -> None:
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)
    sent = rows(
        reading(ELECTRICITY, first, "100.1234"),
        reading(ELECTRICITY, first + timedelta(days=1), None, quality="N"),
        reading(ELECTRICITY, first + timedelta(days=2), "107.8766", quality="A"),
        reading(ELECTRICITY, first + timedelta(days=3), "108"),
    )
    content = written(READINGS, sent)
    assert content.decode() == (
        "100,NEM13,202610261500,MDP1,RETAIL\r\n"
        "250,6123456789,E1,1,E1,N1,35000001,E,100.123,20261025080000,A,,,107.877,20261027080000,A,,,7.754,KWH,,20261026143000,\r\n"
        "250,6123456789,E1,1,E1,N1,35000001,E,107.877,20261027080000,A,,,108.000,20261028080000,A,,,0.123,KWH,,20261026143000,\r\n"
        "900\r\n"
    )
    pair = read(content)[NMI]["E1"][0]
    assert (pair.val_start, pair.val_end, pair.read_value) == (100.123, 107.877, 7.754)


@pytest.mark.parametrize(
    ("form", "sent", "reason"),
    [
        (
            FORM,
            hours(WATER | {"metering_point": "6123456780"}, ["1"]),
            "metering point 6123456780, volume_m3, .*: the register has no NMI suffix",
        ),
        (FORM, hours({**ELECTRICITY, "metering_point": None}, ["1"]), "metering_point is not known"),
        (FORM, hours({**ELECTRICITY, "metering_point": "61234567890"}, ["1"]), "up to 10 letters and digits"),
        (FORM, hours({**ELECTRICITY, "metering_point": "a,b"}, ["1"]), "up to 10 letters and digits"),
        (FORM, hours({**ELECTRICITY, "serial": "1234567890123"}, ["1"]), "serial number has up to 12"),
        (FORM, hours(ELECTRICITY, ["1"], quality="I"), "its quality has no code"),
        (FORM, hours({**ELECTRICITY, "unit": "MJ"}, ["1"]), "its unit has no unit of measure"),
        (
            FORM,
            hours(ELECTRICITY, ["1"], start=MIDNIGHT + timedelta(minutes=30)),
            "not begin on the grid of market time",
        ),
        (FORM, hours(ELECTRICITY, ["1"], period_end=MIDNIGHT), "an interval has 5, 15, 30 or 60 minutes"),
        (READINGS, [reading(ELECTRICITY, MIDNIGHT, "1")], "no other reading in the file"),
        (READINGS, [reading(ELECTRICITY, MIDNIGHT, "9" * 12)] * 2, "a register reading has 15 characters"),
    ],
)
def test_row_that_cannot_be_expressed_fails_the_file_or_is_left_out(
    form: BaseFormat, sent: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(ExportError, match=reason) as raised:
        written(form, table(sent))
    assert "Bakery" not in str(raised.value)
    lenient = form.model_copy(update={"skip_unmapped": True})
    assert [line[0] for line in lines(written(lenient, table(sent)))] == ["100", "900", ""]


def test_register_that_went_back_is_no_pair() -> None:
    sent = rows(reading(ELECTRICITY, MIDNIGHT, "5"), reading(ELECTRICITY, MIDNIGHT + timedelta(hours=1), "4"))
    with pytest.raises(ExportError, match="lower than the reading before"):
        written(READINGS, sent)


def test_intervals_of_two_lengths_are_refused() -> None:
    half = {**hours(ELECTRICITY, ["1"], start=MIDNIGHT + timedelta(hours=1))[0]}
    half["period_end"] = half["period_start"] + timedelta(minutes=30)
    with pytest.raises(ExportError, match="other intervals have another length"):
        written(FORM, rows(*hours(ELECTRICITY, ["1"], start=MIDNIGHT), half))


@pytest.mark.parametrize("name", ["nem12", "nem13"])
def test_participants_have_to_be_set(name: str) -> None:
    with pytest.raises(ExportError, match="needs a sender and a receiver"):
        written(adapted(name, sender="MDP1"))


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("nem12", {"content": "readings"}, "NEM12 has intervals within a day"),
        ("nem12", {"content": "daily"}, "NEM12 has intervals within a day"),
        ("nem13", {"content": "hourly"}, "NEM13 has register readings"),
        ("nem12", {"qualities": {"I": "S"}}, "qualities"),
        ("nem12", {"missing": "0"}, "missing"),
        ("nem12", {"sender": "a,b"}, "sender"),
    ],
)
def test_settings_that_the_market_has_not_are_refused(name: str, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        adapted(name, **settings)
