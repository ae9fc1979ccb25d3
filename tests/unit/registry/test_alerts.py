"""Consumption alerts in the registry: made, reset, ended and removed, on both databases."""

from datetime import timedelta
from decimal import Decimal

import pytest

from registry import alerts
from registry.alerts import AlertError, Wanted
from registry.tables import published_events, published_tables
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, METERS, NOW

LATER = NOW + timedelta(days=1)
BY = {"identity": "user:1", "now": NOW}
WANTED = Wanted("P1", "volume_m3", Decimal("1.5"), NOW)


@pytest.fixture
def placed(registry, meters, customers, exchanges):
    meters(METERS)
    customers(CUSTOMERS)
    exchanges(EXCHANGES)
    return registry


def add(registry, wanted: Wanted = WANTED, most: int = 10, organisation: str = "default", now=NOW) -> int:
    with registry.begin() as session:
        return alerts.add(session, organisation, wanted, most=most, identity="user:1", now=now)


def published(registry) -> list[dict[str, object]]:
    return published_tables(registry)["consumption_alerts"].rows(named=True)


def test_an_alert_names_the_point_also_where_its_meter_was_named(placed) -> None:
    number = add(placed, Wanted("KAM-90000002-1b-16", "volume_m3", Decimal("1.5"), NOW, LATER, "day"))
    (row,) = published(placed)
    assert (row["alert_no"], row["metering_point"], row["period"], row["ends_at"]) == (number, "P1", "day", LATER)
    assert row["limit_value"] == Decimal("1.5")
    assert row["last_reset"] is None


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("P9", "volume_m3", Decimal(1), NOW), "no metering point P9"),
        (Wanted("KAM-90000001-1b-16", "volume_m3", Decimal(1), NOW), "no meter of this id is installed"),
        (Wanted("P1", "flow_m3h", Decimal(1), NOW), "flow_m3h is no register"),
        (Wanted("P1", "volume_m3", Decimal(0), NOW), "above 0"),
        (Wanted("P1", "volume_m3", Decimal(-1), NOW), "above 0"),
        (Wanted("P1", "volume_m3", Decimal("1e12"), NOW), "above 0"),
        (Wanted("P1", "volume_m3", Decimal(1), NOW, NOW), "ends before it starts"),
        (Wanted("P1", "volume_m3", Decimal(1), NOW, None, "week"), "week is no period"),
    ],
)
def test_what_is_not_possible_is_refused(placed, wanted: Wanted, said: str) -> None:
    with pytest.raises(AlertError, match=said):
        add(placed, wanted)
    assert published(placed) == []


def test_only_so_many_may_be_active(placed) -> None:
    first = add(placed, most=1)
    with pytest.raises(AlertError, match="1 alerts are active"):
        add(placed, most=1)
    with placed.begin() as session:
        alerts.end(session, "default", first, **BY)
    add(placed, most=1)


def test_resets_are_counted_and_what_has_ended_is_not_reset(placed) -> None:
    number = add(placed)
    for now in (LATER, LATER + timedelta(days=1)):
        with placed.begin() as session:
            alerts.reset(session, "default", number, identity="user:2", now=now)
    (row,) = published(placed)
    assert (row["resets"], row["last_reset"], row["changed_at"]) == (2, now, now)
    with placed.begin() as session:
        alerts.end(session, "default", number, identity="user:2", now=now)
    for change in (alerts.reset, alerts.end):
        with placed.begin() as session, pytest.raises(AlertError, match="ended"):
            change(session, "default", number, identity="user:2", now=now)
    future = add(placed, Wanted("P1", "volume_m3", Decimal(1), LATER))
    with placed.begin() as session, pytest.raises(AlertError, match="nothing to reset yet"):
        alerts.reset(session, "default", future, **BY)


def test_a_removed_alert_and_one_of_others_are_not_there(placed) -> None:
    number = add(placed)
    with placed.begin() as session, pytest.raises(AlertError, match=f"no alert {number}"):
        alerts.remove(session, "other", number, **BY)
    with placed.begin() as session:
        alerts.remove(session, "default", number, **BY)
    assert published(placed) == []
    for change in (alerts.reset, alerts.end, alerts.remove):
        with placed.begin() as session, pytest.raises(AlertError, match="no alert"):
            change(session, "default", number, **BY)
    add(placed)
    assert published(placed)[0]["alert_no"] != number, "numbers are not given twice"


def test_every_change_is_audited(placed) -> None:
    number = add(placed)
    for change in (alerts.reset, alerts.end, alerts.remove):
        with placed.begin() as session:
            change(session, "default", number, **BY)
    told = published_events(placed).filter(identity="user:1")
    assert told["event"].to_list() == ["alert.add", "alert.reset", "alert.end", "alert.remove"]
    assert set(told["object"]) == {str(number)}
    assert '"limit_value": "1.5"' in told["after"][0]


def test_another_limit_takes_the_place_of_an_alert_that_ends(placed) -> None:
    former = add(placed)
    wanted = Wanted("P1", "volume_m3", Decimal(3), LATER)
    with placed.begin() as session:
        number = alerts.replace(session, "default", former, wanted, most=1, identity="user:1", now=LATER)
    assert {row["alert_no"]: row["ends_at"] for row in published(placed)} == {former: LATER, number: None}
    with placed.begin() as session:  # one that has ended already stays as it was
        alerts.replace(session, "default", former, wanted, most=2, identity="user:1", now=LATER + timedelta(days=1))
    assert next(row["ends_at"] for row in published(placed) if row["alert_no"] == former) == LATER
