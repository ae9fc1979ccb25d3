"""The registry's non-secret tables as frames, in the shape the lake declares."""

from datetime import datetime

import polars as pl
from sqlalchemy import Executable, select

from registry import models as m
from registry.store import Registry
from warehouse.schemas import (
    AUDIT_LOG,
    COLLECTORS,
    EXCHANGES,
    GROUP_MEMBERS,
    GROUPS,
    INSTALLATIONS,
    METERING_POINTS,
    METERS,
    Table,
)

_RENAMED = {"group_name": "group"}
"""``group`` is a reserved word of SQL."""

ALL_METERS = "All meters"
"""Built-in group of every metering point that has or had a meter."""


def published_tables(registry: Registry, now: datetime | None = None) -> dict[str, pl.DataFrame]:
    """The tables that SQL users and pages may see; no key and no personal data.

    Args:
        registry: The registry.
        now: Instant at which keys are valid or expired; ``None`` lets none expire.

    Returns:
        Rows by table name.
    """
    meters = _rows(registry, select(m.Meter), METERS)
    status = key_status(registry, now)
    meters = meters.join(status, on=["organisation", "meter_id"], how="left").with_columns(
        pl.col("key_status").fill_null("missing")
    )
    installations = _rows(registry, select(m.Installation).where(m.Installation.known_to.is_(None)), INSTALLATIONS)
    media = installations.join(meters, on=["organisation", "meter_id"]).sort("installed_at")
    newest = media.unique(["organisation", "metering_point"], keep="last").select(
        "organisation", "metering_point", "medium"
    )
    points = _rows(registry, select(m.MeteringPoint), METERING_POINTS).join(
        newest, on=["organisation", "metering_point"], how="left"
    )
    groups = _rows(registry, select(m.Group), GROUPS).with_columns(kind=pl.lit("manual"))
    everything = points.select("organisation").unique().with_columns(group=pl.lit(ALL_METERS), kind=pl.lit("built-in"))
    members = _rows(registry, select(m.GroupMember), GROUP_MEMBERS)
    everyone = installations.group_by("organisation", "metering_point").agg(valid_from=pl.col("installed_at").min())
    tables = {
        METERS: meters,
        METERING_POINTS: points,
        INSTALLATIONS: installations,
        EXCHANGES: _rows(registry, select(m.Exchange), EXCHANGES),
        COLLECTORS: _rows(registry, select(m.Collector), COLLECTORS),
        GROUPS: pl.concat([groups, everything], how="diagonal_relaxed"),
        GROUP_MEMBERS: pl.concat([members, everyone.with_columns(group=pl.lit(ALL_METERS))], how="diagonal_relaxed"),
        AUDIT_LOG: _rows(registry, select(m.AuditEvent), AUDIT_LOG),
    }
    return {table.name: table.conform(rows) for table, rows in tables.items()}


def key_status(registry: Registry, now: datetime | None = None) -> pl.DataFrame:
    """What decoding has found of the meters' keys, those of LoRaWAN networks aside.

    Args:
        registry: The registry.
        now: Instant at which keys are valid or expired; ``None`` lets none expire.

    Returns:
        ``organisation``, ``meter_id`` and ``key_status``: ``ok``, a valid key has opened a frame; ``wrong``, all valid
        ones have failed; ``unverified``, no frame has come yet; ``expired``, there were keys. Meters without any key
        are left out: theirs is ``missing``.
    """
    key = m.MeterKey
    columns = (key.organisation, key.meter_id, key.verified_at, key.failed_at, key.valid_from, key.valid_to)
    keys = _rows(registry, select(*columns).where(key.key_class == "oms"))
    ended = pl.lit(value=False) if now is None else (pl.col("valid_to") <= now).fill_null(value=False)
    begun = pl.lit(value=True) if now is None else (pl.col("valid_from") <= now).fill_null(value=True)
    valid = pl.col("valid")
    return (
        keys.with_columns(ended=ended, valid=~ended & begun)
        .group_by("organisation", "meter_id")
        .agg(
            key_status=pl.when((valid & pl.col("verified_at").is_not_null()).any())
            .then(pl.lit("ok"))
            .when(pl.col("ended").all())
            .then(pl.lit("expired"))
            .when(valid.any() & (pl.col("failed_at").is_not_null() | ~valid).all())
            .then(pl.lit("wrong"))
            .otherwise(pl.lit("unverified"))
        )
    )


def registered_meters(registry: Registry, organisation: str) -> pl.Series:
    """``meter_id`` of every meter of an organisation, in stock or in use."""
    with registry.begin(readonly=True) as session:
        ids = session.scalars(select(m.Meter.meter_id).where(m.Meter.organisation == organisation)).all()
    return pl.Series("meter_id", ids, pl.String)


def _rows(registry: Registry, statement: Executable, table: Table | None = None) -> pl.DataFrame:
    """A query's rows; with a table, in the types it declares as far as the query has its columns."""
    with registry.begin(readonly=True) as session:
        result = session.connection().execute(statement)
        names = [_RENAMED.get(name, name) for name in result.keys()]  # noqa: SIM118  a result is not a mapping
        rows = result.all()
    instant = pl.Datetime("us", "UTC")
    instants = ("verified_at", "failed_at", "valid_from", "valid_to")
    known = dict(table.schema) if table else dict.fromkeys(instants, instant)
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
