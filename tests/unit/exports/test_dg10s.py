from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exports.errors import ExportError
from tests.unit.exports.export_rows import ENERGY, FACTS, WATER, written
from tests.unit.exports.market_rows import adapted, hours, table

FORM = adapted("dg10s", system="METERHOUSE", texts=["Heat", "Town"], import_series="I1")
AUTUMN, SPRING = FACTS.period_from, datetime(2026, 3, 28, 23, tzinfo=UTC)


def lines(content: bytes) -> list[str]:
    return content.decode("latin-1").split("\r\n")[:-1]


def test_fields_stand_at_their_places_and_the_long_day_has_25_values() -> None:
    (line,) = lines(written(FORM, table(hours(ENERGY, [str(1000 + hour) for hour in range(25)]))))
    assert line == (
        "METERHOUSE,20261025,P2    ,Heat   ,Town   ,       ,       ,I1    ,25,"
        + ",".join(f"1.{hour:03}" for hour in range(25))
    )
    places = {1: (10, "METERHOUSE"), 12: (8, "20261025"), 21: (6, "P2    "), 28: (7, "Heat   "), 36: (7, "Town   ")}
    places |= {60: (6, "I1    "), 67: (2, "25"), 70: (5, "1.000")}
    assert {place: (width, line[place - 1 : place - 1 + width]) for place, (width, _) in places.items()} == places


def test_short_day_has_23_values_and_what_is_missing_is_empty() -> None:
    sent = table(hours(ENERGY, ["1000", None, "3000"], start=SPRING))
    (line,) = lines(written(FORM, sent, facts=replace(FACTS, period_from=SPRING)))
    assert line[66:] == "23,1.000,,3.000" + "," * 20


def test_rejected_value_does_not_go_out() -> None:
    sent = table(hours(ENERGY, ["1000"]), hours(ENERGY, ["2000"], start=AUTUMN + timedelta(hours=1), quality="R"))
    assert lines(written(FORM, sent))[0][66:] == "25,1.000" + "," * 24


def test_days_and_series_have_a_line_each() -> None:
    other = {**ENERGY, "metering_point": "P3"}
    sent = table(hours(ENERGY, ["1"] * 26), hours(other, ["2"]))
    found = [(line[11:19], line[20:26].strip(), line[66:68]) for line in lines(written(FORM, sent))]
    assert found == [("20261025", "P2", "25"), ("20261026", "P2", "24"), ("20261025", "P3", "25")]
    assert written(FORM, sent[:26], sent[26:]) == written(FORM, sent)
    assert written(FORM) == b""


@pytest.mark.parametrize(
    ("row", "value", "reason"),
    [
        (ENERGY, "1000000", "meter KAM-91234568-30-04, metering point P2, energy_kwh, .*: a value has three digits"),
        (ENERGY, "-100000", "a value has three digits before the point"),
        ({**ENERGY, "metering_point": "P234567"}, "1", "the name of a series has 6 characters"),
        ({**ENERGY, "metering_point": "P,2"}, "1", "holds the separator"),
        (WATER, "1", "the register has no series"),
    ],
)
def test_what_does_not_fit_fails_the_file_or_is_left_out(row: dict[str, Any], value: str, reason: str) -> None:
    sent = table(hours({**ENERGY, "metering_point": "P0"}, ["1"]), hours(row, [value]))
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, sent)
    assert "Bakery" not in str(raised.value)
    assert [line[20:22] for line in lines(written(adapted("dg10s", skip_unmapped=True), sent))] == ["P0"]


def test_largest_value_fits() -> None:
    (line,) = lines(written(FORM, table(hours(ENERGY, ["999999.4"]))))
    assert line[69:77] == "999.999,"


@pytest.mark.parametrize(
    "settings",
    [{"texts": ["12345678"]}, {"texts": list("abcde")}, {"system": "a,b"}, {"content": "daily"}, {"system": "{date}"}],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match="not understood"):
        adapted("dg10s", **settings)
