"""What may be told of: info codes, consumption alerts, silent collectors and exports, as events."""

from collections.abc import Collection
from datetime import datetime, timedelta

import polars as pl
from sqlalchemy import select

from assets.installation import Installation
from registry.frames import Types, read_frame
from registry.models import ExportJob, ExportRun
from registry.notifications.rules import Topic
from registry.outages import outage_since
from warehouse.policies import CoveragePolicy
from warehouse.queries.info_codes import LOGGED
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    COLLECTOR_DAILY,
    CONSUMPTION_ALERTS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    INSTANT,
)
from warehouse.transforms.notifications import EVENTS, LOOK_BACK

HIGH = "high"
OUTAGE = "outage"
"""Key and code of the event that nothing arrives any more."""
_UNSETTLED = ("failed", "withheld")
"""States of an export that somebody has to do something about."""


def notable(house: Installation, topics: Collection[Topic], now: datetime) -> pl.DataFrame:
    """Events that last, or ended of late.

    Args:
        house: The installation.
        topics: What is asked for.
        now: The present, UTC.

    Returns:
        Columns of :data:`EVENTS`.
    """
    read = {
        "info_codes": _info_codes,
        "consumption_alerts": _consumption_alerts,
        "silent_collectors": _silent_collectors,
        "exports": _exports,
    }
    parts = [pl.DataFrame(schema=EVENTS)]
    parts += [_shaped(read[topic](house, now), topic) for topic in sorted(topics)]
    return pl.concat(parts)


def _shaped(rows: pl.DataFrame, topic: str) -> pl.DataFrame:
    told = rows.with_columns(topic=pl.lit(topic))
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in EVENTS.items() if name not in told.columns]
    return told.with_columns(lacking).select(pl.col(name).cast(dtype) for name, dtype in EVENTS.items())


def _info_codes(house: Installation, now: datetime) -> pl.DataFrame:
    """Episodes of codes, where the meter was when it last showed them; what a meter only logged is none."""
    rows = (
        house.lake.scan(INFO_CODE_EVENTS)
        .filter(organisation=house.organisation)
        .filter(
            pl.col("priority") != "ignore",
            ~pl.col("code").str.contains(LOGGED),
            pl.col("cleared_at").is_null() | (pl.col("cleared_at") >= now - LOOK_BACK),
        )
        .select("meter_id", "code", "priority", since="first_seen", seen_at="last_seen", ended_at="cleared_at")
        .collect()
    )
    there = (
        house.lake.scan(INSTALLATIONS)
        .filter(organisation=house.organisation)
        .join(rows.lazy().select("meter_id").unique(), on="meter_id", how="semi")
        .select("meter_id", "metering_point", "installed_at", "removed_at")
        .collect()
    )
    numbered = rows.with_row_index("row")
    at = pl.col("seen_at")
    places = (
        numbered.select("row", "meter_id", "seen_at")
        .join(there, on="meter_id")
        .filter(at >= pl.col("installed_at"), (at < pl.col("removed_at")).fill_null(value=True))
        .sort("installed_at")
        .unique("row", keep="last")
        .select("row", "metering_point")
    )
    key = pl.concat_str(pl.lit("info"), "meter_id", "code", separator=":")
    return (
        numbered.join(places, on="row", how="left")
        .with_columns(event_key=key, retracted=pl.lit(value=False))
        .drop("row")
    )


def _consumption_alerts(house: Installation, now: datetime) -> pl.DataFrame:
    """Windows of alerts with more than the limit: each lasts until a reset, the next window or the alert's end."""
    own = pl.col("organisation") == house.organisation
    alerts = house.lake.scan(CONSUMPTION_ALERTS).filter(own).select("alert_no", "last_reset", "ends_at")
    usage = house.lake.scan(ALERT_USAGE).filter(own).select("alert_no", window_now="window_start")
    start = pl.col("window_start")
    ends = [pl.when(pl.col(name) > start).then(name) for name in ("last_reset", "window_now", "ends_at")]
    is_back = pl.col("state") == "retracted"
    return (
        house.lake.scan(ALERT_EVENTS)
        .filter(own)
        .join(alerts, on="alert_no")
        .join(usage, on="alert_no", how="left")
        .with_columns(ended_at=pl.when(is_back).then("retracted_at").otherwise(pl.min_horizontal(ends)))
        .filter(pl.col("ended_at").is_null() | (pl.max_horizontal("ended_at", "at") >= now - LOOK_BACK))
        .select(
            "metering_point",
            "meter_id",
            "register",
            "used",
            "limit_value",
            "ended_at",
            event_key=pl.concat_str(pl.lit("alert"), "alert_no", separator=":"),
            priority=pl.lit(HIGH),
            since="window_start",
            seen_at="at",
            retracted=is_back,
        )
        .collect()
    )


def _silent_collectors(house: Installation, now: datetime) -> pl.DataFrame:
    """Collectors that deliver nothing for the hours that the policy coverage calls a gap, while another one does.

    That none of them delivers is a single event, since each is only behind the others by what it was before.
    """
    last = (
        house.lake.scan(COLLECTOR_DAILY)
        .filter(organisation=house.organisation)
        .group_by("collector")
        .agg(since=pl.col("last_contact").max())
        .collect()
    )
    gap = timedelta(hours=house.policy(CoveragePolicy).gap_h)
    newest = pl.col("since").max()
    key = pl.concat_str(pl.lit("collector"), "collector", separator=":")
    silent = last.filter(newest - pl.col("since") >= gap).select("since", event_key=key, code=pl.lit(None, pl.String))
    with house.registry.begin(readonly=True) as session:
        since = outage_since(session, house.organisation, gap, now)
    outage = pl.DataFrame({"since": [since], "event_key": [OUTAGE], "code": [OUTAGE]}, schema=silent.schema)
    return pl.concat([silent, outage.drop_nulls()]).with_columns(
        priority=pl.lit(HIGH), seen_at="since", retracted=pl.lit(value=False)
    )


def _exports(house: Installation, now: datetime) -> pl.DataFrame:
    """Runs of exports that failed or are withheld; what is no longer so is not told any more."""
    run = ExportRun
    statement = (
        select(ExportJob.name, run.run_id, run.state, run.requested_at)
        .join(ExportJob, ExportJob.job_id == run.job_id)
        .where(
            run.organisation == house.organisation,
            run.state.in_(_UNSETTLED),
            run.requested_at >= now - LOOK_BACK,
        )
    )
    types: Types = {"name": pl.String, "run_id": pl.String, "state": pl.String, "since": INSTANT}
    with house.registry.begin(readonly=True) as session:
        rows = read_frame(session, statement, types)
    return rows.select(
        "since",
        event_key=pl.concat_str(pl.lit("export"), "run_id", "state", "name", separator=":"),
        code="state",
        priority=pl.lit(HIGH),
        seen_at="since",
        retracted=pl.lit(value=False),
    )
