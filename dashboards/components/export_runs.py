"""Runs of export jobs as rows of tables, and what they are about in words."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from dashboards.components.rows import COUNT, TEXT, WHEN
from dashboards.words import Words
from exports.jobs import read_job
from registry.models import ExportRun

_COLUMNS = {
    "job": TEXT,
    "reading_period": TEXT,
    "revision": COUNT,
    "run_state": TEXT,
    "latest_retry": WHEN,
    "next_retry": WHEN,
    "reason": TEXT,
    "attempts": COUNT,
    "rows": COUNT,
    "size_bytes": COUNT,
    "requested_at": WHEN,
    "ended_at": WHEN,
    "duration_s": COUNT,
    "identity": TEXT,
    "released_by": TEXT,
    "source_file": TEXT,
    "run": TEXT,
}


def run_rows(say: Words, runs: Iterable[ExportRun]) -> pl.DataFrame:
    """A row per run.

    Args:
        say: Who reads it.
        runs: The runs.

    Returns:
        ``job``, ``reading_period`` in words, ``revision``, ``run_state``, ``latest_retry`` and ``next_retry`` (UTC),
        ``reason``, ``attempts``, ``rows``, ``size_bytes``, ``requested_at`` and ``ended_at`` (UTC), ``duration_s`` from
        one to the other, ``identity`` of who asked, ``released_by``, ``source_file`` and ``run``.
    """
    return pl.DataFrame([_row(say, run) for run in runs], schema=_COLUMNS, orient="row")


def period_of(say: Words, start: datetime, end: datetime) -> str:
    """A period in words: its local days where it is made of days, else both instants."""
    first, last = start.astimezone(say.zone), end.astimezone(say.zone)
    if any((at.hour, at.minute, at.second) != (0, 0, 0) for at in (first, last)):
        return f"{say.instant(start)} – {say.instant(end)}"
    ends = (datetime.fromordinal(last.toordinal() - 1)).date()
    return say.date(first.date()) if first.date() == ends else f"{say.date(first.date())} – {say.date(ends)}"


def _row(say: Words, run: ExportRun) -> tuple[object, ...]:
    lasted = (run.settled_at - run.requested_at).total_seconds() if run.settled_at else None
    return (
        read_job(run.job_document).name,
        period_of(say, run.period_from, run.period_to),
        run.revision,
        run.state,
        run.tried_at,
        run.next_at if run.state == "waiting" else None,
        run.reason,
        run.attempts,
        run.rows,
        run.size_bytes,
        run.requested_at,
        run.settled_at,
        None if lasted is None else round(lasted),
        run.requested_by,
        run.released_by,
        run.file_name,
        run.run_id,
    )
