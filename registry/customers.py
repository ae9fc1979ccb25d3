"""Customers by hand: who moves in, what changes, who moves out."""

import secrets
from collections.abc import Mapping
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import LINE, REASON
from registry.customer_versions import TOLD, keep_versions
from registry.erased_customers import require_not_erased
from registry.errors import RegistryError
from registry.imports.customers import check_customers
from registry.imports.occupancies import OF_POINT, PERSONAL, PLACE, SEARCHED
from registry.inventory.roles import CONSUMPTION
from registry.known_instants import later
from registry.models import Customer, MeteringPoint
from registry.profiles.fields import FIELDS
from registry.profiles.reading import check_texts
from registry.residences import lived_there
from registry.store import Registry
from registry.vault import KeyVault

Texts = Mapping[str, str | None]


def occupancies(registry: Registry, organisation: str, metering_point: str) -> list[Customer]:
    """Who lives and lived at a point, the latest first.

    Raises:
        RegistryError: Nobody is known there.
    """
    with registry.begin(readonly=True) as session:
        found = _of_point(session, organisation, metering_point)
    if not found:
        raise RegistryError(f"Nobody is known to live or have lived at {metering_point}.")
    return found


def customer_columns(session: Session, organisation: str, at: datetime | None = None) -> pl.DataFrame:
    """Who lives at which metering point, for lists that name people.

    Args:
        session: A transaction.
        organisation: Owner of the points.
        at: Who lived there at that instant, UTC, as it is known now; ``None`` for now.

    Returns:
        ``metering_point``, ``customer_number``, ``customer_name``, ``address``, ``postal_code`` and ``city``, one row
        per point where somebody lives.
    """
    columns = (
        Customer.metering_point,
        Customer.customer_number,
        Customer.name.label("customer_name"),
        Customer.address,
        Customer.postal_code,
        Customer.city,
    )
    statement = select(*columns).where(Customer.organisation == organisation, *lived_there(at))
    rows = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(rows, schema=dict.fromkeys((column.key for column in columns), pl.String), orient="row")


def add_customer(
    registry: Registry,
    vault: KeyVault,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    metering_point: str,
    texts: Texts,
    occupied_from: datetime | None = None,
) -> str:
    """Lets somebody move in; the point is made where it is new.

    Args:
        registry: The registry.
        vault: Wraps the person's key, for the audit log.
        organisation: Owner of the point.
        identity: Who says so.
        now: Instant of the change.
        metering_point: Where.
        texts: Personal fields; ``customer_number`` is needed. What is not given of the place stays as it is known.
        occupied_from: When; by default now where somebody lived there before, else nobody knows.

    Returns:
        Name of the occupancy.

    Raises:
        RegistryError: Somebody lives there, lived there until later, the customer is erased, or a field cannot be.
    """
    texts = {name: text for name, text in texts.items() if text}
    _check(metering_point, texts)
    number = texts.get("customer_number")
    if not number:
        raise RegistryError("A customer needs a customer_number.")
    with registry.begin() as session:
        require_not_erased(session, vault, organisation, number)
        former = _of_point(session, organisation, metering_point)
        begin, place = occupied_from, dict[str, str | None]()
        if former:
            begin = begin or now
            if former[0].occupied_to is None:
                raise RegistryError(f"Somebody lives at {metering_point}: move them out first.")
            if begin < former[0].occupied_to:
                raise RegistryError(f"Somebody else lived at {metering_point} until after that time.")
            same_place = not any(name in texts for name in PLACE)
            place = {name: getattr(former[0], name) for name in OF_POINT} if same_place else {}
        elif session.get(MeteringPoint, (organisation, metering_point)) is None:
            session.add(MeteringPoint(organisation=organisation, metering_point=metering_point, role=CONSUMPTION))
        customer = Customer(
            organisation=organisation,
            occupancy=secrets.token_hex(8),
            metering_point=metering_point,
            **{**place, **texts},
            occupied_from=begin,
            known_from=later(session, organisation, now),
        )
        if "latitude" in texts:
            customer.coordinate_status, customer.alternatives = "manual", None
        session.add(customer)
        _record(session, vault, customer, "customer.add", identity, now, after={**texts, "occupied_from": begin})
    return customer.occupancy


def edit_customer(
    registry: Registry,
    vault: KeyVault,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    metering_point: str,
    texts: Texts,
    occupied_from: datetime | None = None,
) -> list[str]:
    """Changes what is known of who lives at a point.

    Args:
        registry: The registry.
        vault: Wraps the person's key, for the audit log.
        organisation: Owner of the point.
        identity: Who says so.
        now: Instant of the change.
        metering_point: Where.
        texts: Personal fields; an empty one is cleared. Coordinates given are kept by every check; where the address
            changes, those that a check found are looked up anew.
        occupied_from: When they moved in, where that was wrong.

    Returns:
        Names of the fields that changed.

    Raises:
        RegistryError: Nobody lives there, the customer is erased, or a field cannot be.
    """
    texts = {name: text or None for name, text in texts.items()}
    with registry.begin() as session:
        customer = _present(session, organisation, metering_point)
        after = {name: texts.get(name, getattr(customer, name)) for name in PERSONAL}
        _check(metering_point, after)
        if not after["customer_number"]:
            raise RegistryError("A customer needs a customer_number.")
        if after["customer_number"] != customer.customer_number:
            require_not_erased(session, vault, organisation, after["customer_number"])
        begin = occupied_from or customer.occupied_from
        others = _of_point(session, organisation, metering_point)[1:]
        if others and others[0].occupied_to and (begin is None or begin < others[0].occupied_to):
            raise RegistryError(f"Somebody else lived at {metering_point} until after that time.")
        before = {name: getattr(customer, name) for name in (*PERSONAL, "occupied_from")}
        changes = {**after, "occupied_from": begin}
        changed = [name for name, value in changes.items() if before[name] != value]
        if not changed:
            return []
        if set(TOLD) & set(changed):
            customer.known_from = keep_versions(session, organisation, [customer.occupancy], now)
        for name in changed:
            setattr(customer, name, changes[name])
        if {"latitude", "longitude"} & set(changed):
            customer.coordinate_status = "manual" if customer.latitude else None
            customer.alternatives = None
        elif set(PLACE) & set(changed) and customer.coordinate_status in SEARCHED:
            customer.coordinate_status = customer.alternatives = customer.latitude = customer.longitude = None
        _record(
            session,
            vault,
            customer,
            "customer.edit",
            identity,
            now,
            before={name: before[name] for name in changed},
            after={name: changes[name] for name in changed},
        )
    return changed


def move_out(
    registry: Registry,
    vault: KeyVault,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    metering_point: str,
    at: datetime,
) -> None:
    """Lets who lives at a point move out; what is known of them is kept until it is erased.

    Args:
        registry: The registry.
        vault: Wraps the person's key, for the audit log.
        organisation: Owner of the point.
        identity: Who says so.
        now: Instant of the change.
        metering_point: Where.
        at: When.

    Raises:
        RegistryError: Nobody lives there, or they moved in later.
    """
    with registry.begin() as session:
        customer = _present(session, organisation, metering_point)
        if customer.occupied_from is not None and at <= customer.occupied_from:
            raise RegistryError(f"Who lives at {metering_point} moved in at that time or later.")
        customer.known_from = keep_versions(session, organisation, [customer.occupancy], now)
        customer.occupied_to = at
        _record(
            session,
            vault,
            customer,
            "customer.move_out",
            identity,
            now,
            before={"occupied_to": None},
            after={"occupied_to": at},
        )


def _of_point(session: Session, organisation: str, metering_point: str) -> list[Customer]:
    statement = select(Customer).where(Customer.organisation == organisation, Customer.metering_point == metering_point)
    rows = list(session.scalars(statement))
    ended = sorted((row for row in rows if row.occupied_to), key=lambda row: str(row.occupied_to), reverse=True)
    return [*(row for row in rows if row.occupied_to is None), *ended]


def _present(session: Session, organisation: str, metering_point: str) -> Customer:
    found = _of_point(session, organisation, metering_point)
    if not found or found[0].occupied_to is not None:
        raise RegistryError(f"Nobody is known to live at {metering_point}.")
    return found[0]


def _check(metering_point: str, texts: Texts) -> None:
    """Refuses what a file's line would be rejected for; the message shows none of it."""
    names = [entry.name for entry in FIELDS["customers"]]
    given: dict[str, str | None] = {"metering_point": metering_point, "customer_number": "-", **texts}
    line = pl.DataFrame(
        {LINE: [1], REASON: [None], **{name: [given.get(name)] for name in names}},
        schema_overrides={REASON: pl.String, **dict.fromkeys(names, pl.String)},
    ).with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias(name) for name in ("moved_in", "moved_out"))
    fields = [entry for entry in FIELDS["customers"] if entry.form != "time"]
    reason = check_customers(check_texts(line, fields))[REASON].item()
    if reason is not None:
        raise RegistryError(f"This cannot be: {reason}.")


def _record(
    session: Session,
    vault: KeyVault,
    customer: Customer,
    event: str,
    identity: str,
    now: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object],
) -> None:
    session.flush()
    audit.record(
        session,
        organisation=customer.organisation,
        event=event,
        identity=identity,
        now=now,
        target=customer.metering_point,
        details={"occupancy": customer.occupancy, "fields": sorted(after)},
        personal=audit.PersonalChange(vault, f"customer:{customer.metering_point}:{customer.occupancy}", before, after),
    )
