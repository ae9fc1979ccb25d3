"""The form of an export job: what goes out, when, where to, and what must hold before it does."""

from collections.abc import Callable
from datetime import time
from typing import get_args

import streamlit as st

from assets.steps.export_settings import known_formats, save_job
from dashboards.components import asking, links
from dashboards.components.asking import Doing
from dashboards.components.seen import forget
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation
from dashboards.words import Words
from exports.jobs import Gate, Interval, Job, Readings, Retry, Schedule, job_of
from registry.exports import destinations, jobs
from registry.imports.meters import KNOWN_MEDIA
from registry.people.rights import Right
from warehouse.queries import subjects

NEW = "+"
"""Choice of a job that there is not yet; no job has this name."""

_BLANK: dict[str, object] = {"name": "job", "format": "format", "destination": "destination"}
_WEEKDAYS = range(1, 8)
_Settings = dict[str, object]


def edit(say: Words, job: Job | None, version: int, right: Right) -> None:
    """Draws the form.

    Args:
        say: Who reads it.
        job: The job as the page showed it; ``None`` for a new one.
        version: Its version, 0 for a new one.
        right: What saving needs.
    """
    with installation().registry.begin(readonly=True) as session:
        places = [row.name for row in destinations.listing(session, organisation())]
        forms = {one.name: one.title for one in known_formats(session, organisation())}
    if not places:
        st.info(say("jobs.no_destination"), icon=":material/info:")
        links.link("export_destinations", say("jobs.to_destinations"))
        return
    shown, key = job or Job.model_validate(_BLANK), f"{job.name if job else ''}_{version}"

    def pick(name: str, offered: list[str], now: str | None, named: Callable[[str], str] = str) -> str:
        number = offered.index(now) if now in offered else 0
        return str(st.selectbox(say(f"column.{name}"), offered, number, format_func=named, key=f"{name}_{key}"))

    name = shown.name
    if job is None:
        name = str(st.text_input(say("column.job"), max_chars=64, help=say("formats.name_help"), key=f"job_{key}"))
    with st.container(horizontal=True):
        form = pick("export_format", list(forms), shown.format, lambda one: f"{one} · {forms[one]}")
        place = pick("destination", places, shown.destination)
    schedule = _schedule(say, shown.schedule, key)
    rows = _rows(say, shown, key)
    gate = _gate(say, shown.gate, key)
    retry = _retry(say, shown.retry, key)
    file_name = str(
        st.text_input(
            say("job_form.file_name"), shown.file_name or "", help=say("job_form.file_name_help"), key=f"file_{key}"
        )
    )
    active = st.toggle(say("column.job_active"), shown.active, help=say("job_form.active_help"), key=f"active_{key}")
    settings: _Settings = {
        "name": name.strip(),
        "format": form,
        "destination": place,
        "schedule": schedule,
        "active": active,
        **rows,
        "gate": gate,
        "retry": retry,
        "file_name": file_name.strip() or None,
    }
    if st.button(say("config.save"), type="primary", icon=":material/save:", key=f"save_{key}"):
        _save(say, settings, version, right)


def _schedule(say: Words, shown: Schedule, key: str) -> _Settings:
    """What is asked of a schedule; only what its interval has."""
    intervals: list[Interval] = list(get_args(Interval))
    found: _Settings = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        interval = st.selectbox(
            say("column.job_interval"),
            intervals,
            intervals.index(shown.interval),
            format_func=lambda name: say(f"job_interval.{name}"),
            key=f"interval_{key}",
        )
        found["interval"] = interval
        if interval == "hourly":
            found["minute"] = st.number_input(say("job_form.minute"), 0, 59, shown.minute, key=f"minute_{key}")
            found["last_24_hours"] = st.toggle(
                say("job_form.last_24_hours"), shown.last_24_hours, key=f"last_24_hours_{key}"
            )
            return found
        found["at"] = _clock(st.time_input(say("job_form.at"), shown.at, step=60, key=f"at_{key}"))
        if interval == "weekly":
            for name in ("weekday", "first_day_of_week"):
                found[name] = st.selectbox(
                    say(f"job_form.{name}"),
                    _WEEKDAYS,
                    getattr(shown, name) - 1,
                    format_func=say.weekday,
                    key=f"{name}_{key}",
                )
        if interval == "monthly":
            found["day"] = st.number_input(say("job_form.day"), 1, 31, shown.day, key=f"day_{key}")
            found["day_of_month"] = st.number_input(
                say("job_form.day_of_month"), 1, 28, shown.day_of_month, key=f"day_of_month_{key}"
            )
            found["month_to_date"] = st.toggle(
                say("job_form.month_to_date"), shown.month_to_date, key=f"month_to_date_{key}"
            )
    return found


def _rows(say: Words, shown: Job, key: str) -> _Settings:
    """Which rows go out."""
    modes: list[Readings] = list(get_args(Readings))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        readings = st.selectbox(
            say("job_form.readings"),
            modes,
            modes.index(shown.readings),
            format_func=lambda name: say(f"job_readings.{name}"),
            key=f"readings_{key}",
        )
        groups = remembered(subjects.groups)["group"].to_list()
        if shown.group is not None and shown.group not in groups:
            groups.append(shown.group)
        group = st.selectbox(
            say("filter.group"),
            groups,
            groups.index(shown.group) if shown.group else None,
            placeholder=say("filter.all_points"),
            key=f"group_{key}",
        )
        media = st.multiselect(
            say("column.media"),
            KNOWN_MEDIA,
            shown.media or (),
            format_func=lambda name: say.named("medium_name", name),
            placeholder=say("keeping.everything"),
            key=f"media_{key}",
        )
    with st.container(horizontal=True):
        filled = st.toggle(
            say("job_form.interpolate"),
            shown.interpolate,
            help=say("job_form.interpolate_help"),
            key=f"interpolate_{key}",
        )
        passing = filled and st.toggle(
            say("job_form.drive_by"), shown.interpolate_drive_by, key=f"interpolate_drive_by_{key}"
        )
    found: _Settings = {"readings": readings, "group": group, "media": tuple(media) or None}
    return {**found, "interpolate": filled, "interpolate_drive_by": bool(passing)}


def _gate(say: Words, shown: Gate, key: str) -> _Settings:
    """Shares of values above which a file is withheld [%]."""
    st.caption(say("job_form.gate"), help=say("job_form.gate_help"))
    with st.container(horizontal=True):
        return {
            name: st.number_input(
                say(f"job_gate.{name}"),
                0.0,
                100.0,
                getattr(shown, name),
                step=1.0,
                placeholder=say("job_form.no_limit"),
                key=f"{name}_{key}",
            )
            for name in Gate.model_fields
        }


def _retry(say: Words, shown: Retry, key: str) -> _Settings:
    st.caption(say("job_form.retry"), help=say("job_form.retry_help"))
    with st.container(horizontal=True):
        first = st.number_input(
            say("job_form.first_pause"), 1, 1440, shown.first_pause_min, key=f"first_pause_min_{key}"
        )
        last = st.number_input(say("job_form.give_up"), 1, 720, shown.give_up_after_h, key=f"give_up_after_h_{key}")
    return {"first_pause_min": first, "give_up_after_h": last}


def _clock(at: time | None) -> str:
    return f"{at or time(6):%H:%M}"


def _save(say: Words, settings: _Settings, version: int, right: Right) -> None:
    name = str(settings["name"])

    def save(doing: Doing) -> None:
        rows = jobs.listing(doing.session, doing.organisation)
        asking.unchanged(version, next((row.version for row in rows if row.name == name), 0), name)
        save_job(doing.session, doing.organisation, job_of(settings), version=version, **doing.by)

    said = say("jobs.saved", job=name)
    if asking.done(right, save, said=lambda _: said, publish=asking.publish_events):
        forget(f"job_{name}")
        st.query_params["job"] = name
        st.rerun()
