"""Sign-in, sessions, time-outs and lockouts."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from registry.models import AuditEvent, User, UserSession
from registry.people import passwords, throttle, users, vouching
from registry.people.errors import Denied, PeopleError, SignInError, ThrottledError
from registry.people.sessions import open_session, prove, session_of, sign_in, sign_out
from registry.store import Registry
from tests.unit.passwords import kept
from tests.unit.registry.conftest import NOW

PASSWORD = "Blue-Lantern-7"
HASH = kept(PASSWORD)
EMAIL = "p1@example.org"
HOME = "192.0.2.1"


def person(registry: Registry, email: str = EMAIL, **other) -> int:
    values = {
        "organisation": "default",
        "email": email,
        "name": "Person One",
        "language": "en",
        "csv_delimiter": ",",
        "thousands_separator": "",
        "decimal_separator": ".",
        "is_external": False,
        "is_enabled": True,
        "must_change_password": False,
        "password_hash": HASH,
        "created_at": NOW,
        "activated_at": NOW,
    }
    with registry.begin() as session:
        row = User(**values | other)
        session.add(row)
        session.flush()
        return row.id


def events(registry: Registry) -> list[tuple[str, str, str | None, str | None]]:
    with registry.begin(readonly=True) as session:
        rows = session.scalars(select(AuditEvent).order_by(AuditEvent.number))
        return [(row.event, row.identity, row.object, row.reason) for row in rows]


def attempt(registry: Registry, password: str = PASSWORD, email: str = EMAIL, address: str = HOME, after=0.0) -> bool:
    try:
        sign_in(registry, email, password, address=address, now=NOW + timedelta(seconds=after))
    except SignInError:
        return False
    return True


def test_a_session_from_sign_in_to_sign_out(registry) -> None:
    user_id = person(registry)
    signed = sign_in(registry, f" {EMAIL.upper()} ", PASSWORD, address=HOME, now=NOW)
    assert (signed.user.user_id, signed.user.identity, signed.user.email) == (user_id, f"user:{user_id}", EMAIL)
    assert session_of(registry, signed.token, NOW) == signed.user
    assert signed.token not in repr(signed)
    with registry.begin(readonly=True) as session:
        stored = session.scalars(select(UserSession.digest)).one()
        assert session.get_one(User, user_id).latest_login_at == NOW
    assert signed.token not in stored
    other = sign_in(registry, EMAIL, PASSWORD, address=HOME, now=NOW)
    assert other.token != signed.token
    assert other.user.csrf != signed.user.csrf
    sign_out(registry, signed.token, NOW)
    sign_out(registry, signed.token, NOW)
    assert session_of(registry, signed.token, NOW) is None
    assert session_of(registry, other.token, NOW), "the other browser stays signed in"
    assert session_of(registry, "nonsense", NOW) is None
    name = f"user:{user_id}"
    signs = [("user.sign_in", name, name, None)] * 2
    assert events(registry) == [*signs, ("user.sign_out", name, name, None)]


def test_idle_and_old_sessions_end(registry) -> None:
    user_id = person(registry)
    token = open_session(registry, user_id, address=HOME, now=NOW).token
    assert session_of(registry, token, NOW + timedelta(minutes=31)) is None
    now = NOW
    while now < NOW + timedelta(hours=12):
        assert session_of(registry, token, now), now
        now += timedelta(minutes=20)
    assert session_of(registry, token, NOW + timedelta(hours=12)), "the last request was less than 30 minutes ago"
    assert session_of(registry, token, NOW + timedelta(hours=12, seconds=1)) is None


def test_the_last_request_is_noted_once_a_minute(registry) -> None:
    token = open_session(registry, person(registry), address=HOME, now=NOW).token

    def seen():
        with registry.begin(readonly=True) as session:
            return session.scalars(select(UserSession.last_seen_at)).one()

    session_of(registry, token, NOW + timedelta(seconds=59))
    assert seen() == NOW
    session_of(registry, token, NOW + timedelta(seconds=60))
    assert seen() == NOW + timedelta(seconds=60)


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"deleted_at": NOW}, {"activated_at": None}])
def test_a_session_ends_with_its_account(registry, change: dict[str, object]) -> None:
    user_id = person(registry)
    token = open_session(registry, user_id, address=HOME, now=NOW).token
    with registry.begin() as session:
        for name, value in change.items():
            setattr(session.get_one(User, user_id), name, value)
    assert session_of(registry, token, NOW) is None
    assert not attempt(registry)
    with pytest.raises(SignInError):
        open_session(registry, user_id, address=HOME, now=NOW)


def test_revoked_sessions_end_at_the_next_request(registry) -> None:
    user_id = person(registry)
    tokens = [open_session(registry, user_id, address=HOME, now=NOW).token for _ in range(3)]
    with pytest.raises(Denied):
        users.revoke_sessions(registry, "default", user_id, identity="service:robot", now=NOW)
    with pytest.raises(PeopleError, match="no user"):
        users.revoke_sessions(registry, "elsewhere", user_id, identity="local:owner", now=NOW)
    assert users.revoke_sessions(registry, "default", user_id, identity="local:owner", now=NOW) == 3
    assert [session_of(registry, token, NOW) for token in tokens] == [None] * 3
    assert events(registry)[-1] == ("user.sessions.revoke", "local:owner", f"user:{user_id}", None)


def test_one_message_whatever_failed(registry) -> None:
    person(registry)
    person(registry, "p2@example.org", is_enabled=False)
    person(registry, "p3@example.org", password_hash=None)
    cases = [(EMAIL, "wrong"), ("p2@example.org", PASSWORD), ("p3@example.org", ""), ("p9@example.org", PASSWORD)]
    messages = set()
    for email, password in cases:
        with pytest.raises(SignInError) as caught:
            sign_in(registry, email, password, address=HOME, now=NOW)
        messages.add(str(caught.value))
    assert len(messages) == 1
    reasons = [reason for event, _, _, reason in events(registry) if event == "user.sign_in.failed"]
    assert reasons == ["wrong password", "disabled", "wrong password", "unknown account"]
    assert {who for _, who, _, _ in events(registry)} == {"service:sign-in"}


def test_an_unknown_account_takes_the_work_of_a_known_one(registry, full_cost) -> None:
    person(registry, password_hash=passwords.derive(PASSWORD))
    passwords.verify("", None)  # what is made once per process

    def work(email: str) -> float:
        began = time.process_time()
        assert not attempt(registry, "wrong", email)
        return time.process_time() - began

    known, unknown = (min(work(email) for _ in range(3)) for email in (EMAIL, "nobody@example.org"))
    assert known / 2 < unknown < known * 2


def test_an_account_locks_and_the_delay_grows(registry) -> None:
    user_id = person(registry)
    for number in range(5):
        assert not attempt(registry, "wrong", address=f"192.0.2.{number}")
    assert not attempt(registry, after=29), "locked: not even with the password"
    assert not attempt(registry, "wrong", after=30)
    assert not attempt(registry, after=89), "the sixth failure locks for a minute"
    assert attempt(registry, after=90)
    assert attempt(registry, after=91)
    lockouts = [target for event, _, target, _ in events(registry) if event == "user.lockout"]
    assert lockouts == [f"user:{user_id}"] * 2
    for number in range(5):
        assert not attempt(registry, "wrong", after=100 + number)
    assert not attempt(registry, after=110)


def test_a_lock_is_never_longer_than_its_longest(registry) -> None:
    person(registry)
    for number in range(12):
        assert not attempt(registry, "wrong", after=number * 900)
    assert attempt(registry, after=12 * 900)


def test_an_address_locks_for_all_accounts(registry) -> None:
    person(registry)
    for number in range(20):
        assert not attempt(registry, "wrong", f"nobody{number}@example.org", "2001:db8::1")
    assert not attempt(registry, address="2001:db8::2"), "the same network"
    assert attempt(registry, address="2001:db8:0:1::2")
    assert attempt(registry, address="2001:db8::1", after=30)
    assert not attempt(registry, "wrong", "nobody@example.org", "2001:db8::1", after=31)
    assert not attempt(registry, address="2001:db8::1", after=32), "one success forgives no other failure"
    assert ("user.lockout", "service:sign-in", "address", None) in events(registry)


def test_a_password_is_proven_without_a_session_and_failures_count(registry) -> None:
    user_id = person(registry)
    prove(registry, EMAIL.upper(), PASSWORD, address="desk", now=NOW)
    assert events(registry) == [("user.sign_in", f"user:{user_id}", f"user:{user_id}", None)]
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(UserSession)).all() == []
    for _ in range(throttle.ACCOUNT.free):
        with pytest.raises(SignInError):
            prove(registry, EMAIL, "wrong", address="desk", now=NOW)
    with pytest.raises(SignInError):
        prove(registry, EMAIL, PASSWORD, address="desk", now=NOW)
    assert not attempt(registry), "the door is locked as well"
    prove(registry, EMAIL, PASSWORD, address="desk", now=NOW + throttle.ACCOUNT.first)


def test_steps_of_a_sign_in_with_a_provider_count_until_it_succeeds(registry, vault) -> None:
    person(registry)

    def ask(step: str, address: str = HOME) -> None:
        vouching.admit(registry, step, address, NOW)

    def finish() -> None:
        who = {"email": EMAIL, "name": "", "admits_domains": False, "address": HOME, "now": NOW}
        vouching.sign_in(registry, vault, "default", **who)

    for _ in range(throttle.PROVIDER.free - 1):
        ask(vouching.START)
    ask(vouching.ANSWER)
    finish()
    ask(vouching.START)
    ask(vouching.START)
    with pytest.raises(ThrottledError):
        ask(vouching.START)
    ask(vouching.ANSWER)
    ask(vouching.START, "198.51.100.9")
    finish()
    ask(vouching.START)
