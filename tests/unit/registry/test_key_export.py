"""Keys that go out: downloads, bundles for field devices, their files, revocation."""

import csv
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import claims, groups, key_export, signing
from registry.errors import RegistryError
from registry.imports import ImportReport, import_keys
from registry.keyfiles import read_key_file
from registry.keys import NewKey, set_validity, store_keys
from registry.labels import set_labels
from registry.models import AuditEvent, Installation, Meter, MeteringPoint, SigningKey
from registry.people.locale import Locale
from registry.sealed_files import MAGIC, seal, unseal
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.registry.conftest import KEY, METERS, NOW, valid_keys

WHO = {"identity": "test", "now": NOW}
PASSWORD = "Correct-Horse-7"
FIRST, SECOND = "KAM-90000001-1b-16", "KAM-90000002-1b-16"
OTHER = bytes(range(16, 32))


@pytest.fixture
def claimed(meters: Callable[[str], ImportReport], registry: Registry, vault: KeyVault) -> Registry:
    """Two meters with keys, the first of them claimed."""
    meters(METERS)
    with registry.begin() as session:
        store_keys(session, vault, "default", [NewKey(SECOND, OTHER)], NOW, identity="test")
        claims.claim_serials(session, vault, "default", ["90000001"], **WHO)
        claims.decide(session, vault, "default", confirm=True, meter_ids=[FIRST], **WHO)
    return registry


def download(registry: Registry, vault: KeyVault, *meter_ids: str, **options: str) -> bytes:
    with registry.begin() as session:
        return key_export.download(session, vault, "default", meter_ids, PASSWORD, **WHO, **options)


def opened(file: bytes, password: str = PASSWORD) -> str:
    return key_export.open_file(file, "out.keys", password, now=NOW).table


def test_a_download_holds_the_keys_and_is_imported_again(claimed: Registry, vault: KeyVault, tmp_path) -> None:
    with claimed.begin() as session:
        set_labels(session, "default", [FIRST], ["roof"], **WHO)
        set_validity(session, "default", FIRST, 1, None, NOW + timedelta(days=1), NOW)
        store_keys(
            session, vault, "default", [NewKey(FIRST, OTHER, valid_from=NOW + timedelta(days=1))], NOW, identity="test"
        )
    file = download(claimed, vault, FIRST)
    assert KEY.encode() not in file
    assert bytes.fromhex(KEY) not in file
    rows = list(csv.DictReader(opened(file).splitlines()))
    assert [(row["serial"], row["key"], row["labels"]) for row in rows] == [
        ("90000001", KEY, "roof"),
        ("90000001", OTHER.hex().upper(), "roof"),
    ]
    elsewhere = Registry.open(f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    keys = read_key_file(opened(file).encode(), "keys.csv", lambda: "")
    report = import_keys(
        elsewhere, keys, organisation="default", vault=vault, source_name="keys.csv", register="stock", **WHO
    )
    assert (report.new, report.changed, report.rejected.height) == (1, 1, 0)
    for at in (NOW, NOW + timedelta(days=2)):
        there, here = (valid_keys(r, vault, "default", at).filter(meter_id=FIRST) for r in (elsewhere, claimed))
        assert there["key"].to_list() == here["key"].to_list()


def test_labels_that_look_like_formulas_are_shielded_in_a_download_that_is_imported_again(
    claimed: Registry, vault: KeyVault
) -> None:
    with claimed.begin() as session:
        session.get_one(Meter, ("default", FIRST)).model = "-7 inlet"
        set_labels(session, "default", [FIRST], ["=1+1", "@roof"], **WHO)
    table = opened(download(claimed, vault, FIRST))
    (row,) = csv.DictReader(table.splitlines())
    assert (row["labels"], row["model"], row["key"]) == ("'=1+1 @roof", "'-7 inlet", KEY)
    (line,) = read_key_file(table.encode(), "keys.csv", lambda: "").lines
    assert (line.serial, line.model, line.fault) == ("90000001", "-7 inlet", None)


def test_the_delimiter_is_the_users(claimed: Registry, vault: KeyVault) -> None:
    locales = (Locale(csv_delimiter=mark) for mark in (",", ";"))
    comma, semicolon = (opened(download(claimed, vault, FIRST, locale=locale)) for locale in locales)
    assert comma.replace(",", ";") == semicolon


def test_a_download_of_an_unclaimed_device_is_refused_and_named(claimed: Registry, vault: KeyVault) -> None:
    with pytest.raises(RegistryError, match=f"not claimed: {SECOND}") as caught:
        download(claimed, vault, FIRST, SECOND)
    assert FIRST not in str(caught.value)
    with claimed.begin(readonly=True) as session:
        assert session.scalars(select(AuditEvent).where(AuditEvent.event == "keys.download")).all() == []


def test_a_download_is_audited_with_its_serials_and_without_a_key(claimed: Registry, vault: KeyVault) -> None:
    download(claimed, vault, FIRST)
    with claimed.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "keys.download")).one()
        assert json.loads(event.details or "")["serials"] == ["90000001"]
        everything = " ".join(str(getattr(event, column.name)) for column in AuditEvent.__table__.columns)
        assert KEY.lower() not in everything.lower()
        assert PASSWORD not in everything


def test_another_organisations_devices_are_not_downloaded(claimed: Registry, vault: KeyVault) -> None:
    with claimed.begin() as session, pytest.raises(RegistryError, match="not claimed"):
        key_export.download(session, vault, "elsewhere", [FIRST], PASSWORD, **WHO)


def test_files_that_do_not_open() -> None:
    file = seal(b"content", PASSWORD, {"kind": "keys"})
    assert unseal(file, "f", PASSWORD)[1] == b"content"
    with pytest.raises(RegistryError, match="password does not open f, or the file was altered"):
        unseal(file, "f", PASSWORD + "x")
    with pytest.raises(RegistryError, match="was altered"):
        unseal(file.replace(b'"keys"', b'"kezs"'), "f", PASSWORD)
    with pytest.raises(RegistryError, match="was altered"):
        unseal(file[:-1] + bytes([file[-1] ^ 1]), "f", PASSWORD)
    for broken in (b"", b"PK\x03\x04", file[:30], file.replace(b'"n": 65536', b'"n": 1073741824')):
        with pytest.raises(RegistryError, match="is no file that"):
            unseal(broken, "f", PASSWORD)
    with pytest.raises(RegistryError, match="at least 12 characters"):
        seal(b"content", "short", {})


def bundle(registry: Registry, vault: KeyVault, *meter_ids: str, days: int = 7) -> tuple[str, bytes]:
    with registry.begin() as session:
        expires_at = NOW + timedelta(days=days)
        return key_export.make_bundle(
            session, vault, "default", meter_ids, PASSWORD, device="van 1", expires_at=expires_at, **WHO
        )


def test_a_bundle_holds_the_route_and_no_more(claimed: Registry, vault: KeyVault) -> None:
    point = {"organisation": "default", "metering_point": "P1"}
    with claimed.begin() as session:
        session.add(MeteringPoint(role="consumption", **point))
        session.add(Installation(meter_id=FIRST, installed_at=NOW, known_from=NOW, **point))
        session.add(
            Installation(organisation="default", metering_point="P2", meter_id=SECOND, installed_at=NOW, known_from=NOW)
        )
        session.flush()
        author = groups.Author("default", "test", NOW)
        groups.create(session, author, "route 1")
        groups.add(session, author, "route 1", ["P1"], valid_from=NOW)
        assert key_export.group_meters(session, "default", "route 1", NOW) == [FIRST]
        assert key_export.group_meters(session, "default", "route 1", NOW - timedelta(days=1)) == []
        with pytest.raises(RegistryError, match="no group route 2"):
            key_export.group_meters(session, "default", "route 2", NOW)
    number, file = bundle(claimed, vault, FIRST)
    rows = list(csv.DictReader(opened(file).splitlines()))
    assert [(row["serial"], row["key"]) for row in rows] == [("90000001", KEY)]
    with claimed.begin(readonly=True) as session:
        event = session.scalars(select(AuditEvent).where(AuditEvent.event == "bundles.create")).one()
        assert (event.object, json.loads(event.details or "")["meter_ids"]) == (number, [FIRST])
        assert json.loads(event.after or "")["device"] == "van 1"


def revoked(session: Session, vault: KeyVault, at: datetime = NOW) -> tuple[str, ...]:
    made = key_export.revocation_list(session, vault, "default", identity="test", now=at)
    return key_export.parse_revocations(made, "l", public(session, vault)).bundles


def public(session: Session, vault: KeyVault, organisation: str = "default") -> Ed25519PublicKey:
    return signing.signer(session, vault, organisation, **WHO).public


def test_bundles_and_lists_are_signed_and_no_change_of_them_passes(claimed: Registry, vault: KeyVault) -> None:
    number, file = bundle(claimed, vault, FIRST)
    with claimed.begin() as session:
        key_export.revoke_bundle(session, "default", number, **WHO)
        text = key_export.revocation_list(session, vault, "default", **WHO)
        ours, others = public(session, vault), public(session, vault, "elsewhere")
    ours = signing.read_public(signing.written(ours), "key.pem")
    assert number in key_export.verify_file(file, "b", ours)
    assert "with 1 bundles" in key_export.verify_file(text.encode(), "l", ours)
    for content in (file, text.encode()):
        with pytest.raises(RegistryError, match="is not as the installation"):
            key_export.verify_file(content, "x", others)
    for place in range(len(MAGIC), len(file), 7):
        with pytest.raises(RegistryError):
            key_export.verify_file(file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :], "b", ours)
    content = json.loads(text)
    for changed in ({"revoked": []}, {"issued_at": "2030-01-01T00:00:00+00:00"}, {"more": 1}, {"signature": "00" * 64}):
        with pytest.raises(RegistryError, match="is not as the installation"):
            key_export.verify_file(json.dumps(content | changed).encode(), "l", ours)
    del content["signature"]
    unsigned = seal(b"table", PASSWORD, {"kind": "bundle", "bundle": number, "expires_at": "2030-01-01T00:00:00+00:00"})
    for forged in (json.dumps(content).encode(), unsigned):
        with pytest.raises(RegistryError, match="is not signed"):
            key_export.verify_file(forged, "f", ours)
    with pytest.raises(RegistryError, match="no public key"):
        signing.read_public("PEM", "key.pem")


def test_the_signing_key_is_made_once_and_wrapped(claimed: Registry, vault: KeyVault, stored) -> None:
    with claimed.begin() as session:
        first = public(session, vault)
    with claimed.begin() as session:
        assert public(session, vault).public_bytes_raw() == first.public_bytes_raw()
        row = session.get(SigningKey, "default")
        private = vault.unwrap(row.wrapped, "default", signing.BOUND_NAME)
        assert len(session.scalars(select(AuditEvent).where(AuditEvent.event == "keys.signing")).all()) == 1
    assert private not in stored()


def test_a_bundle_expires_and_is_revoked(claimed: Registry, vault: KeyVault) -> None:
    number, file = bundle(claimed, vault, FIRST)
    old, _ = bundle(claimed, vault, FIRST, days=1)
    end = NOW + timedelta(days=7)
    assert key_export.open_file(file, "b", PASSWORD, now=end - timedelta(seconds=1)).bundle == number
    with pytest.raises(RegistryError, match="expired"):
        key_export.open_file(file, "b", PASSWORD, now=end)
    with claimed.begin() as session:
        assert revoked(session, vault) == ()
        for one in (number, old, number):
            key_export.revoke_bundle(session, "default", one, reason="van stolen", **WHO)
        with pytest.raises(RegistryError, match="no bundle"):
            key_export.revoke_bundle(session, "default", "x", **WHO)
        both, one = revoked(session, vault), revoked(session, vault, NOW + timedelta(days=2))
        assert (both, one) == (tuple(sorted([number, old])), (number,)), "what is expired needs no revoking"
        events = session.scalars(select(AuditEvent).where(AuditEvent.event == "bundles.revoke")).all()
        assert [event.reason for event in events] == ["van stolen"] * 2
    with pytest.raises(RegistryError, match="is revoked"):
        key_export.open_file(file, "b", PASSWORD, now=NOW, revoked=both)
    for text in ("", "{}", '{"revoked": [1]}'):
        with pytest.raises(RegistryError, match="no revocation list"):
            key_export.parse_revocations(text, "l")


def test_a_bundle_that_cannot_be(claimed: Registry, vault: KeyVault) -> None:
    with pytest.raises(RegistryError, match="expired already"):
        bundle(claimed, vault, FIRST, days=0)
    with pytest.raises(RegistryError, match="None of these meters has a key"):
        bundle(claimed, vault, "KAM-90000003-1b-16")
    with claimed.begin() as session:
        set_validity(session, "default", FIRST, 1, NOW + timedelta(days=1), None, NOW)
    with pytest.raises(RegistryError, match="None of these meters has a key"):
        bundle(claimed, vault, FIRST)
