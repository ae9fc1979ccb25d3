"""Key bundles of field devices: the keys of a route and no others, until a day; and the list of revoked ones."""

from datetime import UTC, datetime, timedelta

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, viewer
from dashboards.views.configuration.key_files import RIGHT, sealed
from dashboards.words import Words
from registry import key_export
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, Right
from warehouse.queries import subjects

REVOKE = Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS)
MOST_DAYS = 366
_DAYS = 14
_LIST = "revocation_list"


def bundles(say: Words) -> None:
    """Draws the bundles that were handed out, what makes one, and what revokes it."""
    now = datetime.now(UTC)
    with installation().registry.begin(readonly=True) as session:
        found = key_export.bundles(session, organisation())
    columns = {
        "device": TEXT,
        "meters": COUNT,
        "created_at": WHEN,
        "expires_at": WHEN,
        "revoked_at": WHEN,
        "bundle": TEXT,
    }
    state = (
        pl.when(pl.col("revoked_at").is_not_null())
        .then(pl.lit("revoked"))
        .when(pl.col("expires_at") <= now)
        .then(pl.lit("expired"))
        .otherwise(pl.lit("holds"))
    )
    rows = rows_of(found, columns).with_columns(bundle_state=state).rename({"expires_at": "holds_until"})
    chosen = table(
        say,
        rows.select("device", "bundle_state", "meters", "created_at", "holds_until", "revoked_at", "bundle"),
        key="bundles",
        file_name="key_bundles",
        nothing=say("bundles.none"),
        values={"bundle_state": "bundle_state"},
    )
    with st.container(horizontal=True):
        if viewer().may(REVOKE):
            _revoke(say, chosen.filter(pl.col("bundle_state") == "holds")["bundle"].to_list() if chosen.height else [])
        _revocations(say)
    _new(say)


def _revoke(say: Words, names: list[str]) -> None:
    question = say("bundles.revoke_help", count=say.number(len(names)))
    if confirmed(say, say("bundles.revoke"), question, key="revoke", icon="key_off", disabled=not names):

        def revoke(doing: Doing) -> None:
            for name in names:
                key_export.revoke_bundle(doing.session, doing.organisation, name, **doing.by)

        if asking.done(REVOKE, revoke, said=lambda _: say("bundles.revoked", count=say.number(len(names)))):
            st.rerun()


def _revocations(say: Words) -> None:
    """Draws what makes the list of revoked bundles, and hands it over."""
    if st.button(say("bundles.list"), icon=":material/list:", key="list"):

        def make(doing: Doing) -> str:
            return key_export.revocation_list(doing.session, doing.house.vault, doing.organisation, **doing.by)

        asking.done(RIGHT, make, said=lambda content: _keep(say, content))
        asking.tell()
    if content := st.session_state.get(_LIST):
        st.download_button(
            say("bundles.take_list"),
            content,
            "revocations.json",
            "application/json",
            key="take_list",
            on_click=st.session_state.pop,
            args=(_LIST, None),
        )


def _keep(say: Words, content: str) -> str:
    st.session_state[_LIST] = content
    return say("bundles.list_made")


def _new(say: Words) -> None:
    with st.expander(say("bundles.new"), icon=":material/phonelink_lock:"):
        st.caption(say("bundles.new_help"))
        groups = remembered(subjects.groups)["group"].to_list()
        group = st.selectbox(say("bundles.route"), groups, None, placeholder="", key="route")
        device = st.text_input(say("bundles.device"), max_chars=100, key="bundle_device").strip()
        days = int(st.number_input(say("bundles.days"), 1, MOST_DAYS, _DAYS, key="bundle_days"))

        def make(doing: Doing, password: str) -> bytes:
            meters = key_export.group_meters(doing.session, doing.organisation, str(group), doing.now)
            _, content = key_export.make_bundle(
                doing.session,
                doing.house.vault,
                doing.organisation,
                meters,
                password,
                device=device,
                expires_at=doing.now + timedelta(days=days),
                **doing.by,
            )
            return content

        sealed(
            say,
            make,
            key="bundle",
            mark=(group, device, days),
            file_name=f"{group}.mhk",
            said=say("bundles.made", device=device),
            ready=bool(group and device),
        )
