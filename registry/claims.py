"""Claims: how a device comes to whom it belongs, with its keys.

    unclaimed → claim_requested → claimed → transferred

An organisation claims devices that it sees (its own, those of organisations above it, of partners, and of batches meant
for it). Who holds them confirms or refuses. A confirmed claim on another one's device moves the device (ADR 0010):
there it is then ``transferred``, here ``claimed``. One that the holder has operated goes without its past.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import audit
from registry.errors import RegistryError
from registry.inventory.meters import chunks
from registry.models import Batch, BatchDevice, Claim, Label, Meter
from registry.organisations import above, partners, reachable, root
from registry.transfers import move, operated_by
from registry.vault import KeyVault

State = Literal["unclaimed", "claim_requested", "claimed", "transferred"]
STATES: tuple[State, ...] = ("unclaimed", "claim_requested", "claimed", "transferred")


@dataclass(slots=True)
class ClaimReport:
    """What became of a claim.

    Attributes:
        claimed: Devices that are the claimant's from now on.
        pending: Devices whose holder is to confirm.
        already: Devices that were claimed, or asked for, by the claimant before.
        unknown: What was asked for and cannot be claimed, with the reason.
        warnings: What is odd about it.
    """

    claimed: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find(meters: Mapping[str, Sequence[str]], text: str) -> str | None:
    """The device that a text names.

    Args:
        meters: Identities by serial number.
        text: See :func:`registry.serial_lists.parse_serials`.

    Returns:
        Its ``meter_id``; ``None`` where there is none.

    Raises:
        RegistryError: Several answer to it.
    """
    parts = text.strip().split("-")
    serial = (parts[1] if len(parts) > 1 else parts[0]).lower().zfill(8)
    start = f"{parts[0].upper()}-" if len(parts) > 1 else ""
    whole = "-".join([parts[0].upper(), serial, *(part.lower() for part in parts[2:])]) if len(parts) == 4 else None
    matches = sorted({meter for meter in meters.get(serial, ()) if meter.startswith(start) and whole in {None, meter}})
    if len(matches) > 1:
        raise RegistryError(f"{text} is ambiguous: {len(matches)} devices have this serial number; give the whole id.")
    return matches[0] if matches else None


def by_serial(session: Session, organisation: str) -> dict[str, list[str]]:
    """Identities of an organisation's devices by serial number."""
    found: dict[str, list[str]] = defaultdict(list)
    for serial, meter_id in session.execute(
        select(Meter.serial, Meter.meter_id).where(Meter.organisation == organisation)
    ):
        found[serial].append(meter_id)
    return found


def resolve(session: Session, organisation: str, texts: Iterable[str]) -> list[str]:
    """The devices of one's own that texts name.

    Raises:
        RegistryError: One of them names none, or several; all that name none are said.
    """
    meters = by_serial(session, organisation)
    found = {text: find(meters, text) for text in texts}
    missing = [text for text, meter in found.items() if meter is None]
    if missing:
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        raise RegistryError(f"Not registered here: {', '.join(missing[:20])}{more}.")
    return list(dict.fromkeys(meter for meter in found.values() if meter is not None))


def claim_serials(
    session: Session, vault: KeyVault, claimant: str, texts: Sequence[str], *, identity: str, now: datetime
) -> ClaimReport:
    """Asks for devices by their serial numbers; who holds them confirms.

    Args:
        session: A writing transaction.
        vault: Rewraps the keys.
        claimant: Who claims.
        texts: See :func:`registry.serial_lists.parse_serials`.
        identity: Who acts.
        now: Instant of the claim.

    Returns:
        What became of each; ``unknown`` holds what is not seen, not free, or ambiguous.
    """
    root(session, claimant, now)
    report = ClaimReport()
    wanted: dict[tuple[str, str], tuple[str, str] | None] = {}
    holders = _holders(session, claimant)
    named: dict[str, list[tuple[str, str]]] = {}
    for text in texts:
        try:
            named[text] = [(holder, meter) for holder, meters in holders.items() if (meter := find(meters, text))]
        except RegistryError as exc:
            report.unknown.append((text, str(exc)))
    claims = _claims(session, [place for places in named.values() for place in places])
    for text, places in named.items():
        standing = [place for place in places if place not in claims or claims[place].state != "transferred"]
        # One's own row may stand for a device whose keys another one holds: that one is asked.
        foreign = [place for place in standing if place[0] != claimant]
        own = [place for place in standing if place[0] == claimant]
        chosen = own if own and (own[0] in claims or not foreign) else foreign
        if len(chosen) != 1:
            report.unknown.append((text, "ambiguous: several organisations hold it" if chosen else "not known"))
            continue
        wanted[chosen[0]] = None
    _request(session, vault, claimant, wanted, report, confirm=True, identity=identity, now=now)
    return report


def claim_batch(
    session: Session,
    vault: KeyVault,
    claimant: str,
    batch: str,
    *,
    identity: str,
    now: datetime,
    owner: str | None = None,
) -> ClaimReport:
    """Claims all devices of a batch.

    Args:
        session: A writing transaction.
        vault: Rewraps the keys.
        claimant: Who claims.
        batch: Its reference.
        identity: Who acts.
        now: Instant of the claim.
        owner: Short name of who made the batch, where several have one of this reference.

    Returns:
        What became of each device: at once the claimant's, or pending where the batch asks for confirmation.

    Raises:
        RegistryError: There is no such batch for the claimant, or there are several.
    """
    root(session, claimant, now)
    found = [
        row
        for row in session.scalars(select(Batch).where(Batch.batch == batch))
        if (owner is None or row.organisation == owner)
        and (row.target == claimant or (row.target is None and row.organisation in _seen_holders(session, claimant)))
    ]
    if len(found) != 1:
        why = "Several organisations have a batch" if found else "There is no batch"
        raise RegistryError(f"{why} {batch} for {claimant}{': name its owner' if found else ''}.")
    row = found[0]
    meters = session.scalars(
        select(BatchDevice.meter_id)
        .where(BatchDevice.organisation == row.organisation, BatchDevice.batch == batch)
        .order_by(BatchDevice.meter_id)
    ).all()
    report = ClaimReport()
    wanted: dict[tuple[str, str], tuple[str, str] | None] = {
        (row.organisation, meter): (row.organisation, batch) for meter in meters
    }
    _request(session, vault, claimant, wanted, report, confirm=row.needs_confirmation, identity=identity, now=now)
    return report


def _request(
    session: Session,
    vault: KeyVault,
    claimant: str,
    wanted: Mapping[tuple[str, str], tuple[str, str] | None],
    report: ClaimReport,
    *,
    confirm: bool,
    identity: str,
    now: datetime,
) -> None:
    """Notes claims on devices of holders, each with the batch it comes by, and grants those that need no confirming."""
    granted: list[Claim] = []
    asked: dict[str, list[str]] = defaultdict(list)
    claims = _claims(session, wanted)
    for (holder, meter_id), batch in wanted.items():
        claim = claims.get((holder, meter_id))
        if claim is None:
            batch_owner, name = batch or (None, None)
            claim = Claim(
                organisation=holder,
                meter_id=meter_id,
                state="claim_requested",
                claimant=claimant,
                batch_owner=batch_owner,
                batch=name,
                requested_at=now,
            )
            session.add(claim)
            asked[holder].append(meter_id)
            if confirm:
                report.pending.append(meter_id)
            else:
                granted.append(claim)
        elif claim.claimant == claimant:
            report.already.append(meter_id)
        else:
            report.unknown.append((meter_id, "claimed by somebody else"))
    session.flush()
    for holder, meters in asked.items():
        _note(session, "claims.request", {holder, claimant}, meters, claimant, identity, now)
    report.warnings += _grant(session, vault, granted, identity, now)
    report.claimed += [claim.meter_id for claim in granted]


def decide(
    session: Session,
    vault: KeyVault,
    holder: str,
    *,
    confirm: bool,
    identity: str,
    now: datetime,
    meter_ids: Sequence[str] = (),
    batch: str | None = None,
    reason: str | None = None,
) -> list[str]:
    """Confirms or refuses pending claims on one's devices.

    Args:
        session: A writing transaction.
        vault: Rewraps the keys.
        holder: Who holds the devices.
        confirm: Whether the claims are granted; a refused device is unclaimed again.
        identity: Who acts.
        now: Instant of the decision.
        meter_ids: The devices; with ``batch``, those of them that were claimed by it.
        batch: Reference of one's batch: all pending claims that came by it.
        reason: Why, for the audit log.

    Returns:
        The devices.

    Raises:
        RegistryError: On one of them there is no pending claim.
    """
    statement = select(Claim).where(Claim.organisation == holder, Claim.state == "claim_requested")
    if batch is not None:
        statement = statement.where(Claim.batch == batch, Claim.batch_owner == holder)
    pending = {claim.meter_id: claim for claim in session.scalars(statement.order_by(Claim.meter_id))}
    missing = [meter for meter in meter_ids if meter not in pending]
    if missing or not pending:
        raise RegistryError(f"There is no pending claim on {', '.join(missing[:20]) or batch or 'any device'}.")
    claims = [pending[meter] for meter in meter_ids] if meter_ids else list(pending.values())
    if confirm:
        _grant(session, vault, claims, identity, now, reason)
    else:
        for claimant, meters in _by_claimant(claims).items():
            _note(session, "claims.refuse", {holder, claimant}, meters, claimant, identity, now, reason)
        for claim in claims:
            session.delete(claim)
        session.flush()
    return [claim.meter_id for claim in claims]


def transfer(
    session: Session,
    vault: KeyVault,
    holder: str,
    meter_ids: Sequence[str],
    target: str,
    *,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Hands claimed devices over to another organisation.

    Args:
        session: A writing transaction.
        vault: Rewraps the keys.
        holder: Whose they are.
        meter_ids: The devices.
        target: Short name or public id of the new owner, below the holder or its partner.
        identity: Who acts.
        now: Instant from which on they are the new owner's.
        reason: Why, for the audit log.

    Raises:
        RegistryError: A device is not claimed, or the target is not reachable or the holder itself.
    """
    root(session, holder, now)
    new = reachable(session, holder, target)
    if new == holder:
        raise RegistryError(f"{holder} has them already.")
    require_claimed(session, holder, meter_ids, "handed over")
    claims = list(_claims(session, [(holder, meter) for meter in meter_ids]).values())
    move(session, vault, holder, new, meter_ids, identity, now, operated=meter_ids)
    _hand_over(session, claims, new, now)
    _note(session, "meters.transfer", {holder, new}, list(meter_ids), new, identity, now, reason)


def require_claimed(session: Session, organisation: str, meter_ids: Iterable[str], done: str) -> None:
    """Sees to it that devices are claimed.

    Raises:
        RegistryError: Some are not; they are named.
    """
    claimed = set(
        session.scalars(select(Claim.meter_id).where(Claim.organisation == organisation, Claim.state == "claimed"))
    )
    not_claimed = [meter for meter in meter_ids if meter not in claimed]
    if not_claimed:
        more = f" and {len(not_claimed) - 20} more" if len(not_claimed) > 20 else ""
        raise RegistryError(
            f"Only claimed devices can be {done}; not claimed: {', '.join(not_claimed[:20])}{more}. "
            "Claim them with 'meterhouse key claim'."
        )


def _grant(
    session: Session, vault: KeyVault, claims: Sequence[Claim], identity: str, now: datetime, reason: str | None = None
) -> list[str]:
    """Gives the devices to who claimed them; returns what the claimants are to be warned of."""
    warnings: list[str] = []
    own = [claim for claim in claims if claim.claimant == claim.organisation]
    for claim in own:
        claim.state, claim.decided_at = "claimed", now
    others: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.claimant != claim.organisation:
            others[claim.organisation, claim.claimant].append(claim)
    for (holder, claimant), part in others.items():
        meters = [claim.meter_id for claim in part]
        operated = operated_by(session, holder, meters)
        warnings += move(session, vault, holder, claimant, meters, identity, now, operated=operated).warnings
        _hand_over(session, part, claimant, now)
    for (holder, claimant), meters in _by_both(claims).items():
        _note(session, "claims.confirm", {holder, claimant}, meters, claimant, identity, now, reason)
    session.flush()
    return warnings


def _hand_over(session: Session, claims: Sequence[Claim], new: str, now: datetime) -> None:
    """Closes the claims at who held the devices, and opens those of the new owner, with the batches' labels."""
    standing = _claims(session, [(new, claim.meter_id) for claim in claims])
    labelled = _label_of_batches(session, claims)
    for claim in claims:
        batch_owner, batch, requested_at = claim.batch_owner, claim.batch, claim.requested_at
        claim.state, claim.decided_at, claim.claimant = "transferred", now, new
        theirs = standing.get((new, claim.meter_id))
        if theirs is None:
            theirs = Claim(organisation=new, meter_id=claim.meter_id, requested_at=requested_at)
            session.add(theirs)
        theirs.state, theirs.claimant, theirs.decided_at = "claimed", new, now
        theirs.batch_owner, theirs.batch = batch_owner, batch
    session.flush()
    for label, meters in labelled.items():
        kept = select(Label.meter_id).where(Label.organisation == new, Label.label == label)
        session.add_all(
            Label(organisation=new, meter_id=meter, label=label)
            for meter in sorted(meters - set(session.scalars(kept)))
        )
    session.flush()


def _label_of_batches(session: Session, claims: Sequence[Claim]) -> dict[str, set[str]]:
    """Devices by the label of the batch they come by."""
    found: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        # The batches are few, and each is asked for once.
        batch = session.get(Batch, (claim.batch_owner, claim.batch)) if claim.batch_owner and claim.batch else None
        if batch is not None and batch.label:
            found[batch.label].add(claim.meter_id)
    return found


def _claims(session: Session, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Claim]:
    """Claims on devices by holder and device, in a query per thousands; in the order asked for."""
    by_holder: dict[str, dict[str, None]] = defaultdict(dict)
    for holder, meter_id in places:
        by_holder[holder][meter_id] = None
    found: dict[tuple[str, str], Claim] = {}
    for holder, meters in by_holder.items():
        rows: dict[str, Claim] = {}
        for some in chunks(list(meters)):
            statement = select(Claim).where(Claim.organisation == holder, Claim.meter_id.in_(some))
            rows |= {row.meter_id: row for row in session.scalars(statement)}
        found |= {(holder, meter): rows[meter] for meter in meters if meter in rows}
    return found


def _holders(session: Session, claimant: str) -> dict[str, dict[str, list[str]]]:
    """Devices by holder and serial number that an organisation may ask for."""
    holders = {holder: by_serial(session, holder) for holder in _seen_holders(session, claimant)}
    meant = (
        select(BatchDevice.organisation, BatchDevice.meter_id)
        .join(Batch, (Batch.organisation == BatchDevice.organisation) & (Batch.batch == BatchDevice.batch))
        .where(Batch.target == claimant)
    )
    for holder, meter_id in session.execute(meant):
        serials = holders.setdefault(holder, {}).setdefault(meter_id.split("-")[1], [])
        if meter_id not in serials:
            serials.append(meter_id)
    return holders


def _seen_holders(session: Session, claimant: str) -> list[str]:
    return [claimant, *above(session, claimant), *partners(session, claimant)]


def _by_claimant(claims: Sequence[Claim]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for claim in claims:
        found[claim.claimant].append(claim.meter_id)
    return found


def _by_both(claims: Sequence[Claim]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for claim in claims:
        found[claim.organisation, claim.claimant].append(claim.meter_id)
    return found


def _note(
    session: Session,
    event: str,
    organisations: set[str],
    meters: Sequence[str],
    claimant: str,
    identity: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """An event for each side."""
    for organisation in sorted(organisations):
        audit.record(
            session,
            organisation=organisation,
            event=event,
            identity=identity,
            now=now,
            target=meters[0] if len(meters) == 1 else f"{len(meters)} devices",
            after={"claimant": claimant},
            reason=reason,
            details={"meter_ids": list(meters)},
        )
