"""Batches: deliveries under one reference, by which whom they are meant for claims their devices."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry import audit
from registry.claims import resolve
from registry.errors import RegistryError
from registry.labels import set_labels
from registry.models import Batch, BatchDevice, Claim
from registry.organisations import reachable, root, visible
from registry.people.letters import Letters

NAME_LENGTH = 100

CONFIRMATIONS = ("open", "pending", "confirmed")


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch as its list shows it.

    Attributes:
        organisation: Who made it.
        batch: Its reference.
        target: Whom it is meant for; ``None``: whoever sees the organisation and has the reference.
        label: Label of its devices, if any.
        needs_confirmation: Whether claims by it wait for who made it.
        created_at: When it was made.
        devices: Number of its devices.
        confirmation: ``open``, none of its devices is claimed by it; ``pending``, claims wait; ``confirmed``, none
            waits and some are the claimant's.
    """

    organisation: str
    batch: str
    target: str | None
    label: str | None
    needs_confirmation: bool
    created_at: datetime
    devices: int
    confirmation: str


def create(
    session: Session,
    organisation: str,
    batch: str,
    serials: Sequence[str],
    *,
    identity: str,
    now: datetime,
    target: str | None = None,
    label: str | None = None,
    needs_confirmation: bool = True,
    letters: Letters | None = None,
) -> list[str]:
    """Makes a batch of one's devices.

    Args:
        session: A writing transaction.
        organisation: Who makes it.
        batch: Its reference.
        serials: Its devices, see :func:`registry.serial_lists.parse_serials`.
        identity: Who acts.
        now: Instant of the change.
        target: Whom it is meant for: short name or public id.
        label: Label that its devices get, here and at who claims them.
        needs_confirmation: Whether claims by it wait for who made it.
        letters: How those are told of it who may claim it; ``None`` where they are not.

    Returns:
        Its devices.

    Raises:
        RegistryError: The reference is taken or none, there are no devices or unknown ones, or the target is not
            reachable.
    """
    root(session, organisation, now)
    name = batch.strip()
    if not name or len(name) > NAME_LENGTH:
        raise RegistryError(f"A batch needs a reference of up to {NAME_LENGTH} characters.")
    if session.get(Batch, (organisation, name)) is not None:
        raise RegistryError(f"There is a batch {name} already: take another reference.")
    meters = resolve(session, organisation, serials)
    if not meters:
        raise RegistryError(f"The batch {name} would have no devices: give serial numbers.")
    to = reachable(session, organisation, target) if target else None
    row = Batch(
        organisation=organisation,
        batch=name,
        target=to,
        label=label,
        needs_confirmation=needs_confirmation,
        created_at=now,
    )
    session.add(row)
    session.add_all(BatchDevice(organisation=organisation, batch=name, meter_id=meter) for meter in meters)
    session.flush()
    audit.record(
        session,
        organisation=organisation,
        event="batches.create",
        identity=identity,
        now=now,
        target=name,
        after={"target": to, "label": label, "needs_confirmation": needs_confirmation},
        details={"meter_ids": meters},
    )
    if letters:
        letters.tell_of_batch(session, row, len(meters), now)
    if label:
        set_labels(session, organisation, meters, [label], identity=identity, now=now)
    return meters


def listed(
    session: Session,
    organisation: str,
    *,
    batch: str | None = None,
    confirmation: str | None = None,
    serial: str | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
) -> list[BatchEntry]:
    """The batches that an organisation sees: its own, those of organisations below it, and those meant for it.

    Args:
        session: A transaction.
        organisation: Who looks.
        batch: Part of the reference, in any case.
        confirmation: ``open``, ``pending`` or ``confirmed``.
        serial: Serial number of a device.
        created_from: Made at this instant or later.
        created_to: Made before this instant.

    Returns:
        The newest first.
    """
    seen = visible(session, organisation)
    statement = select(Batch).where(Batch.organisation.in_(seen) | (Batch.target == organisation))
    if created_from is not None:
        statement = statement.where(Batch.created_at >= created_from)
    if created_to is not None:
        statement = statement.where(Batch.created_at < created_to)
    if serial is not None:
        held = select(BatchDevice.organisation, BatchDevice.batch, BatchDevice.meter_id)
        having = {(o, b) for o, b, meter in session.execute(held) if meter.split("-")[1] == serial.lower().zfill(8)}
    counts = {
        (o, b): count
        for o, b, count in session.execute(
            select(BatchDevice.organisation, BatchDevice.batch, func.count()).group_by(
                BatchDevice.organisation, BatchDevice.batch
            )
        )
    }
    states: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for o, b, state in session.execute(
        select(Claim.batch_owner, Claim.batch, Claim.state).where(Claim.batch.is_not(None)).distinct()
    ):
        states[o, b].add(state)
    entries = [
        BatchEntry(
            row.organisation,
            row.batch,
            row.target,
            row.label,
            row.needs_confirmation,
            row.created_at,
            counts.get((row.organisation, row.batch), 0),
            _confirmation(states[row.organisation, row.batch]),
        )
        for row in session.scalars(statement.order_by(Batch.created_at.desc(), Batch.batch))
        if (batch is None or batch.casefold() in row.batch.casefold())
        and (serial is None or (row.organisation, row.batch) in having)
    ]
    return [entry for entry in entries if confirmation in {None, entry.confirmation}]


def _confirmation(states: set[str]) -> str:
    if "claim_requested" in states:
        return "pending"
    return "confirmed" if states else "open"
