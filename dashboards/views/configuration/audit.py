"""Who changed what: the audit log with its details, and whether its chain holds."""

import json
from datetime import date, datetime

import streamlit as st

from dashboards.components import filters
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry.audit import walk
from registry.heads import fault, read_heads
from registry.trail import Filter, details, events, types
from warehouse.transforms.calendar import local_days

MOST = 5000
COLUMNS = {
    "at": WHEN,
    "event": TEXT,
    "identity": TEXT,
    "computer": TEXT,
    "object": TEXT,
    "reason": TEXT,
    "number": COUNT,
}


def page() -> None:
    """Draws the page."""
    say, house = words(), installation()
    today = datetime.now(say.zone).date()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        days = filters.period(say, (date(2000, 1, 1), today))
        kind = st.selectbox(
            say("audit.type"),
            types(house.registry, organisation()),
            index=None,
            format_func=lambda name: say.named("audit_event", name),
            placeholder=say("audit.all_types"),
            key="type",
            bind="query-params",
        )
        target = filters.text(say("audit.object"), key="object")
        who = filters.text(say("audit.identity"), key="identity", placeholder="user:1")
    if days is None:
        return
    bounds = local_days(*days, say.zone)
    if bounds.is_empty():
        st.info(say("audit.none"), icon=":material/info:")
        return
    asked = Filter(organisation(), bounds["start"][0], bounds["end"][-1], kind or None, who or None, target or None)
    found = events(house.registry, asked, MOST)
    if len(found) == MOST:
        st.warning(say("audit.many", most=say.number(MOST)), icon=":material/warning:")
    rows = rows_of(found, COLUMNS)
    chosen = table(
        say,
        named(rows, "identity"),
        key="events",
        file_name="audit",
        nothing=say("audit.none"),
        values={"event": "audit_event"},
    )
    if chosen.height:
        _details(say, chosen["number"].to_list()[:5])
    elif rows.height:
        st.caption(say("audit.choose"))
    _chain(say)


def _details(say: Words, numbers: list[int]) -> None:
    house = installation()
    for number in numbers:
        st.subheader(say("audit.details", number=number))
        found = details(house.registry, house.vault, organisation(), number)
        st.code(json.dumps(found, indent=2, ensure_ascii=False), language="json", wrap_lines=True)


def _chain(say: Words) -> None:
    st.subheader(say("audit.chain"))
    if not st.button(say("audit.walk"), icon=":material/link:", key="walk"):
        st.caption(say("audit.chain_help"))
        return
    file = installation().settings.audit_heads_path
    with st.spinner(say("audit.walking"), show_time=True):
        chain = walk(installation().registry, read_heads(file))
    if problem := fault(chain, file):
        st.error(f"{say('audit.broken')} {problem}", icon=":material/link_off:")
    else:
        st.success(say("audit.holds", events=say.number(chain.events), head=chain.head[:16]), icon=":material/link:")
