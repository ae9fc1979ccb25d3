"""Electricity meters from frame to figures (NET-23): A+ and A- apart, P+ and P- never differenced."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from simulator import Fleet, simulate
from tests.integration.installations import FLEET, House

SMALL = Fleet(
    meters=1, days=2, start=date(2025, 6, 10), timezone=FLEET.timezone, seed=5, incidents=False, electricity=3
)


def test_import_and_export_are_separate_consumption_and_powers_are_gauges(house: House, tmp_path: Path) -> None:
    simulate(SMALL, tmp_path)
    assert house.take("meters", tmp_path / "meters.csv") == 0
    assert house.take("customers", tmp_path / "customers.csv") == 0
    assert house.ingest(tmp_path / "frames") == 0
    daily = house.ask(
        "select metering_point, register, day::varchar as day, consumption, unit from consumption_daily "
        "join metering_points using (metering_point) where medium = 'electricity' and consumption is not null"
    )
    assert set(daily["register"]) == {"energy_import_kwh", "energy_export_kwh"}
    assert set(daily["unit"]) == {"kWh"}
    truth = pl.read_csv(tmp_path / "truth" / "consumption_daily.csv", infer_schema=False)
    expected = {
        (row["metering_point"], row["register"], row["day"]): Decimal(row["consumption_expected"])
        for row in truth.filter(
            pl.col("register").str.starts_with("energy_"), pl.col("consumption_expected") != ""
        ).to_dicts()
        if row["register"] in set(daily["register"])
    }
    ours = {(row["metering_point"], row["register"], row["day"]): row["consumption"] for row in daily.to_dicts()}
    assert len(ours) == 3 * 2 * 2
    assert ours == expected
    assert min(ours.values()) < max(ours.values())
    gauges = house.ask(
        "select max(power_import_kw) as p_in, max(power_export_kw) as p_out, count(energy_kwh) as heat from readings"
    ).row(0)
    assert gauges[0] > 0
    assert gauges[1] > 0
    assert gauges[2] == 0, "a meter of electricity counts no heat"
    tariffs = house.ask(
        "select max(abs(total - tariffs)) as apart, count(*) as readings from ("
        "select any_value(energy_import_kwh) as total, sum(value) / 1000 as tariffs, count(*) as sent from records "
        "join readings using (meter_id, measured_at) where tariff > 0 group by meter_id, measured_at) where sent = 2"
    ).row(0)
    assert tariffs[0] < 0.021, "two registers of tariffs in steps of 0.01 kWh"
    assert tariffs[1] > 3 * 40
    registers = house.ask("select distinct register from consumption_hourly")["register"].to_list()
    assert not [name for name in registers if name.startswith("power")]
    comments = dict(
        house.ask("select column_name, comment from duckdb_columns() where table_name = 'readings'").iter_rows()
    )
    codes = {"energy_import": "1-0:1.8.0", "energy_export": "1-0:2.8.0"}
    for name, code in {f"{key}_kwh": code for key, code in codes.items()}.items():
        assert code in comments[name]
    assert "1-0:1.7.0" in comments["power_import_kw"]
    assert "1-0:2.7.0" in comments["power_export_kw"]
