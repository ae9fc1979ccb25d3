"""A row per reading."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from exports.delimited import DelimitedFormat
from exports.errors import ExportError
from exports.fixed_width import FixedWidthFormat
from tests.unit.exports.export_rows import NIGHT, days, readings, written

WIDE = {"title": "A", "file_name": "a", "rows": "reading"}


def form(*columns: str | dict[str, Any], **settings: Any) -> DelimitedFormat:
    return DelimitedFormat.model_validate({"layout": "delimited", **WIDE, "columns": columns, **settings})


def test_registers_stand_side_by_side() -> None:
    wide = form(
        "serial",
        {"variable": "measured_at", "time_format": "%H:%M%z"},
        {"variable": "volume_m3", "decimals": 3, "missing": "-"},
        "volume_m3.quality",
        "energy_kwh",
        "energy_kwh.unit",
        "info_codes",
        footer=["{rows};{sum.energy_kwh}"],
    )
    assert written(wide, readings()).decode().splitlines() == [
        "serial;measured_at;volume_m3;volume_m3.quality;energy_kwh;energy_kwh.unit;info_codes",
        "00000042;02:00+0200;0.000;M;;;",
        "91234567;02:00+0200;1234.500;M;;;LEAK,DRY",
        "91234567;02:00+0100;-;N;;;",
        "91234568;02:00+0200;-0.001;X;98765.4321;kWh;",
        "91234568;02:00+0100;-;;98766;kWh;",
        "5;197531.4321",
    ]


def test_periods_stand_side_by_side() -> None:
    wide = form("metering_point", "period_end", "energy_kwh", "volume_m3", "volume_m3.quality", headings=False)
    end = "2026-10-26T00:00:00+01:00"
    assert written(wide, days()).decode() == f"P1;{end};;0.125;A\nP2;{end};17;;N\n"


def test_register_that_would_be_lost_refuses_the_file() -> None:
    again = readings()[1:2].with_columns(value=pl.lit(Decimal(7), pl.Decimal(18, 6)))
    twice = pl.concat([readings()[:3], again, readings()[3:]])
    with pytest.raises(ExportError, match=r"KAM-91234567-1b-16, metering point P1, volume_m3, .* is there twice"):
        written(form("serial", "volume_m3"), twice)


def test_message_names_the_reading() -> None:
    column = {"variable": "energy_kwh", "start": 1, "width": 5}
    fixed = FixedWidthFormat.model_validate({"layout": "fixed_width", **WIDE, "columns": [column]})
    with pytest.raises(ExportError, match=r"^The row of meter KAM-91234568-30-04, metering point P2, 2026-10-25T00:"):
        written(fixed, readings().filter(register="energy_kwh", measured_at=NIGHT[0]))


def test_piece_without_the_register_has_it_missing() -> None:
    assert written(form("serial", "pressure_bar", headings=False), readings()[:1]) == b"00000042;\n"
