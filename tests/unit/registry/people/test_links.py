"""Self-service accounts, invitations, and links that work once and for a time."""

import json

import pytest
from sqlalchemy import select, text

from registry.models import User
from registry.people import domains, invitations, links, matrix, users
from registry.people.errors import Denied, PasswordError, PeopleError, SignInError, TokenError
from registry.people.invitations import ACCEPTED, CREATED, EXPIRED, HELD, REVOKED, SENT
from registry.people.rights import ADMINISTRATOR, SUPERUSER, USER
from registry.people.sessions import open_session, session_of, sign_in
from tests.unit.registry.conftest import NOW
from tests.unit.registry.people.conftest import ORGANISATION, OWNER, PASSWORD, later

NEW = "Green-Lantern-8"


def accept(registry, issued: links.Issued | None, password: str = NEW, now=NOW) -> int:
    assert issued
    return links.accept(registry, issued.token, password, now=now)


def test_an_activation_link_works_for_four_hours(people, admin, registry) -> None:
    issued = people.register("new@example.org")
    assert issued
    assert (issued.purpose, issued.email, issued.expires_at) == ("activation", "new@example.org", later(hours=4))
    assert issued.token not in repr(issued)
    assert issued.email not in repr(issued)
    with pytest.raises(SignInError):
        open_session(registry, issued.user_id, address="192.0.2.1", now=NOW)
    with pytest.raises(TokenError):
        accept(registry, issued, now=later(hours=4, minutes=1))
    again = links.request_reset(registry, "New@Example.org", now=later(hours=4, minutes=1))
    assert again
    assert again.purpose == "activation"
    assert accept(registry, again, now=later(hours=8)) == issued.user_id
    assert sign_in(registry, "new@example.org", NEW, address="192.0.2.1", now=later(hours=8))
    assert not people.may(issued.user_id, "data_access", now=later(hours=8)), "an account alone gives no access"


def test_the_life_of_a_link_can_be_set(people, admin, registry) -> None:
    assert people.register("new@example.org")
    issued = links.request_reset(registry, "new@example.org", now=NOW, ttl=later(minutes=10) - NOW)
    with pytest.raises(TokenError):
        accept(registry, issued, now=later(minutes=10))
    accept(registry, issued, now=later(minutes=9))


def test_people_make_accounts_with_addresses_of_the_organisation_alone(people, admin, registry) -> None:
    with pytest.raises(PeopleError, match="ask for an invitation"):
        people.register("x@other.example")
    assert people.register("admin@example.org") is None, "who asks does not learn that there is an account"
    with pytest.raises(PeopleError, match="no e-mail address"):
        people.register("nonsense")


def test_a_reset_works_once(people, admin, registry) -> None:
    user = people.add("p2@example.org")
    token = sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW).token
    first = links.request_reset(registry, "p2@example.org", now=NOW)
    second = links.request_reset(registry, "p2@example.org", now=NOW)
    assert first
    assert first.purpose == "reset"
    with pytest.raises(TokenError):
        accept(registry, first)  # the newer one stands in its place
    with pytest.raises(PasswordError):
        accept(registry, second, "weak")
    assert session_of(registry, token, NOW)
    assert accept(registry, second) == user, "a weak password does not use the link up"
    with pytest.raises(TokenError):
        accept(registry, second)
    assert session_of(registry, token, NOW) is None, "whoever was signed in is not any more"
    with pytest.raises(SignInError):
        sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW)
    assert sign_in(registry, "p2@example.org", NEW, address="192.0.2.1", now=NOW)
    names = [row.event for row in people.events() if "reset" in row.event]
    assert names == ["user.reset.send", "user.reset.send", "user.reset.accept"]


def test_a_reset_ends_a_lockout(people, admin, registry) -> None:
    people.add("p2@example.org")
    for number in range(6):
        with pytest.raises(SignInError):
            sign_in(registry, "p2@example.org", "wrong", address=f"192.0.2.{number}", now=NOW)
    accept(registry, links.request_reset(registry, "p2@example.org", now=NOW))
    assert sign_in(registry, "p2@example.org", NEW, address="192.0.2.9", now=NOW)


def test_who_gets_no_reset(people, admin, registry) -> None:
    user = people.add("p2@example.org")
    sent = [links.request_reset(registry, "p2@example.org", now=NOW) for _ in range(6)]
    assert [bool(issued) for issued in sent] == [True] * 5 + [False], "a mailbox is not to be flooded"
    assert links.request_reset(registry, "p2@example.org", now=later(hours=1, seconds=1))
    issued = links.reset_password(registry, ORGANISATION, user, identity=f"user:{admin}", now=NOW)
    users.set_enabled(registry, ORGANISATION, user, is_enabled=False, identity=OWNER, now=NOW)
    with pytest.raises(TokenError):
        accept(registry, issued)
    with pytest.raises(PeopleError, match="disabled"):
        links.reset_password(registry, ORGANISATION, user, identity=OWNER, now=NOW)
    later_ = later(days=1)
    assert links.request_reset(registry, "p2@example.org", now=later_) is None
    assert links.request_reset(registry, "nobody@example.org", now=later_) is None
    people.invite("p3@example.org")
    assert links.request_reset(registry, "p3@example.org", now=later_) is None, "the invitation is sent again instead"
    invited = next(row for row in state(registry) if row.email == "p3@example.org")
    with pytest.raises(PeopleError, match="send it again"):
        links.reset_password(registry, ORGANISATION, invited.user_id, identity=OWNER, now=NOW)
    with pytest.raises(Denied):
        links.reset_password(registry, ORGANISATION, admin, identity=f"user:{user}", now=NOW)


def test_no_token_lies_in_the_database(people, admin, registry) -> None:
    issued = [people.register("new@example.org"), links.request_reset(registry, "admin@example.org", now=NOW)]
    signed = open_session(registry, admin, address="192.0.2.1", now=NOW)
    stored = str(people.everything())
    assert "admin@example.org" in stored
    for token in [*(link.token for link in issued if link), signed.token, signed.user.csrf, PASSWORD]:
        assert token not in stored


def test_the_first_person_who_is_invited_becomes_administrator(people, registry) -> None:
    domains.allow(registry, ORGANISATION, "example.org", identity=OWNER, now=NOW)
    first, second = people.register("p1@example.org"), people.register("p2@example.org")
    for made in (first, second):
        user = accept(registry, made)
        assert not people.may(user, "access_control"), "whoever comes by alone is nobody's choice"
        assert not people.may(user, "data_access")
    number = people.invite("p3@example.org")
    invited = accept(registry, invitations.send(registry, ORGANISATION, number, identity=OWNER, now=NOW))
    assert people.may(invited, "access_control")


def test_an_invited_administrator_comes_before_whoever_registers(people, registry) -> None:
    people.invite("p1@example.org", manager=ADMINISTRATOR)
    other = people.register("p2@example.org")
    user = accept(registry, other)
    assert not people.may(user, "access_control")


def test_the_strongest_policy_holds_for_who_may_see_keys(people, admin, registry) -> None:
    number = people.invite("p2@example.org", keys=USER)
    issued = invitations.send(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    with pytest.raises(PasswordError, match="at least 12"):
        accept(registry, issued, "Blue-Lamp-7")
    accept(registry, issued)
    other = people.register("p3@example.org")
    user = accept(registry, other, "Blue-Lamp-7")
    assert not open_session(registry, user, address="192.0.2.1", now=NOW).user.must_change_password
    people.give(user, "keys", USER)
    assert open_session(registry, user, address="192.0.2.1", now=NOW).user.must_change_password
    with pytest.raises(PasswordError, match="at least 12"):
        users.change_password(registry, user, "Blue-Lamp-7", "Blue-Lamp-8", now=NOW)


def state(registry, now=NOW) -> list[invitations.Invited]:
    with registry.begin(readonly=True) as session:
        return invitations.invitations(session, ORGANISATION, now)


def test_an_invitation_from_its_making_to_its_acceptance(people, admin, registry, vault) -> None:
    number = people.invite("p2@example.org", f"user:{admin}", manager=SUPERUSER)
    with registry.begin(readonly=True) as session:
        seen = invitations.preview(session, ORGANISATION, number, NOW)
    assert (seen.email, seen.name, seen.language, seen.state) == ("p2@example.org", "Person Invited", "en", CREATED)
    assert seen.roles == {"portal": USER, "manager": SUPERUSER}
    assert (seen.is_external, seen.created_by) == (False, f"user:{admin}")
    change = {"identity": OWNER, "now": NOW}
    invitations.edit(
        registry, vault, ORGANISATION, number, changes={"name": "Person Two"}, roles={"manager": USER}, **change
    )
    week = later(days=7) - NOW
    issued = invitations.send(registry, ORGANISATION, number, ttl=week, **change)
    assert (issued.name, issued.purpose, issued.expires_at) == ("Person Two", "invitation", later(days=7))
    assert [(row.state, row.sent_at, row.expires_at) for row in state(registry)] == [(SENT, NOW, later(days=7))]
    assert state(registry, later(days=7))[0].state == EXPIRED
    with pytest.raises(TokenError):
        accept(registry, issued, now=later(days=7))
    again = invitations.send(registry, ORGANISATION, number, identity=OWNER, now=later(days=8))
    with pytest.raises(TokenError):
        accept(registry, issued, now=later(days=1))
    user = accept(registry, again, now=later(days=8, hours=3))
    row = state(registry, later(days=9))[0]
    assert (row.state, row.accepted_at) == (ACCEPTED, later(days=8, hours=3))
    assert people.may(user, "data_access")
    assert not people.may(user, "reading_management")
    with pytest.raises(PeopleError, match="is accepted"):
        invitations.edit(registry, vault, ORGANISATION, number, changes={"name": "X"}, roles={}, **change)
    with pytest.raises(PeopleError, match="is accepted"):
        invitations.send(registry, ORGANISATION, number, **change)
    with pytest.raises(PeopleError, match="is accepted"):
        invitations.revoke(registry, ORGANISATION, number, **change)
    with pytest.raises(PeopleError, match="no invitation 99"):
        invitations.revoke(registry, ORGANISATION, 99, **change)
    with pytest.raises(PeopleError, match="valid for some time"):
        invitations.send(registry, ORGANISATION, number, ttl=NOW - NOW, **change)


def test_a_revoked_invitation_leaves_nobody(people, admin, registry) -> None:
    number = people.invite("p2@example.org", manager=USER)
    issued = invitations.send(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    with pytest.raises(Denied):
        invitations.revoke(registry, ORGANISATION, number, identity="user:99", now=NOW)
    invitations.revoke(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    with pytest.raises(TokenError):
        accept(registry, issued)
    assert [(row.state, row.email, row.name, row.roles) for row in state(registry)] == [(REVOKED, "", "", {})]
    assert people.invite("p2@example.org"), "the address is free again"


def test_an_address_of_another_domain_waits_for_a_second_administrator(people, admin, registry, vault) -> None:
    name = f"user:{admin}"
    number = people.invite("x@other.example", name, manager=USER)
    assert [(row.state, row.is_external) for row in state(registry)] == [(HELD, True)]
    held = people.events("invitation.hold")
    assert [(row.identity, row.object) for row in held] == [(name, f"user:{state(registry)[0].user_id}")]
    with pytest.raises(PeopleError, match="second administrator"):
        invitations.send(registry, ORGANISATION, number, identity=name, now=NOW)
    with pytest.raises(Denied, match="second administrator"):
        invitations.confirm(registry, ORGANISATION, number, identity=name, now=NOW)
    superuser = people.add("p2@example.org", manager=SUPERUSER)
    with pytest.raises(Denied, match="Only an administrator"):
        invitations.confirm(registry, ORGANISATION, number, identity=f"user:{superuser}", now=NOW)
    people.give(superuser, "manager", ADMINISTRATOR)
    invitations.confirm(registry, ORGANISATION, number, identity=f"user:{superuser}", now=NOW)
    assert [(row.state, row.confirmed_by) for row in state(registry)] == [(CREATED, f"user:{superuser}")]
    assert len(people.events("invitation.confirm")) == 1
    with pytest.raises(PeopleError, match="nothing to confirm"):
        invitations.confirm(registry, ORGANISATION, number, identity=OWNER, now=NOW)
    issued = invitations.send(registry, ORGANISATION, number, identity=name, now=NOW)
    invitations.edit(
        registry,
        vault,
        ORGANISATION,
        number,
        changes={"email": "y@other.example"},
        roles={},
        identity=f"user:{superuser}",
        now=NOW,
    )
    with pytest.raises(TokenError):
        accept(registry, issued)
    assert state(registry)[0].state == HELD, "another address is confirmed anew"
    with pytest.raises(Denied, match="second administrator"):
        invitations.confirm(registry, ORGANISATION, number, identity=f"user:{superuser}", now=NOW)
    changes = {"email": "z@other.example"}
    with pytest.raises(PeopleError, match="invite its owner"):
        users.edit(registry, vault, ORGANISATION, state(registry)[0].user_id, changes, identity=OWNER, now=NOW)


def test_domains_of_an_organisation(people, admin, registry) -> None:
    with pytest.raises(PeopleError, match="allow the domain"):
        people.add("p2@other.example")
    domains.allow(registry, ORGANISATION, "Other.Example", identity=OWNER, now=NOW)
    assert people.add("p2@other.example")
    with registry.begin(readonly=True) as session:
        assert domains.domains(session, ORGANISATION) == {"example.org", "other.example"}
    domains.remove(registry, ORGANISATION, "other.example", identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match="allow the domain"):
        people.add("p3@other.example")
    with pytest.raises(PeopleError, match="no domain"):
        domains.allow(registry, ORGANISATION, "nonsense", identity=OWNER, now=NOW)
    with pytest.raises(Denied):
        domains.allow(registry, ORGANISATION, "x.example", identity="user:99", now=NOW)


def test_the_only_administrator_allows_a_domain_alone_and_the_audit_log_says_so(people, admin, registry) -> None:
    assert domains.allow(registry, ORGANISATION, "other.example", identity=f"user:{admin}", now=NOW)
    (event,) = [event for event in people.events("domain.allow") if event.object == "other.example"]
    assert (event.identity, event.reason) == (f"user:{admin}", "no second administrator to confirm it")


def test_of_two_administrators_the_second_confirms_a_domain(people, admin, registry) -> None:
    second, superuser = (
        people.add("p2@example.org", manager=ADMINISTRATOR),
        people.add("p3@example.org", manager=SUPERUSER),
    )
    matrix.edit(registry, ORGANISATION, SUPERUSER, "access_control", is_allowed=True, identity=OWNER, now=NOW)

    def ask(identity: str, domain: str = "other.example") -> bool:
        return domains.allow(registry, ORGANISATION, domain, identity=identity, now=NOW)

    def confirm(identity: str, domain: str = "other.example") -> None:
        domains.confirm(registry, ORGANISATION, domain, identity=identity, now=NOW)

    first = f"user:{admin}"
    assert not ask(first)
    assert not ask(f"user:{second}"), "it waits; asking again, or another asking, changes nothing"
    with pytest.raises(PeopleError, match="allow the domain"):
        people.add("p4@other.example")
    with pytest.raises(PeopleError, match="ask for an invitation"):
        people.register("p4@other.example")
    with registry.begin(readonly=True) as session:
        assert [(one.domain, one.asked_by) for one in domains.requests(session, ORGANISATION)] == [
            ("other.example", first)
        ]
        assert domains.requests(session, "elsewhere") == []
    with pytest.raises(Denied, match="second administrator"):
        confirm(first)
    with pytest.raises(Denied, match="Only an administrator"):
        confirm(f"user:{superuser}")
    with pytest.raises(Denied):
        domains.confirm(registry, "elsewhere", "other.example", identity=f"user:{second}", now=NOW)
    with pytest.raises(PeopleError, match="Nobody asks"):
        confirm(f"user:{second}", "third.example")
    confirm(f"user:{second}")
    assert people.add("p4@other.example")
    (event,) = [event for event in people.events("domain.allow") if event.object == "other.example"]
    assert (event.identity, json.loads(event.details)) == (f"user:{second}", {"asked_by": first})
    with pytest.raises(PeopleError, match="Nobody asks"):
        confirm(f"user:{second}")

    assert not ask(OWNER, "owners.example"), "the owner of the directory asks as well where there are two"
    confirm(first, "owners.example")
    assert not ask(f"user:{superuser}", "supers.example")
    people.give(superuser, "manager", None)
    with pytest.raises(PeopleError, match="may not any more"):
        confirm(first, "supers.example")
    domains.remove(registry, ORGANISATION, "supers.example", identity=first, now=NOW)
    with pytest.raises(PeopleError, match="Nobody asks"):
        confirm(f"user:{second}", "supers.example")


def test_who_is_no_administrator_allows_no_domain_alone(people, admin, registry) -> None:
    superuser = people.add("p3@example.org", manager=SUPERUSER)
    matrix.edit(registry, ORGANISATION, SUPERUSER, "access_control", is_allowed=True, identity=OWNER, now=NOW)
    assert not domains.allow(registry, ORGANISATION, "other.example", identity=f"user:{superuser}", now=NOW)
    domains.confirm(registry, ORGANISATION, "other.example", identity=f"user:{admin}", now=NOW)


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a@b@example.org", "a b@example.org", "a@exa mple.org", "a@-x.org", "a@x..org", "<a@x.org>"],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(PeopleError) as caught:
        domains.normal_email(address)
    assert not address.strip() or len(address) < 3 or address not in str(caught.value)


def test_an_account_of_an_address_is_made_once(people, admin, registry) -> None:
    for act in (people.add, people.invite):
        with pytest.raises(PeopleError, match="has an account already") as caught:
            act("Admin@Example.org")
        assert "admin" not in str(caught.value).lower()
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(User.email)).all() == ["admin@example.org"]
        assert session.execute(text("select count(*) from invitations")).scalar() == 0
