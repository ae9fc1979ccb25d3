"""Programs: what those may do that work without signing in, and the secrets by which they come in."""

from datetime import timedelta
from itertools import product

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, WHEN, YES, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.words import Words
from registry.people import services
from registry.people.access import service_permissions
from registry.people.rights import ACCESS_CONTROL, AREAS, SERVICES, UNATTENDED, Right
from registry.people.services import LONGEST_TTL, SECRET_TTL, Service

RIGHT = Right(ACCESS_CONTROL)
_OFFERED = list(product(SERVICES, AREAS))
_MADE = "made_for_program"


def programs(say: Words) -> None:
    """Draws the programs, and what can be done about one."""
    with installation().registry.begin(readonly=True) as session:
        found = services.services(session, organisation())
    columns = {"name": TEXT, "description": TEXT, "is_enabled": YES, "secret_expires_at": WHEN}
    permissions = ["; ".join(sorted(_named(say, pair) for pair in one.permissions)) for one in found]
    rows = (
        rows_of(found, columns).with_columns(permissions=pl.Series(permissions, dtype=TEXT)).rename({"name": "program"})
    )
    table(say, rows, key="programs", file_name="programs", nothing="")
    _show_secret(say)
    by_name = {one.name: one for one in found}
    name = st.selectbox(say("column.program"), list(by_name), None, placeholder=say("programs.choose"), key="program")
    if name is not None:
        _one(say, by_name[name])
    _add(say)


def _named(say: Words, pair: tuple[str, str]) -> str:
    return f"{say.named('service', pair[0])}: {say.named('right', pair[1])}"


def _one(say: Words, program: Service) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _secret(say, program)
        _switch(say, program)
    _permit(say, program)


def _secret(say: Words, program: Service) -> None:
    name = program.name
    days = st.number_input(say("programs.days"), 1, LONGEST_TTL.days, SECRET_TTL.days, key=f"days_{name}", width=180)
    question = say("programs.secret_help", program=name)
    if confirmed(say, say("programs.secret"), question, key=f"secret_{name}", icon="key"):

        def make(work: Working) -> str:
            ttl = timedelta(days=int(days))
            return services.new_secret(work.house.registry, work.organisation, name, ttl=ttl, **work.by)

        if asking.worked(RIGHT, make, said=lambda secret: _keep(say, name, secret)):
            st.rerun()
    question = say("programs.revoke_help", program=name)
    if confirmed(say, say("programs.revoke"), question, key=f"revoke_{name}", icon="key_off"):

        def revoke(work: Working) -> None:
            services.revoke_secret(work.house.registry, work.organisation, name, **work.by)

        if asking.worked(RIGHT, revoke, said=lambda _: say("programs.revoked", program=name)):
            st.rerun()


def _keep(say: Words, name: str, secret: str) -> str:
    st.session_state[_MADE] = secret
    return say("programs.secret_made", program=name)


def _show_secret(say: Words) -> None:
    """Shows a secret that was just made, once: it is kept nowhere."""
    secret = st.session_state.pop(_MADE, None)
    if secret is not None:
        st.warning(say("programs.secret_once"), icon=":material/visibility:")
        st.code(secret, language=None)


def _switch(say: Words, program: Service) -> None:
    name, is_enabled = program.name, not program.is_enabled
    label = say("users.enable" if is_enabled else "users.disable")
    question = say("programs.enable_help" if is_enabled else "programs.disable_help", program=name)
    icon = "toggle_on" if is_enabled else "toggle_off"
    if confirmed(say, label, question, key=f"switch_{name}", icon=icon):

        def switch(work: Working) -> None:
            services.enable(work.house.registry, work.organisation, name, is_enabled=is_enabled, **work.by)

        text = say("programs.enabled" if is_enabled else "programs.disabled", program=name)
        if asking.worked(RIGHT, switch, said=lambda _: text):
            st.rerun()


def _permit(say: Words, program: Service) -> None:
    name, mark = program.name, f"permissions_{program.name}"
    shown = seen(say, mark, program.permissions)
    with st.form(mark):
        wanted = st.multiselect(
            say("column.permissions"),
            _OFFERED,
            default=[pair for pair in _OFFERED if pair in shown],
            format_func=lambda pair: _named(say, pair),
            key=f"may_{name}",
        )
        if not st.form_submit_button(say("config.save"), type="primary"):
            return

    def permit(work: Working) -> None:
        with work.house.registry.begin(readonly=True) as session:
            stored = service_permissions(session, work.organisation, name)
        asking.unchanged(shown, stored, f"service:{name}")
        services.permit(work.house.registry, work.organisation, name, set(wanted), **work.by)

    if asking.worked(RIGHT, permit, said=lambda _: say("programs.permitted", program=name)):
        forget(mark)
        st.rerun()


def _add(say: Words) -> None:
    with st.expander(say("programs.new"), icon=":material/add:"), st.form("new_program", enter_to_submit=False):
        name = st.text_input(say("column.program"), help=say("programs.name_help"), max_chars=63).strip()
        description = st.text_input(say("column.description"), max_chars=200).strip()
        wanted = st.multiselect(
            say("column.permissions"),
            _OFFERED,
            default=[pair for pair in _OFFERED if pair in UNATTENDED],
            format_func=lambda pair: _named(say, pair),
        )
        if not st.form_submit_button(say("programs.add"), type="primary"):
            return

    def add(work: Working) -> None:
        services.add(
            work.house.registry, work.organisation, name, set(wanted), description=description or None, **work.by
        )

    if asking.worked(RIGHT, add, said=lambda _: say("programs.added", program=name)):
        st.rerun()
