"""The tree of organisations, what each sees, and partners."""

import json

import pytest
from sqlalchemy import select

from registry import organisations
from registry.errors import RegistryError
from registry.models import AuditEvent, Organisation
from registry.organisations import NO_PARTNER
from registry.store import Registry
from tests.unit.registry.conftest import NOW

WHO = {"identity": "test", "now": NOW}


@pytest.fixture
def tree(registry: Registry) -> Registry:
    """``default`` above ``north`` (which may create) and ``south``; ``village`` below; ``stranger`` beside."""
    with registry.begin() as session:
        organisations.add(
            session, "default", "north", name="North Water", own_reference="N-1", may_create_children=True, **WHO
        )
        organisations.add(session, "default", "south", name="South Heat", own_reference="S-1", **WHO)
        organisations.add(session, "north", "village", name="Village", **WHO)
        organisations.root(session, "stranger", NOW)
    return registry


def names(registry: Registry, organisation: str, **filters: str) -> list[str]:
    with registry.begin(readonly=True) as session:
        return [entry.organisation for entry in organisations.listed(session, organisation, **filters)]


def test_visibility_flows_down(tree: Registry) -> None:
    assert names(tree, "default") == ["default", "north", "south", "village"]
    assert names(tree, "north") == ["north", "village"]
    assert names(tree, "village") == ["village"]
    assert names(tree, "stranger") == ["stranger"]
    with tree.begin(readonly=True) as session:
        assert organisations.listed(session, "north")[0].parent is None, "the one above is not shown"
        with pytest.raises(RegistryError, match="no organisation default that north sees"):
            organisations.seen(session, "north", "default")


def test_the_list_is_filtered(tree: Registry) -> None:
    assert names(tree, "default", name="water") == ["north"]
    assert names(tree, "default", parent="north") == ["village"]
    assert names(tree, "default", own_reference="s-") == ["south"]
    assert names(tree, "north", parent="default") == [], "nobody sees upwards by a filter"


def test_a_child_creates_children_only_if_it_may(tree: Registry) -> None:
    with tree.begin() as session:
        with pytest.raises(RegistryError, match="south may not create organisations"):
            organisations.add(session, "south", "hamlet", name="Hamlet", **WHO)
        with pytest.raises(RegistryError, match="Only the organisation above"):
            organisations.edit(session, "south", "south", may_create_children=True, **WHO)
        organisations.edit(session, "default", "south", may_create_children=True, **WHO)
        organisations.edit(session, "default", "north", may_create_children=False, **WHO)
        with pytest.raises(RegistryError, match="north may not create organisations, and so lets no other"):
            organisations.edit(session, "north", "village", may_create_children=True, **WHO)
        organisations.add(session, "south", "hamlet", name="Hamlet", **WHO)
    assert names(tree, "south") == ["south", "hamlet"]


@pytest.mark.parametrize(
    ("new", "parent", "message"),
    [
        ("north", None, "cannot be used"),
        ("a b", None, "no short name"),
        ("new", "stranger", "no organisation stranger that default sees"),
    ],
)
def test_an_organisation_that_cannot_be_added(tree: Registry, new: str, parent: str | None, message: str) -> None:
    with tree.begin() as session, pytest.raises(RegistryError, match=message):
        organisations.add(session, "default", new, name="x", parent=parent, **WHO)


def test_the_public_id_stays_through_edits_which_are_audited(tree: Registry) -> None:
    with tree.begin() as session:
        before = organisations.listed(session, "default", name="north")[0]
        after = organisations.edit(session, "default", "north", name="Northern Water", own_reference="N-2", **WHO)
        organisations.edit(session, "default", "north", name="Northern Water", **WHO)
        assert after.public_id == before.public_id
        assert (after.name, after.own_reference) == ("Northern Water", "N-2")
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.event == "organisations.edit"))
        assert json.loads(event.before or "") == {"name": "North Water", "own_reference": "N-1"}
        assert json.loads(event.after or "") == {"name": "Northern Water", "own_reference": "N-2"}


def public_id(registry: Registry, organisation: str) -> str:
    with registry.begin(readonly=True) as session:
        return session.scalars(select(Organisation.public_id).where(Organisation.organisation == organisation)).one()


def test_partners_are_linked_by_id_noted_on_both_sides_and_revoked(tree: Registry) -> None:
    guest = public_id(tree, "stranger")
    with tree.begin() as session:
        with pytest.raises(RegistryError, match="neither below"):
            organisations.reachable(session, "default", "stranger")
        assert organisations.add_partner(session, "default", guest, **WHO) == "stranger"
        assert organisations.add_partner(session, "default", guest, **WHO) == "stranger", "twice is once"
        assert organisations.partners(session, "default") == ["stranger"]
        assert organisations.partners(session, "stranger") == ["default"]
        assert organisations.reachable(session, "default", guest) == "stranger"
        organisations.revoke_partner(session, "default", "stranger", **WHO)
        assert organisations.partners(session, "stranger") == []
        organisations.add_partner(session, "default", guest, **WHO)
        events = session.execute(
            select(AuditEvent.organisation, AuditEvent.event, AuditEvent.object).where(
                AuditEvent.event.like("partners.%")
            )
        ).all()
    one, other = ("default", "stranger"), ("stranger", "default")
    add, revoke = "partners.add", "partners.revoke"
    expected = [(side[0], what, side[1]) for what in (add, revoke, add) for side in (one, other)]
    assert [tuple(event) for event in events] == expected


def test_an_unknown_id_and_a_refusal_read_the_same(tree: Registry) -> None:
    guest = public_id(tree, "stranger")
    with tree.begin() as session:
        organisations.add_partner(session, "default", guest, **WHO)
        organisations.revoke_partner(session, "stranger", "default", **WHO)
        organisations.edit(session, "north", "village", accepts_partners=False, **WHO)
    refusals = []
    for given in (guest, public_id(tree, "village"), "3f0d4e62-0000-4000-8000-000000000000", "no id at all"):
        with tree.begin() as session, pytest.raises(RegistryError) as caught:
            organisations.add_partner(session, "default", given, **WHO)
        refusals.append(str(caught.value))
    assert set(refusals) == {NO_PARTNER}


def test_an_installation_makes_the_first_organisation_it_works_for_and_no_other(registry: Registry) -> None:
    def admit(organisation: str) -> None:
        with registry.begin() as session:
            organisations.admit(session, organisation, NOW)

    with pytest.raises(RegistryError, match="no short name"):
        admit("../../evil")
    admit("default")
    admit("default")
    with pytest.raises(RegistryError, match="There is no organisation defualt"):
        admit("defualt")
    assert names(registry, "default") == ["default"]
    with registry.begin(readonly=True) as session:
        assert session.scalars(select(Organisation.organisation)).all() == ["default"]
        assert session.scalars(select(AuditEvent.object).where(AuditEvent.event == "organisations.add")).all() == [
            "default"
        ]
