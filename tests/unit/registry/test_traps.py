"""Files and orders of events that once led the registry astray, or nearly would."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from assets.steps.publishing import PUBLISHED
from registry import audit, ledger
from registry.errors import RegistryError
from registry.imports import parse_readings
from registry.key_text import parse_key
from registry.keys import load_keys, record_results
from registry.ledger import FileResult, LandedFile
from registry.models import Customer, Installation
from registry.store import Registry
from registry.tables import published_events, published_tables
from registry.vault import KeyVault
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, KEY, METERS, NOW, ZONE
from warehouse.schemas import READINGS

DAY = date(2026, 1, 15)
METER = "KAM-90000001-1b-16"


def land(registry: Registry, name: str) -> LandedFile:
    file = LandedFile(sha256=name * 64, name=name, size=1, landed_at=NOW, landed_day=DAY)
    assert ledger.register(registry, "default", file)
    return file


def readings(registry: Registry, lines: str, header: str = "manufacturer,serial,measured_at,volume_m3"):
    content = f"{header}\n{lines}\n".encode()
    parsed = parse_readings(registry, content, organisation="default", zone=ZONE, now=NOW, source_name="readings.csv")
    return parsed.rows, parsed.rejected


def test_a_batch_number_is_never_given_twice(registry) -> None:
    file = land(registry, "a")
    assert ledger.next_batch(registry, "default", [DAY], 5) == (1, [file])
    ledger.finish(registry, "default", [FileResult(file, reason="no frame file")])
    assert ledger.register(registry, "default", file)
    assert ledger.next_batch(registry, "default", [DAY], 5) == (2, [file])


def test_a_batch_that_a_crash_left_keeps_its_files_whatever_lands_meanwhile(registry) -> None:
    first = land(registry, "b")
    assert ledger.next_batch(registry, "default", [DAY], 5) == (1, [first])
    second = land(registry, "a")
    assert ledger.pending_days(registry, "default") == [DAY]
    assert ledger.next_batch(registry, "default", [DAY], 5) == (1, [first])
    ledger.finish(registry, "default", [FileResult(first, frames=1)])
    assert ledger.next_batch(registry, "default", [DAY], 5) == (2, [second])
    ledger.finish(registry, "default", [FileResult(second, frames=1)])
    assert ledger.next_batch(registry, "default", [DAY], 5) is None
    assert ledger.pending_days(registry, "default") == []


def test_batches_of_other_days_and_organisations_stay(registry) -> None:
    land(registry, "a")
    assert ledger.next_batch(registry, "default", [date(2026, 1, 14)], 5) is None
    assert ledger.next_batch(registry, "elsewhere", [DAY], 5) is None


def test_collectors_are_noted_once(registry) -> None:
    for names in (["c1", "c2"], ["c2", "c3"], []):
        ledger.note_collectors(registry, "default", pl.Series(names, dtype=pl.String))
    assert published_tables(registry)["collectors"]["collector"].sort().to_list() == ["c1", "c2", "c3"]


@pytest.mark.parametrize("tampering", ["delete from audit_log where number = 2", "update audit_log set details = '{}'"])
def test_the_chain_shows_tampering(meters, registry, tampering: str) -> None:
    for _ in range(3):
        meters(METERS)
    with registry.begin() as session:
        session.execute(text(tampering))
    assert audit.walk(registry).broken is not None


def test_the_chain_holds_whatever_offset_the_clock_has(registry) -> None:
    at = datetime(2026, 1, 15, 13, tzinfo=timezone(timedelta(hours=1)))
    with registry.begin() as session:
        audit.record(session, organisation="default", event="test", identity="test", now=at, details={"a": 1})
    assert audit.walk(registry).broken is None


@pytest.mark.parametrize(
    "extra", ["reason", "source_line", "meter_id", "count", "begin", "until", "at", "state", "organisation"]
)
def test_an_extra_column_may_have_any_name(meters, customers, exchanges, registry, extra: str) -> None:
    def widen(lines: str) -> str:
        header, *rows = lines.splitlines()
        return "\n".join([f"{header},{extra}", *(f"{row},surplus" for row in rows)])

    assert meters(widen(METERS)).added == 4
    assert customers(widen(CUSTOMERS)).added == 1
    assert exchanges(widen(EXCHANGES)).added == 1
    rows, rejected = readings(
        registry, "KAM,90000001,2025-02-01,1", f"manufacturer,serial,measured_at,volume_m3,{extra}"
    )
    assert rejected["reason"].to_list() == ["4 fields instead of 5"]
    rows, rejected = readings(
        registry, "KAM,90000001,2025-02-01,1,surplus", f"manufacturer,serial,measured_at,volume_m3,{extra}"
    )
    assert (rows.height, rejected.height) == (1, 0)
    assert rows.schema == READINGS.schema


def test_header_only_and_byte_order_mark(meters, customers, exchanges, registry) -> None:
    for import_, lines in ((meters, METERS), (customers, CUSTOMERS), (exchanges, EXCHANGES)):
        report = import_(lines.splitlines()[0])
        assert (report.added, report.updated, report.unchanged, report.rejected.height) == (0, 0, 0, 0)
    rows, rejected = readings(registry, "")
    assert (rows.height, rejected.height) == (0, 0)
    assert meters("\ufeff" + METERS.replace("\n", "\r\n")).added == 4


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2025-06-01T12:00:00+02:00", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01T12:00+0200", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01T12:00:00.5Z", datetime(2025, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2025-06-01 12:00", datetime(2025, 6, 1, 10, tzinfo=UTC)),
        ("2025-06-01", datetime(2025, 5, 31, 22, tzinfo=UTC)),
        ("2025-10-26 02:30", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("2025-10-26T02:30+01:00", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-03-30 02:30", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
        ("2025-02-30", None),
        ("01.06.2025", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
    ],
)
def test_times(meters, registry, written: str, instant: datetime | None) -> None:
    meters(METERS)
    rows, rejected = readings(registry, f"KAM,90000001,{written},1")
    assert rows["measured_at"].to_list() == ([instant] if instant else [])
    assert rejected["reason"].to_list() == ([] if instant else ["measured_at is no time"])


def local_readings(registry, *times: str, serial: str = "90000001"):
    lines = "".join(f"KAM,{serial},{time},{number}\n" for number, time in enumerate(times))
    content = f"manufacturer,serial,measured_at,volume_m3\n{lines}".encode()
    parsed = parse_readings(registry, content, organisation="default", zone=ZONE, now=NOW, source_name="readings.csv")
    return parsed.rows, parsed.rejected


def test_the_doubled_hour_of_autumn_is_read_in_file_order(meters, registry) -> None:
    meters(METERS)
    rows, rejected = local_readings(
        registry, *(f"2025-10-26 {hour}" for hour in ("01:00", "02:00", "02:00", "03:00", "04:00"))
    )
    first = datetime(2025, 10, 25, 23, tzinfo=UTC)
    assert rows["measured_at"].to_list() == [first + timedelta(hours=hour) for hour in range(5)]
    assert rejected.is_empty()
    quarters, _ = local_readings(
        registry, *(f"2025-10-26 02:{minute}" for minute in ("00", "15", "30", "45", "00", "15", "30", "45"))
    )
    assert quarters["measured_at"].to_list() == [
        datetime(2025, 10, 26, tzinfo=UTC) + timedelta(minutes=15 * number) for number in range(8)
    ]


def test_times_that_nobody_can_tell_apart_are_not_guessed(meters, registry) -> None:
    meters(METERS)
    rows, rejected = local_readings(
        registry, *(f"2025-10-26 {hour}" for hour in ("03:00", "02:45", "02:30", "02:15", "01:00"))
    )
    assert rows["measured_at"].to_list() == [
        datetime(2025, 10, 26, 2, tzinfo=UTC),
        datetime(2025, 10, 25, 23, tzinfo=UTC),
    ]
    assert rejected["reason"].to_list() == ["measured_at is an ambiguous local time (AMBIGUOUS_TIME)"] * 3


def test_a_time_that_spring_skips_is_moved_and_flagged(meters, registry) -> None:
    meters(METERS)
    rows, rejected = local_readings(registry, "2025-03-30 01:30", "2025-03-30 02:30")
    assert rows.select("measured_at", "flags").rows() == [
        (datetime(2025, 3, 30, 0, 30, tzinfo=UTC), None),
        (datetime(2025, 3, 30, 1, 30, tzinfo=UTC), "shifted_forward"),
    ]
    assert rejected.is_empty()


@pytest.mark.parametrize("value", ["1e5", "NaN", "+5", "12.", '"1,5"', "٣", "0x10", "1234567890123"])
def test_registers_are_plain_decimals(meters, registry, value: str) -> None:
    meters(METERS)
    rows, rejected = readings(registry, f"KAM,90000001,2025-02-01,{value}")
    assert rows.is_empty()
    assert rejected["reason"].to_list() == ["volume_m3 is no number with up to six decimals"]


def test_readings_take_every_digit(meters, registry) -> None:
    meters(METERS)
    rows, _ = readings(registry, "KAM,90000001,2025-02-01,999999999999.999999")
    assert rows["volume_m3"].to_list() == [Decimal("999999999999.999999")]
    with pytest.raises(RegistryError, match="no register column"):
        readings(registry, "KAM,90000001,2025-02-01,1", "manufacturer,serial,measured_at,volume")


def test_several_registers_change_at_once(meters, customers, exchanges, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    header = "metering_point,exchanged_at,old_manufacturer,old_serial,new_manufacturer,new_serial,"
    columns = "old_final_m3,new_initial_m3,old_final_energy_kwh,new_initial_energy_kwh,new_initial_input_a\n"
    assert exchanges(header + columns + "P1,2025-06-01,KAM,90000001,KAM,90000002,12.5,0,300,1,\n").added == 1
    rows = (
        published_tables(registry)["exchanges"].sort("register").select("register", "old_final", "new_initial").rows()
    )
    assert rows == [("energy_kwh", Decimal(300), Decimal(1)), ("volume_m3", Decimal("12.5"), Decimal(0))]
    with pytest.raises(RegistryError, match="are the same register"):
        exchanges(header + "old_final_m3,old_final_volume_m3\n")


def test_an_exchange_keeps_what_was_believed_before(meters, customers, exchanges, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    exchanges(EXCHANGES)
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(Installation).order_by(Installation.id)).all()
    at = datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert [(row.meter_id[-7], row.removed_at, row.known_from, row.known_to) for row in rows] == [
        ("1", None, NOW, NOW),
        ("1", at, NOW, None),
        ("2", None, NOW, None),
    ]
    assert customers(CUSTOMERS).unchanged == 1, "the first file again: the old meter does not come back"
    assert published_tables(registry)["installations"].height == 2


def test_the_medium_of_a_point_is_that_of_its_newest_meter(meters, customers, exchanges, registry) -> None:
    meters(METERS.replace("KAM,90000002,1b,16,flowIQ,water", "KAM,90000002,1b,16,flowIQ,warm_water"))
    customers(CUSTOMERS)
    exchanges(EXCHANGES)
    assert published_tables(registry)["metering_points"]["medium"].to_list() == ["warm_water"]


def test_a_new_key_gives_a_meter_with_a_wrong_one_another_chance(meters, registry, vault) -> None:
    meters(METERS)
    keys = load_keys(registry, vault, "default").select("meter_id", "key_no")
    record_results(registry, "default", keys.clear(), keys, NOW)
    meters(METERS.replace(KEY, "F" * 32))
    assert published_tables(registry)["meters"].filter(meter_id=METER)["key_status"].item() == "unverified"
    assert load_keys(registry, vault, "default").select("key_no", "key").rows() == [
        (1, bytes.fromhex(KEY)),
        (2, b"\xff" * 16),
    ]
    assert meters(METERS).unchanged == 4, "a key the meter has is not added again"


def test_keys_do_not_show(vault: KeyVault, registry, meters, caplog) -> None:
    bad = KEY[:-1] + "G"
    report = meters(METERS.replace(KEY, bad))
    for shown in (repr(report), str(report.rejected.rows()), repr(vault), repr(registry), caplog.text):
        assert KEY[:8] not in shown
    assert parse_key(bad) is None
    meters(METERS)
    other = KeyVault(b"\1" * 32)
    with pytest.raises(RegistryError) as caught:
        load_keys(registry, other, "default")
    assert KEY.lower() not in str(caught.value).lower()


def test_statements_do_not_show_their_parameters(registry) -> None:
    row = {
        "organisation": "o",
        "metering_point": "p",
        "customer_number": "c",
        "name": "Customer 0001",
        "occupancy": "1",
    }
    with pytest.raises(IntegrityError) as caught, registry.begin() as session:
        session.execute(insert(Customer), [row, row])
    assert "customers" in str(caught.value)
    assert "Customer 0001" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///{}/absent/registry.sqlite", "nonsense"])
def test_a_place_that_cannot_hold_a_registry(tmp_path: Path, url: str) -> None:
    with pytest.raises(RegistryError, match="registry"):
        Registry.open(url.format(tmp_path))


def test_published_tables_are_as_declared(meters, customers, exchanges, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    exchanges(EXCHANGES)
    tables = {**published_tables(registry), "audit_log": published_events(registry)}
    personal = {"name", "address", "postal_code", "city", "customer_number", "latitude", "longitude", "key", "wrapped"}
    kept = {f"{table}_history" for table in ("installations", "exchanges", "final_readings", "meter_configurations")}
    assert set(tables) == {table.name for table in PUBLISHED} | kept
    for table in PUBLISHED:
        rows = tables[table.name]
        assert rows.schema == table.schema
        assert not personal & set(rows.columns)
        assert rows.select(table.key).is_unique().all(), table.name


@pytest.mark.slow
@pytest.mark.parametrize("registry_url", ["postgresql"], indirect=True)
def test_twenty_thousand_meters_and_customers(meters, customers) -> None:
    # They show a query per meter as five times as many do on SQLite (test_listing_speed.py): the server shares the
    # cores with the tests beside.
    count, limit_s = 20_000, 20
    numbers = range(10_000_000, 10_000_000 + count)
    devices = "".join(f"KAM,{number},1b,16,{number:032x}\n" for number in numbers)
    people = "".join(f"P{number},C{number},Customer {number},KAM,{number},2025-01-01\n" for number in numbers)
    began = time.monotonic()
    assert meters(f"manufacturer,serial,version,device_type,key\n{devices}", "stock").added == count
    header = "metering_point,customer_number,name,manufacturer,serial,installed_at"
    assert customers(f"{header}\n{people}").added == count
    assert time.monotonic() - began < limit_s
