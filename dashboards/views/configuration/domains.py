"""Mail domains whose people belong to the organisation."""

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.words import Words
from registry.people import domains as registered
from registry.people.rights import ACCESS_CONTROL, Right

RIGHT = Right(ACCESS_CONTROL)
ALLOWED, WAITS = "allowed", "waits"


def domains(say: Words) -> None:
    """Draws the domains, and what can be done about them."""
    st.caption(say("domains.what"))
    with installation().registry.begin(readonly=True) as session:
        allowed = sorted(registered.domains(session, organisation()))
        asked = registered.requests(session, organisation())
    waiting = named(rows_of(asked, {"domain": TEXT, "asked_by": TEXT, "asked_at": WHEN}), "asked_by")
    rows = pl.concat(
        [
            waiting.with_columns(domain_state=pl.lit(WAITS)),
            pl.DataFrame({"domain": allowed}, schema={"domain": TEXT}).with_columns(domain_state=pl.lit(ALLOWED)),
        ],
        how="diagonal",
    ).select("domain", "domain_state", "asked_by", "asked_at")
    chosen = table(
        say,
        rows,
        key="domains",
        file_name="domains",
        nothing=say("domains.none"),
        values={"domain_state": "domain_state"},
    )
    row = chosen.row(0, named=True) if chosen.height else {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _allow(say)
        _confirm(say, str(row.get("domain") or ""), may=row.get("domain_state") == WAITS)
        _remove(say, str(row.get("domain") or ""))


def _allow(say: Words) -> None:
    domain = st.text_input(say("column.domain"), placeholder="example.org", key="new_domain").strip().lower()
    if not st.button(say("domains.allow"), icon=":material/add:", disabled=not domain, key="allow"):
        return

    def allow(work: Working) -> bool:
        return registered.allow(work.house.registry, work.organisation, domain, **work.by)

    def said(holds: bool) -> str:
        return say("domains.allowed" if holds else "domains.waits", domain=domain)

    if asking.worked(RIGHT, allow, said=said):
        st.rerun()


def _confirm(say: Words, domain: str, *, may: bool) -> None:
    question = say("domains.confirm_help", domain=domain)
    if confirmed(say, say("domains.confirm"), question, key="confirm", icon="verified_user", disabled=not may):

        def confirm(work: Working) -> None:
            registered.confirm(work.house.registry, work.organisation, domain, **work.by)

        if asking.worked(RIGHT, confirm, said=lambda _: say("domains.allowed", domain=domain)):
            st.rerun()


def _remove(say: Words, domain: str) -> None:
    question = say("domains.remove_help", domain=domain)
    if confirmed(say, say("domains.remove"), question, key="remove", icon="delete", disabled=not domain):

        def remove(work: Working) -> None:
            registered.remove(work.house.registry, work.organisation, domain, **work.by)

        if asking.worked(RIGHT, remove, said=lambda _: say("domains.removed", domain=domain)):
            st.rerun()
