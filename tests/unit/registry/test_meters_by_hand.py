"""One meter added or edited by hand: judged as a line of a file, with its event."""

from dataclasses import replace

import pytest

from registry import audit
from registry.imports.meters import KNOWN_MEDIA
from registry.inventory import capacity
from registry.inventory.by_hand import NewMeter, add_meter, edit_meter
from registry.inventory.capacity import CapacityError
from registry.inventory.errors import InventoryError
from registry.inventory.fields import Entity, Field, Type, add_field, values
from registry.inventory.updates import EMPTY
from tests.unit.registry.conftest import METERS
from tests.unit.registry.inventory_rows import NOW, WHO, add_meters, events, get, meter_id, states

ONE = meter_id(1)
NEW = NewMeter("kam", "1234567", "1B", "16", model="flowIQ 2100")
ADDED = "KAM-01234567-1b-16"


def add(registry, new: NewMeter = NEW, state: str = "in_use") -> str:
    with registry.begin() as session:
        return add_meter(session, "default", new, state=state, **WHO)


def edit(registry, changes: dict[str, str], name: str = ONE) -> audit.Change | None:
    with registry.begin() as session:
        return edit_meter(session, "default", name, changes, reason="read off the label", **WHO)


@pytest.mark.parametrize("state", ["in_use", "stock"])
def test_a_meter_is_added_as_a_file_would(registry, state: str) -> None:
    assert add(registry, state=state) == ADDED
    row = get(registry, ADDED)
    assert (row.manufacturer, row.serial, row.version, row.device_type) == ("KAM", "01234567", "1b", "16")
    assert (row.medium, row.model, row.state, row.imported_at) == ("water", "flowIQ 2100", state, NOW)
    told = {"medium": "water", "model": "flowIQ 2100", "state": state}
    assert events(registry, "meter.add") == [(ADDED, None, told)]


@pytest.mark.parametrize(
    ("changes", "file", "reason"),
    [
        ({"manufacturer": "KAMS"}, "KAMS,90000001,1b,16,,", "the manufacturer is not three letters"),
        ({"serial": "12345678x"}, "KAM,12345678x,1b,16,,", "the serial is not up to eight digits"),
        ({"version": "zz"}, "KAM,90000001,zz,16,,", "the version is not two hex digits"),
        ({"device_type": ""}, "KAM,90000001,1b,,,", "manufacturer, serial, version or device_type is missing"),
        ({"medium": "beer"}, "KAM,90000001,1b,16,,beer", f"the medium is none of {', '.join(KNOWN_MEDIA)}"),
        ({"model": "x" * 65}, f"KAM,90000001,1b,16,{'x' * 65},", "model is longer than 64 characters"),
        ({"model": "=1+1"}, "KAM,90000001,1b,16,=1+1,", "model looks like a formula"),
        ({"model": "a\tb"}, "KAM,90000001,1b,16,a\tb,", "model holds a control character"),
    ],
)
def test_what_a_file_may_not_say_nobody_may_type(registry, meters, changes, file: str, reason: str) -> None:
    with pytest.raises(InventoryError) as refused:
        add(registry, replace(NEW, **changes))
    assert str(refused.value) == f"This cannot be: {reason}."
    assert states(registry) == {}
    header = METERS.splitlines()[0].removesuffix(",key")
    assert meters(f"{header}\n{file}\n").rejected.rows() == [(2, reason)], "the same words"


def test_a_meter_that_is_registered_is_not_added_again(registry) -> None:
    add(registry)
    with pytest.raises(InventoryError, match="is registered, and in_use: 'meterhouse meter edit' changes it"):
        add(registry)
    add_meters(registry, 1, state="deleted")
    with pytest.raises(InventoryError, match="is registered, and deleted: restore it"):
        add(registry, NewMeter("KAM", "90000001", "1b", "16"))
    with pytest.raises(InventoryError, match="is in_use or stock, not scrapped"):
        add(registry, replace(NEW, serial="2"), state="scrapped")


def test_the_plan_bounds_meters_that_are_added_in_use(registry) -> None:
    with registry.begin() as session:
        capacity.set_plan(session, "default", max_in_use=0, finest_interval_s=None, **WHO)
    with pytest.raises(CapacityError):
        add(registry)
    assert add(registry, state="stock") == ADDED


def test_a_meter_is_edited_with_what_was_before(registry) -> None:
    add_meters(registry, 1, meter_number="W-1")
    with registry.begin() as session:
        add_field(session, "default", Field(Entity.meter, "pit", "In a pit", Type.boolean), **WHO)
    change = edit(registry, {"model": "flowIQ 3100", "medium": "warm_water", "meter_number": EMPTY, "pit": "yes"})
    before = {"model": "flowIQ", "medium": "water", "meter_number": "W-1", "pit": None}
    after = {"model": "flowIQ 3100", "medium": "warm_water", "meter_number": None, "pit": "true"}
    assert change is not None
    assert (change.before, change.after) == (before, after)
    row = get(registry, ONE)
    assert (row.model, row.medium, row.meter_number) == ("flowIQ 3100", "warm_water", None)
    with registry.begin(readonly=True) as session:
        assert values(session, "default", Entity.meter, [ONE]) == {ONE: {"pit": "true"}}
    assert events(registry, "meter.edit") == [(ONE, before, after)]
    assert edit(registry, {"model": "flowIQ 3100", "pit": "1"}) is None
    assert len(events(registry, "meter.edit")) == 1, "what changes nothing is no event"


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (ONE, {"serial": "1"}, "Meters have no field serial; there are model, medium, meter_number"),
        (ONE, {"medium": "beer"}, "the medium is none of"),
        (ONE, {"medium": EMPTY}, "the medium cannot be emptied"),
        (ONE, {"model": "x" * 65}, "model is longer than 64 characters"),
        (ONE, {"meter_number": "@now"}, "meter_number looks like a formula"),
        (meter_id(2), {"model": "x"}, "is deleted: restore it first"),
        (meter_id(3), {"model": "x"}, "is not registered"),
    ],
)
def test_edits_that_cannot_be_change_nothing(registry, name: str, changes: dict[str, str], message: str) -> None:
    add_meters(registry, 1)
    add_meters(registry, 1, first=2, state="deleted")
    with pytest.raises(InventoryError, match=message):
        edit(registry, changes, name)
    assert (get(registry, ONE).model, get(registry, ONE).medium) == ("flowIQ", "water")
    assert events(registry, "meter.edit") == []
