"""The capacity plan: how many meters may be in use, and how often they may be read. Meters in stock do not count."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from registry import audit
from registry.inventory.errors import InventoryError
from registry.inventory.meters import count_in_use
from registry.models import CapacityPlan

USUAL_PRIORITY = 50
"""Priority meters where the plan does not say how many."""


class CapacityError(InventoryError):
    """More than the capacity plan allows."""


def plan(session: Session, organisation: str) -> CapacityPlan | None:
    """The organisation's plan; ``None`` where nothing is limited."""
    return session.get(CapacityPlan, organisation)


def set_plan(
    session: Session,
    organisation: str,
    *,
    max_in_use: int | None,
    finest_interval_s: int | None,
    max_priority: int | None = None,
    identity: str,
    now: datetime,
) -> None:
    """Sets the plan. One below the present count is taken: it stops the next meter, not those in use.

    Args:
        session: A writing transaction.
        organisation: Whose plan.
        max_in_use: Meters that may be in use; ``None`` is no limit.
        finest_interval_s: Shortest interval between readings [s]; ``None`` is no limit.
        max_priority: Priority meters; ``None`` is the usual number of them.
        identity: Who sets it.
        now: Instant of the change, UTC.

    Raises:
        CapacityError: A limit is negative, or an interval no interval.
    """
    if min(max_in_use or 0, max_priority or 0) < 0 or (finest_interval_s is not None and finest_interval_s < 1):
        raise CapacityError("A capacity plan has no negative number of meters and no interval below a second.")
    row = plan(session, organisation)
    before = _limits(row) if row else None
    if row is None:
        row = CapacityPlan(organisation=organisation)
        session.add(row)
    row.max_in_use, row.finest_interval_s, row.max_priority = max_in_use, finest_interval_s, max_priority
    row.set_at = now
    audit.record(
        session,
        organisation=organisation,
        event="capacity.set",
        identity=identity,
        now=now,
        target=organisation,
        before=before,
        after=_limits(row),
    )


def _limits(row: CapacityPlan) -> dict[str, int | None]:
    return {
        "max_in_use": row.max_in_use,
        "finest_interval_s": row.finest_interval_s,
        "max_priority": row.max_priority,
    }


@dataclass(frozen=True, slots=True)
class Room:
    """What the plan leaves.

    Attributes:
        limit: Meters that may be in use; ``None`` is no limit.
        count: Meters that are; not counted where there is no limit.
    """

    limit: int | None
    count: int

    @property
    def free(self) -> int | None:
        """Meters that may still come into use; ``None`` is no limit."""
        return None if self.limit is None else max(0, self.limit - self.count)

    def check(self, added: int) -> None:
        """Refuses what would bring more meters into use than the plan allows.

        Args:
            added: Meters that come into use, less those that go.

        Raises:
            CapacityError: They are too many.
        """
        if self.limit is not None and added > 0 and self.count + added > self.limit:
            raise CapacityError(
                f"The capacity plan allows {self.limit} meters in use; {self.count} are, and {added} more would be "
                f"{self.count + added}. Put meters in stock, or raise the plan: meterhouse meter capacity set --meters."
            )


def room(session: Session, organisation: str) -> Room:
    """What an organisation's plan leaves now."""
    limits = plan(session, organisation)
    if limits is None or limits.max_in_use is None:
        return Room(None, 0)
    return Room(limits.max_in_use, count_in_use(session, organisation))


def check(session: Session, organisation: str, added: int) -> None:
    """Refuses what would bring more meters into use than the plan allows.

    Args:
        session: The transaction that is going to add them.
        organisation: Whose meters.
        added: Meters that come into use, less those that go.

    Raises:
        CapacityError: They are too many.
    """
    if added > 0:
        room(session, organisation).check(added)


def priority_quota(session: Session, organisation: str) -> int:
    """How many priority meters, read every few minutes, an organisation may have."""
    limits = plan(session, organisation)
    return USUAL_PRIORITY if limits is None or limits.max_priority is None else limits.max_priority


def check_interval(
    session: Session, organisation: str, interval_s: int, asked_by: str = "expected_interval_s in the settings"
) -> None:
    """Refuses readings at shorter intervals than the plan allows.

    Args:
        session: A transaction.
        organisation: Whose meters.
        interval_s: Interval between readings [s].
        asked_by: What asks for them, in words.

    Raises:
        CapacityError: It is too short.
    """
    limits = plan(session, organisation)
    if limits is not None and limits.finest_interval_s is not None and interval_s < limits.finest_interval_s:
        raise CapacityError(
            f"The capacity plan allows a reading every {limits.finest_interval_s} s at most; {asked_by} expects one "
            f"every {interval_s} s. Raise that, or lower the plan's: meterhouse meter capacity set --interval."
        )
