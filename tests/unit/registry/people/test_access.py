"""The permission matrix, roles per service, external people, services, the owner of the installation."""

import pytest

from registry.people import access, grants, matrix, roles, services, users
from registry.people.errors import Denied, PasswordChangeNeeded, PeopleError, SignInError
from registry.people.rights import ADMINISTRATOR, AREAS, MATRIX, ROLES, SERVICES, SUPERUSER, UNATTENDED, USER
from registry.people.sessions import open_session, session_of, sign_in
from tests.unit.registry.conftest import METERS, NOW
from tests.unit.registry.people.conftest import ORGANISATION, OWNER, PASSWORD, later

FIRST, SECOND = "KAM-90000001-1b-16", "KAM-90000002-1b-16"
EVERY = {"data_access", "reading_management", "device_and_customer_management", "group_management"}
TABLE = {
    "administrator": EVERY | {"system_configuration", "access_control"},
    "superuser": EVERY | {"system_configuration"},
    "user": {"data_access"},
}


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("role", ROLES)
def test_six_areas_by_three_roles(people, admin, role: str, area: str) -> None:
    somebody = admin if role == ADMINISTRATOR else people.add("p2@example.org", manager=role)
    assert people.may(somebody, area) == (area in TABLE[role])
    assert (area in MATRIX[role]) == (area in TABLE[role])


def test_a_changed_cell_holds_at_the_next_request(people, admin, registry) -> None:
    user = people.add("p2@example.org", manager=USER)
    superuser = people.add("p3@example.org", manager=SUPERUSER)

    def change(role: str, area: str, is_allowed: bool, identity: str = f"user:{admin}") -> None:
        matrix.edit(registry, ORGANISATION, role, area, is_allowed=is_allowed, identity=identity, now=NOW)

    change(USER, "group_management", True)
    change(SUPERUSER, "system_configuration", False)
    assert people.may(user, "group_management")
    assert not people.may(superuser, "system_configuration")
    assert [area for area in AREAS if people.may(user, area)] == ["data_access", "group_management"]
    change(USER, "group_management", False)
    assert not people.may(user, "group_management")
    rows = [(row.object, row.before, row.after) for row in people.events("permissions.change")]
    assert rows[0] == ("user", '{"group_management": false}', '{"group_management": true}')
    assert len(rows) == 3
    change(USER, "group_management", False)
    assert len(people.events("permissions.change")) == 3, "what does not change is no event"


def test_only_administrators_change_the_matrix_and_only_of_the_lower_roles(people, admin, registry) -> None:
    superuser = people.add("p3@example.org", manager=SUPERUSER)
    edit = {"is_allowed": True, "now": NOW}
    with pytest.raises(PeopleError, match="superuser and user"):
        matrix.edit(registry, ORGANISATION, ADMINISTRATOR, "data_access", identity=OWNER, **edit)
    with pytest.raises(PeopleError, match="no area 'nonsense'"):
        matrix.edit(registry, ORGANISATION, USER, "nonsense", identity=OWNER, **edit)
    matrix.edit(registry, ORGANISATION, SUPERUSER, "access_control", identity=OWNER, **edit)
    for identity in (f"user:{superuser}", "service:nobody", "nobody"):
        with pytest.raises(Denied, match="Only administrators"):
            matrix.edit(registry, ORGANISATION, USER, "access_control", identity=identity, **edit)


def test_who_controls_access_without_being_administrator_cannot_become_one(people, admin, registry) -> None:
    superuser = people.add("p3@example.org", manager=SUPERUSER)
    matrix.edit(registry, ORGANISATION, SUPERUSER, "access_control", is_allowed=True, identity=OWNER, now=NOW)
    name = f"user:{superuser}"
    people.add("p4@example.org", identity=name, manager=USER)
    with pytest.raises(Denied, match="appoints"):
        people.give(superuser, "manager", ADMINISTRATOR, name)
    with pytest.raises(Denied, match="appoints"):
        people.add("p5@example.org", identity=name, analytics=ADMINISTRATOR)
    with pytest.raises(Denied, match="appoints"):
        people.invite("p5@example.org", identity=name, manager=ADMINISTRATOR)
    with pytest.raises(Denied, match="account of an administrator"):
        people.give(admin, "keys", None, name)
    with pytest.raises(Denied, match="account of an administrator"):
        users.set_enabled(registry, ORGANISATION, admin, is_enabled=False, identity=name, now=NOW)
    permissions = {("manager", "access_control")}
    with pytest.raises(Denied, match="lets a service"):
        services.add(registry, ORGANISATION, "robot", permissions, identity=name, now=NOW)


def test_roles_per_service(people, admin) -> None:
    user = people.add("p2@example.org", keys=USER)
    assert people.may(user, "data_access", "keys")
    assert not people.may(user, "data_access", "manager"), "the dashboards stay closed"
    assert people.sees(user) == frozenset()
    assert not people.may(user, "device_and_customer_management", "keys")
    people.give(user, "keys", SUPERUSER)
    assert people.may(user, "device_and_customer_management", "keys")
    people.give(user, "keys", None)
    assert not people.may(user, "data_access", "keys")
    assert people.may(user, "data_access", "portal"), "everybody is a user of the portal"


def test_a_history_of_grants(people, admin, registry) -> None:
    user = people.add("p2@example.org", manager=USER)
    roles.change(registry, ORGANISATION, user, "manager", SUPERUSER, identity=f"user:{admin}", now=later(hours=1))
    with registry.begin(readonly=True) as session:
        held = [role for role in roles.history(session, ORGANISATION, user) if role.service == "manager"]
        assert len(roles.history(session, ORGANISATION)) > len(held)
    new, old = held
    assert (new.role, new.granted_by, new.ended_at) == (SUPERUSER, f"user:{admin}", None)
    assert (old.role, old.granted_by, old.ended_at) == (USER, OWNER, later(hours=1))
    assert old.ended_by == f"user:{admin}"
    row = people.events("user.role")[-1]
    assert (row.object, row.before, row.after) == (f"user:{user}", '{"manager": "user"}', '{"manager": "superuser"}')


@pytest.mark.parametrize(
    ("service", "role", "message"),
    [
        ("keys", ADMINISTRATOR, "has no role"),
        ("nonsense", USER, "no service"),
        ("manager", "emperor", "has no role"),
        ("portal", None, "disable the account"),
    ],
)
def test_roles_that_are_not_on_offer(people, admin, service: str, role: str | None, message: str) -> None:
    with pytest.raises(PeopleError, match=message):
        people.give(admin, service, role)


def test_a_change_holds_at_the_next_click_of_who_is_signed_in(people, admin, registry) -> None:
    user = people.add("p2@example.org", manager=SUPERUSER)
    token = sign_in(registry, "p2@example.org", PASSWORD, address="192.0.2.1", now=NOW).token
    person = session_of(registry, token, NOW)
    assert person
    assert person.roles["manager"] == SUPERUSER
    assert people.may(person.identity, "reading_management")
    people.give(user, "manager", None)
    assert not people.may(person.identity, "reading_management")
    again = session_of(registry, token, NOW)
    assert again
    assert "manager" not in again.roles
    users.set_enabled(registry, ORGANISATION, user, is_enabled=False, identity=OWNER, now=NOW)
    assert session_of(registry, token, NOW) is None


def test_the_only_administrator_stays(people, admin, registry) -> None:
    message = "only administrator"
    with pytest.raises(PeopleError, match=message):
        people.give(admin, "manager", SUPERUSER)
    with pytest.raises(PeopleError, match=message):
        people.give(admin, "manager", None, f"user:{admin}")
    with pytest.raises(PeopleError, match=message):
        users.set_enabled(registry, ORGANISATION, admin, is_enabled=False, identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match=message):
        users.delete(registry, ORGANISATION, admin, identity=OWNER, now=NOW)
    people.invite("pending@example.org", manager=ADMINISTRATOR)
    with pytest.raises(PeopleError, match=message):
        people.give(admin, "manager", None)  # who was invited cannot sign in yet
    other = people.add("p2@example.org", manager=ADMINISTRATOR)
    users.set_enabled(registry, ORGANISATION, other, is_enabled=False, identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match=message):
        people.give(admin, "manager", None)  # who is disabled cannot, either
    users.set_enabled(registry, ORGANISATION, other, is_enabled=True, identity=OWNER, now=NOW)
    people.give(admin, "manager", None)
    with pytest.raises(PeopleError, match=message):
        users.delete(registry, ORGANISATION, other, identity=OWNER, now=NOW)


def test_further_superusers_are_appointed_and_named_to_who_needs_help(people, admin, registry) -> None:
    user = people.add("p2@example.org")

    def helpers() -> list[str]:
        with registry.begin(readonly=True) as session:
            return users.who_can_help(session, ORGANISATION)

    assert helpers() == ["Person Admin"]
    people.give(user, "portal", SUPERUSER, f"user:{admin}")
    assert helpers() == ["Person Admin", "Person P2"]
    users.set_enabled(registry, ORGANISATION, user, is_enabled=False, identity=OWNER, now=NOW)
    assert helpers() == ["Person Admin"]
    with registry.begin(readonly=True) as session:
        assert users.who_can_help(session, "elsewhere") == []


def grant(registry, user_id: int, meter_id: str, **period: object) -> None:
    given = {"valid_from": NOW, "identity": OWNER, "now": NOW} | period
    grants.grant(registry, ORGANISATION, user_id, meter_id, **given)


def test_a_grantee_sees_exactly_the_granted_meters(people, admin, registry, meters) -> None:
    meters(METERS)
    user = people.add("p2@example.org")
    assert not people.may(user, "data_access")
    grant(registry, user, FIRST, valid_from=later(days=1), valid_to=later(days=3))
    assert not people.may(user, "data_access"), "not yet"
    assert people.sees(user) == frozenset()
    assert people.may(user, "data_access", now=later(days=1))
    assert not people.may(user, "reading_management", now=later(days=1))
    grant(registry, user, SECOND, valid_from=later(days=2))
    days = [people.sees(user, later(days=day)) for day in (1, 2, 3)]
    assert days == [{FIRST}, {FIRST, SECOND}, {SECOND}]
    grant(registry, user, SECOND, valid_from=later(days=3))
    assert people.sees(user, later(days=2)) == {FIRST}, "the new right stands in place of the old one"
    with registry.begin(readonly=True) as session:
        assert [right.meter_id for right in grants.read_rights(session, ORGANISATION, user)] == [FIRST, SECOND]
    grants.revoke(registry, ORGANISATION, user, SECOND, identity=OWNER, now=NOW)
    assert people.sees(user, later(days=3)) == frozenset()
    people.give(user, "manager", USER)
    assert people.sees(user) is None, "who has the role sees all meters"
    with pytest.raises(PeopleError, match="no right"):
        grants.revoke(registry, ORGANISATION, user, SECOND, identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match="no meter"):
        grant(registry, user, "KAM-1-1-1")
    with pytest.raises(PeopleError, match="end after"):
        grant(registry, user, FIRST, valid_to=NOW)
    with pytest.raises(Denied):
        grant(registry, user, FIRST, identity=f"user:{user}")


def test_external_people_see_only_what_is_granted(people, admin, registry, meters, vault) -> None:
    meters(METERS)
    user = people.add("p2@example.org", manager=USER)
    assert people.sees(user) is None
    users.edit(registry, vault, ORGANISATION, user, {"is_external": True}, identity=OWNER, now=NOW)
    assert people.sees(user) == frozenset()
    grant(registry, user, FIRST)
    assert people.sees(user) == {FIRST}
    matrix.edit(registry, ORGANISATION, USER, "group_management", is_allowed=True, identity=OWNER, now=NOW)
    assert not people.may(user, "group_management"), "whatever people of the organisation may"
    with pytest.raises(PeopleError, match="role user alone"):
        people.give(user, "manager", SUPERUSER)
    superuser = people.add("p3@example.org", manager=SUPERUSER)
    with pytest.raises(PeopleError, match="higher roles away"):
        users.edit(registry, vault, ORGANISATION, superuser, {"is_external": True}, identity=OWNER, now=NOW)


def test_nobody_else_may_anything(people, admin, registry) -> None:
    deleted = people.add("p2@example.org", manager=SUPERUSER)
    users.delete(registry, ORGANISATION, deleted, identity=OWNER, now=NOW)
    pending = people.invite("p3@example.org", manager=USER)
    with registry.begin(readonly=True) as session:
        assert not access.areas(session, f"user:{admin}", "elsewhere", NOW), "of another organisation"
        assert access.visible_meters(session, f"user:{admin}", "elsewhere", NOW) == frozenset()
    nobody = ["", "user:", "user:x", "user:٣", "user:99", "local:", "admin", "service:", "service:sign-in", "root:x"]
    for actor in [*nobody, f"user:{deleted}", f"user:{pending + 2}"]:
        assert not people.may(actor, "data_access"), actor
        assert people.sees(actor) == frozenset()
    with pytest.raises(ValueError, match="no area"):
        people.may(admin, "nonsense")


def test_the_owner_of_the_installation_has_all_rights(people) -> None:
    assert all(people.may(OWNER, area, service) for area in AREAS for service in SERVICES)
    assert people.sees(OWNER) is None


def test_a_password_to_change_blocks_everything_else(people, admin, registry) -> None:
    user = people.add("p2@example.org", manager=SUPERUSER)
    with registry.begin() as session:
        session.get_one(users.User, user).must_change_password = True
    token = open_session(registry, user, address="192.0.2.1", now=NOW).token
    person = session_of(registry, token, NOW)
    assert person
    assert person.must_change_password
    with registry.begin(readonly=True) as session:
        for area in AREAS:
            with pytest.raises(PasswordChangeNeeded):
                access.authorise(session, f"user:{user}", ORGANISATION, area, NOW)
        with pytest.raises(PasswordChangeNeeded):
            access.visible_meters(session, f"user:{user}", ORGANISATION, NOW)
        with pytest.raises(PasswordChangeNeeded):
            access.capabilities(session, f"user:{user}", ORGANISATION)
    users.change_password(registry, user, PASSWORD, "Green-Lantern-8", now=NOW, keep=token)
    assert people.may(user, "reading_management")
    assert session_of(registry, token, NOW), "the session in which it was changed goes on"


def test_advanced_functions_of_the_key_service(people, admin, registry) -> None:
    user = people.add("p2@example.org", manager=USER)

    def shown() -> frozenset[str]:
        with registry.begin(readonly=True) as session:
            return access.capabilities(session, f"user:{user}", ORGANISATION)

    def set_(capability: str = "otc_admin", is_granted: bool = True, identity: str = OWNER) -> None:
        roles.set_capability(
            registry, ORGANISATION, user, capability, is_granted=is_granted, identity=identity, now=NOW
        )

    with pytest.raises(PeopleError, match="no role in the service keys"):
        set_()
    people.give(user, "keys", USER)
    users.change_password(registry, user, PASSWORD, "Green-Lantern-8", now=NOW)
    assert shown() == frozenset(), "no batch menu"
    with pytest.raises(Denied):
        set_(identity=f"user:{user}")
    with pytest.raises(PeopleError, match="no capability"):
        set_("nonsense")
    set_()
    assert shown() == {"otc_admin"}
    people.give(user, "keys", None)
    assert shown() == frozenset(), "nor without a role in the key service"
    people.give(user, "keys", USER)
    set_(is_granted=False)
    assert shown() == frozenset()
    assert len(people.events("user.capability")) == 2


def test_a_service_does_what_it_may_and_cannot_sign_in(people, admin, registry) -> None:
    services.add(registry, ORGANISATION, "unattended", UNATTENDED, identity=f"user:{admin}", now=NOW)
    secret = services.new_secret(registry, ORGANISATION, "unattended", identity=OWNER, now=NOW)
    service = services.service_of(registry, secret, NOW)
    assert service
    assert (service.identity, service.permissions) == ("service:unattended", UNATTENDED)
    allowed = {(at, area) for at in SERVICES for area in AREAS if people.may(service.identity, area, at)}
    assert allowed == UNATTENDED
    assert people.sees(service.identity) is None
    assert people.sees(service.identity, service="analytics") == frozenset()
    for name in ("unattended", "service:unattended", service.identity):
        with pytest.raises(SignInError):
            sign_in(registry, name, secret, address="192.0.2.1", now=NOW)
    services.permit(registry, ORGANISATION, "unattended", {("keys", "data_access")}, identity=OWNER, now=NOW)
    assert not people.may(service.identity, "reading_management")
    assert people.may(service.identity, "data_access", "keys")
    services.enable(registry, ORGANISATION, "unattended", is_enabled=False, identity=OWNER, now=NOW)
    assert not people.may(service.identity, "data_access", "keys")
    assert services.service_of(registry, secret, NOW) is None
    services.enable(registry, ORGANISATION, "unattended", is_enabled=True, identity=OWNER, now=NOW)
    newer = services.new_secret(registry, ORGANISATION, "unattended", identity=OWNER, now=NOW)
    assert services.service_of(registry, secret, NOW) is None
    assert services.service_of(registry, newer, NOW)
    with registry.begin(readonly=True) as session:
        assert [one.name for one in services.services(session, ORGANISATION)] == ["orchestrator", "unattended"]
        assert [one.name for one in services.services(session, "elsewhere")] == ["orchestrator"]
    assert secret not in str([vars(row) for row in people.events()])


def test_the_orchestrator_is_a_service_from_the_start(people, admin, registry) -> None:
    name = "service:orchestrator"
    allowed = {(at, area) for at in SERVICES for area in AREAS if people.may(name, area, at)}
    assert allowed == UNATTENDED
    services.enable(registry, ORGANISATION, "orchestrator", is_enabled=False, identity=OWNER, now=NOW)
    assert not people.may(name, "data_access")
    services.enable(registry, ORGANISATION, "orchestrator", is_enabled=True, identity=OWNER, now=NOW)
    assert {(at, area) for at in SERVICES for area in AREAS if people.may(name, area, at)} == UNATTENDED
    services.permit(registry, ORGANISATION, "orchestrator", {("keys", "data_access")}, identity=OWNER, now=NOW)
    assert not people.may(name, "data_access")
    with pytest.raises(PeopleError, match="orchestrator already"):
        services.add(registry, ORGANISATION, "orchestrator", [], identity=OWNER, now=NOW)


def test_services_are_for_those_who_control_access(people, admin, registry) -> None:
    superuser = people.add("p2@example.org", manager=SUPERUSER)
    who = {"identity": f"user:{superuser}", "now": NOW}
    with pytest.raises(Denied):
        services.enable(registry, ORGANISATION, "orchestrator", is_enabled=False, **who)
    with pytest.raises(Denied):
        services.permit(registry, ORGANISATION, "orchestrator", [], **who)
    with pytest.raises(Denied):
        services.new_secret(registry, ORGANISATION, "orchestrator", **who)


@pytest.mark.parametrize(
    ("name", "permission", "message"),
    [
        ("sign-in", ("manager", "data_access"), "no name for a service"),
        ("A robot", ("manager", "data_access"), "no name for a service"),
        ("robot", ("manager", "nonsense"), "no permission manager:nonsense"),
        ("taken", ("manager", "data_access"), "taken already"),
    ],
)
def test_services_that_cannot_be(registry, name: str, permission: tuple[str, str], message: str) -> None:
    services.add(registry, ORGANISATION, "taken", [], identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match=message):
        services.add(registry, ORGANISATION, name, [permission], identity=OWNER, now=NOW)
    with pytest.raises(PeopleError, match="no service robot"):
        services.permit(registry, ORGANISATION, "robot", [], identity=OWNER, now=NOW)
    with pytest.raises(Denied):
        services.add(registry, ORGANISATION, "robot", [], identity="service:taken", now=NOW)
