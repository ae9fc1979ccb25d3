"""The registry's non-secret tables as frames, in the shape the lake declares."""

import polars as pl
from sqlalchemy import Executable, select
from sqlalchemy.orm import Session

from registry import groups
from registry import models as m
from registry.store import Registry
from warehouse.schemas import (
    AUDIT_LOG,
    COLLECTORS,
    EXCHANGES,
    GROUP_MEMBERS,
    GROUP_READERS,
    GROUPS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    Table,
)


def published_tables(registry: Registry) -> dict[str, pl.DataFrame]:
    """The tables that SQL users and pages may see; no key and no personal data.

    Args:
        registry: The registry.

    Returns:
        Rows by table name, all of one instant.
    """
    with registry.begin(readonly=True) as session:
        return _published(session)


def _published(session: Session) -> dict[str, pl.DataFrame]:
    meters = _rows(session, select(m.Meter), METERS)
    key = m.MeterKey
    keys = _rows(
        session,
        select(key.organisation, key.meter_id, key.verified_at, key.failed_at).where(key.key_class == "oms"),
    )
    status = keys.group_by("organisation", "meter_id").agg(
        key_status=pl.when(pl.col("verified_at").is_not_null().any())
        .then(pl.lit("ok"))
        .when(pl.col("failed_at").is_not_null().all())
        .then(pl.lit("wrong"))
        .otherwise(pl.lit("unverified"))
    )
    meters = meters.join(status, on=["organisation", "meter_id"], how="left").with_columns(
        pl.col("key_status").fill_null("missing")
    )
    installations = _rows(session, select(m.Installation).where(m.Installation.known_to.is_(None)), INSTALLATIONS)
    media = installations.join(meters, on=["organisation", "meter_id"]).sort("installed_at")
    newest = media.unique(["organisation", "metering_point"], keep="last").select(
        "organisation", "metering_point", "medium"
    )
    points = _rows(session, select(m.MeteringPoint), METERING_POINTS).join(
        newest, on=["organisation", "metering_point"], how="left"
    )
    evaluated = groups.evaluate(session)
    tables = {
        METERS: meters,
        METERING_POINTS: points,
        INSTALLATIONS: installations,
        EXCHANGES: _rows(session, select(m.Exchange), EXCHANGES),
        COLLECTORS: _rows(session, select(m.Collector), COLLECTORS),
        GROUPS: evaluated.groups,
        GROUP_MEMBERS: evaluated.members,
        GROUP_READERS: evaluated.readers,
        AUDIT_LOG: _rows(session, select(m.AuditEvent), AUDIT_LOG),
    }
    return {table.name: table.conform(rows) for table, rows in tables.items()}


def registered_meters(registry: Registry, organisation: str) -> pl.Series:
    """``meter_id`` of every meter of an organisation, in stock or in use."""
    with registry.begin(readonly=True) as session:
        ids = session.scalars(select(m.Meter.meter_id).where(m.Meter.organisation == organisation)).all()
    return pl.Series("meter_id", ids, pl.String)


def _rows(session: Session, statement: Executable, table: Table | None = None) -> pl.DataFrame:
    """A query's rows; with a table, in the types it declares as far as the query has its columns."""
    result = session.connection().execute(statement)
    names = list(result.keys())
    rows = result.all()
    instant = pl.Datetime("us", "UTC")
    known = dict(table.schema) if table else {"verified_at": instant, "failed_at": instant}
    schema = {name: known.get(name, pl.String) for name in names}
    wanted = [name for name in names if table is None or name in table.schema]
    columns = zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True)
    return pl.DataFrame([pl.Series(name, cells, schema[name]) for name, cells in columns if name in wanted])


def meter_index(registry: Registry, organisation: str) -> pl.DataFrame:
    """``meter_id`` and its parts, for finding a meter by less than its whole identity."""
    columns = ("meter_id", "manufacturer", "serial", "version", "device_type")
    with registry.begin(readonly=True) as session:
        statement = select(*(getattr(m.Meter, name) for name in columns)).where(m.Meter.organisation == organisation)
        rows = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
