from datetime import timedelta
from typing import Any

import pytest

from exports.errors import ExportError
from tests.unit.exports.export_rows import ENERGY, FACTS, STOCK, WATER, written
from tests.unit.exports.market_rows import ELECTRICITY, EXPORTED, adapted, hours, table

FORM = adapted("svef")


def lines(content: bytes) -> list[list[str]]:
    return [line.split("\t") for line in content.decode("latin-1").split("\r\n")[1:-1]]


def test_hours_have_standard_time_the_year_round() -> None:
    """25 hours of the local day on which clocks go back: from 23:00 of the day before to midnight."""
    content = written(FORM, table(hours(ENERGY, [str(1000 + hour) for hour in range(25)])))
    assert content.decode("latin-1") == "SVEF/24:1/2026-10-26 06:00:07\r\nP2\t2026-10-24 23:00\t2\t1.000\r\n" + "".join(
        f"P2\t2026-10-25 {hour - 1:02}:00\t2\t1.{hour:03}\r\n" for hour in range(1, 25)
    )


def test_status_follows_the_quality_and_hours_without_a_value_are_missing_and_never_zero() -> None:
    given = ["M", "A", "I", "E", "F", "X", "R"]
    sent = [row | {"quality": quality} for row, quality in zip(hours(ENERGY, ["1500"] * 7), given, strict=True)]
    sent += hours(ENERGY, [None], start=FACTS.period_from + timedelta(hours=7))
    found = lines(written(FORM, table(sent)))
    assert [line[2] for line in found] == ["2", "2", "5", "3", "5", "0", "9", "7", *["7"] * 17]
    assert [line[3] for line in found] == [*["1.500"] * 7, *[""] * 18]


def test_only_what_is_there_goes_out_where_the_format_says_so() -> None:
    form = adapted("svef", complete=False, missing="-", qualities={"N": "6"})
    assert [line[1:] for line in lines(written(form, table(hours(ENERGY, ["1", None]))))] == [
        ["2026-10-24 23:00", "2", "0.001"],
        ["2026-10-25 00:00", "6", "-"],
    ]


def test_series_are_called_by_place_and_register() -> None:
    sent = table(hours(EXPORTED, ["1"]), hours(ELECTRICITY, ["2"]))
    assert {line[0] for line in lines(written(FORM, sent))} == {"6123456789", "6123456789-E"}
    own = adapted("svef", series="field:Series", suffixes={"energy_import_kwh": ""}, decimals=6)
    named = table(hours({**ELECTRICITY, "field:Series": "Nät 7"}, ["2"]))
    assert lines(written(own, named))[0] == ["Nät 7", "2026-10-24 23:00", "2", "0.002000"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (WATER, "metering point P1, volume_m3, .*: the register has no series"),
        ({**ENERGY, "unit": "MJ"}, "series are in MWh"),
        ({**ENERGY, "metering_point": "a\tb"}, "characters that ISO 8859-1 has not"),
        ({**STOCK, "register": "energy_kwh"}, "metering_point is not known"),
        ({**ENERGY, "period_end": FACTS.period_to}, "an hour per value"),
    ],
)
def test_row_that_cannot_be_expressed_fails_the_file_or_is_left_out(row: dict[str, Any], reason: str) -> None:
    (broken,) = hours(row, ["1"])
    sent = table(hours(ELECTRICITY, ["1"]), [broken | {"period_end": row.get("period_end", broken["period_end"])}])
    with pytest.raises(ExportError, match=reason) as raised:
        written(FORM, sent)
    assert "Bakery" not in str(raised.value)
    left = lines(written(adapted("svef", skip_unmapped=True), sent))
    assert {line[0] for line in left} == {"6123456789"}


def test_field_that_nobody_has_fails_with_its_name() -> None:
    with pytest.raises(ExportError, match="field:Series is not known"):
        written(adapted("svef", series="field:Series"), table(hours(ENERGY, ["1"])))


@pytest.mark.parametrize(
    "settings",
    [
        {"content": "daily"},
        {"content": "readings"},
        {"missing": "0.0"},
        {"series": "address"},
        {"suffixes": {"energy": ""}},
    ],
)
def test_settings_that_the_layout_has_not_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ExportError, match="not understood"):
        adapted("svef", **settings)
