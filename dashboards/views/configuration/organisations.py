"""Organisations below one's own, and partners."""

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, YES, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry import organisations
from registry.organisations import Entry
from registry.people.rights import ACCESS_CONTROL, Right

RIGHT = Right(ACCESS_CONTROL)
COLUMNS = {
    "organisation": TEXT,
    "name": TEXT,
    "own_reference": TEXT,
    "parent": TEXT,
    "public_id": TEXT,
    "may_create_children": YES,
    "accepts_partners": YES,
}


def page() -> None:
    """Draws the page."""
    say = words()
    with installation().registry.begin(readonly=True) as session:
        found = organisations.listed(session, organisation())
        partners = organisations.partners(session, organisation())
    rows = rows_of(found, COLUMNS).rename({"organisation": "short_name", "name": "organisation_name"})
    chosen = table(say, rows, key="organisations", file_name="organisations", nothing=say("organisations.none"))
    if chosen.height:
        _edit(say, next(one for one in found if one.organisation == chosen["short_name"][0]))
    _add(say)
    _partners(say, partners)


def _edit(say: Words, entry: Entry) -> None:
    entry = seen(say, f"organisation_{entry.organisation}", entry)
    st.subheader(say("organisations.edit", organisation=entry.name))
    with st.form(f"edit_{entry.organisation}"):
        name = st.text_input(say("column.organisation_name"), entry.name, max_chars=100).strip()
        reference = st.text_input(say("column.own_reference"), entry.own_reference or "", max_chars=100).strip()
        may_create = st.checkbox(say("column.may_create_children"), entry.may_create_children)
        accepts = st.checkbox(say("column.accepts_partners"), entry.accepts_partners)
        if not st.form_submit_button(say("config.save"), type="primary"):
            return

    def edit(doing: Doing) -> Entry:
        stored = {one.organisation: one for one in organisations.listed(doing.session, doing.organisation)}
        asking.unchanged(entry, stored.get(entry.organisation), entry.organisation)
        return organisations.edit(
            doing.session,
            doing.organisation,
            entry.organisation,
            name=name if name != entry.name else None,
            own_reference=reference if reference != (entry.own_reference or "") else None,
            may_create_children=may_create if may_create != entry.may_create_children else None,
            accepts_partners=accepts if accepts != entry.accepts_partners else None,
            **doing.by,
        )

    if asking.done(RIGHT, edit, said=lambda after: say("organisations.saved", name=after.name)):
        forget(f"organisation_{entry.organisation}")
        st.rerun()


def _add(say: Words) -> None:
    with st.expander(say("organisations.new"), icon=":material/domain_add:"), st.form("new_organisation"):
        short = st.text_input(say("column.short_name"), help=say("organisations.short_help"), max_chars=64).strip()
        name = st.text_input(say("column.organisation_name"), max_chars=100).strip()
        reference = st.text_input(say("column.own_reference"), max_chars=100).strip()
        may_create = st.checkbox(say("column.may_create_children"))
        if not st.form_submit_button(say("organisations.add"), type="primary"):
            return

        def add(doing: Doing) -> Entry:
            return organisations.add(
                doing.session,
                doing.organisation,
                short,
                name=name,
                own_reference=reference or None,
                may_create_children=may_create,
                **doing.by,
            )

        if asking.done(RIGHT, add, said=lambda entry: say("organisations.added", name=entry.name)):
            st.rerun()


def _partners(say: Words, partners: list[str]) -> None:
    st.subheader(say("organisations.partners"))
    rows = pl.DataFrame({"partner": pl.Series(partners, dtype=pl.String)})
    chosen = table(say, rows, key="partners", file_name="partners", nothing=say("organisations.no_partners"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        public_id = st.text_input(say("organisations.partner_id"), key="partner_id").strip()
        if st.button(say("organisations.add_partner"), disabled=not public_id, key="add_partner"):

            def add(doing: Doing) -> str:
                return organisations.add_partner(doing.session, doing.organisation, public_id, **doing.by)

            if asking.done(RIGHT, add, said=lambda name: say("organisations.partner_added", name=name)):
                st.rerun()
        name = chosen["partner"][0] if chosen.height else ""
        question = say("organisations.revoke_help", name=name)
        if confirmed(say, say("organisations.revoke"), question, key="revoke", icon="link_off", disabled=not name):

            def revoke(doing: Doing) -> None:
                organisations.revoke_partner(doing.session, doing.organisation, name, **doing.by)

            if asking.done(RIGHT, revoke, said=lambda _: say("organisations.revoked", name=name)):
                st.rerun()
