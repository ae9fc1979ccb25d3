"""A file by hand: the engine of jobs, for days of one's own choice, downloaded here."""

import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import get_args

import streamlit as st

from assets.steps.export_now import AD_HOC, write_file
from assets.steps.export_settings import known_formats
from assets.steps.exporting import MANIFEST
from dashboards.components import asking, filters
from dashboards.components.asking import Working
from dashboards.installation import installation
from dashboards.viewer import SEE, organisation, viewer, words
from dashboards.words import Words
from exports.jobs import Readings, job_of
from exports.manifest import Manifest
from exports.periods import of_days
from registry.errors import RegistryError
from registry.imports.meters import KNOWN_MEDIA

MOST_BYTES = 50_000_000
MOST_DAYS = 31
_FILE = "file"
_SINCE_LAST = "since_last"
_KEPT = "export_file"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Made:
    """A file that was made.

    Attributes:
        name: Its name.
        content: Its bytes.
        manifest: JSON.
        rows: Rows it holds.
    """

    name: str
    content: bytes
    manifest: str
    rows: int


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    if viewer().meters is not None:
        st.info(say("export_now.some_meters"), icon=":material/lock:")
        return
    _form(say)
    made: _Made | None = st.session_state.get(_KEPT)
    if made is None:
        return
    with st.container(horizontal=True):
        for name, content in ((made.name, made.content), (f"{made.name}{MANIFEST}", made.manifest)):
            st.download_button(
                name, content, name, "application/octet-stream", icon=":material/download:", on_click="ignore"
            )
    st.caption(say("export_now.made", rows=say.number(made.rows), size=say.number(len(made.content) / 1_000_000, 3)))


def _form(say: Words) -> None:
    with installation().registry.begin(readonly=True) as session:
        forms = {one.name: one.title for one in known_formats(session, organisation())}
    form = filters.one_of(
        say("column.export_format"), list(forms), key="format", named=lambda one: f"{one} · {forms[one]}"
    )
    yesterday = datetime.now(installation().settings.zone).date() - _DAY
    days = filters.period(say, (yesterday - _DAY, yesterday), back=0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        group = filters.group(say)
        media = filters.several(
            say("column.media"),
            KNOWN_MEDIA,
            key="medium",
            named=lambda name: say.named("medium_name", name),
        )
        modes: list[Readings] = [mode for mode in get_args(Readings) if mode != _SINCE_LAST]
        readings = filters.one_of(
            say("job_form.readings"), modes, key="readings", named=lambda name: say(f"job_readings.{name}")
        )
    filled = st.toggle(say("job_form.interpolate"), help=say("job_form.interpolate_help"), key="interpolate")
    is_long = days is not None and (days[1] - days[0]).days >= MOST_DAYS
    if is_long:
        st.info(say("export_now.too_long", days=MOST_DAYS), icon=":material/info:")
    if not st.button(
        say("export_now.make"), type="primary", icon=":material/download:", key="make", disabled=is_long or not days
    ):
        return
    assert days is not None  # noqa: S101  the button is off otherwise
    settings = {
        "name": AD_HOC,
        "format": form,
        "destination": AD_HOC,
        "active": False,
        "group": group,
        "media": tuple(media) or None,
        "readings": readings,
        "interpolate": filled,
    }
    _make(say, settings, days)


def _make(say: Words, settings: dict[str, object], days: tuple[date, date]) -> None:
    st.session_state.pop(_KEPT, None)

    def make(work: Working) -> _Made:
        period = of_days(*days, work.house.settings.zone)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / _FILE
            write_file(work.house, job_of(settings), period, file, **work.by)
            if file.stat().st_size > MOST_BYTES:
                raise RegistryError(say("export_now.too_large", most=MOST_BYTES // 1_000_000))
            manifest = file.with_name(f"{file.name}{MANIFEST}").read_text(encoding="utf-8")
            facts = Manifest.read(manifest)
            return _Made(facts.file_name, file.read_bytes(), manifest, facts.contents.rows)

    def said(made: _Made) -> str:
        st.session_state[_KEPT] = made
        return say("export_now.done", file=made.name)

    right = next(right for right in SEE if viewer().may(right))
    with st.spinner(say("export_now.making"), show_time=True):
        is_done = asking.worked(right, make, said=said)
    if is_done:
        st.rerun()
