"""Which tables retention reaches."""

import pytest

from assets.steps.frozen import days_of
from assets.steps.zones import OUTLIVE, ZONES
from warehouse.schemas import TABLES, Table
from warehouse.schemas.frames import OUTCOMES, RECEPTIONS, REJECTED_ROWS, TELEGRAMS
from warehouse.schemas.readings import READINGS, READINGS_HISTORY, RECORDS

KEPT = {
    *("meters", "metering_points", "installations", "exchanges", "final_readings", "group_members"),
    "meter_configurations",
    *("heat_fault_reviews", "consumption_alerts", "final_estimates"),
    *("formats", "touched", "frozen_periods"),
}
"""What the registry knows, what people decided and what steps need; it ages with what it is about."""

OF_FRAMES = (RECEPTIONS, OUTCOMES, REJECTED_ROWS, TELEGRAMS, READINGS, READINGS_HISTORY, RECORDS)


def test_every_table_of_what_meters_did_has_a_zone_and_so_have_former_versions_of_its_rows() -> None:
    of_meters = {
        table.name
        for table in TABLES.values()
        if table.kind == "stored" and {"metering_point", "meter_id"} & set(table.schema.names())
    }
    kept = {kept for name in KEPT for kept in (name, f"{name}_history") if kept in TABLES}
    assert of_meters - {table.name for table in ZONES} == kept


def test_former_versions_are_of_the_zone_and_outlive_the_stages_of_their_rows() -> None:
    histories = {table: table.history for table in ZONES if table.versioned and table.history}
    assert len(histories) > 10
    for table, history in histories.items():
        assert (ZONES[history], OUTLIVE[history]) == (ZONES[table], OUTLIVE[table])


@pytest.mark.parametrize("table", [table for table in ZONES if table not in OF_FRAMES], ids=lambda table: table.name)
def test_figures_and_events_have_an_age(table: Table) -> None:
    first, last = days_of(table, "Europe/Copenhagen")
    assert table.empty().select(first=first, last=last).is_empty()
