"""Tables against their declarations: what is damaged fails, and auditors can read it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets.steps.expecting import check_table, results_folder
from tests.integration.installations import House
from tests.unit.warehouse.transforms.validation.rows import START, readings
from warehouse.schemas import INSTALLATIONS, READINGS, VEE_EXCEPTIONS

NOW = datetime(2025, 7, 1, 3, 50, tzinfo=UTC)


def failing(house: House, folder: Path) -> list[str]:
    return [one.meaning for one in check_table(house.installation, READINGS, folder) if not one.holds]


def test_a_damaged_row_fails_its_expectation(house: House) -> None:
    lake = house.installation.lake
    cells = [{"volume_m3": "1", "pressure_bar": 5.0}, {"volume_m3": "2"}]
    rows = readings(cells).with_columns(organisation=pl.lit(house.installation.organisation))
    lake.append(READINGS, rows)
    stray = rows.head(1).with_columns(meter_id=pl.lit("KAM-00000099-1b-16"), pressure_bar=pl.lit(99.0))
    lake.append(READINGS, stray)  # what stands nowhere is not judged
    place = {"organisation": house.installation.organisation, "metering_point": "P1", "meter_id": rows["meter_id"][0]}
    installed = pl.DataFrame([{**place, "installed_at": START - timedelta(days=1), "known_from": NOW}])
    lake.append(INSTALLATIONS, INSTALLATIONS.conform(installed))
    folder = results_folder(house.installation, NOW)
    assert failing(house, folder) == []
    damaged = rows.head(1).with_columns(quality=pl.lit("Q"), pressure_bar=pl.lit(99.0))
    lake.append(READINGS, damaged)
    assert failing(house, folder) == [
        "Its key is organisation, meter_id, measured_at.",
        "quality is one of M, A, I, E, F, X, R, N.",
        "Of installed meters pressure_bar is between -1 and 25, or V17 has an exception about it.",
    ]
    told = json.loads((folder / "readings.json").read_text())
    assert not told["holds"]
    assert {one["rows_against"] for one in told["expectations"] if not one["holds"]} == {1, 2}
    assert "does not hold" in (folder / "readings.html").read_text()
    assert "99" not in (folder / "readings.json").read_text()  # values are not kept
    known = {"at": START, "register": "pressure_bar", "rule": "V17", "reason": "", "state": "open"}
    row = {"organisation": house.installation.organisation, "meter_id": rows["meter_id"][0], "known_from": NOW, **known}
    lake.append(VEE_EXCEPTIONS, VEE_EXCEPTIONS.conform(pl.DataFrame([row])))
    assert not any("V17" in meaning for meaning in failing(house, folder))


@pytest.mark.parametrize(("days", "kept"), [(399, True), (401, False)])
def test_results_are_kept_as_long_as_the_policy_says(house: House, days: int, *, kept: bool) -> None:
    old = house.installation.settings.home / "quality" / (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H%M%SZ")
    old.mkdir(parents=True)
    results_folder(house.installation, NOW)
    assert old.exists() == kept
