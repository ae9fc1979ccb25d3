from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET
from xml.parsers import expat

import pytest
from greenbutton_objects import enums, parse, resources

from exports.errors import ExportError
from tests.unit.exports.export_rows import ENERGY, FACTS, STOCK, VOLUME, WATER, rows, written
from tests.unit.exports.market_rows import ELECTRICITY, EXPORTED, adapted, hours, table

FORM = adapted("espi")
SPACES = {"atom": "http://www.w3.org/2005/Atom", "espi": "http://naesb.org/espi"}


def read(content: bytes) -> list[resources.UsagePoint]:
    points: list[resources.UsagePoint] = parse.parse_feed(BytesIO(content))
    return points


def values(point: resources.UsagePoint) -> dict[int, list[float]]:
    """Values by direction of flow."""
    return {
        series.readingType.flowDirection.value: [value.value for value in series.intervalReadings]
        for series in point.meterReadings
    }


def identifiers(content: bytes) -> list[str]:
    return [entry.text or "" for entry in tree(content).findall("atom:entry/atom:id", SPACES)]


def tree(content: bytes) -> ET.Element:
    """The document, which declares no entities."""
    parser = expat.ParserCreate()
    declared: list[str] = []
    parser.StartDoctypeDeclHandler = lambda *name: declared.append(str(name))
    parser.Parse(content, True)
    assert not declared
    return ET.fromstring(content)


def test_feed_is_read_back_by_a_library() -> None:
    content = written(FORM, table(hours(EXPORTED, ["0.5"]), hours(ELECTRICITY, ["1.2345", "2"])))
    (point,) = read(content)
    assert point.title == ELECTRICITY["metering_point"]
    assert point.serviceCategory is enums.ServiceKind.electricity
    assert values(point) == {1: [1235, 2000], 19: [500]}
    series = next(series for series in point.meterReadings if series.readingType.flowDirection.value == 1)
    kind = series.readingType
    assert kind.accumulationBehaviour is enums.AccumulationBehaviourType.deltaData
    assert kind.commodity is enums.CommodityType.electricity
    assert kind.uom is enums.UomType.wattHours
    assert (kind.intervalLength, kind.powerOfTenMultiplier) == (3600, 0)
    (block,) = series.intervalBlocks
    assert (block.interval.start, block.interval.duration) == (FACTS.period_from, timedelta(hours=2))
    assert [value.timePeriod.start for value in series.intervalReadings] == [
        FACTS.period_from,
        FACTS.period_from + timedelta(hours=1),
    ]


def test_feed_is_as_it_was_checked() -> None:
    sent = table(
        hours(ELECTRICITY, ["1.2345"]),
        hours(EXPORTED, ["0.5"]),
        hours({**WATER, "metering_point": 'P1 "A & B"'}, ["0.125", "0.0"], quality="I", method="LIN"),
    )
    assert written(FORM, sent) == (Path(__file__).parent / "golden" / "espi.xml").read_bytes()


def test_water_and_heat_have_kinds_of_their_own() -> None:
    content = written(FORM, table(hours(WATER, ["0.0125"]), hours(ENERGY, ["7"]), hours(VOLUME, ["0.3"])))
    water, heat = read(content)
    (litres,) = water.meterReadings
    assert water.serviceCategory is enums.ServiceKind.water
    assert litres.readingType.commodity is enums.CommodityType.potableWater
    assert litres.readingType.uom is enums.UomType.cubicMeters
    assert [value.value for value in litres.intervalReadings] == [pytest.approx(0.013)]
    kinds = tree(content).findall(".//espi:UsagePoint/espi:ServiceCategory/espi:kind", SPACES)
    assert [kind.text for kind in kinds] == ["2", "4"]
    assert {series.readingType.commodity for series in heat.meterReadings} == {enums.CommodityType.heatingFluid}


def test_qualities_follow_letter_and_method() -> None:
    given = [
        ("M", "EXACT"),
        ("A", "EXACT"),
        ("I", "LIN"),
        ("I", "PROF_OWN"),
        ("E", "ADU"),
        ("F", "ADU"),
        ("X", "EXACT"),
        ("R", "EXACT"),
    ]
    sent = [
        row | {"quality": letter, "method": method}
        for row, (letter, method) in zip(hours(WATER, ["1"] * 8), given, strict=True)
    ]
    (point,) = read(written(FORM, table(sent, hours(WATER, [None], start=FACTS.period_from + timedelta(hours=8)))))
    (series,) = point.meterReadings
    found = [quality.quality.value for value in series.intervalReadings for quality in value.readingQualities]
    assert found == [17, 11, 9, 8, 12, 8, 7, 10]
    assert len(list(series.intervalReadings)) == 8
    own = adapted("espi", qualities={"I": "16"})
    (point,) = read(written(own, table(sent)))
    (series,) = point.meterReadings
    assert [q.quality.value for value in series.intervalReadings for q in value.readingQualities][2:4] == [16, 16]


def test_identifiers_are_the_same_in_every_feed_and_for_nothing_else() -> None:
    sent = table(hours(WATER, ["1"]), hours(ENERGY, ["1"]), hours(VOLUME, ["1"]))
    ids = identifiers(written(FORM, sent))
    assert len(set(ids)) == len(ids) == 12
    assert {UUID(text.removeprefix("urn:uuid:")).version for text in ids} == {5}
    assert set(identifiers(written(FORM, sent[:1], sent[1:]))) == set(ids)
    later = replace(FACTS, period_from=FACTS.period_to, seq=43)
    assert len(set(identifiers(written(FORM, sent, facts=later))) & set(ids)) == 9
    elsewhere = replace(FACTS, organisation="Southtown Water")
    assert not set(identifiers(written(FORM, sent, facts=elsewhere))) & set(ids)


def test_names_are_escaped() -> None:
    name = """<&> "Zur Post" 'B' &amp; ]]>"""
    (point,) = read(written(FORM, table(hours({**WATER, "metering_point": name}, ["1"]))))
    assert point.title == name


def test_zone_is_told_as_the_utility_s() -> None:
    zone = tree(written(FORM)).find(".//espi:LocalTimeParameters", SPACES)
    assert zone is not None
    assert {part.tag.partition("}")[2]: part.text for part in zone} == {
        "dstEndRule": "AE0E3000",
        "dstOffset": "3600",
        "dstStartRule": "3E0E2000",
        "tzOffset": "3600",
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (STOCK, "meter DME-00000042-70-07, volume_m3, .*: it belongs to no metering point"),
        ({**WATER, "medium": "pressure"}, "no kind of service for its medium"),
        ({**WATER, "register": "flow_temp_c", "unit": "degC"}, "no unit for its register"),
        ({**WATER, "metering_point": "P\x01"}, "characters that XML has not"),
    ],
)
def test_row_that_cannot_be_expressed_fails_the_file_or_is_left_out(row: dict[str, Any], reason: str) -> None:
    sent = table(hours(ENERGY, ["1"]), hours(row, ["1"]))
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, sent)
    assert "Bakery" not in str(raised.value)
    assert len(read(written(adapted("espi", skip_unmapped=True), sent))) == 1


def test_readings_are_refused_with_the_reason() -> None:
    with pytest.raises(ExportError, match="an IntervalBlock holds what was used in periods"):
        adapted("espi", content="readings")


def test_months_have_no_length_but_the_time_period_of_each() -> None:
    begin, end = datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    sent = rows({**hours(WATER, ["3"])[0], "period_start": begin, "period_end": end})
    (point,) = read(written(adapted("espi", content="monthly", volume_power=0), sent))
    (series,) = point.meterReadings
    assert series.readingType.intervalLength is None
    assert [(value.value, value.timePeriod.duration) for value in series.intervalReadings] == [(3, end - begin)]
