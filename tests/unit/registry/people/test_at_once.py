"""What people do at the same instant."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from registry.errors import RegistryError
from registry.models import SignInThrottle
from registry.people import access, users
from registry.people.errors import PeopleError, SignInError
from registry.people.rights import ADMINISTRATOR
from registry.people.sessions import sign_in
from tests.unit.registry.conftest import NOW
from tests.unit.registry.people.conftest import ORGANISATION, PASSWORD, People


def demote(people: People, who: int, by: int) -> None:
    people.give(who, "manager", None, f"user:{by}")


def disable(people: People, who: int, by: int) -> None:
    users.set_enabled(people.registry, ORGANISATION, who, is_enabled=False, identity=f"user:{by}", now=NOW)


def delete(people: People, who: int, by: int) -> None:
    users.delete(people.registry, ORGANISATION, who, identity=f"user:{by}", now=NOW)


@pytest.mark.parametrize("act", [demote, disable, delete])
def test_of_two_administrators_who_turn_on_each_other_one_stays(
    people, admin, registry, act: Callable[[People, int, int], None]
) -> None:
    other = people.add("p2@example.org", manager=ADMINISTRATOR)

    def turn(pair: tuple[int, int]) -> str:
        try:
            act(people, *pair)
        except PeopleError as exc:
            return type(exc).__name__
        return "done"

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(turn, [(admin, other), (other, admin)]))
    assert results.count("done") == 1, results
    with registry.begin(readonly=True) as session:
        left = [access.is_administrator(session, f"user:{user}", ORGANISATION) for user in (admin, other)]
    assert left.count(True) == 1


def test_guesses_at_once_are_no_more_than_guesses_in_turn(people, admin, registry) -> None:
    def guess(number: int) -> None:
        with pytest.raises(SignInError):
            sign_in(registry, "admin@example.org", "wrong", address=f"192.0.2.{number}", now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(16)))
    reasons = Counter(row.reason for row in people.events("user.sign_in.failed"))
    assert reasons == {"wrong password": 5, "locked": 11}
    with registry.begin(readonly=True) as session:
        assert len(session.scalars(select(SignInThrottle.key)).all()) == 17


def test_sign_ins_at_once_from_one_address(people, admin, registry) -> None:
    def enter(_: int) -> bool:
        try:
            return bool(sign_in(registry, "admin@example.org", PASSWORD, address="192.0.2.1", now=NOW))
        except RegistryError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(enter, range(4)))
