"""Programs that show the secret of a service: let in, or counted and written down as failures.

A secret is random, so that nobody guesses it; what is counted is a program that goes on with one that works no longer,
and somebody who tries what was found in an old file.
"""

from datetime import datetime
from functools import partial

from registry import audit
from registry.people import services, throttle
from registry.people.errors import Denied, ThrottledError
from registry.people.services import Service
from registry.people.sessions import SIGN_IN_SERVICE
from registry.store import Registry


def admit(registry: Registry, secret: str, *, address: str, now: datetime) -> Service:
    """The service that a program acts as; read anew each time, so that changes hold at the next request.

    Args:
        registry: The registry.
        secret: What the program shows.
        address: Network address it comes from.
        now: Instant of the request.

    Returns:
        The service.

    Raises:
        Denied: The secret is that of no service or has expired, or the service is disabled. What it was stands in the
            audit log.
        ThrottledError: That was so too often from there; a secret that works is not let in either until some time has
            passed.
    """
    place = f"programs:{throttle.address_key(address)}"[:128]
    with registry.begin(readonly=True) as session:
        until = throttle.locked_until(session, place)
        is_locked = until is not None and now < until
    service = services.service_of(registry, secret, now)
    if service is not None and not is_locked:
        return service
    if is_locked or _is_locked_already(registry, secret, place, address, now):
        raise ThrottledError("Too many requests with a secret that does not work came from here: wait a while.")
    raise Denied("The secret is that of no service, or has expired, or the service is disabled.")


def _is_locked_already(registry: Registry, secret: str, place: str, address: str, now: datetime) -> bool:
    """Counts a failure and writes it down."""
    with registry.begin() as session:
        if throttle.count(session, place, throttle.ADDRESS, now):
            return True
        row = services.with_secret(session, secret)
        write = partial(
            audit.record,
            session,
            organisation=row.organisation if row else audit.NOBODY,
            identity=SIGN_IN_SERVICE,
            now=now,
            computer=address[:128],
        )
        write(
            event="service.sign_in.failed",
            target=f"service:{row.name}" if row else None,
            reason=(services.reason_against(row, now) if row else None) or "unknown secret",
        )
        until = throttle.locked_until(session, place)
        if until is not None and now < until:
            write(event="service.lockout", target="address", after={"locked_until": until})
    return False
