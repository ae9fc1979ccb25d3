"""Gauges on a grid: linear across short gaps, where and while a meter was installed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import METER, installed, readings
from warehouse.lake import Lake
from warehouse.queries import gauges, subjects
from warehouse.schemas import INSTALLATIONS, READINGS
from warehouse.schemas.registers import GAUGES, REGISTERS

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2025, 10, 25, 22, tzinfo=UTC)
GRID = gauges.Grid(date(2025, 10, 26), date(2025, 10, 26), ZoneInfo("Europe/Copenhagen"), HOUR)
POINT = subjects.point("P1")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("lake"))
    hours = [*range(-2, 5), 7, 12]
    rows = readings([(MIDNIGHT + hour * HOUR + HOUR / 2, "1") for hour in hours], METER)
    made.append(READINGS, rows.with_columns(flow_temp_c=pl.Series([10.0 + hour for hour in hours])))
    made.append(INSTALLATIONS, installed((METER, MIDNIGHT + HOUR, MIDNIGHT + 20 * HOUR)))
    return made


def test_a_gauge_is_linear_between_readings_and_unknown_across_long_gaps(lake: Lake) -> None:
    found = gauges.on_grid(lake, "utility", POINT, "flow_temp_c", GRID)
    assert found["at"].to_list() == [MIDNIGHT + number * HOUR for number in range(1, 20)], "while it was installed"
    assert found["flow_temp_c"].to_list()[:7] == [10.5, 11.5, 12.5, 13.5, 14.5, 15.5, 16.5]
    assert found["quality"].to_list() == ["A"] * 4 + ["I"] * 3 + ["N"] * 12
    assert found["flow_temp_c"].to_list()[7:] == [None] * 12


def test_a_measured_value_stays_what_it_is(lake: Lake) -> None:
    halves = gauges.Grid(GRID.first, GRID.last, GRID.zone, HOUR, step=HOUR / 2)
    found = gauges.on_grid(lake, "utility", POINT, "flow_temp_c", halves).filter(quality="M")
    assert found.select("at", "flow_temp_c").rows() == [
        (MIDNIGHT + hour * HOUR + HOUR / 2, 10.0 + hour) for hour in (1, 2, 3, 4, 7, 12)
    ]


def test_a_day_of_25_hours_has_25_instants(lake: Lake) -> None:
    whole = lake.scan(INSTALLATIONS).collect().with_columns(installed_at=MIDNIGHT - HOUR, removed_at=None)
    lake.overwrite(INSTALLATIONS, whole)
    assert gauges.on_grid(lake, "utility", POINT, "flow_temp_c", GRID).height == 25


@pytest.mark.parametrize("column", ["volume_m3", "info_code"])
def test_registers_and_info_codes_are_no_gauges(lake: Lake, column: str) -> None:
    with pytest.raises(ValueError, match=f"{column} is no gauge"):
        gauges.on_grid(lake, "utility", POINT, column, GRID)


def test_electricity_has_its_object_identifiers_and_powers_are_gauges() -> None:
    codes = {register.name: dict(register.obis) for register in REGISTERS}
    assert codes["energy_import_kwh"]["electricity"] == "1-0:1.8.0"
    assert codes["energy_export_kwh"]["electricity"] == "1-0:2.8.0"
    assert codes["power_import_kw"]["electricity"] == "1-0:1.7.0"
    assert codes["power_export_kw"]["electricity"] == "1-0:2.7.0"
    assert {"power_import_kw", "power_export_kw"} <= set(GAUGES)
    assert codes["volume_m3"]["water"] == "8-0:1.0.0"
    assert codes["energy_kwh"]["heat"] == "6-0:1.0.0"
    every = [code for by_medium in codes.values() for code in by_medium.values()]
    assert len(every) == len(set(every))
    described = {name: READINGS.columns[READINGS.schema.names().index(name)].meaning for name in codes}
    assert all(code in described[name] for name, by_medium in codes.items() for code in by_medium.values())
