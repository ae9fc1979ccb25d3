from typing import Any
from xml.etree import ElementTree as ET

import pytest

from exports.errors import ExportError
from exports.meter_readings import NAMESPACE
from tests.unit.exports.export_rows import ENERGY, FACTS, NIGHT, STOCK, VOLUME, WATER, rows, written
from tests.unit.exports.market_rows import ELECTRICITY, EXPORTED, adapted, hours, reading, table
from tests.unit.exports.test_espi import tree

FORM = adapted("meter-readings")
FIRST, SECOND = NIGHT


def find(root: ET.Element, path: str) -> list[ET.Element]:
    return root.findall(path, {"": NAMESPACE})


def types(content: bytes) -> list[str]:
    return [kind.attrib["ref"] for kind in find(tree(content), ".//ReadingType")]


def test_readings_are_as_they_were_checked() -> None:
    sent = rows(
        reading(STOCK, FIRST, "0"), reading(WATER, FIRST, "1234.5"), reading(WATER, SECOND, "1235", quality="X")
    )
    assert written(FORM, sent).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#">\n'
        "<MeterReading><Meter><Names><name>DME-00000042-70-07</name></Names></Meter>\n"
        "<Readings><timeStamp>2026-10-25T00:00:00Z</timeStamp><value>0.000</value>"
        '<ReadingQualities><ReadingQualityType ref="3.0.0"/></ReadingQualities>'
        '<ReadingType ref="0.0.0.1.1.9.58.0.0.0.0.0.0.0.0.0.42.0"/></Readings>\n'
        "</MeterReading>\n"
        "<MeterReading><Meter><Names><name>KAM-91234567-1b-16</name></Names></Meter>\n"
        "<Readings><timeStamp>2026-10-25T00:00:00Z</timeStamp><value>1234.500</value>"
        '<ReadingQualities><ReadingQualityType ref="3.0.0"/></ReadingQualities>'
        '<ReadingType ref="0.0.0.1.1.9.58.0.0.0.0.0.0.0.0.0.42.0"/></Readings>\n'
        "<Readings><timeStamp>2026-10-25T01:00:00Z</timeStamp><value>1235.000</value>"
        '<ReadingQualities><ReadingQualityType ref="3.7.0"/></ReadingQualities>'
        '<ReadingType ref="0.0.0.1.1.9.58.0.0.0.0.0.0.0.0.0.42.0"/></Readings>\n'
        "<UsagePoint><Names><name>P1</name></Names></UsagePoint></MeterReading>\n"
        "</MeterReadings>\n"
    )


def test_reading_types_have_18_parts_for_every_medium() -> None:
    cooling = {**ENERGY, "register": "cooling_energy_kwh", "medium": "heat_cooling"}
    given = (ELECTRICITY, EXPORTED, cooling, ENERGY, VOLUME)
    assert types(written(FORM, rows(*(reading(row, FIRST, "1") for row in given)))) == [
        "0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0",
        "0.0.0.1.19.1.12.0.0.0.0.0.0.0.0.3.72.0",
        "0.0.0.1.1.13.12.0.0.0.0.0.0.0.0.3.72.0",
        "0.0.0.1.1.12.12.0.0.0.0.0.0.0.0.3.72.0",
        "0.0.0.1.1.12.58.0.0.0.0.0.0.0.0.0.42.0",
    ]


@pytest.mark.parametrize(
    ("content", "begin"),
    [("hourly", "0.0.7.4.1.9"), ("daily", "11.0.0.4.1.9"), ("monthly", "13.0.0.4.1.9"), ("yearly", "32.0.0.4.1.9")],
)
def test_consumption_is_stamped_with_the_end_of_its_period(content: str, begin: str) -> None:
    sent = table(hours(WATER, ["0.125", None], period_end=FACTS.period_to))
    document = written(adapted("meter-readings", content=content), sent)
    assert [kind[: len(begin)] for kind in types(document)] == [begin]
    (values,) = find(tree(document), ".//Readings")
    assert [(part.tag.partition("}")[2], part.text) for part in values.iter() if part.text] == [
        ("timeStamp", "2026-10-25T23:00:00Z"),
        ("value", "0.125"),
        ("end", "2026-10-25T23:00:00Z"),
        ("start", "2026-10-24T22:00:00Z"),
    ]


def test_names_are_escaped_and_codes_of_the_format_go_first() -> None:
    form = adapted(
        "meter-readings",
        meter="meter_number",
        namespace="urn:example",
        reading_types={"flow_temp_c": "0.0.0.6.0.12.46.0.0.0.0.0.0.0.0.0.23.0"},
        qualities={"M": "2.0.1"},
        decimals=1,
    )
    row = {**ENERGY, "register": "flow_temp_c", "unit": "degC", "meter_number": '<&"', "metering_point": "A & B"}
    document = written(form, rows(reading(row, FIRST, "61.25")))
    root = tree(document)
    assert [name.text for name in root.iter("{urn:example}name")] == ['<&"', "A & B"]
    assert [kind.attrib["ref"] for kind in root.iter("{urn:example}ReadingQualityType")] == ["2.0.1"]
    assert [kind.attrib["ref"] for kind in root.iter("{urn:example}ReadingType")] == [
        "0.0.0.6.0.12.46.0.0.0.0.0.0.0.0.0.23.0"
    ]
    assert [value.text for value in root.iter("{urn:example}value")] == ["61.3"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {**WATER, "register": "flow_temp_c"},
            "metering point P1, flow_temp_c, .*: its register and medium have no reading",
        ),
        ({**WATER, "medium": "other"}, "its register and medium have no reading type"),
        ({**WATER, "medium": None}, "its register and medium have no reading type"),
        ({**STOCK, "meter_id": None}, "neither a meter nor a metering point"),
        ({**WATER, "metering_point": "P\x02"}, "characters that XML has not"),
    ],
)
def test_row_that_cannot_be_expressed_fails_the_file_or_is_left_out(row: dict[str, Any], reason: str) -> None:
    sent = rows(reading(row, FIRST, "1"), reading(ENERGY, FIRST, "1"))
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, sent)
    assert "Bakery" not in str(raised.value)
    assert len(types(written(adapted("meter-readings", skip_unmapped=True), sent))) == 1


@pytest.mark.parametrize(
    "settings", [{"namespace": 'x"'}, {"reading_types": {"volume_m3": "1.2.3"}}, {"qualities": {"M": "<"}}]
)
def test_settings_that_would_break_the_document_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match="not understood"):
        adapted("meter-readings", **settings)
