"""People and what they may do: accounts, roles, invitations, permissions, programs, mail domains."""

import polars as pl
import streamlit as st

from dashboards.components import asking, filters
from dashboards.components.asking import Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, WHEN, YES, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.views.configuration.domains import domains
from dashboards.views.configuration.invitations import RIGHT, invite, pending
from dashboards.views.configuration.programs import programs
from dashboards.views.configuration.read_rights import read_rights
from dashboards.words import Words
from registry.people import links, matrix, roles, users
from registry.people.access import permission_matrix
from registry.people.rights import AREAS, CAPABILITIES, EDITABLE, SERVICES
from registry.people.tokens import Issued
from registry.people.users import Account

PARTS = ("accounts", "invitations", "permissions", "programs", "domains")
NONE = ""


def page() -> None:
    """Draws the page."""
    say = words()
    part = filters.choice(
        say("users.part"), PARTS, key="part", default=PARTS[0], named=lambda name: say.named("users_part", name)
    )
    match part:
        case "invitations":
            pending(say)
            invite(say)
        case "permissions":
            _permissions(say)
        case "programs":
            programs(say)
        case "domains":
            domains(say)
        case _:
            _accounts(say)


def _accounts(say: Words) -> None:
    wanted = filters.text(say("users.search"), key="search")
    with installation().registry.begin(readonly=True) as session:
        found = users.find(session, [organisation()])
    found = [one for one in found if wanted.casefold() in f"{one.name} {one.email}".casefold()]
    held = [
        "; ".join(f"{say.named('service', service)}: {say.named('role', role)}" for service, role in one.roles.items())
        for one in found
    ]
    columns = {"name": TEXT, "email": TEXT, "state": TEXT, "is_external": YES, "latest_login_at": WHEN}
    rows = rows_of(found, columns).rename({"name": "person", "state": "account_state"})
    shown = rows.with_columns(roles=pl.Series(held, dtype=pl.String))
    chosen = table(
        say,
        shown.select("person", "email", "roles", "account_state", "latest_login_at", "is_external"),
        key="accounts",
        file_name="users",
        nothing=say("users.none"),
        values={"account_state": "account_state"},
    )
    if chosen.height:
        email = chosen["email"][0]
        _one(say, next(one for one in found if one.email == email))
    elif len(found) == 1:
        _one(say, found[0])
    elif found:
        st.caption(say("users.choose"))


def _one(say: Words, account: Account) -> None:
    st.subheader(account.name or account.email)
    shown = seen(say, f"roles_{account.user_id}", dict(account.roles))
    with st.form(f"roles_{account.user_id}"):
        wanted = {}
        with st.container(horizontal=True):
            for service, offered in SERVICES.items():
                held = shown.get(service, NONE)
                wanted[service] = st.selectbox(
                    say.named("service", service),
                    (NONE, *offered),
                    index=(NONE, *offered).index(held),
                    format_func=lambda name: say.named("role", name) if name else say("users.no_role"),
                    key=f"role_{service}_{account.user_id}",
                )
        reason = st.text_input(say("users.reason"), key=f"why_{account.user_id}").strip()
        if st.form_submit_button(say("users.save_roles"), type="primary"):
            changes = {name: role or None for name, role in wanted.items() if role != shown.get(name, NONE)}
            if _give(say, account, shown, changes, reason):
                st.rerun()
    with st.container(horizontal=True):
        _buttons(say, account)
    read_rights(say, account)


def _give(say: Words, account: Account, shown: dict[str, str], changes: dict[str, str | None], reason: str) -> bool:
    def give(work: Working) -> int:
        registry = work.house.registry
        with registry.begin(readonly=True) as session:
            stored = users.account_of(session, work.organisation, str(account.user_id))
        asking.unchanged(shown, dict(stored.roles), f"user:{account.user_id}")
        for service, role in changes.items():
            roles.change(registry, work.organisation, account.user_id, service, role, reason=reason or None, **work.by)
        return len(changes)

    def said(count: int) -> str:
        return say("users.roles_changed", person=account.name or account.email, count=count)

    is_done = asking.worked(RIGHT, give, said=said)
    if is_done:
        forget(f"roles_{account.user_id}")
    return is_done


def _buttons(say: Words, account: Account) -> None:
    number, who = account.user_id, account.name or account.email
    is_disabled = account.state == "disabled"
    label = say("users.enable" if is_disabled else "users.disable")
    question = say("users.enable_help" if is_disabled else "users.disable_help", person=who)
    if confirmed(say, label, question, key="enable", icon="person_check" if is_disabled else "person_off"):

        def switch(work: Working) -> None:
            users.set_enabled(work.house.registry, work.organisation, number, is_enabled=is_disabled, **work.by)

        text = say("users.enabled" if is_disabled else "users.disabled", person=who)
        if asking.worked(RIGHT, switch, said=lambda _: text):
            st.rerun()
    if confirmed(say, say("users.sign_out"), say("users.sign_out_help", person=who), key="sign_out", icon="logout"):

        def sign_out(work: Working) -> int:
            return users.revoke_sessions(work.house.registry, work.organisation, number, **work.by)

        if asking.worked(RIGHT, sign_out, said=lambda count: say("users.signed_out", person=who, count=count)):
            st.rerun()
    letters = installation().letters
    if letters is not None and confirmed(
        say, say("users.reset"), say("users.reset_help", person=who), key="reset", icon="password"
    ):

        def reset(work: Working) -> Issued:
            return links.reset_password(work.house.registry, work.organisation, number, letters=letters, **work.by)

        if asking.worked(RIGHT, reset, said=lambda _: say("users.letter_waits", person=who)):
            st.rerun()
    for capability in CAPABILITIES:
        if confirmed(
            say, say("users.capability"), say("users.capability_help", person=who), key=capability, icon="key"
        ):

            def grant(work: Working, name: str = capability) -> None:
                roles.set_capability(work.house.registry, work.organisation, number, name, is_granted=True, **work.by)

            if asking.worked(RIGHT, grant, said=lambda _: say("users.capability_given", person=who)):
                st.rerun()
    if confirmed(say, say("users.delete"), say("users.delete_help", person=who), key="delete", icon="delete"):

        def delete(work: Working) -> None:
            users.delete(work.house.registry, work.organisation, number, **work.by)

        if asking.worked(RIGHT, delete, said=lambda _: say("users.deleted", person=who)):
            st.rerun()


def _permissions(say: Words) -> None:
    with installation().registry.begin(readonly=True) as session:
        known = permission_matrix(session, organisation())
    st.caption(say("users.matrix_help"))
    with st.form("matrix"):
        wanted = {
            (role, area): st.checkbox(
                f"{say.named('role', role)}: {say.named('right', area)}", area in known[role], key=f"{role}_{area}"
            )
            for role in EDITABLE
            for area in AREAS
        }
        if not st.form_submit_button(say("config.save"), type="primary"):
            return
    changes = {place: allowed for place, allowed in wanted.items() if allowed != (place[1] in known[place[0]])}

    def edit(work: Working) -> int:
        for (role, area), allowed in changes.items():
            matrix.edit(work.house.registry, work.organisation, role, area, is_allowed=allowed, **work.by)
        return len(changes)

    if asking.worked(RIGHT, edit, said=lambda count: say("users.matrix_changed", count=count)):
        st.rerun()
