"""Runs of jobs in a table: try again, let go, give up; manifests."""

from collections.abc import Callable, Sequence

import streamlit as st

from assets.steps.delivering import try_again
from assets.steps.exporting import MANIFEST
from dashboards.components import asking
from dashboards.components.asking import Doing, Working
from dashboards.components.confirming import confirmed
from dashboards.components.export_runs import run_rows
from dashboards.components.rows import named
from dashboards.components.table import table
from dashboards.viewer import viewer
from dashboards.words import Words
from registry.exports import runs
from registry.models import ExportRun
from registry.people.rights import Right

_SHOWN = ("job", "reading_period", "run_state", "latest_retry", "next_retry", "reason", "revision")
_RETRIED = ("waiting", "failed")
_CANCELLED = ("queued", "waiting", "withheld")
_MANIFESTS = 5


def listed(say: Words, found: Sequence[ExportRun], right: Right, *, nothing: str) -> None:
    """Draws runs, and what may be done with those that are chosen.

    Args:
        say: Who reads it.
        found: The runs.
        right: What actions need.
        nothing: What to say where there are none.
    """
    frame = run_rows(say, found)
    chosen = table(
        say,
        named(frame, "identity", "released_by"),
        key="runs",
        file_name="export_runs",
        nothing=nothing,
        shown=_SHOWN,
        values={"run_state": "run_state"},
        may_group=False,
    )
    if chosen.is_empty():
        if found:
            st.caption(say("jobs.choose_run"))
        return
    ids = set(chosen["run"])
    picked = [run for run in found if run.run_id in ids]
    with st.container(horizontal=True):
        if viewer().may(right):
            _actions(say, picked, right)
        sees_all = viewer().meters is None  # a manifest adds up all meters
        for run in [one for one in picked if one.manifest and sees_all][:_MANIFESTS]:
            st.download_button(
                say("jobs.manifest", file=str(run.file_name)),
                run.manifest or "",
                f"{run.file_name}{MANIFEST}",
                "application/json",
                icon=":material/download:",
                key=f"manifest_{run.run_id}",
                on_click="ignore",
            )


def _actions(say: Words, picked: Sequence[ExportRun], right: Right) -> None:
    waiting = [run.run_id for run in picked if run.state in _RETRIED]
    if st.button(say("jobs.retry"), icon=":material/replay:", key="retry", disabled=not waiting):

        def again(work: Working) -> int:
            for run_id in waiting:
                try_again(work.house, run_id, **work.by)
            return len(waiting)

        if asking.worked(right, again, said=lambda count: say("jobs.retried", count=say.number(count))):
            st.rerun()
    withheld = [run.run_id for run in picked if run.state == "withheld"]
    question = say("jobs.release_help", count=say.number(len(withheld)))
    if confirmed(say, say("jobs.release"), question, key="release", icon="lock_open", disabled=not withheld):
        _each(say, runs.release, withheld, "released", right)
    open_ = [run.run_id for run in picked if run.state in _CANCELLED]
    question = say("jobs.cancel_help", count=say.number(len(open_)))
    if confirmed(say, say("jobs.cancel"), question, key="cancel", icon="cancel", disabled=not open_):
        _each(say, runs.cancel, open_, "cancelled", right)


def _each(say: Words, action: Callable[..., ExportRun], run_ids: Sequence[str], told: str, right: Right) -> None:
    """Does the same with several runs in one transaction."""

    def act(doing: Doing) -> int:
        for run_id in run_ids:
            action(doing.session, doing.organisation, run_id, **doing.by)
        return len(run_ids)

    def said(count: int) -> str:
        return say(f"jobs.{told}", count=say.number(count))

    if asking.done(right, act, said=said, publish=asking.publish_events):
        st.rerun()
