"""The list of meters: filters, order, pages, columns, and who may see customers."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest

from registry import groups
from registry.inventory.fields import Entity, Field, Type, add_field, set_values
from registry.inventory.lifecycle import install
from registry.inventory.list_columns import COLUMNS, CUSTOMER_COLUMNS, IN_USE_COLUMNS, READING_COLUMNS, STOCK_COLUMNS
from registry.inventory.listing import Filters, ListError, Page, list_all, list_meters
from registry.inventory.meters import find_meter
from registry.key_status import KEY_STATUSES
from registry.labels import set_labels
from registry.models import Customer, MeterKey
from registry.tables import published_tables
from tests.unit.registry.inventory_rows import BEFORE, NOW, WHO, add_meters, meter_id
from warehouse.excerpt import Excerpt
from warehouse.lake import Lake
from warehouse.schemas.readings import READINGS

DAY = timedelta(days=1)
SHAPE = Field(Entity.metering_point, "shape", "Shape", Type.integer)


@pytest.fixture
def fleet(registry):
    """Six meters: 1 to 3 installed at P1 to P3 with customers, 4 in stock, 5 scrapped, 6 deleted."""
    add_meters(registry, 4, meter_number="W-1")
    add_meters(registry, 1, first=5, state="scrapped", model=None)
    add_meters(registry, 1, first=6, state="deleted")
    with registry.begin() as session:
        add_field(session, "default", SHAPE, **WHO)
        for number in (1, 2, 3):
            meter = find_meter(session, "default", meter_id(number))
            meter.medium, meter.model = ("heat", "MULTICAL 403") if number == 3 else ("water", "flowIQ")
            at = BEFORE + timedelta(days=number)
            install(session, "default", meter, metering_point=f"P{number}", at=at, **WHO)
            session.add(
                Customer(
                    organisation="default",
                    metering_point=f"P{number}",
                    customer_number=f"C{9 - number}",
                    name=f"Customer {number}",
                    address=f"Meadow Lane {number}",
                )
            )
        author = groups.Author("default", "test", NOW)
        for name in ("A", "B"):
            groups.create(session, author, name)
        for group, point, until in (("A", "P1", None), ("A", "P2", NOW), ("B", "P3", None)):
            groups.add(session, author, group, [point], valid_from=BEFORE, valid_to=until)
        for number, verified, failed in ((1, NOW, None), (2, None, NOW), (3, None, None)):
            session.add(
                MeterKey(
                    organisation="default",
                    meter_id=meter_id(number),
                    key_no=1,
                    key_class="oms",
                    algorithm="AES-128",
                    usage="any",
                    wrapped=b"w",
                    digest=b"d",
                    created_at=NOW,
                    verified_at=verified,
                    failed_at=failed,
                )
            )
        for word, labelled in (("yard", (4, 5)), ("attic", (1,)), ("by the stairs", (1,))):
            set_labels(session, "default", [meter_id(number) for number in labelled], [word], **WHO)
        set_values(session, "default", {"shape": SHAPE}, {"P1": {"shape": "10"}, "P3": {"shape": "9"}})
    return registry


def ask(registry, filters: Filters = Filters(), **options) -> Page:  # noqa: B008  frozen
    with registry.begin(readonly=True) as session:
        return list_meters(session, "default", filters, **{"now": NOW, **options})


def numbers(page: Page) -> list[int]:
    return [int(row["meter_id"][4:12]) - 90_000_000 for row in page.rows]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [1, 2, 3, 4, 5]),
        (Filters(states=("deleted",)), [6]),
        (Filters(states=("stock", "scrapped")), [4, 5]),
        (Filters(media=("heat",)), [3]),
        (Filters(manufacturers=("ABC",)), []),
        (Filters(models=("flowIQ", "MULTICAL 403")), [1, 2, 3, 4]),
        (Filters(device_types=("16",), serials=("90000002",)), [2]),
        (Filters(text="multical"), [3]),
        (Filters(text="0003"), [3]),
        (Filters(text="kam-90000001"), [1]),
        (Filters(text="w-1"), [1, 2, 3, 4]),
        (Filters(text="%"), []),
        (Filters(text="flow", states=("stock",)), [4]),
        (Filters(group="A"), [1]),
        (Filters(group="nowhere"), []),
        (Filters(key_statuses=("ok",)), [1]),
        (Filters(key_statuses=("wrong",)), [2]),
        (Filters(key_statuses=("unverified",)), [3]),
        (Filters(key_statuses=("missing",)), [4, 5]),
        (Filters(key_statuses=("ok", "missing")), [1, 4, 5]),
        (Filters(labels=("yard",)), [4, 5]),
        (Filters(labels=("yard", "attic")), [1, 4, 5]),
        (Filters(custom={"shape": "010"}), [1]),
    ],
)
def test_filters_and_the_count_of_what_they_leave(fleet, filters: Filters, expected: list[int]) -> None:
    page = ask(fleet, filters)
    assert numbers(page) == expected
    assert page.total == len(expected)


@pytest.mark.parametrize(
    ("sort", "descending", "expected"),
    [
        ("serial", True, [5, 4, 3, 2, 1]),
        ("model", False, [3, 1, 2, 4, 5]),
        ("metering_point", True, [3, 2, 1, 4, 5]),
        ("installed_at", True, [3, 2, 1, 4, 5]),
        ("customer_number", False, [3, 2, 1, 4, 5]),
        ("customer_name", True, [3, 2, 1, 4, 5]),
        ("shape", False, [3, 1, 2, 4, 5]),
        ("shape", True, [1, 3, 2, 4, 5]),
    ],
)
def test_order_with_what_is_empty_last(fleet, sort: str, descending: bool, expected: list[int]) -> None:
    assert numbers(ask(fleet, sort=sort, descending=descending, with_customers=True)) == expected


@pytest.mark.parametrize("filters", [Filters(), Filters(text="900")])
def test_pages_cover_the_list_once(fleet, filters: Filters) -> None:
    pages = [ask(fleet, filters, page=page, size=2) for page in (1, 2, 3, 4)]
    assert [numbers(page) for page in pages] == [[1, 2], [3, 4], [5], []]
    assert [page.total for page in pages] == [5, 5, 5, 5]


def test_default_columns_and_all_columns(fleet, tmp_path: Path) -> None:
    row = ask(fleet, Filters(states=("stock",))).rows[0]
    assert row == {
        "meter_id": meter_id(4),
        "model": "flowIQ",
        "medium": "water",
        "serial": "90000004",
        "key_status": "missing",
        "meter_number": "W-1",
        "manufacturer": "KAM",
    }
    assert set(STOCK_COLUMNS) | set(IN_USE_COLUMNS) <= set(COLUMNS)
    row = ask(fleet, columns=(*COLUMNS, "shape"), with_customers=True, lake=Lake(tmp_path)).rows[0]
    assert row["customer_number"] == "C8"
    assert row["address"] == "Meadow Lane 1"
    assert (row["metering_point"], row["installed_at"]) == ("P1", BEFORE + timedelta(days=1))
    assert (row["key_status"], row["shape"]) == ("ok", 10)
    assert (row["customer_name"], row["labels"]) == ("Customer 1", "attic, by the stairs")
    assert ask(fleet, columns=("labels",)).rows[1]["labels"] is None


@pytest.mark.parametrize("at", [NOW - DAY, NOW, NOW + DAY, NOW + 3 * DAY])
def test_key_status_is_the_published_one_at_every_time(fleet, at: datetime) -> None:
    """Meter 4 has a right key that ends and a wrong one that follows; meter 5 one whose time comes."""
    columns = {"organisation": "default", "key_class": "oms", "algorithm": "AES-128", "usage": "any", "created_at": NOW}
    secret = {"wrapped": b"w", "digest": b"d"}
    with fleet.begin() as session:
        four, five = {"meter_id": meter_id(4)}, {"meter_id": meter_id(5)}
        session.add(MeterKey(key_no=1, verified_at=NOW, valid_to=NOW + DAY, **four, **columns, **secret))
        session.add(
            MeterKey(key_no=2, failed_at=NOW, valid_from=NOW + DAY, valid_to=NOW + 2 * DAY, **four, **columns, **secret)
        )
        session.add(MeterKey(key_no=1, failed_at=NOW, valid_from=NOW, **five, **columns, **secret))
        lora = columns | {"key_class": "lora"}
        session.add(MeterKey(key_no=2, verified_at=NOW, **five, **lora, **secret))
    expected = {NOW - DAY: "unverified", NOW: "wrong", NOW + DAY: "wrong", NOW + 3 * DAY: "wrong"}
    ended = {NOW - DAY: "ok", NOW: "ok", NOW + DAY: "wrong", NOW + 3 * DAY: "expired"}
    listed = {row["meter_id"]: row["key_status"] for row in ask(fleet, now=at).rows}
    assert (listed[meter_id(4)], listed[meter_id(5)]) == (ended[at], expected[at])
    published = dict(published_tables(fleet, at)["meters"].select("meter_id", "key_status").rows())
    assert listed.items() <= published.items()
    for status in KEY_STATUSES:
        expected_ids = sorted(name for name, held in listed.items() if held == status)
        for sort in ("serial", "meter_id"):
            page = ask(fleet, Filters(key_statuses=(status,)), now=at, sort=sort)
            assert ([row["meter_id"] for row in page.rows], page.total) == (expected_ids, len(expected_ids)), status


@pytest.mark.parametrize("sort", ["serial", "model"])
def test_a_key_status_that_most_have_is_paged_like_any_other(fleet, sort: str) -> None:
    """Twelve more meters without keys: a page of one of them is near the start, others are not."""
    add_meters(fleet, 12, first=10)
    everyone = ask(fleet, Filters(key_statuses=("missing",)), sort=sort, size=100)
    assert everyone.total == len(everyone.rows) == 14
    for place, row in enumerate(everyone.rows, 1):
        page = ask(fleet, Filters(key_statuses=("missing",)), sort=sort, size=1, page=place)
        assert (page.rows, page.total) == ([row], 14)
    assert ask(fleet, Filters(key_statuses=("missing",)), sort=sort, size=1, page=15) == Page(14, [])
    both = Filters(key_statuses=("missing", "ok"))
    assert ask(fleet, both, sort=sort, size=1).total == 15


@pytest.mark.parametrize("others", [{}, {"states": ("deleted", "stock")}, {"media": ("water",)}, {"labels": ("yard",)}])
def test_the_total_of_key_statuses_is_of_the_meters_that_are_listed(fleet, others: dict[str, tuple[str, ...]]) -> None:
    """A deleted meter has a key, and another organisation's meter the same id."""
    columns = {"key_class": "oms", "algorithm": "AES-128", "usage": "any", "created_at": NOW, "key_no": 1}
    with fleet.begin() as session:
        for organisation, number in (("default", 6), ("another", 5), ("another", 6)):
            row = {"organisation": organisation, "meter_id": meter_id(number), "wrapped": b"w", "digest": b"d"}
            session.add(MeterKey(**row, **columns))
    every = ask(fleet, Filters(**others), columns=("key_status",)).rows
    assert every
    for size in range(1, len(KEY_STATUSES) + 1):
        for wanted in combinations(KEY_STATUSES, size):
            expected = [row for row in every if row["key_status"] in wanted]
            page = ask(fleet, Filters(key_statuses=wanted, **others), columns=("key_status",))
            assert page == Page(len(expected), expected), wanted


def test_latest_readings_are_of_meters_in_use_and_ones_own(fleet, tmp_path: Path) -> None:
    """Meters 1 to 3 are in use, of which 2 was never read; 4 was read and is in stock again."""
    lake = Lake(tmp_path)

    def read(number: int, at: datetime, organisation: str = "default", quality: str = "M", **registers: str) -> None:
        row = {
            "organisation": organisation, "meter_id": meter_id(number), "measured_at": at, "received_at": at,
            "landed_at": at, "source": "radio", "quality": quality, "month": f"{at:%Y-%m}",
            **{name: Decimal(value) for name, value in registers.items()},
        }  # fmt: skip
        lake.append(READINGS, pl.DataFrame([row]))

    read(1, NOW - 400 * DAY, volume_m3="1")
    read(1, NOW - 300 * DAY, volume_m3="2.5", energy_kwh="7")
    read(1, NOW - 200 * DAY, quality="R", volume_m3="9")
    read(3, NOW - DAY, volume_m3="3", energy_kwh="1200")
    read(3, NOW, flow_temp_c="50")
    read(4, NOW, volume_m3="4")
    read(1, NOW, organisation="another", volume_m3="100")
    read(2, NOW, organisation="another", volume_m3="100")

    rows = ask(fleet, columns=("serial", *READING_COLUMNS), lake=lake).rows
    found = {row["serial"][-1]: tuple(row[name] for name in READING_COLUMNS) for row in rows}
    assert found == {
        "1": (NOW - 300 * DAY, Decimal("2.5"), "m3"),
        "2": (None, None, None),
        "3": (NOW - DAY, Decimal(1200), "kWh"),
        "4": (None, None, None),
        "5": (None, None, None),
    }
    assert ask(fleet, columns=IN_USE_COLUMNS, lake=lake, with_customers=True).rows[0]["reading"] == Decimal("2.5")
    seen = Excerpt(lake, {meter_id(3)})
    assert [row["reading"] for row in ask(fleet, columns=("reading",), lake=seen).rows[:3]] == [None, None, 1200]


@pytest.mark.parametrize("name", CUSTOMER_COLUMNS)
def test_customers_are_for_those_who_may_see_them(fleet, name: str) -> None:
    for options in ({"columns": (name,)}, {"sort": name}):
        with pytest.raises(ListError, match="may see customers"):
            ask(fleet, **options)
        assert ask(fleet, with_customers=True, **options).total == 5


@pytest.mark.parametrize(
    ("filters", "options", "message"),
    [
        (Filters(), {"columns": ("name",)}, "no column name"),
        (Filters(), {"sort": "key_status"}, "does not sort"),
        (Filters(), {"sort": "read_at"}, "for the meters of a page alone"),
        (Filters(), {"columns": ("reading",)}, "this list has none to ask"),
        (Filters(), {"sort": "labels"}, "does not sort"),
        (Filters(key_statuses=("good",)), {}, "no key status"),
        (Filters(states=("new",)), {}, "no state"),
        (Filters(), {"page": 0}, "count from 1"),
        (Filters(), {"size": 1001}, "up to 1000"),
    ],
)
def test_lists_that_there_are_not(fleet, filters: Filters, options, message: str) -> None:
    with pytest.raises(ListError, match=message):
        ask(fleet, filters, **options)


def test_who_moved_out_is_not_shown_and_repeats_no_meter(fleet) -> None:
    former = {"organisation": "default", "occupied_to": BEFORE, "name": "Customer 0"}
    with fleet.begin() as session:
        for number, place in ((1, "Zenith Road 1"), (2, "Abbey Road 2")):
            columns = {"metering_point": f"P{number}", "customer_number": f"F{number}", "address": place}
            session.add(Customer(occupancy=f"z{number}", **columns, **former))
            session.add(Customer(occupancy=f"0{number}", **columns, **former))
    for sort in ("address", "customer_number"):
        pages = [ask(fleet, sort=sort, with_customers=True, page=page, size=2) for page in (1, 2, 3)]
        assert sorted(number for page in pages for number in numbers(page)) == [1, 2, 3, 4, 5]
    columns = ("customer_number", "address")
    rows = ask(fleet, columns=columns, sort="address", with_customers=True).rows[:2]
    assert [(row["customer_number"], row["address"]) for row in rows] == [
        ("C8", "Meadow Lane 1"),
        ("C7", "Meadow Lane 2"),
    ]


def test_another_organisation_sees_nothing(fleet) -> None:
    with fleet.begin(readonly=True) as session:
        assert list_meters(session, "elsewhere", Filters(), now=NOW).total == 0


@pytest.mark.parametrize(
    ("text", "with_customers", "expected"),
    [
        ("meadow LANE 2", True, [2]),
        ("c8", True, [1]),
        ("customer 3", True, [3]),
        ("meadow lane 2", False, []),
        ("p2", False, [2]),
        ("_ane", True, []),
    ],
)
def test_text_finds_places_and_the_customers_of_who_may_see_them(
    fleet, text: str, with_customers: bool, expected: list[int]
) -> None:
    with fleet.begin(readonly=True) as session:
        page = list_meters(session, "default", Filters(text=text), now=NOW, with_customers=with_customers)

    assert [row["meter_id"] for row in page.rows] == [meter_id(number) for number in expected]


def test_every_meter_of_a_list_is_given_in_its_order_and_none_that_may_not_be_seen(fleet) -> None:
    with fleet.begin(readonly=True) as session:
        every = list_all(session, "default", Filters(), now=NOW, columns=("state",), descending=True)
        seen = list_all(session, "default", Filters(among={meter_id(2)}), now=NOW)
        none = list_all(session, "default", Filters(among=frozenset()), now=NOW)
        found = [row["meter_id"] for row in every]

        assert found == [meter_id(number) for number in (5, 4, 3, 2, 1)]
        assert [row["meter_id"] for row in seen] == [meter_id(2)]
        assert list(none) == []


def test_all_rows_are_refused_to_who_may_not_see_customers(fleet) -> None:
    with fleet.begin(readonly=True) as session, pytest.raises(ListError, match="may see customers"):
        list(list_all(session, "default", Filters(), now=NOW, columns=("address",)))
