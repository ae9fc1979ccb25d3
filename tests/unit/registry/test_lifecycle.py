"""What meters go through, by hand and through imports; capacity."""

from datetime import timedelta

import pytest

from registry import audit
from registry.inventory import capacity
from registry.inventory.capacity import CapacityError
from registry.inventory.errors import InventoryError
from registry.inventory.lifecycle import (
    MOVES,
    NO_KEY,
    STATES,
    LifecycleError,
    delete,
    end_wait_for_keys,
    install,
    put_in_stock,
    put_in_use,
    refusals,
    remove,
    restore,
    scrap,
)
from registry.inventory.meters import count_in_use, find_meter
from registry.models import MeterKey
from registry.people.rights import ORCHESTRATOR
from registry.tables import published_tables, registered_meters
from tests.unit.registry.inventory_rows import (
    BEFORE,
    LATER,
    NOW,
    WHO,
    add_meters,
    events,
    get,
    installations,
    meter_id,
    states,
)

ONE, TWO = meter_id(1), meter_id(2)


def do(registry, action, name: str, **options) -> None:
    with registry.begin() as session:
        meter = find_meter(session, "default", name)
        if action is install:
            action(session, "default", meter, **{**WHO, **options})
        else:
            action(session, meter, **{**WHO, **options})


def test_a_customer_link_puts_a_meter_in_stock_into_use_with_its_event(registry) -> None:
    add_meters(registry, 2)
    add_meters(registry, 1, state="in_use", first=3)
    with registry.begin() as session:
        moved = put_in_use(session, "default", {ONE: BEFORE, meter_id(3): BEFORE}, ORCHESTRATOR, NOW)
    assert moved == [ONE]
    assert states(registry) == {ONE: "in_use", TWO: "stock", meter_id(3): "in_use"}
    assert get(registry, ONE).state_since == BEFORE
    assert events(registry, "meter.in_use") == [
        (ONE, {"state": "stock"}, {"state": "in_use", "effective_at": BEFORE.isoformat()})
    ]
    assert audit.walk(registry).broken is None


def test_meters_that_cannot_be_in_use_are_refused_all_together(registry) -> None:
    add_meters(registry, 1)
    add_meters(registry, 1, first=2, state="scrapped")
    with registry.begin(readonly=True) as session:
        assert refusals(session, "default", [ONE, TWO]) == {
            TWO: f"meter {TWO} is scrapped and cannot become in_use: put it in stock first"
        }
    with pytest.raises(LifecycleError, match="scrapped"), registry.begin() as session:
        put_in_use(session, "default", {ONE: BEFORE, TWO: BEFORE}, "test", NOW)
    with pytest.raises(LifecycleError, match="not registered"), registry.begin() as session:
        put_in_use(session, "default", {ONE: BEFORE, "KAM-1": BEFORE}, "test", NOW)
    assert states(registry) == {ONE: "stock", TWO: "scrapped"}


def test_many_meters_in_one_go_keep_the_chain(registry) -> None:
    ids = add_meters(registry, 300)
    with registry.begin() as session:
        put_in_use(session, "default", dict.fromkeys(ids, BEFORE), "test", NOW)
        audit.record(session, organisation="default", event="after", identity="test", now=NOW)
    chain = audit.walk(registry)
    assert (chain.events, chain.broken) == (301, None)


def test_a_meter_is_installed_by_hand(registry) -> None:
    add_meters(registry, 2)
    do(registry, install, "90000001", metering_point="P1", at=BEFORE)
    assert states(registry)[ONE] == "in_use"
    assert installations(registry) == [("P1", ONE, BEFORE, None)]
    assert published_tables(registry)["metering_points"]["metering_point"].to_list() == ["P1"]
    assert events(registry, "meter.install")[0][2]["metering_point"] == "P1"
    for name, point, at, message in (
        (ONE, "P2", BEFORE, "is installed at P1: remove it first"),
        (TWO, "P1", BEFORE, "enter an exchange"),
        (TWO, "P2", LATER, "future"),
    ):
        with pytest.raises(LifecycleError, match=message):
            do(registry, install, name, metering_point=point, at=at)
    do(registry, remove, ONE, at=NOW)
    with pytest.raises(LifecycleError, match="give a later time"):
        do(registry, install, ONE, metering_point="P2", at=BEFORE)
    with pytest.raises(LifecycleError, match="P1 had a meter until"):
        do(registry, install, TWO, metering_point="P1", at=BEFORE)


@pytest.mark.parametrize("decided", ["scrapped", "deleted", "installed", "restored"])
def test_what_a_person_decided_outlasts_the_wait_for_a_key(registry, decided: str) -> None:
    add_meters(registry, 2, state_reason=NO_KEY)
    match decided:
        case "scrapped":
            do(registry, scrap, ONE, at=NOW)
        case "deleted":
            do(registry, delete, ONE)
        case "restored":
            do(registry, delete, ONE)
            do(registry, restore, ONE)
        case _:
            do(registry, install, ONE, metering_point="P1", at=BEFORE)
            do(registry, put_in_stock, ONE, at=NOW)
    assert get(registry, ONE).state_reason is None
    assert key_comes(registry) == [TWO]
    wanted = {"scrapped": "scrapped", "deleted": "deleted"}.get(decided, "stock")
    assert states(registry) == {ONE: wanted, TWO: "in_use"}


@pytest.mark.parametrize("state", ["scrapped", "deleted", "removed"])
def test_a_reason_of_before_moves_no_meter_out_of_stock(registry, state: str) -> None:
    """As versions left it that kept the reason with whatever state came."""
    add_meters(registry, 1, state=state, state_reason=NO_KEY)
    assert key_comes(registry) == []
    assert states(registry) == {ONE: state}


def key_comes(registry) -> list[str]:
    """Gives all meters a key; those that waited for it."""
    columns = {"key_no": 1, "key_class": "oms", "algorithm": "AES-128", "usage": "any", "created_at": NOW}
    with registry.begin() as session:
        for name in states(registry):
            session.add(MeterKey(organisation="default", meter_id=name, wrapped=b"w", digest=b"d", **columns))
        session.flush()
        return list(end_wait_for_keys(session, "default", "test", NOW).in_use)


@pytest.mark.parametrize(("action", "state"), [(remove, "removed"), (put_in_stock, "stock")])
def test_taking_a_meter_out_of_use_ends_its_installation(registry, action, state: str) -> None:
    add_meters(registry, 1)
    do(registry, install, ONE, metering_point="P1", at=BEFORE)
    with pytest.raises(LifecycleError, match="give a later time"):
        do(registry, action, ONE, at=BEFORE)
    until = NOW - timedelta(days=1)
    do(registry, action, ONE, at=until, now=LATER)
    assert states(registry) == {ONE: state}
    assert installations(registry) == [("P1", ONE, BEFORE, until)]
    assert len(installations(registry, all_versions=True)) == 2, "what was known before stays"


@pytest.mark.parametrize("state", [state for state in STATES if state != "deleted"])
def test_moves_that_are_not_allowed_are_refused(registry, state: str) -> None:
    actions = {"stock": put_in_stock, "removed": remove, "scrapped": scrap}
    for number, (wanted, action) in enumerate(actions.items(), 1):
        add_meters(registry, 1, state=state, first=number)
        if wanted in MOVES[state]:
            do(registry, action, meter_id(number), at=NOW)
            assert states(registry)[meter_id(number)] == wanted
        else:
            with pytest.raises(LifecycleError, match=r"cannot become|already"):
                do(registry, action, meter_id(number), at=NOW)
            assert states(registry)[meter_id(number)] == state


def test_a_deleted_meter_keeps_its_row_and_comes_back_as_it_was(registry) -> None:
    add_meters(registry, 1, state="removed")
    do(registry, delete, ONE, reason="entered twice")
    row = published_tables(registry)["meters"].row(0, named=True)
    assert (row["meter_id"], row["state"]) == (ONE, "deleted")
    assert registered_meters(registry, "default").to_list() == [ONE], "its frames are no foreign ones"
    assert get(registry, ONE).deleted_at == NOW
    for action, options in ((delete, {}), (scrap, {"at": NOW}), (install, {"at": NOW, "metering_point": "P"})):
        with pytest.raises(LifecycleError, match=r"deleted already|restore it first"):
            do(registry, action, ONE, **options)
    do(registry, restore, ONE)
    assert (get(registry, ONE).state, get(registry, ONE).deleted_at) == ("removed", None)
    with pytest.raises(LifecycleError, match="is not deleted"):
        do(registry, restore, ONE)


def test_an_installed_meter_is_not_deleted(registry) -> None:
    add_meters(registry, 1)
    do(registry, install, ONE, metering_point="P1", at=BEFORE)
    with pytest.raises(LifecycleError, match="remove it first"):
        do(registry, delete, ONE)


def set_quota(registry, meters: int | None, interval: int | None = None) -> None:
    with registry.begin() as session:
        capacity.set_plan(session, "default", max_in_use=meters, finest_interval_s=interval, **WHO)


def test_meter_101_of_100_is_refused_with_quota_count_and_remedy(registry) -> None:
    ids = add_meters(registry, 101)
    set_quota(registry, 100)
    with registry.begin() as session:
        put_in_use(session, "default", dict.fromkeys(ids[:100], BEFORE), "test", NOW)
    with pytest.raises(CapacityError, match=r"allows 100 .* 100 are, and 1 more would be 101.*stock, or raise"):
        do(registry, install, ids[100], metering_point="P101", at=BEFORE)
    assert states(registry)[ids[100]] == "stock"
    with pytest.raises(CapacityError), registry.begin() as session:
        put_in_use(session, "default", {ids[100]: BEFORE}, "test", NOW)


def test_only_meters_in_use_count(registry) -> None:
    ids = add_meters(registry, 3, state="in_use")
    add_meters(registry, 1, first=4)
    set_quota(registry, 3)

    def count() -> int:
        with registry.begin(readonly=True) as session:
            return count_in_use(session, "default")

    assert count() == 3
    do(registry, put_in_stock, ids[0], at=NOW)
    assert count() == 2
    do(registry, install, meter_id(4), metering_point="P4", at=NOW)
    assert count() == 3
    do(registry, delete, ids[1])
    do(registry, install, ids[0], metering_point="P1", at=NOW)
    with pytest.raises(CapacityError):
        do(registry, restore, ids[1])


def test_a_plan_bounds_how_often_meters_are_read(registry) -> None:
    set_quota(registry, None, 86_400)
    with registry.begin(readonly=True) as session:
        capacity.check_interval(session, "default", 86_400)
        capacity.check(session, "default", 1_000_000)
        with pytest.raises(CapacityError, match="every 86400 s"):
            capacity.check_interval(session, "default", 3600)
    set_quota(registry, 5)
    assert [(b, a["max_in_use"]) for _, b, a in events(registry, "capacity.set")] == [
        (None, None),
        ({"max_in_use": None, "finest_interval_s": 86_400, "max_priority": None}, 5),
    ]
    with pytest.raises(CapacityError, match="no negative"):
        set_quota(registry, -1)


def test_a_meter_is_found_by_id_or_by_a_serial_of_its_own(registry) -> None:
    add_meters(registry, 1)
    with registry.begin() as session:
        assert find_meter(session, "default", ONE).meter_id == ONE
        with pytest.raises(InventoryError, match="No meter is called 7"):
            find_meter(session, "default", "7")
        with pytest.raises(InventoryError, match="No meter"):
            find_meter(session, "elsewhere", ONE)
    with registry.begin() as session:
        twin = dict(vars(get(registry, ONE)))
        twin.pop("_sa_instance_state")
        session.add(type(get(registry, ONE))(**twin | {"meter_id": "KAM-90000001-1c-16", "version": "1c"}))
    with registry.begin() as session, pytest.raises(InventoryError, match="is several meters"):
        find_meter(session, "default", "90000001")
