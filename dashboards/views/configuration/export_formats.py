"""Formats of files: shipped ones and the organisation's own, what a file of them looks like, and another document."""

from datetime import UTC, datetime
from importlib.metadata import version

import polars as pl
import streamlit as st

from assets.steps.export_settings import KnownFormat, format_of, known_formats, remove_format, save_format
from dashboards.components import asking, filters
from dashboards.components.asking import Doing
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, rows_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import explained, installation
from dashboards.viewer import organisation, viewer, words
from dashboards.words import Words
from exports.examples import example
from exports.facts import Facts
from exports.formats import read_format
from registry.exports import formats
from registry.people.rights import SYSTEM_CONFIGURATION, Right

RIGHT = Right(SYSTEM_CONFIGURATION)
_MOST_BYTES = 6000
_EXAMPLE = "example"


def page() -> None:
    """Draws the page."""
    say = words()
    with installation().registry.begin(readonly=True) as session:
        known = {one.name: one for one in known_formats(session, organisation())}
    columns = {"name": TEXT, "title": TEXT, "layout": TEXT, "content": TEXT, "version": COUNT}
    origin = pl.when(pl.col("version").is_null()).then(pl.lit("shipped")).otherwise(pl.lit("own"))
    rows = rows_of(known.values(), columns).with_columns(format_origin=origin)
    table(
        say,
        rows.rename({"name": "export_format", "title": "format_title", "content": "format_content"}).select(
            "export_format", "format_title", "layout", "format_content", "format_origin", "version"
        ),
        key="formats",
        file_name="export_formats",
        nothing="",
        values={"format_content": "format_content", "format_origin": "format_origin"},
    )
    name = filters.one_of(say("formats.which"), list(known), key="format")
    _one(say, known[name])


def _one(say: Words, chosen: KnownFormat) -> None:
    with installation().registry.begin(readonly=True) as session:
        _, document = format_of(session, organisation(), chosen.name)
    number, document = seen(say, f"format_{chosen.name}", (chosen.version or 0, document))
    may = viewer().may(RIGHT)
    text = str(
        st.text_area(
            say("policies.document"),
            document,
            height=420,
            disabled=not may,
            key=f"document_{chosen.name}_{number}",
            help=say("formats.document_help"),
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        is_asked = st.button(say("formats.example"), icon=":material/preview:", key="example")
        st.download_button(
            say("formats.download"),
            text,
            f"{chosen.name}.yaml",
            "application/yaml",
            icon=":material/download:",
            key="download_format",
            on_click="ignore",
        )
        if (
            may
            and number
            and confirmed(
                say, say("formats.remove"), say("formats.remove_help", format=chosen.name), key="remove", icon="delete"
            )
        ):
            _remove(say, chosen.name)
    if is_asked:
        _show(say, chosen.name, text)
    if may:
        _save(say, chosen.name, number, text, is_same=text == document)


def _show(say: Words, name: str, text: str) -> None:
    """Shows the begin of a file with constructed rows, or what is wrong with the document."""
    house, now = installation(), datetime.now(UTC)
    facts = Facts(
        job=_EXAMPLE,
        organisation=organisation(),
        zone=house.settings.zone,
        period_from=now,
        period_to=now,
        as_of=now,
        seq=1,
        revision=1,
        version=version("meterhouse"),
    )
    with explained():
        form = read_format(text, name)
        content = example(form, facts, _MOST_BYTES)
        st.caption(say("formats.example_help"))
        encoding = getattr(form, "encoding", "utf-8")
        if form.layout == "parquet":
            st.info(say("formats.binary"), icon=":material/info:")
        else:
            st.code(content.decode(encoding, errors="replace"), language=None)


def _save(say: Words, name: str, number: int, text: str, *, is_same: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = str(
            st.text_input(
                say("formats.name"),
                name if number else f"own-{name}",
                max_chars=64,
                help=say("formats.name_help"),
                key=f"name_{name}_{number}",
            )
        ).strip()
        is_off = not wanted or (is_same and wanted == name)
        is_asked = st.button(say("config.save"), type="primary", disabled=is_off, icon=":material/save:", key="save")
    if not is_asked:
        return

    def save(doing: Doing) -> int:
        stored = formats.listing(doing.session, doing.organisation).get(wanted)
        expected = number if wanted == name else 0
        asking.unchanged(expected, stored.version if stored else 0, wanted)
        return save_format(doing.session, doing.organisation, wanted, text, **doing.by)

    def said(saved: int) -> str:
        return say("formats.saved", format=wanted, version=saved)

    if asking.done(RIGHT, save, said=said, publish=asking.publish_events):
        forget(f"format_{name}")
        forget(f"format_{wanted}")
        st.query_params["format"] = wanted
        st.rerun()


def _remove(say: Words, name: str) -> None:
    def remove(doing: Doing) -> None:
        remove_format(doing.session, doing.organisation, name, **doing.by)

    if asking.done(RIGHT, remove, said=lambda _: say("formats.removed", format=name), publish=asking.publish_events):
        forget(f"format_{name}")
        st.rerun()
