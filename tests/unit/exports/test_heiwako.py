from typing import Any

import pytest

from exports.errors import ExportError
from tests.unit.exports.export_rows import ENERGY, NIGHT, STOCK, VOLUME, WATER, rows, written
from tests.unit.exports.market_rows import adapted, reading

HEADER = {
    "version": {"constant": "03.10"},
    "customer": {"constant": "4711", "numeric": True},
    "company": {"constant": "99"},
    "provider": {"variable": "field:Place", "numeric": True},
    "unit": {"variable": "field:Unit", "numeric": True},
}
RECORD = {
    "kind": "M",
    "columns": [
        {"variable": "serial", "start": 2, "width": 20},
        {"variable": "measured_at", "start": 22, "width": 8, "time_format": "%d%m%Y"},
        {"variable": "value", "start": 30, "width": 9, "decimals": 3, "decimal_mark": "", "pad": "0"},
        {"constant": "M", "start": 128, "width": 1},
    ],
}
FORM = adapted("heiwako", header=HEADER, records=[RECORD])
FIRST, SECOND = NIGHT
HEAT = {**ENERGY, "field:Place": "123456", "field:Unit": "7"}


def records(content: bytes) -> list[str]:
    return content.decode("latin-1").split("\r\n")


def test_records_are_as_they_were_checked() -> None:
    sent = rows(
        reading(HEAT, FIRST, "98765.4321"),
        reading({**VOLUME, "field:Place": "123456", "field:Unit": "7"}, FIRST, "12"),
    )
    assert records(written(FORM, sent)) == [
        "A03.10" + "0000004711" + "99" + "000123456" + "0007" + "P2".ljust(20) + " " * 76 + "A",
        "M91234568            25102026" + "098765432" + " " * 89 + "M",
        "M91234568            25102026" + "000012000" + " " * 89 + "M",
        "",
    ]
    assert all(len(record) == 128 for record in records(written(FORM, sent))[:-1])


def test_record_a_alone_names_each_metering_point_once() -> None:
    sent = rows(reading(WATER, FIRST, "1"), reading(WATER, SECOND, "2"), reading(ENERGY, FIRST, "3"))
    found = records(written(adapted("heiwako"), sent))
    assert [(record[:1], record[31:51].strip(), record[127:]) for record in found[:-1]] == [
        ("A", "P1", "A"),
        ("A", "P2", "A"),
    ]
    assert written(adapted("heiwako"), sent[:2], sent[2:]) == written(adapted("heiwako"), sent)


def test_records_per_metering_point_stand_once() -> None:
    kind = {"kind": "L", "per": "metering_point", "columns": [{"variable": "city", "start": 2, "width": 20}]}
    form = adapted("heiwako", records=[kind, RECORD])
    found = records(written(form, rows(reading(WATER, FIRST, "1"), reading(WATER, SECOND, None))))
    assert [record[:1] for record in found] == ["A", "L", "M", "M", ""]
    assert found[1][1:21] == "Århus".ljust(20)
    assert found[3][29:38] == " " * 9


@pytest.mark.parametrize(
    ("row", "value", "reason"),
    [
        (HEAT, "1000000", "meter KAM-91234568-30-04, metering point P2, energy_kwh, .*, column value: .* wider than 9"),
        ({**HEAT, "metering_point": "x" * 21}, "1", "column metering_point: the value is wider than 20"),
        ({**HEAT, "field:Unit": "12345"}, "1", "column field:Unit: the value is wider than 4"),
        ({**HEAT, "metering_point": "Ż"}, "1", "metering point Ż, energy_kwh, .*: latin-1 has no character U.017B"),
        (STOCK, "1", "meter DME-00000042-70-07, volume_m3, .*: it belongs to no metering point"),
    ],
)
def test_what_does_not_fit_fails_the_file(row: dict[str, Any], value: str, reason: str) -> None:
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, rows(reading(HEAT, FIRST, "1"), reading(row, FIRST, value)))
    assert "Bakery" not in str(raised.value)


def test_meters_that_are_installed_nowhere_are_left_out_where_the_format_says_so() -> None:
    form = adapted("heiwako", skip_unmapped=True)
    assert [
        record[31:33] for record in records(written(form, rows(reading(STOCK, FIRST, "1"), reading(WATER, FIRST, "1"))))
    ] == [
        "P1",
        "",
    ]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"header": {"version": {"constant": "123456"}}}, "wider than 5"),
        ({"header": {"own": {"variable": "nothing"}}}, "there is no 'nothing'"),
        ({"header": {"own": {}}}, "either a variable or a constant"),
        ({"records": [{"kind": "M", "columns": [{"constant": "x", "start": 1, "width": 2}]}]}, "it begins at 1"),
        ({"records": [{"kind": "M", "columns": [{"constant": "x", "start": 128, "width": 2}]}]}, "beyond 128"),
        (
            {"records": [{"kind": "M", "columns": [{"variable": "volume_m3", "start": 2, "width": 9}]}]},
            "single register",
        ),
        ({"records": [{"kind": "Q", "columns": [{"constant": "x", "start": 2, "width": 1}]}]}, "records"),
    ],
)
def test_settings_that_do_not_fit_the_record_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ExportError, match=reason):
        adapted("heiwako", **settings)
