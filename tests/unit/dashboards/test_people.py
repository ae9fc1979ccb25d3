"""The page Users and roles: accounts that go, invitations, programs with their secrets, domains, single meters."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from assets.installation import open_installation
from dashboards.viewer import Viewer
from registry.models import AuditEvent, User
from registry.people import domains, grants, invitations, services, users
from registry.people.locale import Locale
from registry.people.rights import ACCESS_CONTROL, DATA_ACCESS, GROUP_MANAGEMENT, MANAGER, UNATTENDED
from registry.store import Registry
from registry.vault import KeyVault
from tests.unit.dashboards import house
from tests.unit.dashboards.conftest import messages, pick
from tests.unit.dashboards.test_configuration import ALMIGHTY, opened, press, registry_of
from tests.unit.gateway.doors import add_person

BY = {"identity": "local:test", "now": datetime.now(UTC)}

pytestmark = pytest.mark.usefixtures("vault")


@pytest.fixture
def registry(home: Path) -> Registry:
    """Its registry, with an administrator."""
    found = registry_of(home)
    add_person(found, "admin@example.org", manager="administrator")
    return found


def part(name: str, viewer: Viewer = ALMIGHTY) -> AppTest:
    return opened("users", viewer, part=name)


def one_program(name: str, app: AppTest | None = None) -> AppTest:
    """The part of the programs, with one that is chosen."""
    return (app or part("programs")).selectbox(key="program").set_value(name).run()


def test_account_is_deleted_and_its_number_stays(registry: Registry) -> None:
    number = add_person(registry, "clerk@example.org", manager="user")
    app = opened("users", search="clerk")

    app = app.button(key="delete").click().run()

    assert "Person clerk is deleted." in messages(app)
    with registry.begin(readonly=True) as session:
        row = session.get_one(User, number)
        assert row.deleted_at is not None
        assert "clerk" not in f"{row.name} {row.email}"
        assert not [one for one in users.find(session, ["default"]) if one.user_id == number]


def test_last_administrator_is_not_deleted(registry: Registry) -> None:
    app = opened("users", search="admin")

    app = app.button(key="delete").click().run()

    assert app.error
    with registry.begin(readonly=True) as session:
        assert [one.email for one in users.find(session, ["default"])] == ["admin@example.org"]


def invited(registry: Registry, vault: KeyVault, email: str = "second@example.org") -> int:
    return invitations.create(
        registry, vault, "default", email=email, name="Second", roles={"manager": "user"}, locale=Locale(), **BY
    )


def test_invitation_is_revoked_and_a_revoked_one_is_offered_nothing(registry: Registry, home: Path) -> None:
    number = invited(registry, open_installation(home).vault)
    app = pick(part("invitations"), "invitations", 0)

    app = app.button(key="revoke").click().run()

    assert "is revoked" in messages(app)
    assert app.dataframe[0].value["invitation_state"].to_list() == ["revoked"]
    with registry.begin(readonly=True) as session:
        (found,) = invitations.invitations(session, "default", datetime.now(UTC))
    assert (found.invitation_id, found.state) == (number, "revoked")
    app = pick(app, "invitations", 0)
    assert app.button(key="revoke").disabled
    assert app.button(key="send").disabled


def test_program_gets_a_secret_that_is_shown_once_and_works(registry: Registry) -> None:
    app = one_program("orchestrator")
    assert app.dataframe[0].value["program"].to_list() == ["orchestrator"]

    app = app.button(key="secret_orchestrator").click().run()

    (secret,) = [block.value for block in app.code]
    assert "shown once" in messages(app)
    found = services.service_of(registry, secret, datetime.now(UTC))
    assert found is not None
    assert found.name == "orchestrator"
    assert not app.run().code, "the next click shows it no more"
    with registry.begin(readonly=True) as session:
        events = session.query(AuditEvent).filter_by(event="service.secret").all()
    assert secret not in str([(event.before, event.after, event.details) for event in events])

    app = one_program("orchestrator")
    app = app.button(key="revoke_orchestrator").click().run()
    assert "works no longer" in messages(app)
    assert services.service_of(registry, secret, datetime.now(UTC)) is None


def test_program_is_added_changed_and_switched_off(registry: Registry) -> None:
    app = part("programs")
    name, what = (box for box in app.text_input if box.label in ("Program", "What for"))
    name.set_value("billing")
    what.set_value("Reads figures")
    app = press(app, "Add the program")
    assert "The program billing is added" in messages(app)
    with registry.begin(readonly=True) as session:
        assert next(one for one in services.services(session, "default") if one.name == "billing").permissions == (
            UNATTENDED
        )

    app = one_program("billing", app)
    app.multiselect(key="may_billing").set_value([(MANAGER, DATA_ACCESS), (MANAGER, GROUP_MANAGEMENT)])
    app = press(app, "Save")
    assert "What billing may do is changed." in messages(app)
    app = app.button(key="switch_billing").click().run()

    assert "billing is switched off." in messages(app)
    with registry.begin(readonly=True) as session:
        found = next(one for one in services.services(session, "default") if one.name == "billing")
    assert found.permissions == {(MANAGER, DATA_ACCESS), (MANAGER, GROUP_MANAGEMENT)}
    assert not found.is_enabled


def test_permissions_that_somebody_else_changed_are_not_written_over(registry: Registry) -> None:
    app = one_program("orchestrator")
    services.permit(
        registry, "default", "orchestrator", {(MANAGER, DATA_ACCESS)}, identity="local:other", now=BY["now"]
    )
    app.multiselect(key="may_orchestrator").set_value([(MANAGER, ACCESS_CONTROL)])

    app = press(app, "Save")

    assert "local:other changed service:orchestrator on" in messages(app)
    with registry.begin(readonly=True) as session:
        (found,) = services.services(session, "default")
    assert found.permissions == {(MANAGER, DATA_ACCESS)}


def test_wrong_name_of_a_program_is_refused(registry: Registry) -> None:
    app = part("programs")
    next(box for box in app.text_input if box.label == "Program").set_value("Not A Name")

    assert "no name for a service" in messages(press(app, "Add the program"))


def test_domain_waits_for_a_second_administrator_and_is_removed(registry: Registry) -> None:
    add_person(registry, "second@example.org", manager="administrator")
    app = part("domains")
    assert "everybody is invited" in messages(app)
    app.text_input(key="new_domain").set_value("Example.org").run()
    app = app.button(key="allow").click().run()
    assert "example.org waits until a second administrator confirms it." in messages(app)
    assert app.dataframe[0].value["domain_state"].to_list() == ["waits for a second administrator"]

    app = pick(app, "domains", 0)
    app = app.button(key="confirm").click().run()
    assert "not the one who asks" in messages(app)
    app = app.button(key="remove").click().run()

    assert "example.org is removed." in messages(app)
    with registry.begin(readonly=True) as session:
        assert not domains.requests(session, "default")


def test_domain_is_confirmed_by_another(registry: Registry) -> None:
    add_person(registry, "second@example.org", manager="administrator")
    domains.allow(registry, "default", "example.org", identity="user:1", now=BY["now"])
    app = pick(part("domains"), "domains", 0)
    assert app.dataframe[0].value["asked_by"].to_list() == ["Person admin"]

    app = app.button(key="confirm").click().run()

    assert "example.org belongs to the organisation now." in messages(app)
    with registry.begin(readonly=True) as session:
        assert domains.domains(session, "default") == {"example.org"}


def test_what_is_no_domain_is_refused(registry: Registry) -> None:
    app = part("domains")
    app.text_input(key="new_domain").set_value("nonsense").run()

    assert "is no domain" in messages(app.button(key="allow").click().run())


def test_person_may_read_one_meter_by_its_serial_number_and_no_more(registry: Registry) -> None:
    number = add_person(registry, "reader@example.org")
    app = opened("users", search="reader")
    app.text_input(key=f"read_meter_{number}").set_value("20000001")
    app.date_input(key=f"read_to_{number}").set_value(datetime(2030, 12, 31).date())  # noqa: DTZ001
    app = press(app, "Let read")
    assert f"Person reader may read {house.OTHER}." in messages(app)
    with registry.begin(readonly=True) as session:
        (right,) = grants.read_rights(session, "default", number)
    assert right.meter_id == house.OTHER
    assert right.valid_to == datetime(2030, 12, 31, 23, tzinfo=UTC), "the last day counts to its end"

    app = pick(app, "read_rights", 0)
    app = app.button(key="revoke_reading").click().run()

    assert "The rights of Person reader are taken away." in messages(app)
    with registry.begin(readonly=True) as session:
        assert grants.read_rights(session, "default", number) == []


def test_right_to_read_a_meter_that_there_is_none_of_is_refused(registry: Registry) -> None:
    number = add_person(registry, "reader@example.org")
    app = opened("users", search="reader")
    app.text_input(key=f"read_meter_{number}").set_value("99999999")

    assert "No meter is called 99999999" in messages(press(app, "Let read"))


@pytest.mark.parametrize(("name", "button"), [("programs", "secret_orchestrator"), ("domains", "allow")])
def test_who_has_no_right_changes_nothing(registry: Registry, name: str, button: str) -> None:
    app = part(name, replace(ALMIGHTY, identity="user:99"))
    if name == "programs":
        app = one_program("orchestrator", app)
    else:
        app.text_input(key="new_domain").set_value("example.org").run()

    app = app.button(key=button).click().run()

    assert "no right for this (controlling access)" in messages(app)
    assert not app.code
