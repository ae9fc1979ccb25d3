"""Claims, batches, labels, the catalogue and transfers, with a supplier, a utility below it and a stranger."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from sqlalchemy import event, select

from cli.tables import print_rows
from registry import batches, claims, mail, organisations
from registry.claims import ClaimReport
from registry.device_catalogue import Filter, devices
from registry.device_types import device_types
from registry.errors import RegistryError
from registry.inventory import capacity
from registry.inventory.configurations import configurations, configure
from registry.keys import NewKey, store_keys
from registry.labels import set_labels
from registry.models import AuditEvent, Installation, Meter, MeterKey
from registry.people.letters import Letters
from registry.serial_lists import read_serials
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.gateway.doors import add_person
from tests.unit.registry.conftest import NOW, valid_keys
from tests.workbooks import workbook

WHO = {"identity": "test", "now": NOW}
LATER = NOW + timedelta(days=30)
METERS = [f"KAM-9000000{number}-1b-16" for number in range(1, 6)]
SERIALS = [meter.split("-")[1] for meter in METERS]
KEY = {meter: bytes([number] * 16) for number, meter in enumerate(METERS)}


@pytest.fixture
def supplier(registry: Registry, vault: KeyVault) -> Registry:
    """``supplier`` holds five devices with keys; ``utility`` is below it, ``stranger`` is not."""
    with registry.begin() as session:
        organisations.root(session, "supplier", NOW)
        organisations.root(session, "stranger", NOW)
        organisations.add(session, "supplier", "utility", name="Utility", **WHO)
        for meter, serial in zip(METERS, SERIALS, strict=True):
            parts = {"manufacturer": "KAM", "serial": serial, "version": "1b", "device_type": "16", "medium": "water"}
            model = "TOPAS LoRa WB" if serial == SERIALS[0] else "flowIQ"
            session.add(Meter(organisation="supplier", meter_id=meter, state="stock", model=model, **parts))
        store_keys(session, vault, "supplier", [NewKey(meter, key) for meter, key in KEY.items()], NOW, identity="test")
    return registry


def keys(registry: Registry, vault: KeyVault, organisation: str, at=None) -> dict[str, bytes]:
    return dict(valid_keys(registry, vault, organisation, at).select("meter_id", "key").rows())


def claim(registry: Registry, vault: KeyVault, who: str, *texts: str) -> ClaimReport:
    with registry.begin() as session:
        return claims.claim_serials(session, vault, who, texts, **WHO)


def status(registry: Registry, organisation: str) -> dict[str, str]:
    table = devices(registry, organisation, device_types()).filter(organisation=organisation)
    return dict(table.select("serial", "claim_status").rows())


def test_a_claim_by_serials_waits_for_the_holder(supplier: Registry, vault: KeyVault) -> None:
    report = claim(supplier, vault, "utility", SERIALS[0], "KAM-90000002", "4711", "not-a-serial")
    assert report.pending == METERS[:2]
    assert report.unknown == [("4711", "not known"), ("not-a-serial", "not known")]
    assert status(supplier, "supplier") == dict.fromkeys(SERIALS, "unclaimed") | dict.fromkeys(
        SERIALS[:2], "claim_requested"
    )
    assert keys(supplier, vault, "utility") == {}, "nothing moves before it is confirmed"
    again = claim(supplier, vault, "utility", *SERIALS[:2])
    assert (again.pending, again.already) == ([], METERS[:2]), "claiming twice is claiming once"
    with supplier.begin() as session:
        assert claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO) == METERS[:1]
        claims.decide(session, vault, "supplier", confirm=False, meter_ids=METERS[1:2], reason="wrong order", **WHO)
        with pytest.raises(RegistryError, match=f"no pending claim on {METERS[1]}"):
            claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[1:2], **WHO)
    assert status(supplier, "supplier")[SERIALS[0]] == "transferred"
    assert status(supplier, "supplier")[SERIALS[1]] == "unclaimed"
    assert status(supplier, "utility") == {SERIALS[0]: "claimed"}
    assert keys(supplier, vault, "utility", NOW - timedelta(days=9)) == {METERS[0]: KEY[METERS[0]]}, "waiting frames"
    assert METERS[0] not in keys(supplier, vault, "supplier", NOW)
    assert claim(supplier, vault, "utility", SERIALS[0]).already == METERS[:1]


def test_a_workbook_of_serials_claims_what_is_known_and_lists_what_is_not(supplier: Registry, vault: KeyVault) -> None:
    texts = read_serials(workbook([["Meter", "Serial number"], ["flowIQ", 90000001], ["flowIQ", 4711]]), "list.xlsx")
    report = claim(supplier, vault, "utility", *texts)
    assert report.pending == METERS[:1]
    assert report.unknown == [("00004711", "not known")]


def test_the_catalogue_for_people_is_a_list_of_serials_again(supplier: Registry, capsys) -> None:
    with supplier.begin() as session:
        set_labels(session, "supplier", METERS[:1], ["=1+1"], **WHO)
    table = devices(supplier, "supplier", device_types()).with_columns(pl.col("labels", "batches").list.join(" "))
    print_rows(table.columns, table.rows())
    printed = capsys.readouterr().out
    assert ",'=1+1," in printed
    assert read_serials(printed.encode(), "list.csv") == METERS


def test_a_workbook_of_serials_makes_a_batch(supplier: Registry) -> None:
    meters = batch(supplier, "D-1", read_serials(workbook([[90000001], ["90000002"]]), "list.xlsx"))
    assert meters == METERS[:2]


def test_each_side_finds_the_claim_in_its_audit_log_without_a_key(supplier: Registry, vault: KeyVault) -> None:
    claim(supplier, vault, "utility", SERIALS[0])
    with supplier.begin() as session:
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], reason="order 4711", **WHO)
        events = session.scalars(select(AuditEvent).where(AuditEvent.event.like("claims.%"))).all()
        found = {(event.organisation, event.event) for event in events}
        assert found == {
            (side, f"claims.{what}") for side in ("supplier", "utility") for what in ("request", "confirm")
        }
        assert all(json.loads(event.details or "")["meter_ids"] == METERS[:1] for event in events)
        assert {event.reason for event in events} == {None, "order 4711"}


def test_who_does_not_see_the_holder_finds_nothing(supplier: Registry, vault: KeyVault) -> None:
    assert claim(supplier, vault, "stranger", SERIALS[0]).unknown == [(SERIALS[0], "not known")]
    with supplier.begin() as session:
        guest = organisations.listed(session, "stranger")[0].public_id
        organisations.add_partner(session, "supplier", guest, **WHO)
    assert claim(supplier, vault, "stranger", SERIALS[0]).pending == METERS[:1]
    assert claim(supplier, vault, "utility", SERIALS[0]).unknown == [(METERS[0], "claimed by somebody else")]


def test_ones_own_devices_are_claimed_and_confirmed_where_they_are(supplier: Registry, vault: KeyVault) -> None:
    assert claim(supplier, vault, "supplier", SERIALS[0]).pending == METERS[:1]
    with supplier.begin() as session:
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO)
    assert status(supplier, "supplier")[SERIALS[0]] == "claimed"
    assert METERS[0] in keys(supplier, vault, "supplier", LATER)


def test_a_meter_that_the_utility_has_registered_gets_its_key_by_the_claim(supplier: Registry, vault: KeyVault) -> None:
    with supplier.begin() as session:
        parts = {"manufacturer": "KAM", "serial": SERIALS[0], "version": "1b", "device_type": "16", "medium": "water"}
        session.add(Meter(organisation="utility", meter_id=METERS[0], state="stock", state_reason="no key", **parts))
    assert claim(supplier, vault, "utility", SERIALS[0]).pending == METERS[:1]
    with supplier.begin() as session:
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO)
        row = session.get(Meter, ("utility", METERS[0]))
        assert row is not None
        assert (row.state, row.state_reason) == ("in_use", None)
    assert keys(supplier, vault, "utility") == {METERS[0]: KEY[METERS[0]]}


def test_a_claim_into_a_full_plan_leaves_the_meter_in_stock(supplier: Registry, vault: KeyVault) -> None:
    with supplier.begin() as session:
        parts = {"manufacturer": "KAM", "serial": SERIALS[0], "version": "1b", "device_type": "16", "medium": "water"}
        session.add(Meter(organisation="utility", meter_id=METERS[0], state="stock", state_reason="no key", **parts))
        capacity.set_plan(session, "utility", max_in_use=0, finest_interval_s=None, **WHO)
    batch(supplier, "D-1", SERIALS[:1], target="utility", needs_confirmation=False)
    with supplier.begin() as session:
        report = claims.claim_batch(session, vault, "utility", "D-1", **WHO)
    assert report.claimed == METERS[:1]
    assert [warning.partition(":")[0] for warning in report.warnings] == ["The capacity plan is full"]
    with supplier.begin(readonly=True) as session:
        row = session.get_one(Meter, ("utility", METERS[0]))
        assert (row.state, row.state_reason) == ("stock", "plan full")
    assert keys(supplier, vault, "utility") == {METERS[0]: KEY[METERS[0]]}


def batch(registry: Registry, name: str, serials: list[str], **options: object) -> list[str]:
    with registry.begin() as session:
        return batches.create(session, "supplier", name, serials, **{**WHO, **options})


def test_a_batch_with_three_devices_is_three_claims(supplier: Registry, vault: KeyVault) -> None:
    batch(supplier, "D-1", SERIALS[:3], target="utility", label="Delivery 1", needs_confirmation=False)
    batch(supplier, "D-2", SERIALS[3:], target="utility")
    with supplier.begin() as session:
        direct = claims.claim_batch(session, vault, "utility", "D-1", **WHO)
        asked = claims.claim_batch(session, vault, "utility", "D-2", **WHO)
        again = claims.claim_batch(session, vault, "utility", "D-2", **WHO)
    assert direct.claimed == METERS[:3], "without confirmation at once"
    assert (asked.pending, asked.claimed) == (METERS[3:], [])
    assert again.already == METERS[3:]
    assert status(supplier, "utility") == dict.fromkeys(SERIALS[:3], "claimed")
    with supplier.begin() as session:
        assert claims.decide(session, vault, "supplier", confirm=True, batch="D-2", **WHO) == METERS[3:]
        with pytest.raises(RegistryError, match="no pending claim on D-2"):
            claims.decide(session, vault, "supplier", confirm=True, batch="D-2", **WHO)
    assert status(supplier, "utility") == dict.fromkeys(SERIALS, "claimed")
    labelled = devices(supplier, "utility", device_types(), Filter(labels=["Delivery 1"]))
    assert labelled["serial"].to_list() == SERIALS[:3], "the label comes along"


def test_a_batch_is_for_its_target_alone(supplier: Registry, vault: KeyVault) -> None:
    batch(supplier, "D-1", SERIALS[:1], target="utility")
    batch(supplier, "D-2", SERIALS[1:2])
    with supplier.begin() as session:
        with pytest.raises(RegistryError, match="no batch D-1 for stranger"):
            claims.claim_batch(session, vault, "stranger", "D-1", **WHO)
        with pytest.raises(RegistryError, match="no batch D-2 for stranger"):
            claims.claim_batch(session, vault, "stranger", "D-2", **WHO)
        assert claims.claim_batch(session, vault, "utility", "D-2", **WHO).pending == METERS[1:2]


@pytest.mark.parametrize(
    ("name", "serials", "options", "message"),
    [
        ("", SERIALS, {}, "needs a reference"),
        ("D-1", SERIALS[:1], {}, "already"),
        ("D-9", ["4711", SERIALS[0]], {}, "Not registered here: 4711"),
        ("D-9", [], {}, "no devices"),
        ("D-9", SERIALS, {"target": "stranger"}, "neither below supplier nor its partner"),
    ],
)
def test_a_batch_that_cannot_be(
    supplier: Registry, name: str, serials: list[str], options: dict[str, object], message: str
) -> None:
    batch(supplier, "D-1", SERIALS[:1])
    with pytest.raises(RegistryError, match=message):
        batch(supplier, name, serials, **options)


def test_batches_are_listed_by_reference_confirmation_serial_and_day(supplier: Registry, vault: KeyVault) -> None:
    batch(supplier, "Spring", SERIALS[:2], target="utility")
    batch(supplier, "Autumn", SERIALS[2:], target="utility", needs_confirmation=False, now=LATER)

    def names(organisation: str = "supplier", **filters: object) -> list[str]:
        with supplier.begin(readonly=True) as session:
            return [entry.batch for entry in batches.listed(session, organisation, **filters)]

    assert names() == ["Autumn", "Spring"]
    assert names("utility") == ["Autumn", "Spring"], "whom it is meant for sees it"
    assert names("stranger") == []
    assert names(batch="spr") == ["Spring"]
    assert names(serial=SERIALS[4]) == ["Autumn"]
    assert names(created_from=LATER) == ["Autumn"]
    assert names(created_to=LATER) == ["Spring"]
    assert names(confirmation="open") == ["Autumn", "Spring"]
    with supplier.begin() as session:
        claims.claim_batch(session, vault, "utility", "Spring", **WHO)
        claims.claim_batch(session, vault, "utility", "Autumn", **WHO)
    assert names(confirmation="pending") == ["Spring"]
    assert names(confirmation="confirmed") == ["Autumn"]


def test_the_catalogue_shows_what_is_seen_and_counts_what_fits(supplier: Registry, vault: KeyVault) -> None:
    batch(supplier, "D-1", SERIALS[:2], target="utility", needs_confirmation=False)
    with supplier.begin() as session:
        set_labels(session, "supplier", METERS[2:4], ["roof", "spare"], **WHO)
        assert set_labels(session, "supplier", METERS[2:3], ["roof"], **WHO) == 0, "it is there"
        assert set_labels(session, "supplier", METERS[3:4], ["roof"], remove=True, **WHO) == 1
        claims.claim_batch(session, vault, "utility", "D-1", **WHO)

    def found(organisation: str = "supplier", **wanted: object) -> list[tuple[str, str]]:
        table = devices(supplier, organisation, device_types(), Filter(**wanted))
        return table.select("organisation", "serial").rows()

    here = [("supplier", serial) for serial in SERIALS]
    there = [("utility", serial) for serial in SERIALS[:2]]
    assert found() == here + there, "who is above sees what is below"
    assert found("utility") == there, "and not the other way round"
    assert found("stranger") == []
    assert found(serials=[SERIALS[4], "4711"]) == here[4:]
    assert found(types=["TOPAS LoRa"]) == [here[0], there[0]], "the model is known as another spelling of the type"
    assert found(claim_states=["claimed"]) == there
    assert found(claim_states=["claimed", "unclaimed"]) == here[2:] + there
    assert found(labels=["roof"]) == here[2:3]
    assert found(labels=["roof", "spare"]) == here[2:4]
    assert found(batches=["D-1"]) == here[:2] + there
    assert found(text="SPARE", claim_states=["unclaimed"]) == here[2:4]
    row = devices(supplier, "supplier", device_types(), Filter(serials=SERIALS[2:3])).row(0, named=True)
    assert (row["device_type"], row["labels"], row["batches"]) == ("flowIQ", ["roof", "spare"], [])


def test_a_label_that_is_none(supplier: Registry) -> None:
    with supplier.begin() as session, pytest.raises(RegistryError, match="A label is"):
        set_labels(session, "supplier", METERS, [" "], **WHO)


def test_a_transfer_moves_meter_and_keys_and_leaves_the_history(supplier: Registry, vault: KeyVault) -> None:
    with supplier.begin() as session:
        with pytest.raises(RegistryError, match=f"not claimed: {METERS[0]}"):
            claims.transfer(session, vault, "supplier", METERS[:1], "utility", **WHO)
        claims.claim_serials(session, vault, "supplier", SERIALS[:1], **WHO)
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO)
        session.add(
            Installation(
                organisation="supplier", metering_point="P1", meter_id=METERS[0], installed_at=NOW, known_from=NOW
            )
        )
        with pytest.raises(RegistryError, match="neither below"):
            claims.transfer(session, vault, "supplier", METERS[:1], "stranger", **WHO)
        with pytest.raises(RegistryError, match="has them already"):
            claims.transfer(session, vault, "supplier", METERS[:1], "supplier", **WHO)
        claims.transfer(
            session, vault, "supplier", METERS[:1], "utility", identity="test", now=LATER, reason="network sold"
        )
    assert status(supplier, "supplier")[SERIALS[0]] == "transferred"
    assert status(supplier, "utility") == {SERIALS[0]: "claimed"}
    before, after = LATER - timedelta(seconds=1), LATER
    assert METERS[0] in keys(supplier, vault, "supplier", before), "what came late is still the old owner's"
    assert METERS[0] not in keys(supplier, vault, "supplier", after)
    assert keys(supplier, vault, "utility", before) == {}, "what was heard before is not the new owner's"
    assert keys(supplier, vault, "utility", after) == {METERS[0]: KEY[METERS[0]]}
    with supplier.begin(readonly=True) as session:
        installations = session.execute(
            select(Installation.removed_at, Installation.known_to).order_by(Installation.id)
        ).all()
        assert [tuple(row) for row in installations] == [(None, LATER), (LATER, None)]
        wrapped = session.scalars(select(MeterKey.wrapped).where(MeterKey.organisation == "utility")).one()
        with pytest.raises(RegistryError, match="does not open"):
            vault.unwrap(wrapped, "supplier", METERS[0])
        sides = session.scalars(select(AuditEvent.organisation).where(AuditEvent.event == "meters.transfer")).all()
        assert sorted(sides) == ["supplier", "utility"]


def _install(registry: Registry, meter_id: str, point: str, removed_at: datetime | None = None) -> None:
    """Installs a supplier's meter as a customer file does."""
    with registry.begin() as session:
        session.get_one(Meter, ("supplier", meter_id)).state = "stock" if removed_at else "in_use"
        session.add(
            Installation(
                organisation="supplier", metering_point=point, meter_id=meter_id,
                installed_at=NOW - timedelta(days=300), removed_at=removed_at, known_from=NOW - timedelta(days=300),
            )
        )  # fmt: skip


@pytest.mark.parametrize("way", ["serial", "batch"])
def test_a_claim_on_a_device_in_operation_hands_over_no_past(supplier: Registry, vault: KeyVault, way: str) -> None:
    installed, removed, fresh = METERS[:3]
    _install(supplier, installed, "P1")
    _install(supplier, removed, "P2", NOW - timedelta(days=9))
    if way == "batch":
        batch(supplier, "D-1", SERIALS[:3], target="utility", needs_confirmation=False)
    with supplier.begin() as session:
        if way == "batch":
            claims.claim_batch(session, vault, "utility", "D-1", identity="test", now=LATER)
        else:
            claims.claim_serials(session, vault, "utility", SERIALS[:3], **WHO)
            claims.decide(session, vault, "supplier", confirm=True, identity="test", now=LATER)
    before = LATER - timedelta(seconds=1)
    assert keys(supplier, vault, "utility", before) == {fresh: KEY[fresh]}, "others' customers lived with the two"
    assert keys(supplier, vault, "utility", LATER) == {meter: KEY[meter] for meter in METERS[:3]}
    assert {installed, removed} <= set(keys(supplier, vault, "supplier", before))
    assert not set(METERS[:3]) & set(keys(supplier, vault, "supplier", LATER))
    with supplier.begin(readonly=True) as session:
        known = select(Installation.meter_id, Installation.removed_at).where(Installation.known_to.is_(None))
        assert dict(session.execute(known).all()) == {installed: LATER, removed: NOW - timedelta(days=9)}
        assert session.get_one(Meter, ("supplier", installed)).state == "removed"


def test_a_device_that_comes_back_opens_for_its_owner_outside_of_the_time_between(
    supplier: Registry, vault: KeyVault
) -> None:
    end = LATER + timedelta(days=30)
    with supplier.begin() as session:
        guest = organisations.listed(session, "supplier")[0].public_id
        organisations.add_partner(session, "utility", guest, **WHO)
        claims.claim_serials(session, vault, "supplier", SERIALS[:1], **WHO)
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO)
        claims.transfer(session, vault, "supplier", METERS[:1], "utility", identity="test", now=LATER)
        claims.transfer(session, vault, "utility", METERS[:1], "supplier", identity="test", now=end)
    times = (NOW, LATER, end)
    assert [METERS[0] in keys(supplier, vault, "supplier", at) for at in times] == [True, False, True]
    assert [METERS[0] in keys(supplier, vault, "utility", at) for at in times] == [False, True, False]
    assert status(supplier, "supplier")[SERIALS[0]] == "claimed"
    assert status(supplier, "utility") == {SERIALS[0]: "transferred"}


def _set(registry: Registry, organisation: str, meter_id: str, at: datetime, **changes: int | str) -> None:
    with registry.begin() as session:
        configure(session, organisation, meter_id, changes, at=at, identity="test", now=LATER)


def _how_set(registry: Registry, organisation: str, meter_id: str) -> list[tuple[object, ...]]:
    with registry.begin(readonly=True) as session:
        rows = configurations(session, organisation, meter_id)
        return [(row.valid_from, row.valid_to, row.interval_s, row.package) for row in rows]


def test_a_device_takes_along_how_it_is_set(supplier: Registry, vault: KeyVault) -> None:
    operated, fresh, plain = METERS[:3]
    _install(supplier, operated, "P1")
    early = NOW - timedelta(days=5)
    for meter in (operated, fresh):
        _set(supplier, "supplier", meter, early, interval_s=300)
        _set(supplier, "supplier", meter, NOW, package="hourly values")
    before = _how_set(supplier, "supplier", operated)
    assert before == [(early, NOW, 300, None), (NOW, None, 300, "hourly values")]
    with supplier.begin() as session:
        claims.claim_serials(session, vault, "utility", SERIALS[:3], **WHO)
        claims.decide(session, vault, "supplier", confirm=True, identity="test", now=LATER)
    assert _how_set(supplier, "utility", operated) == [(LATER, None, 300, "hourly values")], "its past stays"
    assert _how_set(supplier, "utility", fresh) == before
    assert _how_set(supplier, "utility", plain) == []
    assert _how_set(supplier, "supplier", operated) == before


def test_a_device_that_comes_back_brings_how_it_was_set_meanwhile(supplier: Registry, vault: KeyVault) -> None:
    end = LATER + timedelta(days=30)
    _set(supplier, "supplier", METERS[0], NOW, interval_s=3600)
    with supplier.begin() as session:
        guest = organisations.listed(session, "supplier")[0].public_id
        organisations.add_partner(session, "utility", guest, **WHO)
        claims.claim_serials(session, vault, "supplier", SERIALS[:1], **WHO)
        claims.decide(session, vault, "supplier", confirm=True, meter_ids=METERS[:1], **WHO)
        claims.transfer(session, vault, "supplier", METERS[:1], "utility", identity="test", now=LATER)
    _set(supplier, "utility", METERS[0], LATER, interval_s=900)
    with supplier.begin() as session:
        claims.transfer(session, vault, "utility", METERS[:1], "supplier", identity="test", now=end)
    assert _how_set(supplier, "supplier", METERS[0]) == [(NOW, end, 3600, None), (end, None, 900, None)]


def test_a_device_type_is_added_by_a_file(tmp_path: Path) -> None:
    assert device_types(tmp_path).name("XYZ", "01", "07", None) == "XYZ-01-07"
    assert device_types(tmp_path).name("XYZ", "01", "07", "Model 7") == "Model 7"
    (tmp_path / "brook.yaml").write_text("name: Brook\nmodels: [Model 7]\ncodes:\n  - XYZ-01-07\n")
    types = device_types(tmp_path)
    assert types.name("XYZ", "01", "07", None) == "Brook"
    assert types.name("ABC", "02", "07", "model-7") == "Brook"
    assert types.name("ABC", "02", "07", "CalecST III LoRa Module") == "CALEC ST III LoRa"
    assert {"TOPAS SONIC", "RUBIN SONIC", "aquaradio", "Multicom", "AMTRON SONIC D"} <= {
        kind.name for kind in types.all
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("key_class: oms", "name must be a text"),
        ("name: 7", "name must be a text"),
        ("name: x\ncodes: [KAM]", "no code such as"),
        ("name: x\nmodels: y", "list of texts"),
        ("name: x\nkey_class: des", "oms or lora"),
        ("name: x\nkey_class: [oms]", "oms or lora"),
        ("name: x\ncolour: red", "no field colour"),
        ("name: x\nname: y", "stands twice"),
        ("name: [", "no YAML that is taken"),
        ("- x", "holds no settings"),
        ("", "holds no settings"),
        ("# " + "x" * 65536, "larger than 64 kB"),
    ],
)
def test_a_file_that_is_no_device_type(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(RegistryError, match=message):
        device_types(tmp_path)


def test_who_may_claim_a_batch_is_told_of_it_by_letter(supplier: Registry, vault: KeyVault) -> None:
    held = {"one": ("utility", "superuser"), "two": ("utility", "user"), "three": ("supplier", "superuser")}
    people = {
        name: add_person(supplier, f"{name}@example.org", organisation=at, keys=role)
        for name, (at, role) in held.items()
    }
    letters = Letters(vault, "https://meters.example.org", ZoneInfo("Europe/Copenhagen"))
    batch(supplier, "D-1", SERIALS[:3], target="utility", label="Delivery 1", letters=letters)
    batch(supplier, "D-2", SERIALS[3:], letters=letters)
    with supplier.begin(readonly=True) as session:
        (entry,) = mail.entries(session, "supplier")
    assert (entry.kind, entry.subject) == ("new_batch", f"user:{people['one']}")
    due = mail.compose(supplier, vault, entry.mail_id, NOW)
    assert due is not None
    assert due.address == "one@example.org"
    for part in ("D-1", "3", "Delivery 1", "Person one"):
        assert part in due.content.text


def test_many_devices_take_few_queries(supplier: Registry, vault: KeyVault) -> None:
    serials = [f"{number:08d}" for number in range(91_000_000, 91_001_200)]
    parts = {"manufacturer": "KAM", "version": "1b", "device_type": "16", "medium": "water", "state": "stock"}
    with supplier.begin() as session:
        session.add_all(
            Meter(organisation="supplier", meter_id=f"KAM-{serial}-1b-16", serial=serial, **parts) for serial in serials
        )
    batch(supplier, "D-9", serials, target="utility", label="Delivery 9", needs_confirmation=False)
    statements: list[str] = []
    event.listen(supplier.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with supplier.begin() as session:
        report = claims.claim_batch(session, vault, "utility", "D-9", **WHO)
    assert len(report.claimed) == len(serials)
    assert len(statements) < 60, "no query per device"
    again = len(statements)
    with supplier.begin() as session:
        found = claims.claim_serials(session, vault, "utility", serials, **WHO)
    assert len(found.already) == len(serials)
    assert len(statements) - again < 30
