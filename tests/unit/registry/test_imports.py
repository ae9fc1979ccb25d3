"""Imports of the four predefined profiles."""

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from registry.errors import RegistryError
from registry.imports import parse_readings
from registry.tables import published_tables
from tests.unit.registry.conftest import CUSTOMERS, EXCHANGES, KEY, METERS, NOW, ZONE


def reasons(report) -> list[tuple[int, str]]:
    return report.rejected.rows()


def test_meters_are_added_once_and_updated(meters, registry) -> None:
    first = meters(METERS)
    assert (first.added, first.updated, first.unchanged, first.rejected.height) == (4, 0, 0, 0)
    again = meters(METERS)
    assert (again.added, again.updated, again.unchanged) == (0, 0, 4)
    changed = meters(f"key,serial,manufacturer,device_type,version,colour\n{KEY},90000002,kam,16,1B,red\n")
    assert (changed.added, changed.updated) == (0, 1)
    table = published_tables(registry)["meters"]
    status = dict(table.select("meter_id", "key_status").rows())
    assert status["KAM-90000002-1b-16"] == "unverified"
    assert status["KAM-90000003-1b-16"] == "missing"
    assert table["model"].unique().to_list() == ["flowIQ"], "a file without the column does not empty it"


def test_bad_lines_are_rejected_with_their_reason_and_no_key_is_shown(meters) -> None:
    report = meters(
        "manufacturer,serial,version,device_type,medium,key\n"
        f"KAM,90000001,1b,16,,{KEY[:-2]}\n"
        f"KAM,90000001,1b,16,,{KEY}\n"
        f"KAM,90000001,1b,16,,{KEY}\n"
        "KAM,,1b,16,,\n"
        "KAMX,90000002,1b,16,,\n"
        "KAM,90000002,zz,16,,\n"
        "KAM,90000002,1b,16,lava,\n"
        "KAM,90000002,1b\n"
    )
    assert report.added == 1
    found = reasons(report)
    assert [line for line, _ in found] == [2, 4, 5, 6, 7, 8, 9]
    assert found[0][1] == "the key is not 32 hex digits"
    assert found[1][1] == "the meter stands in an earlier line"
    assert found[-1][1] == "3 fields instead of 6"
    assert KEY[:8] not in str(found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b"\0\1\2\3", "binary"),
        ("manufacturer,serial,Ørsted\nKAM,1,\n".encode("latin-1"), "another encoding"),
        (f"KAM,90000001,1b,16,{KEY}\n".encode(), "lacks the columns manufacturer, serial, version, device_type"),
        (b"manufacturer,manufacturer,serial,version,device_type\n", "twice"),
    ],
)
def test_files_that_are_none_are_refused(meters, content: bytes, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        _raw(meters, content)
    assert KEY not in str(caught.value)


def _raw(meters, content: bytes) -> None:
    class Text(str):
        def encode(self, *_: object) -> bytes:  # type: ignore[override]
            return content

    meters(Text())


def test_a_customer_puts_a_meter_into_use(meters, customers, registry) -> None:
    meters(METERS, "stock")
    report = customers(CUSTOMERS)
    assert (report.added, report.rejected.height) == (1, 0)
    tables = published_tables(registry)
    states = dict(tables["meters"].select("meter_id", "state").rows())
    assert states["KAM-90000001-1b-16"] == "in_use"
    assert states["KAM-90000002-1b-16"] == "stock"
    installation = tables["installations"].row(0, named=True)
    assert installation["installed_at"] == datetime(2024, 12, 31, 23, tzinfo=UTC)
    assert installation["removed_at"] is None
    assert tables["metering_points"].row(0)[:4] == ("default", "P1", "water", "consumption")
    assert customers(CUSTOMERS).unchanged == 1


def test_lines_that_contradict_the_inventory_are_rejected(meters, customers) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    header = CUSTOMERS.splitlines()[0] + ",version,device_type\n"
    report = customers(
        header
        + "P1,C1,,,,,,,KAM,90000002,2025-02-01,,\n"
        + "P2,C2,,,,,,,KAM,90000001,2025-02-01,,\n"
        + "P3,C3,,,,,,,KAM,90000003,2025-02-01,,\n"
        + "P4,C4,,,,,,,KAM,90000009,2025-02-01,,\n"
        + "P5,C5,,,,,,,KAM,90000003,soon,1b,16\n"
        + "P6,C6,,,,,,,KAM,90000003,2025-03-30 02:30,1b,16\n"
    )
    assert [reason for _, reason in reasons(report)] == [
        "another meter is installed there: import the exchange",
        "the meter is installed at another metering point",
        "meter KAM 90000003 is ambiguous: give version and device_type",
        "meter KAM 90000009 is not registered",
        "installed_at is no time",
    ]
    assert report.added == 1


def test_an_exchange_ends_one_installation_and_begins_another(meters, customers, exchanges, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    assert exchanges(EXCHANGES).added == 1
    assert exchanges(EXCHANGES).unchanged == 1
    tables = published_tables(registry)
    at = datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert tables["installations"].sort("installed_at").select("meter_id", "removed_at").rows() == [
        ("KAM-90000001-1b-16", at),
        ("KAM-90000002-1b-16", None),
    ]
    row = tables["exchanges"].row(0, named=True)
    assert (row["register"], row["old_final"], row["new_initial"]) == ("volume_m3", Decimal("12.5"), Decimal("0.25"))
    states = dict(tables["meters"].select("meter_id", "state").rows())
    assert states["KAM-90000001-1b-16"] == "removed"


def test_a_final_register_that_comes_later_is_taken(meters, customers, exchanges, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    exchanges(EXCHANGES.replace("12.5", ""))
    assert published_tables(registry)["exchanges"]["old_final"].to_list() == [None]
    assert exchanges(EXCHANGES).updated == 1
    assert published_tables(registry)["exchanges"]["old_final"].to_list() == [Decimal("12.5")]


def test_exchanges_that_cannot_be_are_rejected(meters, customers, exchanges) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    header = EXCHANGES.splitlines()[0] + "\n"
    report = exchanges(
        header
        + "P9,2025-06-01,KAM,90000001,1,KAM,90000002,0\n"
        + "P1,2024-06-01,KAM,90000001,1,KAM,90000002,0\n"
        + "P1,2025-06-01,KAM,90000002,1,KAM,90000001,0\n"
        + "P1,2025-06-01,KAM,90000001,1,KAM,90000002,\n"
        + "P1,2025-06-01,KAM,90000001,much,KAM,90000002,0\n"
    )
    assert report.added == 0
    assert dict(reasons(report)) == {
        2: "No meter is installed at P9: install the new one.",
        3: "The old meter was installed at 2024-12-31T23:00:00+00:00: the exchange lies after that.",
        4: "At P1 is meter KAM-90000001-1b-16, not KAM-90000002-1b-16.",
        5: "no new_initial register",
        6: "a register volume_m3 is no number",
    }
    with pytest.raises(RegistryError, match="names no register"):
        exchanges(header.strip() + ",old_final_bananas\n")


def test_readings_of_another_system(meters, registry) -> None:
    meters(METERS)
    content = (
        b"measured_at,manufacturer,serial,volume_m3,flow_temp_c\n"
        b"2025-10-26T12:00:00Z,KAM,90000001,12.345678,\n"
        b"2025-07-01 12:00,KAM,90000001,13,21.5\n"
        b"2025-07-01T10:00:00Z,KAM,90000001,14,\n"
        b"2099-01-01,KAM,90000001,1,\n"
        b"2025-07-02,KAM,90000001,1.2345678,\n"
        b"2025-07-03,KAM,90000001,,\n"
    )
    parsed = parse_readings(registry, content, organisation="default", zone=ZONE, now=NOW, source_name="readings.csv")
    readings, rejected = parsed.rows, parsed.rejected
    assert readings.select("measured_at", "volume_m3", "source", "quality").rows() == [
        (datetime(2025, 10, 26, 12, tzinfo=UTC), Decimal("12.345678"), "import", "M"),
        (datetime(2025, 7, 1, 10, tzinfo=UTC), Decimal(13), "import", "M"),
    ]
    assert rejected["source_line"].to_list() == [4, 5, 6, 7]


def test_a_logger_that_was_read_out_gives_readings_of_its_own_source_with_info_codes(meters, registry) -> None:
    meters(METERS)
    content = (
        b"measured_at,manufacturer,serial,volume_m3,source,info_code,info_code_kind\n"
        b"2025-07-01T22:00:00Z,KAM,90000001,12,logger,4,water_16bit\n"
        b"2025-07-02T22:00:00Z,KAM,90000001,13,logger,,water_16bit\n"
        b"2025-07-03T22:00:00Z,KAM,90000001,14,,,\n"
        b"2025-07-04T22:00:00Z,KAM,90000001,,logger,0,water_16bit\n"
        b"2025-07-05T22:00:00Z,KAM,90000001,14,hearsay,,\n"
        b"2025-07-06T22:00:00Z,KAM,90000001,14,logger,4.5,water_16bit\n"
        b"2025-07-07T22:00:00Z,KAM,90000001,14,logger,4,\n"
        b"2025-07-08T22:00:00Z,KAM,90000001,14,logger,4,nonsense\n"
        b"2025-07-09T22:00:00Z,KAM,90000001,,logger,,\n"
    )
    parsed = parse_readings(
        registry,
        content,
        organisation="default",
        zone=ZONE,
        now=NOW,
        source_name="logger.csv",
        info_code_kinds=["water_16bit"],
    )
    assert parsed.rows.select("volume_m3", "source", "quality", "info_code", "info_code_kind").rows() == [
        (Decimal(12), "logger", "M", 4, "water_16bit"),
        (Decimal(13), "logger", "M", None, None),
        (Decimal(14), "import", "M", None, None),
        (None, "logger", "M", 0, "water_16bit"),
    ]
    assert dict(parsed.rejected.select("source_line", "reason").rows()) == {
        6: "source is none of import, logger",
        7: "info_code is no whole number",
        8: "info_code_kind is none of water_16bit",
        9: "info_code_kind is none of water_16bit",
        10: "no register has a value",
    }


def test_published_tables_hold_nothing_personal(meters, customers, registry) -> None:
    meters(METERS)
    customers(CUSTOMERS)
    for name, table in published_tables(registry).items():
        text = table.write_csv(None) if not any(d == pl.Binary for d in table.dtypes) else ""
        assert "Customer 0001" not in text, name
        assert "Meadow" not in text, name
        assert KEY not in text, name
