"""Publishing: the registry's non-secret tables as a snapshot in the lake, and what must be reckoned again for them."""

from datetime import UTC, datetime

import polars as pl

from assets.installation import Installation
from assets.steps.touched import touch_meters
from registry import audit
from registry.notifications.log import log
from registry.tables import published_events, published_tables
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
    NOTIFICATIONS,
    POLICIES,
    RETENTION_CERTIFICATES,
    Table,
)

SNAPSHOTS = (
    METERS,
    METERING_POINTS,
    INSTALLATIONS,
    METER_CONFIGURATIONS,
    EXCHANGES,
    COLLECTORS,
    GROUPS,
    GROUP_MEMBERS,
    GROUP_READERS,
    FINAL_READINGS,
    POLICIES,
    RETENTION_CERTIFICATES,
    HEAT_FAULT_REVIEWS,
    CONSUMPTION_ALERTS,
)
PUBLISHED = (*SNAPSHOTS, AUDIT_LOG)
_VERSIONED_HERE = (METERS, METERING_POINTS, COLLECTORS, GROUPS, GROUP_MEMBERS, GROUP_READERS, CONSUMPTION_ALERTS)
"""Tables of which the registry does not keep every version: members follow from rules, too."""

_FILES = 50
"""Appends of the audit log after which it is written anew in one file."""


def publish_registry(house: Installation) -> dict[str, int]:
    """Writes what changed of the registry's tables to the lake.

    Figures rest on the published snapshot. Meters that came, went, moved, were exchanged or set in another way since
    the last one are touched before it is replaced: whatever dies in between, the next time finds the difference again.

    Args:
        house: The installation.

    Returns:
        Rows per table.
    """
    with house.alone("publishing"):
        return publish_undisturbed(house)


def publish_undisturbed(house: Installation) -> dict[str, int]:
    """The same by somebody who sees to it that nobody else publishes."""
    now = house.stamp(datetime.now(UTC))
    snapshots = published_tables(house.registry, now)
    changed = (INSTALLATIONS, METER_CONFIGURATIONS)
    moved = pl.concat([_changed(house, snapshots, table, ["meter_id"]) for table in changed]).unique()
    exchanged = _changed(house, snapshots, EXCHANGES, ["old_meter_id", "new_meter_id"]).unique()
    touch_meters(house, moved.filter(~moved.is_in(exchanged.implode())), "registry")
    touch_meters(house, exchanged, "exchange")
    for table in SNAPSHOTS:
        if table in _VERSIONED_HERE:
            _replace(house, table, snapshots[table.name], now)
            continue
        house.lake.overwrite(table, snapshots[table.name])
        if table.history is not None:
            house.lake.overwrite(table.history, snapshots[table.history.name])
    _add_events(house)
    counts = {table.name: snapshots[table.name].height for table in SNAPSHOTS}
    return counts | {AUDIT_LOG.name: house.lake.scan(AUDIT_LOG).select(pl.len()).collect().item()}


def _replace(house: Installation, table: Table, snapshot: pl.DataFrame, now: datetime) -> None:
    """Puts what changed in the place of what was published before, which moves to the history."""
    rows = snapshot.with_columns(pl.col("known_from").fill_null(now))
    before = house.lake.scan(table).select("organisation", "known_from").collect()
    if before["known_from"].has_nulls():  # published before the table kept versions
        house.lake.overwrite(table, rows)
        return
    house.lake.merge(table, rows, stale=before.select("organisation").unique(), superseded_at=now)


def publish_events(house: Installation) -> None:
    """Adds the audit events to the lake that came since the last time, for changes of what is not published."""
    with house.alone("publishing"):
        _add_events(house)


def publish_notifications(house: Installation) -> None:
    """Writes what became of notifications to the lake, where that has changed; addresses stay in the registry."""
    with house.alone("publishing"):
        with house.registry.begin(readonly=True) as session:
            rows = log(session)
        house.lake.overwrite(NOTIFICATIONS, rows)


def _add_events(house: Installation) -> None:
    """Events never change, so that the newest one tells which are missing; a log of another registry is replaced."""
    last = house.lake.scan(AUDIT_LOG).select(pl.col("number", "digest").sort_by("number").last()).collect()
    number, digest = last.row(0) if last.height else (None, None)
    with house.registry.begin(readonly=True) as session:
        is_ours = number is not None and audit.digest_of(session, number) == digest
    if is_ours and len(house.lake.files(AUDIT_LOG)) < _FILES:
        house.lake.append(AUDIT_LOG, published_events(house.registry, number))
    else:
        house.lake.overwrite(AUDIT_LOG, published_events(house.registry))


def _changed(house: Installation, snapshots: dict[str, pl.DataFrame], table: Table, meters: list[str]) -> pl.Series:
    """Meters that rows name which stand in only one of the published and the coming table."""
    columns = table.schema.names()
    before = house.lake.scan(table).select(columns).collect()
    after = table.conform(snapshots[table.name]).select(columns)
    differing = pl.concat([
        before.join(after, on=columns, how="anti", nulls_equal=True),
        after.join(before, on=columns, how="anti", nulls_equal=True),
    ])  # fmt: skip
    ours = differing.filter(pl.col("organisation") == house.organisation)
    return pl.concat([ours[name].alias("meter_id") for name in meters])
