"""Automatic jobs: files that go out by a schedule, files that are watched for, and what became of them."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import streamlit as st

from assets.steps.export_planning import run_now
from assets.steps.export_settings import set_active
from dashboards.components import asking, filters, links
from dashboards.components.asking import Doing, Working
from dashboards.components.confirming import confirmed
from dashboards.components.export_runs import period_of
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.views.configuration import job_form, job_runs
from dashboards.views.configuration.watched import COLUMNS, watched
from dashboards.words import Words
from exports.jobs import Job, Schedule, read_job
from exports.periods import next_due, of_days
from registry.exports import jobs, runs
from registry.exports.attention import troubled
from registry.models import ExportRun
from registry.people.rights import READING_MANAGEMENT, SYSTEM_CONFIGURATION, Right

CONFIGURE, RUN = Right(SYSTEM_CONFIGURATION), Right(READING_MANAGEMENT)
RIGHTS = (CONFIGURE, RUN)
PARTS = ("jobs", "failed", "runs")
NEW = job_form.NEW
_MOST_RUNS = 500
_DAY = timedelta(days=1)


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    with installation().registry.begin(readonly=True) as session:
        waiting = troubled(session, organisation())
    part = filters.choice(
        say("jobs.part"),
        PARTS,
        key="part",
        default=PARTS[0],
        named=lambda name: say(f"jobs_part.{name}", count=say.number(len(waiting))),
    )
    match part:
        case "failed":
            st.caption(say("jobs.failed_help"))
            job_runs.listed(say, waiting, RUN, nothing=say("jobs.none_failed"))
        case "runs":
            with installation().registry.begin(readonly=True) as session:
                found = runs.listing(session, organisation(), most=_MOST_RUNS)
            job_runs.listed(say, found, RUN, nothing=say("jobs.never_run"))
        case _:
            _jobs(say)


def _jobs(say: Words) -> None:
    with installation().registry.begin(readonly=True) as session:
        stored = {row.name: (row, read_job(row.document)) for row in jobs.listing(session, organisation())}
        newest = runs.last_of_jobs(session, organisation())
    exports = [_row(say, job, newest.get(row.job_id)) for row, job in stored.values()]
    rows = pl.DataFrame(exports, schema=COLUMNS, orient="row")
    table(
        say,
        pl.concat([rows, watched(say)]),
        key="jobs",
        file_name="jobs",
        nothing="",
        shown=[name for name in COLUMNS if name != "destination"],
        values={"job_type": "job_type", "run_state": "run_state"},
    )
    st.caption(say("jobs.watched_help"))
    may = viewer().may(CONFIGURE)
    offered = [*stored, *([NEW] if may else [])]
    if not offered:
        return
    name = filters.one_of(
        say("column.job"), offered, key="job", named=lambda one: say("jobs.new") if one == NEW else one
    )
    if name == NEW:
        job_form.edit(say, None, 0, CONFIGURE)
        return
    row, job = stored[name]
    version, job = seen(say, f"job_{name}", (row.version, job))
    _one(say, job, version)


def interval_of(say: Words, schedule: Schedule) -> str:
    """When a job runs, in words."""
    return say(
        f"job_schedule.{schedule.interval}",
        minute=f"{schedule.minute:02}",
        at=f"{schedule.at:%H:%M}",
        weekday=say.weekday(schedule.weekday),
        day=schedule.day,
    )


def _row(say: Words, job: Job, newest: ExportRun | None) -> tuple[object, ...]:
    zone = installation().settings.zone
    return (
        job.name,
        "export",
        job.format,
        job.group,
        interval_of(say, job.schedule),
        job.active,
        newest.requested_at if newest else None,
        newest.state if newest else None,
        next_due(job.schedule, zone, datetime.now(UTC)) if job.active else None,
        job.destination,
        newest.reason if newest else None,
    )


def _one(say: Words, job: Job, version: int) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if viewer().may(RUN):
            _run(say, job)
        if viewer().may(CONFIGURE):
            _switch(say, job)
            _remove(say, job)
        links.link("export_formats", say("jobs.to_format"), {"format": job.format})
    if viewer().may(CONFIGURE):
        with st.container(border=True):
            job_form.edit(say, job, version, CONFIGURE)
    else:
        st.code(job.written(), language="yaml")


def _run(say: Words, job: Job) -> None:
    if st.button(say("jobs.run_now"), icon=":material/play_arrow:", key="run_now", help=say("jobs.run_now_help")):
        _ask(say, job, None)
    with st.popover(say("jobs.replay"), icon=":material/replay:"), st.form("replay", border=False):
        st.caption(say("jobs.replay_help"))
        yesterday = datetime.now(installation().settings.zone).date() - _DAY
        days = st.date_input(say("jobs.days"), (yesterday, yesterday), format="YYYY-MM-DD")
        if st.form_submit_button(say("jobs.replay"), type="primary"):
            chosen = (days,) if isinstance(days, date) else days
            if chosen:
                _ask(say, job, (chosen[0], chosen[-1]))


def _ask(say: Words, job: Job, days: tuple[date, date] | None) -> None:
    def ask(work: Working) -> ExportRun:
        period = of_days(*days, work.house.settings.zone) if days else None
        return run_now(work.house, job.name, period, **work.by)

    def said(run: ExportRun) -> str:
        period = period_of(say, run.period_from, run.period_to)
        return say("jobs.asked", job=job.name, period=period, revision=run.revision)

    if asking.worked(RUN, ask, said=said):
        st.rerun()


def _switch(say: Words, job: Job) -> None:
    name = "deactivate" if job.active else "activate"
    if not st.button(say(f"jobs.{name}"), icon=":material/toggle_on:", key="switch", help=say(f"jobs.{name}_help")):
        return

    def switch(doing: Doing) -> None:
        set_active(doing.session, doing.organisation, job.name, not job.active, **doing.by)

    said = say(f"jobs.{name}d", job=job.name)
    if asking.done(CONFIGURE, switch, said=lambda _: said, publish=asking.publish_events):
        forget(f"job_{job.name}")
        st.rerun()


def _remove(say: Words, job: Job) -> None:
    if not confirmed(say, say("jobs.remove"), say("jobs.remove_help", job=job.name), key="remove_job", icon="delete"):
        return

    def remove(doing: Doing) -> None:
        jobs.remove(doing.session, doing.organisation, job.name, **doing.by)

    said = say("jobs.removed", job=job.name)
    if asking.done(CONFIGURE, remove, said=lambda _: said, publish=asking.publish_events):
        forget(f"job_{job.name}")
        st.rerun()
