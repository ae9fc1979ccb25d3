"""What is going on: runs of the graph, imports, exports, and files that arrived, with what became of them."""

import polars as pl
import streamlit as st

from dashboards.components import filters, links
from dashboards.components.export_runs import run_rows
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, viewer, words
from dashboards.views.configuration.imports import EVENTS
from dashboards.words import Words
from registry import ledger
from registry.exports import runs
from registry.exports.attention import TROUBLES
from registry.people.rights import SYSTEM_CONFIGURATION, Right
from registry.trail import Filter, events

RUNS = ("run.succeeded", "run.failed")
OTHERS = ("retention.finish", "backup.create", "addresses.check", "erasure.finish", "policy.try")
SHOWN = ("all", "failed")
_AT_WORK = ("queued", "building", "delivering")
_MOST_RUNS = 200
_RUN_COLUMNS = (
    *("requested_at", "job", "reading_period", "run_state", "rows", "size_bytes", "duration_s", "identity"),
    *("reason", "attempts", "revision", "source_file", "run"),
)
_RUN_SHOWN = _RUN_COLUMNS[:9]
_DETAILS = pl.Struct({"job": pl.String, "first_day": pl.String, "last_day": pl.String, "rejected": pl.Int64})


def page() -> None:
    """Draws the page."""
    say = words()
    if st.button(say("tasks.refresh"), icon=":material/refresh:", key="refresh"):
        st.rerun()
    with installation().registry.begin(readonly=True) as session:
        files = rows_of(
            ledger.latest(session, organisation()),
            {"landed_at": WHEN, "name": TEXT, "state": TEXT, "frames": COUNT, "rejected": COUNT, "reason": TEXT},
        )
        exported = run_rows(say, runs.listing(session, organisation(), most=_MOST_RUNS))
    tasks = _tasks()
    _figures(say, tasks, files, exported)
    only = filters.choice(
        say("tasks.shown"), SHOWN, key="shown", default=SHOWN[0], named=lambda name: say.named("tasks_shown", name)
    )
    if only == "failed":
        tasks = tasks.filter(pl.col("task_state") == "failed")
        files = files.filter(pl.col("state") == "refused")
        exported = exported.filter(pl.col("run_state").is_in(TROUBLES))
    st.subheader(say("tasks.work"))
    chosen = table(
        say,
        named(tasks, "identity"),
        key="tasks",
        file_name="tasks",
        nothing=say("tasks.none"),
        values={"event": "audit_event", "task_state": "task_state"},
    )
    _links(say, chosen)
    st.subheader(say("tasks.exports"))
    table(
        say,
        named(exported.select(_RUN_COLUMNS), "identity"),
        key="exports",
        file_name="export_runs",
        nothing=say("tasks.no_exports"),
        shown=_RUN_SHOWN,
        values={"run_state": "run_state"},
    )
    links.link("jobs", say("tasks.to_jobs"), {"part": "failed" if only == "failed" else "runs"})
    st.subheader(say("tasks.files"))
    table(
        say,
        files.rename({"name": "source_file", "rejected": "rejected_rows"}),
        key="files",
        file_name="files",
        nothing=say("tasks.no_files"),
        values={"state": "file_state"},
    )


def _tasks() -> pl.DataFrame:
    """The work that ended last: ``ended_at``, ``event``, ``task_state``, ``object``, ``job``, ``rejected_rows``."""
    found = events(installation().registry, Filter(organisation(), kinds=(*RUNS, *EVENTS, *OTHERS)), 500)
    rows = rows_of(found, {"at": WHEN, "event": TEXT, "object": TEXT, "identity": TEXT, "details": TEXT})
    parts = rows.with_columns(pl.col("details").fill_null("{}").str.json_decode(_DETAILS)).unnest("details")
    return parts.select(
        pl.col("at").alias("ended_at"),
        "event",
        task_state=pl.when(pl.col("event") == "run.failed").then(pl.lit("failed")).otherwise(pl.lit("done")),
        object="object",
        identity="identity",
        job="job",
        first_day="first_day",
        last_day="last_day",
        rejected_rows="rejected",
    )


def _figures(say: Words, tasks: pl.DataFrame, files: pl.DataFrame, exported: pl.DataFrame) -> None:
    waiting = files.filter(pl.col("state").is_in(["landed", "numbered"])).height
    shown = {
        "failed": tasks.filter(pl.col("task_state") == "failed").height,
        "waiting": waiting,
        "refused": files.filter(pl.col("state") == "refused").height,
        "exporting": exported.filter(pl.col("run_state").is_in(_AT_WORK)).height,
        "not_delivered": exported.filter(pl.col("run_state").is_in(TROUBLES)).height,
    }
    with st.container(horizontal=True):
        for name, count in shown.items():
            st.metric(say(f"tasks.{name}"), say.number(count), help=say(f"tasks.{name}_help"), border=True, width=175)
    if waiting:
        st.info(say("tasks.at_work", files=say.number(waiting)), icon=":material/hourglass_top:")


def _links(say: Words, chosen: pl.DataFrame) -> None:
    """Leads to the logs of the chosen runs who may see them; the door asks for the right again."""
    if not viewer().may(Right(SYSTEM_CONFIGURATION)) or organisation() != installation().organisation:
        return
    runs = chosen.filter(pl.col("event").is_in(RUNS))["object"].to_list() if chosen.height else []
    with st.container(horizontal=True):
        st.link_button(say("tasks.dagster"), "/dagster/runs", icon=":material/open_in_new:")
        for run in runs[:5]:
            st.link_button(say("tasks.log", run=run[:8]), f"/dagster/runs/{run}", icon=":material/article:")
