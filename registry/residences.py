"""Residences: where and in which days a former customer lived, for the erasure of what was measured there meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import Customer, Installation
from registry.store import Registry

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Residence:
    """Days in which somebody lived at a point who has moved out.

    Attributes:
        metering_point: Where.
        first_day: Local day of moving in; where nobody knows it, the first day that the place has data of.
        last_day: Local day of moving out, or the day before where that was at midnight.
    """

    metering_point: str
    first_day: date
    last_day: date

    def __str__(self) -> str:
        """The place and the days."""
        return f"{self.metering_point} from {self.first_day} to {self.last_day}"


def find_residence(
    registry: Registry,
    organisation: str,
    customer_number: str,
    *,
    zone: ZoneInfo,
    now: datetime,
    metering_point: str | None = None,
    first_day: date | None = None,
) -> Residence:
    """Finds the one residence of a customer who moved out.

    Args:
        registry: The registry.
        organisation: Owner of the points.
        customer_number: The customer; no message names it.
        zone: The utility's zone.
        now: The present.
        metering_point: The one at this point; needed where there are several.
        first_day: The one from this local day on; needed where there are several at the point.

    Returns:
        The residence.

    Raises:
        RegistryError: The customer is not known, lives there still, or several residences fit.
    """
    with registry.begin(readonly=True) as session:
        statement = select(Customer).where(
            Customer.organisation == organisation, Customer.customer_number == customer_number.strip()
        )
        customers = session.scalars(statement).all()
        if not customers:
            raise RegistryError("No customer of that number is known: none ever was, or what was known is erased.")
        ended = [customer for customer in customers if customer.occupied_to is not None and customer.occupied_to <= now]
        if not ended:
            places = ", ".join(sorted({customer.metering_point for customer in customers}))
            raise RegistryError(
                f"The customer of that number has not moved out of {places}. Readings of who lives somewhere are not "
                "erased: 'meterhouse customer move-out' first, or 'meterhouse erase point'."
            )
        residences = sorted({_residence(session, customer, zone) for customer in ended}, key=str)
    fitting = [
        residence
        for residence in residences
        if metering_point in (None, residence.metering_point) and first_day in (None, residence.first_day)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise RegistryError(f"That customer lived at several places or times; name one: {_listed(fitting)}.")
    raise RegistryError(f"That customer did not live there then, but: {_listed(residences)}.")


def _listed(residences: Sequence[Residence]) -> str:
    return "; ".join(
        f"--point {residence.metering_point} --occupancy {residence.first_day} (to {residence.last_day})"
        for residence in residences
    )


def _residence(session: Session, customer: Customer, zone: ZoneInfo) -> Residence:
    if customer.occupied_to is None:
        raise ValueError("nobody moved out")
    last = (customer.occupied_to - _INSTANT).astimezone(zone).date()
    since = customer.occupied_from or _first_known(session, customer)
    first = since.astimezone(zone).date() if since else last
    return Residence(customer.metering_point, min(first, last), last)


def _first_known(session: Session, customer: Customer) -> datetime | None:
    """When the one before moved out, else when the first meter was installed."""
    before = select(func.max(Customer.occupied_to)).where(
        Customer.organisation == customer.organisation,
        Customer.metering_point == customer.metering_point,
        Customer.occupancy != customer.occupancy,
        Customer.occupied_to < customer.occupied_to,
    )
    installed = select(func.min(Installation.installed_at)).where(
        Installation.organisation == customer.organisation, Installation.metering_point == customer.metering_point
    )
    return session.scalar(before) or session.scalar(installed)


def lived_there(at: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Occupancies of an instant, ``None`` for now; one that begins nowhere began before everything."""
    c = Customer
    if at is None:
        return (c.occupied_to.is_(None),)
    return (c.occupied_from.is_(None) | (c.occupied_from <= at), c.occupied_to.is_(None) | (c.occupied_to > at))


def places_of_moves(session: Session, organisation: str, start: datetime, end: datetime) -> frozenset[str]:
    """Metering points where somebody moved in or out in a stretch; nobody is named.

    Args:
        session: A transaction.
        organisation: Owner of the points.
        start: Start of the stretch, UTC; moving in or out at that very instant is none within it.
        end: End of the stretch, UTC.
    """
    came = (Customer.occupied_from > start) & (Customer.occupied_from < end)
    left = (Customer.occupied_to > start) & (Customer.occupied_to < end)
    statement = select(Customer.metering_point).where(Customer.organisation == organisation, came | left)
    return frozenset(session.scalars(statement))


def vacancies(session: Session, organisation: str) -> list[tuple[str, datetime, datetime | None]]:
    """When nobody lived at points where somebody had moved out; nobody is named.

    What was before the first known occupancy is not known, and so is a point without any.

    Args:
        session: A transaction.
        organisation: Owner of the points.

    Returns:
        Metering point, moving out and next moving in (``None``: not yet), UTC, in order.
    """
    statement = select(Customer.metering_point, Customer.occupied_from, Customer.occupied_to).where(
        Customer.organisation == organisation,
        Customer.metering_point.in_(
            select(Customer.metering_point).where(
                Customer.organisation == organisation, Customer.occupied_to.is_not(None)
            )
        ),
    )
    known: dict[str, list[tuple[datetime | None, datetime | None]]] = {}
    for point, since, until in session.execute(statement):
        known.setdefault(point, []).append((since, until))
    empty: list[tuple[str, datetime, datetime | None]] = []
    for point, stays in sorted(known.items()):
        ends = sorted({until for _, until in stays if until is not None})
        for end in ends:
            lasting = any((since is None or since <= end) and (until is None or until > end) for since, until in stays)
            if not lasting:
                coming = [since for since, _ in stays if since is not None and since > end]
                empty.append((point, end, min(coming, default=None)))
    return empty
