"""Moving devices from one organisation to another, with their keys (ADR 0010)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.inventory.configurations import SETTINGS
from registry.inventory.lifecycle import EndedWait, end_wait_for_keys
from registry.inventory.meters import chunks
from registry.inventory.versions import supersede
from registry.keys import NewKey, store_keys
from registry.models import Installation, Meter, MeterConfiguration, MeterKey
from registry.vault import KeyVault

TRANSFERRED = "transferred"
"""Why a meter is removed that another organisation has now."""

_AT_ONCE = 5_000


def move(
    session: Session,
    vault: KeyVault,
    old: str,
    new: str,
    meter_ids: Sequence[str],
    identity: str,
    now: datetime,
    *,
    operated: Collection[str],
) -> EndedWait:
    """Gives devices to another organisation.

    The new owner gets the meter, where it is not registered there already, in stock, its keys, wrapped for it, and what
    is known of how it is set. What the old owner has measured and billed stays there; from ``now`` on its keys are
    tried no more.

    Args:
        session: A writing transaction.
        vault: Rewraps the keys.
        old: Who has them.
        new: Who gets them.
        meter_ids: The devices.
        identity: Who transfers.
        now: Instant of the transfer.
        operated: Those of them that the old owner has operated: the new one's keys then open nothing that was received
            before, and installations of the old one end.

    Returns:
        What became of the new owner's meters that waited in stock for a key.
    """
    cut = frozenset(operated)
    for start in range(0, len(meter_ids), _AT_ONCE):
        part = list(meter_ids[start : start + _AT_ONCE])
        _move_meters(session, old, new, part)
        _move_keys(session, vault, old, new, part, identity, now, cut=cut)
        _move_configurations(session, old, new, part, now, cut=cut)
        _end_installations(session, old, [meter_id for meter_id in part if meter_id in cut], now)
    session.flush()
    return end_wait_for_keys(session, new, identity, now)


def operated_by(session: Session, organisation: str, meter_ids: Sequence[str]) -> frozenset[str]:
    """Which of many meters are or were installed at an organisation's metering points, by whatever was ever known."""
    found: set[str] = set()
    for some in chunks(meter_ids):
        statement = select(Installation.meter_id).where(Installation.organisation == organisation)
        found.update(session.scalars(statement.where(Installation.meter_id.in_(some))))
    return frozenset(found)


def _move_meters(session: Session, old: str, new: str, meter_ids: Sequence[str]) -> None:
    statement = select(Meter).where(Meter.meter_id.in_(meter_ids))
    rows = {(row.organisation, row.meter_id): row for row in session.scalars(statement)}
    for meter_id in meter_ids:
        row = rows[old, meter_id]
        there = rows.get((new, meter_id))
        if there is None:
            session.add(
                Meter(
                    organisation=new,
                    meter_id=meter_id,
                    manufacturer=row.manufacturer,
                    serial=row.serial,
                    version=row.version,
                    device_type=row.device_type,
                    medium=row.medium,
                    model=row.model,
                    state="stock",
                    state_reason=None,
                )
            )
        elif there.state_reason == TRANSFERRED:  # it comes back
            there.state, there.state_reason = "stock", None
        row.state, row.state_reason = "removed", TRANSFERRED
    session.flush()


def _move_keys(
    session: Session,
    vault: KeyVault,
    old: str,
    new: str,
    meter_ids: Sequence[str],
    identity: str,
    now: datetime,
    *,
    cut: frozenset[str],
) -> None:
    """Moves keys; those of ``cut`` begin now."""
    statement = select(MeterKey).where(MeterKey.meter_id.in_(meter_ids), MeterKey.organisation.in_([old, new]))
    rows = session.scalars(statement.order_by(MeterKey.meter_id, MeterKey.key_no)).all()
    theirs = {(row.meter_id, row.digest): row for row in rows if row.organisation == new}
    numbers = {row.meter_id: row.key_no for row in rows if row.organisation == new}
    moved = []
    for row in rows:
        if row.organisation == new or (row.valid_to is not None and row.valid_to <= now):
            continue
        begins = max(row.valid_from or now, now) if row.meter_id in cut else row.valid_from
        known = theirs.get((row.meter_id, row.digest))
        if known is None:
            moved.append(
                NewKey(
                    meter_id=row.meter_id,
                    value=vault.unwrap(row.wrapped, old, row.meter_id),
                    key_class=row.key_class,
                    algorithm=row.algorithm,
                    usage=row.usage,
                    device_eui=row.device_eui,
                    join_eui=row.join_eui,
                    valid_from=begins,
                    valid_to=row.valid_to,
                )
            )
        elif known.valid_to is not None and known.valid_to <= now:
            # The device comes back: a second row, since the time between was not the new owner's.
            numbers[row.meter_id] += 1
            session.add(
                MeterKey(
                    organisation=new,
                    meter_id=row.meter_id,
                    key_no=numbers[row.meter_id],
                    key_class=row.key_class,
                    algorithm=row.algorithm,
                    usage=row.usage,
                    device_eui=row.device_eui,
                    join_eui=row.join_eui,
                    wrapped=vault.wrap(vault.unwrap(row.wrapped, old, row.meter_id), new, row.meter_id),
                    digest=row.digest,
                    valid_from=begins,
                    valid_to=row.valid_to,
                    created_at=now,
                )
            )
        if row.valid_from is not None and row.valid_from >= now:
            session.delete(row)
        else:
            row.valid_to, row.changed_at = now, now
    session.flush()
    store_keys(session, vault, new, moved, now, identity=identity)


def _move_configurations(
    session: Session, old: str, new: str, meter_ids: Sequence[str], now: datetime, *, cut: Collection[str]
) -> None:
    """Tells the new owner how meters are set; the old one's notes stay.

    Of those of ``cut``, and of meters that the new owner has noted something of before, it gets what holds now, as of
    now; of the others all that is known.
    """
    statement = select(MeterConfiguration).where(
        MeterConfiguration.meter_id.in_(meter_ids),
        MeterConfiguration.organisation.in_([old, new]),
        MeterConfiguration.known_to.is_(None),
    )
    rows = session.scalars(statement.order_by(MeterConfiguration.valid_from)).all()
    theirs = {row.meter_id for row in rows if row.organisation == new}
    holding = {(row.organisation, row.meter_id): row for row in rows if row.valid_to is None}
    for row in [row for row in rows if row.organisation == old]:
        begins = row.valid_from
        if row.meter_id in cut or row.meter_id in theirs:
            if row.valid_to is not None:
                continue
            begins = max(begins, now)
        settings = {name: getattr(row, name) for name in SETTINGS}
        before = holding.get((new, row.meter_id))
        if before is not None:
            if all(getattr(before, name) == value for name, value in settings.items()):
                continue
            if before.valid_from >= begins:
                supersede(session, before, now, **settings)
                continue
            supersede(session, before, now, valid_to=begins)
        place = {"organisation": new, "meter_id": row.meter_id, "valid_from": begins, "valid_to": row.valid_to}
        session.add(MeterConfiguration(**place, **settings, known_from=now))


def _end_installations(session: Session, old: str, meter_ids: Sequence[str], now: datetime) -> None:
    """Ends open installations; the version that did not know of it stays."""
    statement = select(Installation).where(
        Installation.organisation == old,
        Installation.meter_id.in_(meter_ids),
        Installation.known_to.is_(None),
        Installation.removed_at.is_(None),
    )
    for row in session.scalars(statement).all():
        row.known_to = now
        session.add(
            Installation(
                organisation=old,
                metering_point=row.metering_point,
                meter_id=row.meter_id,
                installed_at=row.installed_at,
                removed_at=now,
                known_from=now,
                known_to=None,
            )
        )
