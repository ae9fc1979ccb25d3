"""Decisions about exceptions, and readings by hand: checked against what stands, noted, and reckoned with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl
from sqlalchemy.orm import Session

from assets.installation import Installation
from assets.steps.erasing import without_erased_readings
from assets.steps.publishing import publish_events
from assets.steps.touched import touch
from registry import audit, decisions
from registry.decisions import Subject
from registry.errors import RegistryError
from registry.inventory.registers import subject_of
from registry.models import ManualReading
from registry.tables import registered_meters
from warehouse.excerpt import Readable
from warehouse.policies import ValidationPolicy
from warehouse.schemas import INSTALLATIONS, READINGS, VEE_EXCEPTIONS
from warehouse.transforms.validation.catalogue import EXCLUDING, RULES, WHOLE
from warehouse.transforms.validation.effects import OPEN

RANKING = "MAXFIE"
"""Qualities from the best to the worst; what is rejected or missing is below all of them."""

_MEASURED = frozenset(RANKING[: RANKING.index("X")])


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody decides.

    Attributes:
        decision: ``approve``, ``reject`` or ``override``.
        reason_code: One of the policy's.
        reason: Why; no personal data.
        value: What the register showed; for an override.
        forced: Whether to replace a value of better quality.
    """

    decision: str
    reason_code: str
    reason: str
    value: Decimal | None = None
    forced: bool = False


def decide(house: Installation, subject: Subject, choice: Choice, *, identity: str, now: datetime) -> bool:
    """Decides about an exception, and has its meter's figures reckoned again.

    Args:
        house: The installation.
        subject: The exception.
        choice: What is decided.
        identity: Who decides.
        now: Instant of the decision, UTC.

    Returns:
        Whether it takes effect; otherwise a second person has to decide the same.

    Raises:
        RegistryError: There is no such exception, no such reason code, or the value is worse than the one that stands.
    """
    policy = house.policy(ValidationPolicy)
    with house.registry.begin() as session:
        takes_effect = note(
            session, house.lake, house.organisation, policy, subject, choice, identity=identity, now=now
        )
    publish_decisions(house, house.organisation, [subject] if takes_effect else [], identity)
    return takes_effect


def note(
    session: Session,
    lake: Readable,
    organisation: str,
    policy: ValidationPolicy,
    subject: Subject,
    choice: Choice,
    *,
    identity: str,
    now: datetime,
) -> bool:
    """Notes a decision in the transaction of who decides; see :func:`decide`.

    Args:
        session: A writing transaction.
        lake: Where the tables are.
        organisation: Owner of the meter.
        policy: Reason codes, and whether two persons decide.
        subject: The exception.
        choice: What is decided.
        identity: Who decides.
        now: Instant of the decision, UTC.

    Returns:
        Whether it takes effect; :func:`publish_decisions` then has figures reckoned again.

    Raises:
        RegistryError: There is no such exception, no such reason code, or the value is worse than the one that stands.
    """
    if choice.reason_code not in policy.reason_codes:
        raise RegistryError(f"{choice.reason_code} is no reason code; there are {', '.join(policy.reason_codes)}.")
    row = _exception(lake, organisation, subject)
    if choice.decision == "override":
        _may_override(lake, organisation, subject, row, forced=choice.forced)
    return decisions.decide(
        session,
        organisation,
        subject,
        choice.decision,
        reason_code=choice.reason_code,
        reason=choice.reason,
        identity=identity,
        now=now,
        value=choice.value,
        four_eyes=policy.four_eyes,
        forced=choice.forced,
    )


def publish_decisions(house: Installation, organisation: str, decided: Sequence[Subject], identity: str) -> None:
    """Publishes events of decisions, and has the figures reckoned again that those in effect are about."""
    publish_events(house)
    rows = [(subject.meter_id, subject.at) for subject in decided]
    columns = {"meter_id": READINGS.schema["meter_id"], "measured_at": READINGS.schema["measured_at"]}
    times = pl.DataFrame(rows, schema=columns, orient="row")
    touch(house, times, "decision", identity, organisation=organisation)


def _exception(lake: Readable, organisation: str, subject: Subject) -> dict[str, object]:
    found = (
        lake.scan(VEE_EXCEPTIONS)
        .filter(
            (pl.col("organisation") == organisation)
            & (pl.col("meter_id") == subject.meter_id)
            & (pl.col("register") == subject.register)
            & (pl.col("at") == subject.at)
            & (pl.col("rule") == subject.rule)
        )
        .collect()
    )
    if found.is_empty():
        raise RegistryError(
            f"There is no exception {subject.rule} of {subject.meter_id} at {subject.at.isoformat()}: see "
            "'meterhouse exception list'."
        )
    return found.row(0, named=True)


def _discredits(rule: str) -> str:
    """What a rule's findings discredit; those of others than validation, nothing."""
    return RULES[rule].discredits if rule in RULES else ""


def _may_override(
    lake: Readable, organisation: str, subject: Subject, row: Mapping[str, object], *, forced: bool
) -> None:
    """Values are edited upwards alone: an edited one must not replace a measured one that counts."""
    if subject.register == WHOLE:
        raise RegistryError("An override gives the value of a register, and this exception is about a whole reading.")
    counts = _discredits(subject.rule) in {"", "figure"} or row["severity"] not in EXCLUDING or row["state"] not in OPEN
    stands = (
        lake.scan(READINGS)
        .filter(
            (pl.col("organisation") == organisation)
            & (pl.col("month") == subject.at.strftime("%Y-%m"))
            & (pl.col("meter_id") == subject.meter_id)
            & (pl.col("measured_at") == subject.at)
            & pl.col(subject.register).is_not_null()
        )
        .select("quality")
        .collect()
    )
    decided = row["state"] in {"rejected", "overridden"}
    quality = str(stands["quality"][0]) if stands.height and counts and not decided else "R"
    if quality in _MEASURED and not forced:
        raise RegistryError(
            f"The value that stands is of quality {quality}, better than an edited one (X): reject it first, or insist "
            "with --force."
        )


@dataclass(frozen=True, slots=True)
class ManualEntry:
    """A reading that somebody took by eye.

    Attributes:
        meter_id: Meter.
        read_at: When, UTC.
        registers: Value by register, at least one.
        reader: Who read it; a name stays in the registry.
        photo: Where the photograph is.
    """

    meter_id: str
    read_at: datetime
    registers: Mapping[str, Decimal]
    reader: str
    photo: str | None = None


def add_reading(house: Installation, entry: ManualEntry, *, identity: str, now: datetime) -> None:
    """Adds a reading by hand: measured, of source ``manual``, validated as any other.

    Args:
        house: The installation.
        entry: The reading.
        identity: Who enters it.
        now: Instant of the entry, UTC.

    Raises:
        RegistryError: The meter is not known, the time lies in the future or in erased days, or a reading of that
            instant stands already.
    """
    if not entry.registers:
        raise RegistryError("A reading needs a register.")
    if not entry.reader.strip():
        raise RegistryError("A reading by hand needs to say who read the meter.")
    if entry.read_at > now:
        raise RegistryError("A reading in the future cannot be entered.")
    if entry.meter_id not in registered_meters(house.registry, house.organisation):
        raise RegistryError(f"{entry.meter_id} is not registered.")
    with house.alone("readings"):
        reading = _store_reading(house, entry, identity, house.stamp(now))
    publish_events(house)
    touch(house, reading, "readings", identity)


def _store_reading(house: Installation, entry: ManualEntry, identity: str, now: datetime) -> pl.DataFrame:
    row = {
        "organisation": house.organisation,
        "meter_id": entry.meter_id,
        "measured_at": entry.read_at,
        "received_at": entry.read_at,
        "landed_at": now,
        "known_from": now,
        **entry.registers,
        "source": "manual",
        "quality": "M",
        "month": f"{entry.read_at:%Y-%m}",
    }
    reading = READINGS.conform(pl.DataFrame([row], schema_overrides={name: READINGS.schema[name] for name in row}))
    if without_erased_readings(house, reading)[0].is_empty():
        raise RegistryError("Readings of that time are erased on request, and are not entered again.")
    standing = house.lake.scan(READINGS).filter(
        (pl.col("month") == row["month"]) & (pl.col("measured_at") == entry.read_at)
    )
    if standing.join(reading.lazy(), on=READINGS.key, how="semi").select(pl.len()).collect().item():
        raise RegistryError(f"{entry.meter_id} has a reading of {entry.read_at.isoformat()} already.")
    with house.registry.begin() as session:  # around the write: one that fails leaves no event
        session.add(
            ManualReading(
                organisation=house.organisation,
                meter_id=entry.meter_id,
                read_at=entry.read_at,
                reader=entry.reader,
                photo=entry.photo,
                identity=identity,
                entered_at=now,
            )
        )
        audit.record(
            session,
            organisation=house.organisation,
            event="reading.enter",
            identity=identity,
            now=now,
            target=entry.meter_id,
            details={"read_at": entry.read_at, "registers": sorted(entry.registers), "photo": entry.photo is not None},
            personal=audit.PersonalChange(
                house.vault,
                subject_of(_point(house, entry), entry.read_at),
                None,
                {**entry.registers, "reader": entry.reader},
            ),
        )
        house.lake.merge(READINGS, reading, stale=READINGS.empty().select(READINGS.key))
    return reading


def _point(house: Installation, entry: ManualEntry) -> str:
    """Where the meter was then; its own name where it was nowhere."""
    spots = (
        house.lake.scan(INSTALLATIONS)
        .filter(
            (pl.col("organisation") == house.organisation)
            & (pl.col("meter_id") == entry.meter_id)
            & (pl.col("installed_at") <= entry.read_at)
            & (pl.col("removed_at").is_null() | (pl.col("removed_at") > entry.read_at))
        )
        .collect()
    )
    return str(spots["metering_point"][0]) if spots.height else entry.meter_id
