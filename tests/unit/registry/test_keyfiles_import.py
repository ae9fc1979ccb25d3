"""Keys of key files in the registry: what is new, known, unknown, ambiguous, and what stays secret."""

import json
from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from alembic import command
from sqlalchemy import select, text

from registry.engines import open_engine
from registry.imports import ImportMode, KeyReport, import_keys, import_meters
from registry.inventory import capacity
from registry.keyfiles import read_key_file
from registry.keys import key_news, load_keys
from registry.models import AuditEvent, Meter, MeterKey
from registry.store import Registry
from registry.tables import published_events, published_tables
from tests.unit.registry.conftest import KEY, METERS, NOW, OWNER, PARTIAL
from tests.unit.registry.kem_files import PASSWORD, kem, meter
from tests.unit.registry.migrating import migrate

OTHER = "FFEEDDCCBBAA99887766554433221100"
LATER = NOW + timedelta(days=1)

Take = Callable[..., KeyReport]


@pytest.fixture
def take(registry, vault) -> Take:
    def import_(content: bytes | str, **options) -> KeyReport:
        raw = content.encode() if isinstance(content, str) else content
        file = read_key_file(raw, "keys", lambda: PASSWORD)
        settings = {**OWNER, "identity": "test", "source_name": "keys", "now": LATER, **options}
        return import_keys(registry, file, vault=vault, **settings)

    return import_


def status(registry: Registry) -> dict[str, str]:
    return dict(published_tables(registry)["meters"].select("meter_id", "key_status").rows())


def opened(registry, vault) -> list[tuple[str, int, str]]:
    rows = load_keys(registry, vault, "default").select("meter_id", "key_no", "key").rows()
    return [(meter_id, number, key.hex().upper()) for meter_id, number, key in rows]


def test_keys_find_their_meter_and_come_after_those_it_has(meters, take, registry, vault) -> None:
    meters(METERS)
    content = kem(meter("90000001", KEY), meter("90000002", KEY), meter("90000009", KEY), meter("90000003", KEY))
    report = take(content, mode=PARTIAL)
    assert (report.new, report.changed, report.equal, report.registered) == (1, 0, 1, 0)
    assert report.repeated.rows() == [(1, "KAM 90000001: the key is known already")]
    assert report.unknown.rows() == [(3, "KAM 90000009: not registered")]
    assert report.rejected.rows() == [(4, "KAM 90000003: ambiguous: 2 registered meters answer to what the file says")]
    report = take(kem(meter("90000001", OTHER)))
    assert (report.new, report.changed, report.equal) == (0, 1, 0)
    assert opened(registry, vault) == [
        ("KAM-90000001-1b-16", 1, KEY),
        ("KAM-90000001-1b-16", 2, OTHER),
        ("KAM-90000002-1b-16", 1, KEY),
    ]
    assert dict(key_news(registry, "default").rows())["KAM-90000001-1b-16"] == LATER, "waiting frames are tried again"


def test_version_and_type_tell_meters_of_one_serial_apart(meters, take, registry, vault) -> None:
    meters(METERS)
    report = take(f"manufacturer,serial,version,type,key\nKAM,90000003,1d,16,{KEY}\nKAM,90000003,1e,16,{KEY}\n")
    assert (report.new, report.unknown["source_line"].to_list()) == (1, [3])
    assert ("KAM-90000003-1d-16", 1, KEY) in opened(registry, vault)


def test_a_serial_alone_is_enough_where_it_is_the_only_one(meters, take) -> None:
    meters(METERS + "ELV,90000002,01,04,,,\n")
    lines = f"Serial number;Device type;Key\n90000001;aquastream;{OTHER}\n90000002;aquastream;{OTHER}\n"
    report = take(lines, mode=PARTIAL)
    assert (report.changed, report.new) == (1, 0)
    assert report.rejected.rows() == [(3, "90000002: ambiguous: 2 registered meters answer to what the file says")]


def test_repeats_within_a_file_are_rejected_and_the_first_stands(meters, take, registry, vault) -> None:
    meters(METERS)
    report = take(kem(meter("90000002", KEY), meter("90000002", OTHER), meter("90000002", KEY)), mode=PARTIAL)
    assert report.new == 1
    assert report.rejected.rows() == [
        (2, "KAM 90000002: duplicate: device 1 gave another key, which is taken"),
        (3, "KAM 90000002: duplicate: device 1 gave the same key"),
    ]
    assert ("KAM-90000002-1b-16", 1, KEY) in opened(registry, vault)


def test_faulty_lines_refuse_the_file_unless_a_part_is_asked_for(meters, take, registry, vault) -> None:
    meters(METERS)
    before = opened(registry, vault), published_events(registry).height
    lines = kem(meter("90000002", KEY[:-2]), meter("", KEY), meter("90000002", KEY), meter("90000009", KEY))
    refused = take(lines, register="stock")
    assert (refused.stored, refused.new) == (False, 1), "what it would be"
    assert (opened(registry, vault), published_events(registry).height) == before
    report = take(lines, mode=PARTIAL)
    assert (report.stored, report.new) == (True, 1)
    assert (
        report.rejected.rows()
        == refused.rejected.rows()
        == [
            (1, "KAM 90000002: the key has 30 hex digits instead of 32 (AES-128)"),
            (2, "no serial number and no DevEUI"),
        ]
    )
    assert report.unknown.rows() == [(4, "KAM 90000009: not registered")]
    assert ("KAM-90000002-1b-16", 1, KEY) in opened(registry, vault)


def test_unknown_devices_refuse_no_file(meters, take) -> None:
    meters(METERS)
    report = take(kem(meter("90000002", KEY), meter("90000009", KEY)))
    assert (report.stored, report.new, report.unknown.height) == (True, 1, 1)


def test_a_full_plan_keeps_meters_in_stock_and_no_key_out(take, registry, vault) -> None:
    who = {"organisation": "default", "identity": "test", "now": NOW}
    plan = {"max_in_use": 1, "finest_interval_s": None}
    lines = METERS.replace(KEY, "").encode()
    import_meters(registry, lines, vault=vault, source_name="m.csv", stock_without_key=True, **who)
    with registry.begin() as session:
        capacity.set_plan(session, **plan, **who)
    report = take(kem(meter("90000001", KEY), meter("90000002", OTHER)))
    assert (report.stored, report.new) == (True, 2)
    (warning,) = report.warnings
    assert warning.startswith("The capacity plan is full: KAM-90000002-1b-16 stay in stock, though their keys")
    assert len(opened(registry, vault)) == 2

    def states() -> list[tuple[str, str, str | None]]:
        with registry.begin(readonly=True) as session:
            columns = select(Meter.serial, Meter.state, Meter.state_reason).where(Meter.version == "1b")
            return [tuple(row) for row in session.execute(columns.order_by(Meter.serial))]

    waits = ("90000003", "stock", "no key")
    assert states() == [("90000001", "in_use", None), ("90000002", "stock", "plan full"), waits]
    again = b"manufacturer,serial,version,device_type\nKAM,90000001,1b,16\n"
    told = import_meters(registry, again, vault=vault, source_name="m.csv", **who).warnings
    assert told == (warning,), "another import of keys says the same, and goes on"
    with registry.begin() as session:
        capacity.set_plan(session, **plan | {"max_in_use": 2}, **who)
    assert take(kem(meter("90000001", OTHER))).warnings == ()
    assert states() == [("90000001", "in_use", None), ("90000002", "in_use", None), waits], "there is room now"


def test_unknown_devices_are_registered_on_request_where_the_file_says_who_they_are(take, registry) -> None:
    lines = f"manufacturer,serial,version,type,model,key\nELV,70000001,01,04,{'M' * 80},{KEY}\nELV,70000002,,,,{KEY}\n"
    assert take(lines).unknown.height == 2
    assert published_tables(registry)["meters"].is_empty()
    report = take(lines, register="stock")
    assert (report.registered, report.new) == (1, 1)
    assert report.unknown.rows() == [
        (3, "ELV 70000002: not registered, and the file does not say its version and device_type")
    ]
    row = published_tables(registry)["meters"].row(0, named=True)
    assert (row["meter_id"], row["medium"], row["state"], row["key_status"]) == (
        "ELV-70000001-01-04", "heat", "stock", "unverified",
    )  # fmt: skip
    assert row["model"] == "M" * 64
    assert take(lines, register="stock").registered == 0


def test_a_dry_run_says_the_same_and_changes_nothing(meters, take, registry, vault) -> None:
    meters(METERS)
    before = (opened(registry, vault), published_events(registry).height)
    lines = f"manufacturer,serial,version,type,key\nKAM,90000002,,,{KEY}\nELV,70000001,01,04,{KEY}\n"
    dry = take(lines, register="in_use", mode=ImportMode(dry_run=True))
    assert (dry.new, dry.registered) == (2, 1)
    assert (opened(registry, vault), published_events(registry).height) == before
    wet = take(lines, register="in_use")
    assert (wet.new, wet.registered) == (2, 1)


def test_lora_keys_are_kept_and_never_tried_on_telegrams(meters, take, registry, vault) -> None:
    meters(METERS)
    lora = f"Serial;DevEUI;JoinEUI;AppKey;NwkKey\n90000002;70B3D50000000001;70B3D50000000000;{OTHER};{OTHER}\n"
    report = take(lora)
    assert (report.new, report.changed, report.equal) == (2, 0, 0)
    assert status(registry)["KAM-90000002-1b-16"] == "missing", "no telegram can be opened yet"
    assert opened(registry, vault) == [("KAM-90000001-1b-16", 1, KEY)]
    assert "KAM-90000002-1b-16" not in key_news(registry, "default")["meter_id"]
    assert take(kem(meter("90000002", KEY))).new == 1
    assert status(registry)["KAM-90000002-1b-16"] == "unverified"
    with registry.begin(readonly=True) as session:
        rows = session.execute(select(MeterKey).where(MeterKey.key_class == "lora").order_by(MeterKey.key_no)).scalars()
        kept = [(k.key_no, k.algorithm, k.usage, k.device_eui, k.join_eui) for k in rows]
        wrapped = [k.wrapped for k in session.scalars(select(MeterKey))]
    eui = ("70B3D50000000001", "70B3D50000000000")
    assert kept == [(1, "AES-128", "app_key", *eui), (2, "AES-128", "nwk_key", *eui)]
    assert all(bytes.fromhex(OTHER) not in blob for blob in wrapped)
    assert take(lora).repeated["reason"].to_list() == [
        "90000002: the AppKey is known already",
        "90000002: the NwkKey is known already",
    ]


def test_a_device_eui_that_is_known_names_its_meter(meters, take) -> None:
    meters(METERS)
    assert take(f"DevEUI,AppKey\n70B3D50000000001,{KEY}\n").unknown.rows() == [
        (2, "DevEUI 70B3D50000000001: not known here, and the line has no serial number")
    ]
    take(f"Serial,DevEUI,AppKey\n90000002,70B3D50000000001,{KEY}\n")
    assert take(f"DevEUI,AppKey\n70B3D50000000001,{OTHER}\n").changed == 1
    report = take(f"Serial,DevEUI,AppKey\n90000001,70B3D50000000001,{KEY}\n")
    assert report.rejected.rows() == [(2, "90000001: DevEUI 70B3D50000000001 is another meter's")]


def test_a_known_key_that_comes_with_a_device_eui_makes_the_device_known(meters, take) -> None:
    meters(METERS)
    kms = f"Serial number;Key class;Key\n90000002;LoRa;{KEY}\n"
    assert take(kms).new == 1
    lora = f"Serial,DevEUI,AppKey\n90000002,70B3D50000000001,{KEY}\n"
    assert take(lora).changed == 1
    assert (take(lora).equal, take(kms).equal) == (1, 1)
    assert take(f"DevEUI,AppKey\n70B3D50000000001,{KEY}\n").equal == 1


def test_keys_of_other_algorithms_are_kept_and_only_those_of_telegrams_handed_out(meters, take, registry, vault):
    meters(METERS)
    take(f"serial,key,algorithm\n90000001,{KEY}{OTHER},AES-256\n90000002,{KEY[:16]},DES\n")
    assert opened(registry, vault) == [("KAM-90000001-1b-16", 1, KEY), ("KAM-90000002-1b-16", 1, KEY[:16])]


def test_the_audit_log_names_the_file_and_the_counts(meters, take, registry) -> None:
    meters(METERS)
    take(kem(meter("90000002", KEY), meter("90000009", KEY)))
    with registry.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "keys.import")).one()
    assert (event.identity, event.object) == ("test", "keys")
    assert json.loads(event.details) == {
        "changed": 0, "equal": 0, "new": 1, "registered": 0, "rejected": 0, "unknown": 1,
        "meters": 1, "meter_ids": ["KAM-90000002-1b-16"], "left_in_stock": 0,
    }  # fmt: skip


def test_meters_of_another_organisation_get_nothing(meters, take) -> None:
    meters(METERS)
    report = take(kem(meter("90000002", KEY)), organisation="elsewhere")
    assert (report.new, report.unknown.height) == (0, 1)


def test_keys_from_before_key_classes_still_open_telegrams(empty_url: str, vault) -> None:
    engine = open_engine(empty_url)
    migrate(engine, command.upgrade, "0001")
    wrapped = vault.wrap(bytes.fromhex(KEY), "default", "KAM-90000001-1b-16")
    row = {"wrapped": wrapped, "digest": vault.digest(bytes.fromhex(KEY))}
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into meter_keys (organisation, meter_id, key_no, wrapped, digest, created_at)"
                " values ('default', 'KAM-90000001-1b-16', 1, :wrapped, :digest, '2025-01-01 00:00:00')"
            ),
            row,
        )
    registry = Registry.open(empty_url)
    assert opened(registry, vault) == [("KAM-90000001-1b-16", 1, KEY)]
    migrate(engine, command.downgrade, "0001")
    assert opened(Registry.open(empty_url), vault) == [("KAM-90000001-1b-16", 1, KEY)]


def test_no_report_shows_a_key(meters, take) -> None:
    meters(METERS)
    columns = f"serial,key\n{KEY},90000001\n90000002,{KEY}{OTHER}\n90000001,{KEY},{OTHER}\n90000002,{OTHER}\n"
    report = take(columns)
    said = pl.concat([report.repeated, report.unknown, report.rejected])["reason"].to_list()
    assert len(said) == 3
    assert all(secret[:8] not in text for secret in (KEY, OTHER) for text in (*said, repr(report)))
