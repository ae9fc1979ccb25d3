"""Accounts: list, profile, passwords, deletion; what the audit log says of them and of whom."""

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from registry import audit
from registry.models import SubjectKey, User
from registry.people import invitations, links, users
from registry.people.errors import Denied, PasswordError, PeopleError, SignInError
from registry.people.locale import Locale, write_csv
from registry.people.rights import ADMINISTRATOR, SUPERUSER, USER
from registry.people.sessions import open_session, session_of, sign_in
from tests.unit.registry.conftest import NOW
from tests.unit.registry.people.conftest import ENGLISH, ORGANISATION, OWNER, PASSWORD

NEW = "Green-Lantern-8"
GERMAN = {"language": "de", "csv_delimiter": ";", "thousands_separator": ".", "decimal_separator": ","}


def test_a_first_password_is_changed_at_the_first_sign_in(people, admin, registry, vault) -> None:
    user = users.add(
        registry,
        vault,
        ORGANISATION,
        email="P2@Example.org",
        name=" Person  Two ",
        password="Blue-Lamp-7",
        roles={"manager": SUPERUSER},
        locale=Locale(**GERMAN),
        identity=OWNER,
        now=NOW,
    )
    signed = sign_in(registry, "p2@example.org", "Blue-Lamp-7", address="192.0.2.1", now=NOW)
    person = signed.user
    assert (person.name, person.email, person.language) == ("Person Two", "p2@example.org", "de")
    assert person.roles == {"portal": USER, "manager": SUPERUSER}
    assert person.must_change_password
    change = {"now": NOW, "keep": signed.token}
    with pytest.raises(SignInError):
        users.change_password(registry, user, "wrong", NEW, **change)
    with pytest.raises(PasswordError, match="differ"):
        users.change_password(registry, user, "Blue-Lamp-7", "Blue-Lamp-7", **change)
    with pytest.raises(PasswordError, match="at least 8"):
        users.change_password(registry, user, "Blue-Lamp-7", "Lamp-7", **change)
    for _ in range(6):  # who knows the old password is locked out by no weak new one
        with pytest.raises(PasswordError):
            users.change_password(registry, user, "Blue-Lamp-7", "Lamp-7", **change)
    other = open_session(registry, user, address="192.0.2.2", now=NOW).token
    users.change_password(registry, user, "Blue-Lamp-7", NEW, **change)
    again = session_of(registry, signed.token, NOW)
    assert again
    assert not again.must_change_password
    assert session_of(registry, other, NOW) is None, "other sessions end"
    assert [row.event for row in people.events()][-2:] == ["user.sign_in", "user.password"]


def test_guesses_of_the_old_password_lock_the_account(people, admin, registry) -> None:
    for _ in range(5):
        with pytest.raises(SignInError):
            users.change_password(registry, admin, "wrong", NEW, now=NOW)
    with pytest.raises(SignInError):
        users.change_password(registry, admin, PASSWORD, NEW, now=NOW)
    assert len(people.events("user.password.failed")) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "Blue-Lamp-"}, "at least 12"),
        ({"roles": {"manager": "emperor"}}, "no role"),
        ({"name": "  "}, "full name"),
        ({"email": "nonsense"}, "no e-mail"),
    ],
)
def test_accounts_that_are_not_made(registry, vault, change: dict[str, object], message: str) -> None:
    given = {"email": "p1@example.org", "name": "Person One", "password": PASSWORD, "roles": {}, "locale": ENGLISH}
    with pytest.raises(PeopleError, match=message):
        users.add(registry, vault, ORGANISATION, **given | change, identity=OWNER, now=NOW)
    with registry.begin(readonly=True) as session:
        for table in ("users", "user_roles", "audit_log", "allowed_domains"):
            assert session.execute(text(f"select count(*) from {table}")).scalar() == 0, table


def test_the_list_of_users_and_its_filters(people, admin, registry) -> None:
    people.add("p2@example.org", keys=USER)
    people.add("p3@example.org", keys=SUPERUSER, manager=USER)
    people.invite("x@other.example")
    with registry.begin() as session:
        session.add(
            User(
                organisation="elsewhere",
                email="p9@elsewhere.example",
                name="Person P9",
                **GERMAN,
                is_external=False,
                is_enabled=True,
                must_change_password=False,
                created_at=NOW,
            )
        )
    open_session(registry, admin, address="192.0.2.1", now=NOW)

    def emails(*organisations: str, **filters: object) -> list[str]:
        with registry.begin(readonly=True) as session:
            found = users.find(session, organisations or (ORGANISATION,), **filters)
        return [account.email.partition("@")[0] for account in found]

    assert emails() == ["admin", "x", "p2", "p3"]
    assert emails("elsewhere") == ["p9"]
    assert emails("elsewhere", ORGANISATION) == ["admin", "x", "p2", "p3", "p9"]
    assert emails(name="person P") == ["p2", "p3"]
    assert emails(email="OTHER") == ["x"]
    assert emails(role=SUPERUSER) == ["admin", "p3"]
    assert emails(role="keys=user") == ["p2"]
    assert emails(role=ADMINISTRATOR) == ["admin"]
    assert emails(is_external=True) == ["x"]
    assert emails(is_external=False, role="manager=user") == ["p3"]
    with registry.begin(readonly=True) as session:
        first, invited, *_ = users.find(session, [ORGANISATION])
        assert users.account_of(session, ORGANISATION, "Admin@example.org") == first
        assert users.account_of(session, ORGANISATION, f"user:{admin}") == first
        for who in ("user:99", "nobody@example.org", "p9@elsewhere.example"):
            with pytest.raises(PeopleError, match="no such account") as caught:
                users.account_of(session, ORGANISATION, who)
            assert who not in str(caught.value)
    assert (first.latest_login_at, first.state) == (NOW, "active")
    assert (invited.latest_login_at, invited.state) == (None, "pending")


def test_people_edit_their_profiles_and_no_more(people, admin, registry, vault) -> None:
    user = people.add("p2@example.org", manager=USER)

    def edit(who: int, changes: dict[str, object], identity: str = f"user:{user}") -> None:
        users.edit(registry, vault, ORGANISATION, who, changes, identity=identity, now=NOW)

    edit(user, {"name": "Person Renamed"} | GERMAN)
    with registry.begin(readonly=True) as session:
        account = users.account_of(session, ORGANISATION, "p2@example.org")
    assert (account.name, account.locale) == ("Person Renamed", Locale(**GERMAN))
    for who, changes in ((user, {"email": "p4@example.org"}), (user, {"is_external": True}), (admin, {"name": "X"})):
        with pytest.raises(Denied):
            edit(who, changes)
    for changes, message in (
        ({"language": "xx"}, "no language"),
        ({"csv_delimiter": "x"}, "no CSV delimiter"),
        ({"thousands_separator": ","}, "same separator"),
        ({"decimal_separator": ";"}, "no decimal separator"),
        ({"password_hash": "x"}, "no password_hash"),
        ({"email": "admin@example.org"}, "has an account already"),
        ({"email": "p2@other.example"}, "invite its owner"),
    ):
        with pytest.raises(PeopleError, match=message):
            edit(user, changes, OWNER)
    links.request_reset(registry, "p2@example.org", now=NOW)
    edit(user, {"email": "P5@example.org"}, OWNER)
    with registry.begin(readonly=True) as session:
        assert users.account_of(session, ORGANISATION, "p5@example.org").user_id == user
        revoked = session.execute(text("select count(*) from user_tokens where revoked_at is null")).scalar()
    assert revoked == 0, "the link that went to the old address works no longer"
    events = people.events("user.edit")
    assert len(events) == 2
    edit(user, {"name": "Person Renamed"})
    assert len(people.events("user.edit")) == 2, "what does not change is no event"


def test_two_people_take_the_same_rows_in_their_formats() -> None:
    rows = [["KAM-1", Decimal("12345.678900"), 1234567, -0.5, True, None, date(2026, 1, 15), "a;b,c"]]
    header = list("abcdefgh")
    assert write_csv(header, rows, ENGLISH) == (
        'a,b,c,d,e,f,g,h\r\nKAM-1,12345.678900,1234567,-0.5,true,,2026-01-15,"a;b,c"\r\n'
    )
    assert write_csv(header, rows, Locale(**GERMAN)) == (
        'a;b;c;d;e;f;g;h\r\nKAM-1;12.345,678900;1.234.567;-0,5;true;;2026-01-15;"a;b,c"\r\n'
    )
    assert Locale(thousands_separator="'").number(Decimal("1E+6")) == "1'000'000"


def test_a_deleted_account_keeps_its_number_alone(people, admin, registry, vault) -> None:
    user = people.add("p2@example.org", keys=USER)
    token = sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW).token
    users.delete(registry, ORGANISATION, user, identity=f"user:{admin}", now=NOW)
    assert session_of(registry, token, NOW) is None
    with registry.begin(readonly=True) as session:
        row = session.get_one(User, user)
        assert (row.email, row.name, row.password_hash, row.deleted_at) == (None, None, None, NOW)
        event = next(row for row in people.events("user.add") if row.object == f"user:{user}")
        known = audit.personal_of(session, vault, event)
        assert known == {"before": None, "after": {"email": "p2@example.org", "name": "Person P2"}}
    assert people.add("p2@example.org") > user
    with pytest.raises(PeopleError, match=f"no user:{user}"):
        users.delete(registry, ORGANISATION, user, identity=OWNER, now=NOW)


def test_an_erased_account_is_forgotten_by_the_audit_log_too(people, admin, registry, vault) -> None:
    user = people.add("p2@example.org")
    users.delete(registry, ORGANISATION, user, identity=OWNER, now=NOW, is_erased=True)
    with registry.begin(readonly=True) as session:
        event = next(row for row in people.events("user.add") if row.object == f"user:{user}")
        assert audit.personal_of(session, vault, event) is None
        assert f"user:{user}" not in session.scalars(select(SubjectKey.subject)).all()
    assert audit.walk(registry).broken is None


def test_a_person_is_a_number_everywhere_but_in_one_table(people, admin, registry, vault) -> None:
    user = people.add("p2@example.org", manager=USER)
    number = people.invite("p3@other.example", f"user:{admin}")
    invitations.confirm(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    issued = invitations.send(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    links.accept(registry, issued.token, NEW, now=NOW)
    users.edit(registry, vault, ORGANISATION, user, {"name": "Person Other"} | GERMAN, identity=OWNER, now=NOW)
    links.request_reset(registry, "p2@example.org", now=NOW)
    for password in ("wrong", PASSWORD):
        try:
            sign_in(registry, "p2@example.org", password, address="192.0.2.1", now=NOW)
        except SignInError:
            continue
    with pytest.raises(SignInError):
        sign_in(registry, "nobody@example.org", PASSWORD, address="192.0.2.1", now=NOW)
    rows = people.everything()
    for personal in ("p2@", "p3@", "nobody@", "Person", PASSWORD, NEW):
        assert [name for name, content in rows.items() if personal in content] == (
            ["users"] if personal in ("p2@", "p3@", "Person") else []
        ), personal
    one = re.compile(r"user:\d+|service:[a-z-]+|local:\w+")
    assert [row.identity for row in people.events() if not one.fullmatch(row.identity)] == []
    computers = {row.computer for row in people.events("user.sign_in", "user.sign_in.failed")}
    assert computers == {"192.0.2.1"}
    assert audit.walk(registry).broken is None
