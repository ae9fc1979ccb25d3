"""Custom fields, and many meters changed by a file."""

import json

import polars as pl
import pytest

from registry.errors import RegistryError
from registry.inventory.fields import Entity, Field, FieldError, Type, add_field, fields, remove_field
from registry.inventory.listing import Filters, list_meters
from registry.inventory.updates import EMPTY, UpdateReport, update_inventory
from registry.models import MeteringPoint
from registry.tables import published_tables
from tests.unit.registry.inventory_rows import NOW, WHO, add_meters, events, get, meter_id
from warehouse.published import render

ONE, TWO = meter_id(1), meter_id(2)
PIT = Field(Entity.meter, "pit", "In a pit", Type.boolean)
DEPTH = Field(Entity.meter, "depth", "Depth [m]", Type.decimal)
KIND = Field(Entity.metering_point, "kind", "Kind of house", Type.choice, ("flat", "house"))


def define(registry, *wanted: Field) -> None:
    with registry.begin() as session:
        for field in wanted:
            add_field(session, "default", field, **WHO)


def change(registry, text: str, **options) -> UpdateReport:
    return update_inventory(registry, text.encode(), organisation="default", source_name="update.csv", **WHO, **options)


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("text", " by the lake ", "by the lake"),
        ("integer", "007", "7"),
        ("decimal", "01.50", "1.5"),
        ("decimal", "100", "100"),
        ("decimal", "-0.0", "0"),
        ("date", "2026-02-28", "2026-02-28"),
        ("boolean", "Yes", "true"),
        ("boolean", "0", "false"),
        ("choice", "flat", "flat"),
        ("text", "x" * 201, None),
        ("integer", "1.5", None),
        ("decimal", "1e5", None),
        ("date", "2026-02-30", None),
        ("date", "28.02.2026", None),
        ("boolean", "perhaps", None),
        ("choice", "castle", None),
    ],
)
def test_values_have_one_form_per_type(kind: str, typed: str, stored: str | None) -> None:
    field = Field(Entity.meter, "f", "F", Type(kind), ("flat", "house") if kind == "choice" else ())
    if stored is None:
        with pytest.raises(FieldError, match="f takes") as caught:
            field.parse(typed)
        assert typed not in str(caught.value)
    else:
        assert field.parse(typed) == stored
        assert field.parse(str(field.typed(stored))) == stored


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (Field(Entity.meter, "Pit", "P", Type.text), "lower-case"),
        (Field(Entity.meter, "serial", "S", Type.text), "a column already"),
        (Field(Entity.metering_point, "pit", "P", Type.text), "a field pit already"),
        (Field(Entity.meter, "f", "", Type.text), "label"),
        (Field(Entity.meter, "f", "F", Type.choice), "needs its choices"),
        (Field(Entity.meter, "f", "F", Type.text, ("a",)), "others have none"),
        (Field(Entity.meter, "f", "F", Type.choice, ("a", "a")), "differ"),
    ],
)
def test_fields_that_cannot_be(registry, field: Field, message: str) -> None:
    define(registry, PIT)
    with pytest.raises(FieldError, match=message):
        define(registry, field)


def test_a_field_is_added_filled_by_a_file_listed_filtered_and_published(registry) -> None:
    add_meters(registry, 3, state="in_use")
    define(registry, PIT, DEPTH)
    report = change(registry, f"meter_id,pit,depth\n{ONE},yes,1.50\n{TWO},no,10\n")
    assert (report.applied, report.changes.height, report.rejected.height) == (True, 4, 0)
    with registry.begin(readonly=True) as session:
        columns = ("serial", "pit", "depth")

        def page(**options):
            found = list_meters(
                session, "default", options.pop("filters", Filters()), now=NOW, columns=columns, **options
            )
            return [(row["serial"], row["pit"], row["depth"]) for row in found.rows]

        by_depth = page(sort="depth", descending=True)
        assert [serial for serial, _, _ in by_depth] == ["90000002", "90000001", "90000003"], "10 is more than 1.5"
        assert by_depth[1][1:] == (True, DEPTH.typed("1.5"))
        assert [row[0] for row in page(filters=Filters(custom={"pit": "1"}))] == ["90000001"]
        with pytest.raises(RegistryError, match="no field nothing"):
            page(filters=Filters(custom={"nothing": "1"}))
    published = published_tables(registry)["meters"].sort("meter_id")["custom_fields"].to_list()
    assert [json.loads(text) if text else None for text in published] == [
        {"pit": "true", "depth": "1.5"},
        {"pit": "false", "depth": "10"},
        None,
    ]


def test_fields_of_metering_points_are_filled_by_a_file(registry) -> None:
    with registry.begin() as session:
        session.add(MeteringPoint(organisation="default", metering_point="P1", role="consumption"))
    define(registry, KIND, PIT)
    report = change(registry, "metering_point,kind\nP1,flat\nP9,flat\n", partial=True)
    assert report.rejected.rows() == [(3, "there is no metering point P9")]
    assert published_tables(registry)["metering_points"]["custom_fields"].to_list() == ['{"kind": "flat"}']
    with pytest.raises(RegistryError, match="cannot be changed: pit; there are role, kind"):
        change(registry, "metering_point,pit\nP1,yes\n")


def test_a_removed_field_takes_its_values_along_when_that_is_said(registry) -> None:
    add_meters(registry, 1)
    define(registry, PIT)
    change(registry, f"meter_id,pit\n{ONE},yes\n")
    with registry.begin() as session, pytest.raises(FieldError, match="1 values"):
        remove_field(session, "default", "pit", with_values=False, **WHO)
    with registry.begin() as session:
        assert remove_field(session, "default", "pit", with_values=True, **WHO) == 1
        assert fields(session, "default") == {}
        with pytest.raises(FieldError, match="no field"):
            remove_field(session, "default", "pit", with_values=True, **WHO)
    assert published_tables(registry)["meters"]["custom_fields"].to_list() == [None]


UPDATE = f"meter_id,model,meter_number,pit\n{ONE},flowIQ 2200,W-17,yes\n{TWO},,,no\n"


def test_an_update_is_previewed_then_done_with_an_event_per_meter(registry) -> None:
    add_meters(registry, 2)
    define(registry, PIT)
    preview = change(registry, UPDATE, dry_run=True)
    assert not preview.applied
    assert preview.changes.rows() == [
        (2, ONE, "model", "flowIQ", "flowIQ 2200"),
        (2, ONE, "meter_number", None, "W-17"),
        (2, ONE, "pit", None, "true"),
        (3, TWO, "pit", None, "false"),
    ]
    assert (get(registry, ONE).model, events(registry, "meters.update")) == ("flowIQ", [])
    assert change(registry, UPDATE).changes.equals(preview.changes)
    assert (get(registry, ONE).model, get(registry, ONE).meter_number) == ("flowIQ 2200", "W-17")
    assert events(registry, "meters.update") == [
        (
            ONE,
            {"model": "flowIQ", "meter_number": None, "pit": None},
            {"model": "flowIQ 2200", "meter_number": "W-17", "pit": "true"},
        ),
        (TWO, {"pit": None}, {"pit": "false"}),
    ]
    again = change(registry, UPDATE)
    assert (again.applied, again.unchanged, again.changes.height) == (False, 2, 0)


def test_fields_are_emptied_by_saying_so(registry) -> None:
    add_meters(registry, 1, meter_number="W-17")
    report = change(registry, f"manufacturer,serial,meter_number\nkam,90000001,{EMPTY}\n")
    assert report.changes.rows() == [(2, ONE, "meter_number", "W-17", None)]
    assert get(registry, ONE).meter_number is None


def test_one_bad_line_keeps_all_from_being_done_unless_partial(registry) -> None:
    add_meters(registry, 2)
    add_meters(registry, 1, first=3, state="deleted")
    define(registry, PIT)
    text = (
        f"meter_id,medium,pit\n{ONE},warm_water,yes\n{TWO},lava,\n{TWO},,maybe\n{ONE},,no\nKAM-9,,yes\n"
        f"{meter_id(3)},heat,\n,heat,\n{TWO},{EMPTY},\n{TWO},water\n"
    )
    report = change(registry, text)
    assert not report.applied
    assert report.rejected["source_line"].to_list() == [3, 4, 5, 6, 7, 8, 9, 10]
    reasons = dict(report.rejected.rows())
    assert reasons[4] == "the meter stands in an earlier line"
    assert reasons[6] == "meter KAM-9 is not registered"
    assert reasons[7].endswith("restore it first")
    assert (get(registry, ONE).medium, events(registry, "meters.update")) == ("water", [])
    assert change(registry, text, partial=True).applied
    assert (get(registry, ONE).medium, get(registry, TWO).medium) == ("warm_water", "water")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"meter_id,state\n{ONE},scrapped\n", "cannot be changed: state"),
        (f"meter_id,000102030405060708090a0b0c0d0e0f\n{ONE},x\n", "has columns that cannot be changed; there are"),
        (f"meter_id,reason\n{ONE},x\n", "cannot be changed: reason"),
        (f"meter_id\n{ONE}\n", "changes nothing"),
        ("model,medium\nx,y\n", "names neither meters"),
    ],
)
def test_update_files_that_are_none_are_refused(registry, content: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        change(registry, content)


def test_a_list_for_people_is_an_update_that_changes_nothing(registry) -> None:
    define(registry, Field(Entity.meter, "note", "Note", Type.text))
    add_meters(registry, 2)
    assert change(registry, f"meter_id,note\n{ONE},-north\n{TWO},'=1+1\n").changes["after"].to_list() == [
        "-north", "=1+1",
    ]  # fmt: skip
    with registry.begin(readonly=True) as session:
        rows = list_meters(session, "default", Filters(), now=NOW, columns=("meter_id", "note")).rows
    table = render(pl.DataFrame(rows), "csv", for_people=True).decode()
    assert table == f"meter_id,note\n{ONE},'-north\n{TWO},'=1+1\n"
    again = change(registry, table)
    assert (again.changes.height, again.unchanged, again.rejected.height) == (0, 2, 0)
