from datetime import timedelta
from decimal import Decimal

import pytest
from pydifact.segmentcollection import Interchange, Message

from exports.errors import ExportError
from tests.unit.exports.export_rows import ENERGY, FACTS, NIGHT, STOCK, VOLUME, WATER, rows, written
from tests.unit.exports.market_rows import ELECTRICITY, adapted, hours, reading, table

pytestmark = pytest.mark.filterwarnings("ignore:segments.xml not found")  # the library has no directory D.04B

PARTIES = {
    "sender": {"id": "9900123000003"},
    "receiver": {"id": "4012345000009", "interchange_code": "14", "agency": "9"},
}
FORM = adapted("mscons", **PARTIES, association="2.3c", check_identifier="13005", application="TL")
INTERVALS = adapted("mscons-intervals", **PARTIES)
FIRST, SECOND = NIGHT


def messages(content: bytes) -> list[Message]:
    return list(Interchange.from_str(content.decode("latin-1")).get_messages())


def segments(message: Message, tag: str) -> list[list[object]]:
    return [segment.elements for segment in message.get_segments(tag)]


def test_readings_are_as_they_were_checked() -> None:
    sent = rows(
        reading(WATER, FIRST, "1234.5"), reading(ENERGY, FIRST, "98765.4321"), reading(VOLUME, FIRST, "12", quality="X")
    )
    assert written(FORM, sent).decode("latin-1").replace("'", "'\n") == (
        "UNA:+.? '\n"
        "UNB+UNOC:3+9900123000003:500+4012345000009:14+261026:0500+42++TL'\n"
        "UNH+1+MSCONS:D:04B:UN:2.3c'\n"
        "BGM+7+42-1+9'\n"
        "DTM+137:202610260500?+00:303'\n"
        "RFF+Z13:13005'\n"
        "NAD+MS+9900123000003::293'\n"
        "NAD+MR+4012345000009::9'\n"
        "UNS+D'\n"
        "NAD+DP'\n"
        "LOC+172+P1'\n"
        "DTM+9:20261025:102'\n"
        "RFF+MG:91234567'\n"
        "LIN+1'\n"
        "PIA+5+8-0?:1.0.0:SRW'\n"
        "QTY+220:1234.500'\n"
        "UNT+15+1'\n"
        "UNH+2+MSCONS:D:04B:UN:2.3c'\n"
        "BGM+7+42-2+9'\n"
        "DTM+137:202610260500?+00:303'\n"
        "RFF+Z13:13005'\n"
        "NAD+MS+9900123000003::293'\n"
        "NAD+MR+4012345000009::9'\n"
        "UNS+D'\n"
        "NAD+DP'\n"
        "LOC+172+P2'\n"
        "DTM+9:20261025:102'\n"
        "RFF+MG:91234568'\n"
        "LIN+1'\n"
        "PIA+5+6-0?:1.0.0:SRW'\n"
        "QTY+220:98765.432'\n"
        "LIN+2'\n"
        "PIA+5+6-0?:2.0.0:SRW'\n"
        "QTY+67:12.000'\n"
        "UNT+18+2'\n"
        "UNZ+2+42'\n"
    )


def test_intervals_are_read_back_with_their_instants_and_qualities() -> None:
    sent = table(
        hours(ELECTRICITY, ["0.125", "0.250"]),
        hours(ELECTRICITY, ["1.5"], start=FACTS.period_from + timedelta(hours=2), quality="I", method="LIN"),
        hours(ELECTRICITY, [None, "9"], start=FACTS.period_from + timedelta(hours=3), quality="R"),
    )
    (message,) = messages(written(INTERVALS, sent))
    assert segments(message, "QTY") == [[["220", "0.125", "KWH"]], [["220", "0.250", "KWH"]], [["67", "1.500", "KWH"]]]
    begins = [part[0] for part in segments(message, "DTM") if part[0][0] == "163"]
    assert begins == [["163", f"20261024{hour}00+00", "303"] for hour in (22, 23)] + [["163", "202610250000+00", "303"]]
    assert segments(message, "PIA") == [["5", ["1-0:1.8.0", "SRW"]]]
    assert segments(message, "RFF") == []
    assert [segment.tag for segment in message.segments][-3:] == ["QTY", "DTM", "DTM"]


def test_segments_and_messages_are_counted_as_the_standard_counts() -> None:
    sent = table(hours(ELECTRICITY, ["1", "2", "3"]), hours(WATER, ["4"]))
    content = written(INTERVALS, sent[:3], sent[3:]).decode()
    units = content.split("'")
    counted, begun = [], 0
    for place, unit in enumerate(units):
        begun = place if unit.startswith("UNH") else begun
        if unit.startswith("UNT"):
            counted.append((unit, place - begun + 1))
    assert [unit for unit, _ in counted] == [f"UNT+{count}+{number}" for number, (_, count) in enumerate(counted, 1)]
    assert units[-2:] == ["UNZ+2+42", ""]
    assert content.encode() == written(INTERVALS, sent)


def test_reserved_characters_come_back_as_they_were() -> None:
    name = "Bäckerei 'Zur Post': 50+1?"
    (message,) = messages(written(FORM, rows(reading({**WATER, "metering_point": name}, FIRST, "1"))))
    assert segments(message, "LOC") == [["172", name]]


def test_readings_of_two_instants_have_a_group_each() -> None:
    form = adapted("mscons", **PARTIES, reading_dates="instant", meter="meter_number")
    sent = rows(reading(WATER, FIRST, "1"), reading(WATER, SECOND, "2"))
    (message,) = messages(written(form, sent))
    assert [part[0] for part in segments(message, "DTM")][1:] == [
        ["9", "202610250000+00", "303"],
        ["9", "202610250100+00", "303"],
    ]
    assert segments(message, "RFF") == [[["MG", "W-1"]], [["MG", "W-1"]]]
    assert segments(message, "LIN") == [["1"], ["2"]]


def test_codes_of_the_format_go_before_those_of_the_layout() -> None:
    form = adapted("mscons", **PARTIES, obis={"volume_m3": "7-0:3.0.0"}, qualities={"M": "Z18"}, decimals=0)
    (message,) = messages(written(form, rows(reading(WATER, FIRST, "1.5"))))
    assert segments(message, "PIA") == [["5", ["7-0:3.0.0", "SRW"]]]
    assert segments(message, "QTY") == [[["Z18", "2"]]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (STOCK, "meter DME-00000042-70-07, volume_m3, .*: it belongs to no metering point"),
        ({**WATER, "metering_point": "x" * 36}, "LOC.172 has 35 characters"),
        ({**WATER, "metering_point": "P1\n"}, "characters that ISO 8859-1 lacks"),
        ({**WATER, "metering_point": "Ż1"}, "characters that ISO 8859-1 lacks"),
        ({**WATER, "obis": None}, "metering point P1, volume_m3, .*: the register has no OBIS identifier"),
        ({**WATER, "serial": None}, "serial is not known of the meter"),
    ],
)
def test_row_that_cannot_be_expressed_fails_the_file_or_is_left_out(row: dict[str, object], reason: str) -> None:
    sent = rows(reading(ENERGY, FIRST, "1"), reading(row, FIRST, "1"))
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, sent)
    assert "Bakery" not in str(raised.value)
    assert len(messages(written(adapted("mscons", **PARTIES, skip_unmapped=True), sent))) == 1


def test_two_readings_of_a_date_cannot_be_told_apart() -> None:
    with pytest.raises(ExportError, match="another reading has the same date"):
        written(FORM, rows(reading(WATER, FIRST, "1"), reading(WATER, SECOND, "2")))


def test_unit_without_a_code_fails_intervals() -> None:
    with pytest.raises(ExportError, match="its unit has no code"):
        written(INTERVALS, table(hours({**WATER, "unit": "gal"}, ["1"])))


@pytest.mark.parametrize("absent", ["sender", "receiver"])
def test_parties_have_to_be_set(absent: str) -> None:
    with pytest.raises(ExportError, match="needs a sender and a receiver"):
        written(adapted("mscons", **{**PARTIES, absent: None}), rows(reading(WATER, FIRST, "1")))


def test_interchange_without_a_message_is_refused() -> None:
    with pytest.raises(ExportError, match="nothing to send"):
        written(FORM, rows({**WATER, "measured_at": FIRST, "value": Decimal("1"), "quality": "R"}))


@pytest.mark.parametrize(
    "settings", [{"sender": {"id": "a'b"}}, {"meter": "customer_name"}, {"qualities": {"M": "2+2"}}]
)
def test_settings_that_would_break_the_file_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ExportError, match="not understood"):
        adapted("mscons", **settings)
