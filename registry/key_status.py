"""What decoding found of the keys that open meters' telegrams: one rule, for lists, tables and commands."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from registry.models import Meter, MeterKey

MISSING = "missing"
"""Status of meters without any key, which :func:`key_statuses` leaves out."""

KEY_STATUSES = (MISSING, "unverified", "ok", "wrong", "expired")


_TELEGRAMS = MeterKey.key_class == "oms"
_BY_RANK = ("expired", "unverified", "wrong", "unverified", "ok")
"""Status of a meter by the highest rank that one of its keys has."""
_NO_KEY = -1


def key_statuses(now: datetime | None) -> Select[str, str, str]:
    """A statement that says what decoding has found of the meters' keys, those of LoRaWAN networks aside.

    Args:
        now: Instant at which keys are valid or expired; ``None`` lets none expire.

    Returns:
        ``organisation``, ``meter_id`` and ``key_status`` of each meter with a key: ``ok``, a valid key has opened a
        frame; ``wrong``, all valid ones have failed; ``unverified``, no frame has come yet; ``expired``, there were
        keys. Conditions on ``meter_keys`` can be added.
    """
    status = case(dict(enumerate(_BY_RANK)), value=_rank(now))
    columns = (MeterKey.organisation, MeterKey.meter_id)
    return select(*columns, status.label("key_status")).where(_TELEGRAMS).group_by(*columns)


def _rank(now: datetime | None) -> ColumnElement[int]:
    """What the keys of a meter make of it: one that opened a frame outdoes all others, one that ended outdoes none."""
    key = MeterKey
    ended: ColumnElement[bool] = literal(value=False)
    early: ColumnElement[bool] = literal(value=False)
    if now is not None:
        ended, early = key.valid_to <= now, key.valid_from > now
    return func.max(
        case(
            (ended, 0),
            (early, 1),
            (and_(key.verified_at.is_(None), key.failed_at.is_not(None)), 2),
            (key.verified_at.is_(None), 3),
            else_=4,
        )
    )


def statuses(
    session: Session, organisation: str, now: datetime | None, meter_ids: Iterable[str] | None = None
) -> dict[str, str]:
    """Key status of an organisation's meters, or of some of them; those without any key are left out."""
    asked = key_statuses(now).where(MeterKey.organisation == organisation)
    if meter_ids is not None:
        asked = asked.where(MeterKey.meter_id.in_(meter_ids))
    return {meter_id: status for _, meter_id, status in session.execute(asked)}


def has_status(organisation: str, wanted: Collection[str], now: datetime | None) -> ColumnElement[bool]:
    """Condition on ``meters`` that holds for those of some statuses."""
    keyed = select(MeterKey.meter_id).where(MeterKey.organisation == organisation, _TELEGRAMS)
    ranks = [rank for rank, status in enumerate(_BY_RANK) if status in wanted]
    some = keyed.group_by(MeterKey.meter_id).having(_rank(now).in_(ranks))
    conditions = [Meter.meter_id.in_(some)] if ranks else []
    return or_(*conditions, Meter.meter_id.not_in(keyed)) if MISSING in wanted else or_(*conditions)


def count_with_status(session: Session, organisation: str, wanted: Collection[str], now: datetime | None) -> int:
    """How many meters that are not deleted have one of some statuses.

    Half the work of counting by :func:`has_status`: keys are read in the order of their index, and no list of the
    meters that have them is made to look each meter up in.
    """
    mine = (Meter.organisation == organisation,)
    ranks = [rank for rank, status in enumerate(_BY_RANK) if (status in wanted) != (MISSING in wanted)]
    deleted = select(Meter.meter_id).where(*mine, Meter.state == "deleted")
    keyed = (
        select(MeterKey.meter_id)
        .where(MeterKey.organisation == organisation, _TELEGRAMS)
        .group_by(MeterKey.meter_id)
        .having(_rank(now).in_(ranks))
        .subquery()
    )
    found = session.scalar(select(func.count()).where(keyed.c.meter_id.not_in(deleted))) or 0
    if MISSING not in wanted:
        return found
    return (session.scalar(select(func.count()).where(*mine, Meter.state != "deleted")) or 0) - found


def each_has_status(wanted: Collection[str], now: datetime | None) -> ColumnElement[bool]:
    """As :func:`has_status`, but asked of one meter after the other: for statements that stop after some of many."""
    of_meter = (MeterKey.organisation == Meter.organisation, MeterKey.meter_id == Meter.meter_id)
    rank = select(_rank(now)).where(*of_meter, _TELEGRAMS).correlate(Meter).scalar_subquery()
    ranks = [rank for rank, status in enumerate(_BY_RANK) if status in wanted]
    return func.coalesce(rank, _NO_KEY).in_([*ranks, *([_NO_KEY] if MISSING in wanted else [])])
