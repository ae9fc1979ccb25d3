"""Many meters or metering points changed by a file: what it would change is looked at first, and then done."""

import hashlib
import json
from functools import partial

import polars as pl
import streamlit as st

from dashboards.components import asking
from dashboards.components.asking import Working
from dashboards.components.rows import TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.words import Words
from registry.inventory.fields import Entity, fields
from registry.inventory.standing import standing
from registry.inventory.updates import ATTRIBUTES, OF_POINTS, Outdated, UpdateReport, update_inventory
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, Right
from registry.people.spreadsheets import csv_of
from registry.trail import Filter, events

RIGHT = Right(DEVICE_AND_CUSTOMER_MANAGEMENT)
EVENTS = tuple(f"{entity.value}s.update" for entity in Entity)
_SEEN = "update_seen"
_LATEST = 200


def page() -> None:
    """Draws the page."""
    say = words()
    _how(say)
    file = st.file_uploader(say("update.file"), key="update_file")
    if file is not None:
        _steps(say, file.name, file.getvalue())
    _latest(say)


def _how(say: Words) -> None:
    """Says what a file may hold, and hands out one that holds what stands now."""
    with installation().registry.begin(readonly=True) as session:
        custom = {entity: list(fields(session, organisation(), entity)) for entity in Entity}
    own = {Entity.meter: ATTRIBUTES, Entity.metering_point: OF_POINTS}
    for entity in Entity:
        columns = ", ".join(f"`{name}`" for name in (*own[entity], *custom[entity]))
        st.markdown(f"{say(f'update.of_{entity.value}')} {columns}")
    st.caption(say("update.empty"))
    with st.popover(say("update.take"), icon=":material/download:"):
        for entity in Entity:
            st.download_button(
                say(f"update.take_{entity.value}"),
                partial(_standing, entity),
                f"{entity.value}s.csv",
                "text/csv",
                key=f"take_{entity.value}",
                on_click="ignore",
                width="stretch",
            )


def _standing(entity: Entity) -> bytes:
    with installation().registry.begin(readonly=True) as session:
        return csv_of(standing(session, organisation(), entity), viewer().locale)


def _steps(say: Words, name: str, content: bytes) -> None:
    """Looks through the file; what was seen can be done as long as it is the same file."""
    mark = (name, hashlib.sha256(content).hexdigest())
    if st.button(say("imports.preview"), icon=":material/preview:"):
        with st.spinner(say("imports.looking"), show_time=True):
            is_done = asking.worked(
                RIGHT,
                lambda work: _update(work, name, content, dry_run=True),
                said=lambda report: _keep(say, mark, report),
                publish=None,
            )
        if is_done:
            st.rerun()
    seen, report = st.session_state.get(_SEEN, (None, None))
    if seen != mark or report is None:
        st.caption(say("imports.preview_first"))
        return
    _draw(say, report)
    in_part = st.toggle(say("imports.partial"), help=say("imports.partial_help"), key="partial")
    is_refused = not report.rejected.is_empty() and not in_part
    if is_refused:
        st.warning(say("imports.refused_whole"), icon=":material/warning:")
    is_idle = is_refused or report.changes.is_empty()
    if not st.button(say("update.apply"), icon=":material/edit_note:", type="primary", disabled=is_idle, key="apply"):
        return

    def change(work: Working) -> UpdateReport:
        try:
            return _update(work, name, content, partial=bool(in_part), shown=report.changes)
        except Outdated:
            raise asking.Changed(say("update.outdated")) from None

    with st.spinner(say("update.changing"), show_time=True):
        is_done = asking.worked(
            RIGHT, change, said=lambda done: _counted(say, name, done), publish=asking.publish_registry
        )
    if is_done:
        st.session_state.pop(_SEEN)
        st.rerun()


def _update(
    work: Working,
    name: str,
    content: bytes,
    *,
    dry_run: bool = False,
    partial: bool = False,
    shown: pl.DataFrame | None = None,
) -> UpdateReport:
    return update_inventory(
        work.house.registry,
        content,
        organisation=work.organisation,
        source_name=name,
        dry_run=dry_run,
        partial=partial,
        shown=shown,
        **work.by,
    )


def _keep(say: Words, mark: tuple[str, str], report: UpdateReport) -> str:
    st.session_state[_SEEN] = (mark, report)
    return say("imports.nothing_stored")


def _counts(report: UpdateReport) -> dict[str, int]:
    return {
        "changed": report.changes["id"].n_unique(),
        "same": report.unchanged,
        "rejected": report.rejected.height,
    }


def _counted(say: Words, name: str, report: UpdateReport) -> str:
    return say("update.done", file=name, **{count: say.number(value) for count, value in _counts(report).items()})


def _draw(say: Words, report: UpdateReport) -> None:
    with st.container(horizontal=True):
        for name, count in _counts(report).items():
            st.metric(say(f"imports.{name}"), say.number(count), border=True, width=150)
    if report.rejected.height:
        st.subheader(say("imports.rejected_lines"))
        table(say, report.rejected, key="bad", file_name="rejected", nothing="", may_group=False)
    st.subheader(say("imports.changes"))
    column = "meter_id" if report.entity is Entity.meter else "metering_point"
    table(
        say,
        report.changes.rename({"id": column}),
        key="changes",
        file_name="changes",
        nothing=say("update.nothing"),
        absent="–",
        may_group=False,
    )


def _latest(say: Words) -> None:
    st.subheader(say("update.latest"))
    found = events(installation().registry, Filter(organisation(), kinds=EVENTS), _LATEST)
    rows = rows_of(found, {"at": WHEN, "object": TEXT, "identity": TEXT})
    told = {
        "before": [_told(event.before) for event in found],
        "after": [_told(event.after) for event in found],
        "source_file": [json.loads(event.details or "{}").get("file") for event in found],
    }
    table(
        say,
        named(rows, "identity").with_columns(pl.Series(name, texts, dtype=TEXT) for name, texts in told.items()),
        key="latest",
        file_name="meter_updates",
        nothing=say("update.none"),
    )


def _told(fields_as_json: str | None) -> str:
    """Fields of an audit event in a line."""
    return "; ".join(f"{name}: {value or '–'}" for name, value in json.loads(fields_as_json or "{}").items())
