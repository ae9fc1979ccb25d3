"""Readings of collectors that pass by: of a source of their own, and nothing is estimated between them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from registry.policies import decide
from simulator import Fleet, simulate
from simulator.incidents import collector_name
from tests.integration.installations import FLEET, House
from warehouse.policies import shipped_document

SMALL = Fleet(meters=6, days=2, start=date(2025, 10, 20), timezone=FLEET.timezone, seed=5)


@pytest.mark.parametrize("passes_by", [False, True])
def test_nothing_is_estimated_between_readings_of_a_collector_that_passes_by(
    house: House, tmp_path: Path, passes_by: bool
) -> None:
    fleet = tmp_path / "fleet"
    simulate(SMALL, fleet)
    if passes_by:
        names = ", ".join(collector_name(number) for number in range(20))
        document = shipped_document("estimation").replace("drive_by_collectors: []", f"drive_by_collectors: [{names}]")
        with house.installation.registry.begin() as session:
            options = {"reason": "vans", "identity": "test", "now": datetime(2025, 10, 1, tzinfo=UTC)}
            decide(session, house.installation.organisation, "estimation", document, **options)
    house.take("meters", fleet / "meters.csv")
    house.take("customers", fleet / "customers.csv")
    assert house.ingest(fleet / "frames") == 0
    sources = house.ask("select distinct source from readings where frame_id is not null")["source"].to_list()
    assert sources == (["drive_by"] if passes_by else ["radio"])
    qualities = house.ask("select distinct quality from consumption_hourly")["quality"].to_list()
    assert ("A" in qualities) is not passes_by
    assert "I" not in qualities or not passes_by
