"""The registry's non-secret tables as frames, in the shape the lake declares."""

import json
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from registry import groups
from registry import models as m
from registry.frames import read_frame
from registry.key_status import MISSING, key_statuses
from registry.store import Registry
from warehouse.schemas import (
    AUDIT_LOG,
    COLLECTORS,
    CONSUMPTION_ALERTS,
    EXCHANGES,
    FINAL_READINGS,
    GROUP_MEMBERS,
    GROUP_READERS,
    GROUPS,
    HEAT_FAULT_REVIEWS,
    INSTALLATIONS,
    METER_CONFIGURATIONS,
    METERING_POINTS,
    METERS,
    POLICIES,
    RETENTION_CERTIFICATES,
    TABLES,
    Table,
)

_INSTALLATIONS_BEFORE, _CONFIGURATIONS_BEFORE, _EXCHANGES_BEFORE, _FINAL_READINGS_BEFORE = (
    TABLES[f"{table.name}_history"] for table in (INSTALLATIONS, METER_CONFIGURATIONS, EXCHANGES, FINAL_READINGS)
)


def published_tables(registry: Registry, now: datetime | None = None) -> dict[str, pl.DataFrame]:
    """The tables that SQL users and pages may see, but for the audit log; no key and no personal data.

    Args:
        registry: The registry.
        now: Instant at which keys are valid or expired; ``None`` lets none expire.

    Returns:
        Rows by table name, all of one instant.
    """
    with registry.begin(readonly=True) as session:
        return _published(session, now)


def published_events(registry: Registry, after: int = 0) -> pl.DataFrame:
    """The audit events that SQL users may see: what tells of a person stays in the registry.

    Args:
        registry: The registry.
        after: Number of the last event that is known already.

    Returns:
        Rows of the table ``audit_log``, of all organisations, by number.
    """
    with registry.begin(readonly=True) as session:
        statement = select(m.AuditEvent).where(m.AuditEvent.number > after).order_by(m.AuditEvent.number)
        return AUDIT_LOG.conform(_rows(session, statement, AUDIT_LOG))


def _published(session: Session, now: datetime | None) -> dict[str, pl.DataFrame]:
    meters = _rows(session, select(m.Meter), METERS)
    status = _rows(session, key_statuses(now))
    meters = meters.join(status, on=["organisation", "meter_id"], how="left").with_columns(
        pl.col("key_status").fill_null(MISSING)
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
        METERS: _with_custom_fields(session, meters, "meter", "meter_id"),
        METERING_POINTS: _with_custom_fields(session, points, "metering_point", "metering_point"),
        INSTALLATIONS: installations,
        METER_CONFIGURATIONS: _rows(
            session, select(m.MeterConfiguration).where(m.MeterConfiguration.known_to.is_(None)), METER_CONFIGURATIONS
        ),
        EXCHANGES: _rows(session, select(m.Exchange).where(m.Exchange.known_to.is_(None)), EXCHANGES),
        FINAL_READINGS: _final_readings(session),
        _INSTALLATIONS_BEFORE: _rows(
            session, select(m.Installation).where(m.Installation.known_to.is_not(None)), _INSTALLATIONS_BEFORE
        ),
        _CONFIGURATIONS_BEFORE: _rows(
            session,
            select(m.MeterConfiguration).where(m.MeterConfiguration.known_to.is_not(None)),
            _CONFIGURATIONS_BEFORE,
        ),
        _EXCHANGES_BEFORE: _rows(
            session, select(m.Exchange).where(m.Exchange.known_to.is_not(None)), _EXCHANGES_BEFORE
        ),
        _FINAL_READINGS_BEFORE: _final_readings(session, superseded=True),
        COLLECTORS: _rows(session, select(m.Collector), COLLECTORS),
        GROUPS: evaluated.groups,
        GROUP_MEMBERS: evaluated.members,
        GROUP_READERS: evaluated.readers,
        POLICIES: _rows(session, select(m.PolicyVersion), POLICIES),
        RETENTION_CERTIFICATES: _certificates(session),
        HEAT_FAULT_REVIEWS: _rows(session, select(m.HeatFaultReview), HEAT_FAULT_REVIEWS),
        CONSUMPTION_ALERTS: _rows(
            session, select(m.ConsumptionAlert).where(m.ConsumptionAlert.removed_at.is_(None)), CONSUMPTION_ALERTS
        ),
    }
    return {table.name: table.conform(rows) for table, rows in tables.items()}


def _final_readings(session: Session, *, superseded: bool = False) -> pl.DataFrame:
    """Final registers of exchanges and of customers who moved out, or their former versions."""
    exchange, final = m.Exchange, m.FinalReading
    columns = (exchange.organisation, exchange.metering_point, exchange.register, exchange.known_from)
    table = _FINAL_READINGS_BEFORE if superseded else FINAL_READINGS
    of_version = [
        model.known_to.is_not(None) if superseded else model.known_to.is_(None) for model in (exchange, final)
    ]
    exchanged = select(
        *columns,
        exchange.known_to,
        exchange.old_meter_id.label("meter_id"),
        exchange.exchanged_at.label("read_at"),
        exchange.old_final.label("value"),
    ).where(of_version[0], exchange.old_final.is_not(None))
    moved_out = select(final).where(of_version[1])
    parts = {"exchange": exchanged, "move_out": moved_out}
    return pl.concat(
        [_rows(session, part, table).with_columns(cause=pl.lit(cause)) for cause, part in parts.items()],
        how="diagonal_relaxed",
    )


def _certificates(session: Session) -> pl.DataFrame:
    """Certificates of retention, one row per table."""
    certificate, count = m.RetentionCertificate, m.RetentionCount
    statement = select(
        certificate,
        count.certificate,
        count.table_name,
        count.rows_before,
        count.rows_removed,
        count.rows_after,
    ).join(count, count.certificate == certificate.id)
    return _rows(session, statement, RETENTION_CERTIFICATES)


def _with_custom_fields(session: Session, rows: pl.DataFrame, entity: str, key: str) -> pl.DataFrame:
    """Adds the values of the utility's own fields as one JSON object; null where there is none."""
    value = m.CustomValue
    statement = select(value.organisation, value.entity_id, value.name, value.value).where(value.entity == entity)
    texts: dict[tuple[str, str], dict[str, str]] = {}
    for organisation, entity_id, name, text in session.execute(statement):
        texts.setdefault((organisation, entity_id), {})[name] = text
    objects = [(*owner, json.dumps(fields, sort_keys=True, ensure_ascii=False)) for owner, fields in texts.items()]
    schema = {"organisation": pl.String, key: pl.String, "custom_fields": pl.String}
    return rows.join(pl.DataFrame(objects, schema=schema, orient="row"), on=["organisation", key], how="left")


def registered_meters(registry: Registry, organisation: str) -> pl.Series:
    """``meter_id`` of every meter of an organisation, in stock or in use."""
    with registry.begin(readonly=True) as session:
        ids = session.scalars(select(m.Meter.meter_id).where(m.Meter.organisation == organisation)).all()
    return pl.Series("meter_id", ids, pl.String)


def _rows(session: Session, statement: Select[*tuple[Any, ...]], table: Table | None = None) -> pl.DataFrame:
    """A query's rows, all text; with a table, those columns that it declares, in its types."""
    columns = [column for column in statement.selected_columns if table is None or column.key in table.schema]
    types = {str(column.key): pl.String() if table is None else table.schema[str(column.key)] for column in columns}
    return read_frame(session, statement.with_only_columns(*columns, maintain_column_froms=True), types)


def meter_index(registry: Registry, organisation: str) -> pl.DataFrame:
    """``meter_id`` and its parts, for finding a meter by less than its whole identity."""
    columns = ("meter_id", "manufacturer", "serial", "version", "device_type")
    with registry.begin(readonly=True) as session:
        statement = select(*(getattr(m.Meter, name) for name in columns)).where(m.Meter.organisation == organisation)
        rows = [tuple(row) for row in session.execute(statement)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
