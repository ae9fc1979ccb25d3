"""What the pages of the area operation ask, on the small installation."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tests.unit.dashboards import house, operations
from warehouse.lake import Lake
from warehouse.policies import CoveragePolicy, read_policy, shipped_document
from warehouse.queries import collectors, exceptions, exchanges, info_codes, performance, subjects

ORGANISATION = house.ORGANISATION
FIRST, LAST = date(2025, 10, 25), date(2025, 11, 3)


@pytest.fixture(scope="module")
def lake(operated: Path) -> Lake:
    return Lake(operated / "lake")


def test_performance_by_day_counts_what_was_expected(lake: Lake) -> None:
    days = performance.by_day(lake, ORGANISATION, "daily", FIRST, LAST)

    assert days["day"].to_list() == [FIRST + timedelta(days=number) for number in range(10)]
    assert days["received"].to_list() == [3, 3, 3, 2, 2, 3, 3, 3, 3, 1]
    assert days["expected"].to_list() == [3] * 9 + [2]
    assert days["performance"].to_list()[3] == 66.67


def test_performance_by_day_of_some_points(lake: Lake) -> None:
    points = pl.DataFrame({"metering_point": ["P-2"]})

    assert performance.by_day(lake, ORGANISATION, "daily", FIRST, LAST, points=points)["received"].sum() == 7
    assert performance.by_day(lake, ORGANISATION, "bsr", date(2025, 11, 1), LAST, points=points)["received"].sum() == 3
    assert performance.by_day(lake, ORGANISATION, "billing", FIRST, LAST).is_empty()


def test_extents_are_those_of_the_organisation(lake: Lake) -> None:
    assert performance.extent(lake, ORGANISATION) == (FIRST, LAST)
    assert performance.extent(lake, "nobody") is None
    assert info_codes.extent(lake, ORGANISATION, house.ZONE) == (date(2025, 10, 22), date(2025, 11, 4))
    assert info_codes.extent(lake, "nobody", house.ZONE) is None
    assert exceptions.extent(lake, ORGANISATION, house.ZONE) == (FIRST, LAST)
    assert exceptions.extent(lake, "nobody", house.ZONE) is None
    assert exchanges.extent(lake, ORGANISATION, house.ZONE) == (date(2025, 10, 20), date(2025, 10, 20))
    assert exchanges.extent(lake, "nobody", house.ZONE) is None
    assert collectors.extent(lake, ORGANISATION) == (date(2025, 11, 1), LAST)
    assert collectors.extent(lake, "nobody") is None


def test_readings_around_a_questioned_value(lake: Lake) -> None:
    found = exceptions.around(lake, ORGANISATION, house.NEW, "volume_m3", operations.JUMP, timedelta(hours=12))

    hours = (operations.END - found["measured_at"]).dt.total_hours().to_list()
    assert hours == [12, 6, 2, 1]
    assert found["value"].cast(pl.Int64).to_list() == [63, 64, 68, 69]
    assert exceptions.around(lake, "nobody", house.NEW, "volume_m3", operations.JUMP).is_empty()
    assert exceptions.around(lake, ORGANISATION, house.NEW, "energy_kwh", operations.JUMP).is_empty()


def test_exchanges_of_local_days(lake: Lake) -> None:
    day = date(2025, 10, 20)
    (row,) = exchanges.exchanges(lake, ORGANISATION, house.ZONE, day, day).to_dicts()

    assert (row["old_meter_id"], row["new_meter_id"], row["unit"]) == (house.OLD, house.NEW, "m3")
    assert exchanges.exchanges(lake, ORGANISATION, house.ZONE, FIRST, LAST).is_empty()
    elsewhere = pl.DataFrame({"metering_point": ["P-2"]})
    assert exchanges.exchanges(lake, ORGANISATION, house.ZONE, day, day, points=elsewhere).is_empty()


def test_collectors_that_deliver_are_silent_or_were_never_heard(lake: Lake) -> None:
    policy = read_policy("coverage", shipped_document("coverage"))
    assert isinstance(policy, CoveragePolicy)
    rows = collectors.collectors(lake, ORGANISATION, policy, *(date(2025, 11, 1), LAST), zone=house.ZONE)
    before = collectors.collectors(lake, ORGANISATION, policy, *(date(2025, 9, 1), date(2025, 9, 2)), zone=house.ZONE)

    assert rows.select("collector", "comment", "state", "only_for").rows() == [
        ("C-1", None, "silent", 1),
        ("C-0", "Water tower", "heard", 1),
    ]
    assert before["state"].to_list() == ["never", "never"]


def test_collector_stands_where_it_was_noted_or_in_the_middle_of_the_meters_it_hears_best() -> None:
    meters = pl.DataFrame(
        {
            "collector": ["A", "A", "A", "B", None],
            "latitude": [55.0, 55.2, 58.0, None, 1.0],
            "longitude": [12.0, 12.2, 12.1, 1.0, 1.0],
        }
    )

    known = pl.DataFrame({"collector": ["B", "C"], "latitude": [50.0, None], "longitude": [9.0, None]})

    assert collectors.whereabouts(meters, known).rows() == [("A", 55.2, 12.1), ("B", 50.0, 9.0)]


def test_members_of_a_group_at_an_instant(lake: Lake) -> None:
    before = subjects.members(lake, ORGANISATION, "Harbour", house.EXCHANGED - timedelta(hours=1))
    now = subjects.members(lake, ORGANISATION, "Harbour", datetime(2026, 1, 1, tzinfo=UTC))

    assert before["metering_point"].to_list() == ["P-1"]
    assert now["metering_point"].to_list() == ["P-1", "P-2"]
