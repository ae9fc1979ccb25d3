"""The published table of deliveries: what was sent, withheld or given up, copied from the registry once."""

from datetime import timedelta

import polars as pl
from sqlalchemy import ColumnElement, func, select

from assets.installation import Installation
from registry.models import ExportJob, ExportRun
from warehouse.schemas import DELIVERIES

TELLING = ("delivered", "withheld", "failed", "cancelled")
"""States of runs that make a row."""

_MARGIN = timedelta(days=1)
"""How much earlier than the newest row a missing one may be: a run is noted, and published a while after."""


def publish_deliveries(house: Installation) -> int:
    """Adds what became of runs since the last time; whatever dies in between, the next time finds the difference.

    Returns:
        Rows that came.
    """
    with house.alone("publishing"):
        told = house.lake.scan(DELIVERIES).filter(organisation=house.organisation)
        newest = told.select(pl.col("at").max()).collect().item()
        rows = _settled(house, newest and newest - _MARGIN)
        if not rows.height:
            return 0
        missing = rows.join(
            told.filter(pl.col("at") >= rows["at"].min()).select(DELIVERIES.key).collect(),
            on=DELIVERIES.key,
            how="anti",
        )
        if missing.height:
            house.lake.append(DELIVERIES, missing)
        return missing.height


def _settled(house: Installation, since: object) -> pl.DataFrame:
    at = func.coalesce(ExportRun.settled_at, ExportRun.tried_at)
    columns = {
        "organisation": ExportRun.organisation,
        "run_id": ExportRun.run_id,
        "job": ExportJob.name,
        "period_start": ExportRun.period_from,
        "period_end": ExportRun.period_to,
        "revision": ExportRun.revision,
        "state": ExportRun.state,
        "reason": ExportRun.reason,
        "file_name": ExportRun.file_name,
        "file_sha256": ExportRun.file_sha256,
        "row_count": ExportRun.rows,
        "size_bytes": ExportRun.size_bytes,
        "as_of": ExportRun.as_of,
        "attempts": ExportRun.attempts,
        "requested_by": ExportRun.requested_by,
        "released_by": ExportRun.released_by,
        "at": at,
    }
    labelled: list[ColumnElement[object]] = [column.label(name) for name, column in columns.items()]
    statement = (
        select(*labelled)
        .join(ExportJob, ExportJob.job_id == ExportRun.job_id)
        .where(ExportRun.organisation == house.organisation, ExportRun.state.in_(TELLING))
    )
    if since is not None:
        statement = statement.where(at >= since)
    with house.registry.begin(readonly=True) as session:
        found = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(found, schema={name: DELIVERIES.schema[name] for name in columns}, orient="row")
