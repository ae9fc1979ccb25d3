"""Rights of a person to read single meters."""

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation
from dashboards.words import Words
from registry.inventory.meters import find_meter
from registry.people import grants
from registry.people.rights import ACCESS_CONTROL, Right
from registry.people.users import Account

RIGHT = Right(ACCESS_CONTROL)


def read_rights(say: Words, account: Account) -> None:
    """Draws the meters that a person may read, and what gives and takes such rights."""
    who = account.name or account.email
    st.subheader(say("read_rights.title", person=who))
    st.caption(say("read_rights.what"))
    with installation().registry.begin(readonly=True) as session:
        held = grants.read_rights(session, organisation(), account.user_id)
    columns = {"meter_id": TEXT, "valid_from": WHEN, "valid_to": WHEN, "granted_by": TEXT}
    chosen = table(
        say,
        named(rows_of(held, columns), "granted_by"),
        key="read_rights",
        file_name="read_rights",
        nothing=say("read_rights.none"),
        may_group=False,
    )
    _grant(say, account.user_id, who)
    meters = chosen["meter_id"].to_list() if chosen.height else []
    question = say("read_rights.revoke_help", person=who, count=say.number(len(meters)))
    if confirmed(
        say, say("read_rights.revoke"), question, key="revoke_reading", icon="visibility_off", disabled=not meters
    ):

        def revoke(work: Working) -> None:
            for meter in meters:
                grants.revoke(work.house.registry, work.organisation, account.user_id, meter, **work.by)

        if asking.worked(RIGHT, revoke, said=lambda _: say("read_rights.revoked", person=who)):
            st.rerun()


def _grant(say: Words, user_id: int, who: str) -> None:
    with st.form(f"read_{user_id}", enter_to_submit=False), st.container(horizontal=True, vertical_alignment="bottom"):
        meter = st.text_input(say("read_rights.meter"), key=f"read_meter_{user_id}").strip()
        today = datetime.now(say.zone).date()
        first = st.date_input(say("column.valid_from"), today, key=f"read_from_{user_id}", format="YYYY-MM-DD")
        last = st.date_input(say("column.valid_to"), None, key=f"read_to_{user_id}", format="YYYY-MM-DD")
        if not st.form_submit_button(say("read_rights.grant"), icon=":material/visibility:"):
            return

    def grant(work: Working) -> str:
        registry = work.house.registry
        with registry.begin(readonly=True) as session:
            meter_id = find_meter(session, work.organisation, meter).meter_id
        until = _midnight(say, last + timedelta(days=1)) if isinstance(last, date) else None
        since = _midnight(say, first) if isinstance(first, date) else work.now
        grants.grant(registry, work.organisation, user_id, meter_id, valid_from=since, valid_to=until, **work.by)
        return meter_id

    if asking.worked(RIGHT, grant, said=lambda name: say("read_rights.granted", person=who, meter=name)):
        st.rerun()


def _midnight(say: Words, day: date) -> datetime:
    return datetime.combine(day, time.min, say.zone).astimezone(UTC)
