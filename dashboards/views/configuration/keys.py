"""Keys of meters: which are there and hold, claims, batches and bundles, and encrypted files; never a key itself."""

from datetime import UTC, datetime

import polars as pl
import streamlit as st

from dashboards.components import asking, filters
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, YES, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.views.configuration.device_actions import label, transfer
from dashboards.views.configuration.key_bundles import bundles
from dashboards.views.configuration.key_files import download
from dashboards.words import Words
from registry import batches, claims
from registry.claims import ClaimReport
from registry.device_catalogue import Filter, devices
from registry.device_types import device_types
from registry.key_status import KEY_STATUSES, MISSING, statuses
from registry.people.rights import DATA_ACCESS, DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, Right
from registry.serial_lists import parse_serials

SEE_KEYS = Right(DATA_ACCESS, KEYS)
CHANGE_KEYS = Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS)
BATCHES = Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, "otc_admin")
PARTS = ("devices", "batches", "bundles")


def page() -> None:
    """Draws the page."""
    say = words()
    part = filters.choice(
        say("keys.part"), PARTS, key="part", default=PARTS[0], named=lambda name: say.named("keys_part", name)
    )
    if part == "batches":
        _batches(say)
    elif part == "bundles":
        bundles(say)
    else:
        _devices(say)


def _devices(say: Words) -> None:
    house, now = installation(), datetime.now(UTC)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = filters.text(say("keys.search"), key="search")
        wanted = st.multiselect(
            say("column.key_status"),
            KEY_STATUSES,
            format_func=lambda name: say.named("key_status", name),
            key="key_status",
            placeholder=say("keys.all"),
        )
    types = device_types(house.settings.home / "device_types")
    found = devices(house.registry, organisation(), types, Filter(text=text))
    with house.registry.begin(readonly=True) as session:
        known = statuses(session, organisation(), now)
    status = pl.col("meter_id").replace_strict(known, default=MISSING, return_dtype=pl.String)
    rows = found.with_columns(key_status=pl.when(pl.col("organisation") == organisation()).then(status))
    counts = dict(rows.group_by("key_status").len().rows())
    with st.container(horizontal=True):
        for name in KEY_STATUSES:
            st.metric(say.named("key_status", name), say.number(counts.get(name, 0)), border=True, width=150)
    if wanted:
        rows = rows.filter(pl.col("key_status").is_in(wanted))
    shown = rows.select(
        "meter_id",
        "serial",
        "device_type",
        "key_status",
        "claim_status",
        pl.col("labels", "batches").list.join(", "),
        pl.col("organisation").alias("holder"),
    )
    chosen = table(
        say,
        shown,
        key="devices",
        file_name="devices",
        nothing=say("keys.none"),
        values={"key_status": "key_status", "claim_status": "claim_status"},
    )
    own = chosen.filter(pl.col("holder") == organisation())["meter_id"].to_list() if chosen.height else []
    with st.container(horizontal=True):
        download(say, own)
        if viewer().may(CHANGE_KEYS):
            label(say, own, found["labels"].explode().drop_nulls().unique().sort().to_list())
    if viewer().may(CHANGE_KEYS):
        _claim(say)
        transfer(say, own)
        waiting = chosen.filter(pl.col("claim_status") == "claim_requested") if chosen.height else chosen
        _decide(say, waiting["meter_id"].to_list() if waiting.height else [])


def _claim(say: Words) -> None:
    with st.expander(say("keys.claim"), icon=":material/add_link:"):
        text = st.text_area(say("keys.serials"), help=say("keys.serials_help"), key="claim", height=100)
        batch = st.text_input(say("keys.or_batch"), key="claim_batch").strip()
        serials = parse_serials(text or "")
        if st.button(say("keys.claim"), type="primary", disabled=bool(batch) == bool(serials), key="do_claim"):

            def claim(doing: Doing) -> ClaimReport:
                if batch:
                    return claims.claim_batch(doing.session, doing.house.vault, doing.organisation, batch, **doing.by)
                return claims.claim_serials(doing.session, doing.house.vault, doing.organisation, serials, **doing.by)

            def said(report: ClaimReport) -> str:
                counts = {name: len(getattr(report, name)) for name in ("claimed", "pending", "already", "unknown")}
                reasons = "; ".join(f"{name}: {reason}" for name, reason in report.unknown[:10])
                return f"{say('keys.claimed', **counts)} {reasons}".strip()

            if asking.done(CHANGE_KEYS, claim, said=said):
                st.rerun()


def _decide(say: Words, meters: list[str]) -> None:
    count = say.number(len(meters))
    with st.container(horizontal=True):
        for granted, name, icon in ((True, "confirm", "check"), (False, "refuse", "block")):
            label, question = say(f"keys.{name}"), say(f"keys.{name}_help", count=count)
            if confirmed(say, label, question, key=name, icon=icon, disabled=not meters):

                def decide(doing: Doing, *, is_granted: bool = granted) -> list[str]:
                    return claims.decide(
                        doing.session,
                        doing.house.vault,
                        doing.organisation,
                        confirm=is_granted,
                        meter_ids=meters,
                        **doing.by,
                    )

                if asking.done(CHANGE_KEYS, decide, said=lambda done: say("keys.decided", count=len(done))):
                    st.rerun()


def _batches(say: Words) -> None:
    with installation().registry.begin(readonly=True) as session:
        found = batches.listed(session, organisation())
    columns = {
        "batch": TEXT,
        "devices": COUNT,
        "confirmation": TEXT,
        "target": TEXT,
        "label": TEXT,
        "needs_confirmation": YES,
        "created_at": WHEN,
        "organisation": TEXT,
    }
    rows = rows_of(found, columns).rename({"organisation": "holder"})
    table(
        say,
        rows,
        key="batches",
        file_name="batches",
        nothing=say("keys.no_batches"),
        values={"confirmation": "batch_confirmation"},
    )
    if not viewer().may(BATCHES):
        return
    with st.expander(say("keys.new_batch"), icon=":material/inventory_2:"), st.form("batch", enter_to_submit=False):
        name = st.text_input(say("column.batch"), max_chars=100).strip()
        text = st.text_area(say("keys.serials"), help=say("keys.serials_help"), height=100)
        target = st.text_input(say("column.target"), help=say("keys.target_help")).strip()
        label = st.text_input(say("column.label")).strip()
        confirms = st.checkbox(say("column.needs_confirmation"), value=True)
        if not st.form_submit_button(say("keys.make_batch"), type="primary"):
            return

        def create(doing: Doing) -> list[str]:
            return batches.create(
                doing.session,
                doing.organisation,
                name,
                parse_serials(text or ""),
                target=target or None,
                label=label or None,
                needs_confirmation=confirms,
                letters=doing.house.letters,
                **doing.by,
            )

        if asking.done(BATCHES, create, said=lambda made: say("keys.batch_made", batch=name, count=len(made))):
            st.rerun()
