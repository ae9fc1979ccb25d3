"""Retention: what the policy lets go is counted, approved, removed from every layer, and certified (ALGORITHMS §4.7).

The order makes a run that dies harmless. The certificate is opened first and says as of when ages are reckoned; a
repeated run goes on under it. Figures are frozen and gauges kept before the first row goes. Each partition is rewritten
in one commit, which counts what it removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from assets.installation import Installation
from assets.steps.frozen import freeze
from assets.steps.publishing import publish_registry
from assets.steps.redaction import places, redact_lines, settle_files, unsettled_days
from assets.steps.thinning import Plan
from assets.steps.touched import behind
from assets.steps.zones import ZONES
from registry import policies
from registry import retention as certificates
from registry.retention import RetentionError
from warehouse.policies import RetentionPolicy, read_as
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    GAUGES_DAILY,
    INFO_CODE_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    READING_PERFORMANCE_DAILY,
    READINGS,
    RECEPTIONS,
    REJECTED_ROWS,
    Table,
)
from warehouse.schemas.registers import GAUGES
from warehouse.transforms.calendar import local_day
from warehouse.transforms.retention import gauges_daily

KIND = "retention"
EXPORTED = "exported"
"""In place of a stage: rows that stay since a file for billing was made of them."""
_SPAN = ("first_day", "last_day", "figures_last_day")
_MEASURED = ("organisation", "meter_id", "measured_at", "quality")
_FREEZING = {
    READINGS: "meter_id",
    OUTCOMES: "judged_meter",
    READING_PERFORMANCE_DAILY: "meter_id",
    MISSING_CAUSES_DAILY: "meter_id",
    LINK_DAILY: "meter_id",
    METER_LINKS: "meter_id",
    INFO_CODE_EVENTS: "meter_id",
    CONSUMPTION_HOURLY: "metering_point",
    CONSUMPTION_DAILY: "metering_point",
}
"""Tables whose rows leave figures that could not be reckoned again, and whose these are."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a run removed.

    Attributes:
        certificate: Number of its certificate.
        digest: The certificate's hash.
        rows: Rows per table.
    """

    certificate: int
    digest: str
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Approved:
    """What is carried out: a policy as of an instant."""

    version: int
    policy: RetentionPolicy
    as_of: datetime


def plan(house: Installation, now: datetime) -> pl.DataFrame:
    """Counts what the policy in force lets go, and removes nothing.

    Args:
        house: The installation.
        now: Instant at which ages are reckoned.

    Returns:
        ``table``, ``medium`` (null where it is not known), ``stage`` (``day``, ``month``, ``none``; or ``exported``:
        rows that a stage has reached and that stay, since a file for billing was made of them) and ``rows``.
    """
    todo = Plan(house, _in_force(house, now).policy, now)
    return pl.concat([_summed(_counted(todo)), _summed(_exported(todo))])


def run(house: Installation, *, identity: str, now: datetime) -> Removed | None:
    """Removes what the policy in force lets go, from every layer, and certifies it.

    Args:
        house: The installation.
        identity: Who approves.
        now: When; ages are reckoned at it. A run that was interrupted goes on as of its own beginning.

    Returns:
        What was removed; ``None`` where there was nothing to remove.

    Raises:
        RetentionError: Figures are not up to date, so that they could not be frozen; or frames are missing that neither
            the ledger nor a certificate knows of.
    """
    with house.undisturbed():
        with house.registry.begin(readonly=True) as session:
            left = certificates.unfinished(session, house.organisation)
        approved = _in_force(house, now) if left is None else _begun(house, left.policy_version, left.as_of)
        done = _carry_out(house, approved, left.id if left else None, identity, now)
    if done:
        publish_registry(house)
    return done


def _carry_out(
    house: Installation, approved: _Approved, number: int | None, identity: str, now: datetime
) -> Removed | None:
    todo = Plan(house, approved.policy, approved.as_of)
    counted = _counted(todo)
    if number is None and counted.is_empty():
        return None
    if behind(house):
        raise RetentionError(
            "Figures are not up to date, and would be frozen as they are: run 'meterhouse materialize'."
        )
    if number is None:
        _complain_of_missing(house)
        with house.registry.begin() as session:
            number = certificates.begin(
                session,
                house.organisation,
                {table.name: _height(house, table) for table in ZONES},
                policy_version=approved.version,
                as_of=approved.as_of,
                identity=identity,
                now=now,
            ).id
    counter = f"retention-{house.organisation}-{number}"
    _keep_gauges(house, todo, counted, now)
    freeze(house, _days(todo, counted), now)
    for table in ZONES:
        for partition in _partitions(counted, table):
            if table in (REJECTED_ROWS, RECEPTIONS):
                _redact(house, todo, table, partition)
            house.lake.thin(table, partition, todo.stays(table, partition), counter=counter)
    removed = {table.name: house.lake.applied(table, counter) for table in ZONES}
    for table in ZONES:
        if removed[table.name]:
            house.lake.purge(table)
    return _finished(house, number, removed, identity, now)


def _finished(house: Installation, number: int, removed: Mapping[str, int], identity: str, now: datetime) -> Removed:
    """Enters frames that are gone in the ledger, and closes the certificate, in one transaction."""
    days = unsettled_days(house)["landed_day"].to_list()
    after = {table.name: _height(house, table) for table in ZONES}
    with house.registry.begin() as session:
        gone = settle_files(house, session, days)
        if gone != removed[RECEPTIONS.name]:
            raise RetentionError(
                f"Certificate {number} counts {removed[RECEPTIONS.name]} removed frames, and {gone} are gone. "
                "Look for the others before you repeat it: 'meterhouse sql' and a backup tell which they are."
            )
        digest = certificates.finish(session, number, removed, after, identity=identity, now=now)
    return Removed(number, digest, {name: count for name, count in removed.items() if count})


def _complain_of_missing(house: Installation) -> None:
    missing = unsettled_days(house)
    if missing.height:
        raise RetentionError(
            f"{missing['missing'].sum()} frames that landed on {missing['landed_day'][0]} and later are missing, and "
            "nothing says why: restore them from a backup, or repeat the erasure that removed them."
        )


def _in_force(house: Installation, as_of: datetime) -> _Approved:
    with house.registry.begin(readonly=True) as session:
        stored = policies.stored(session, house.organisation, KIND)
    return _understood(stored, as_of)


def _begun(house: Installation, version: int, as_of: datetime) -> _Approved:
    with house.registry.begin(readonly=True) as session:
        versions = policies.history(session, house.organisation, KIND)
    return _understood(next(one for one in versions if one.version == version), as_of)


def _understood(stored: policies.Stored, as_of: datetime) -> _Approved:
    policy = read_as(RetentionPolicy, stored.document)
    return _Approved(stored.version, policy, as_of)


def _counted(todo: Plan) -> pl.DataFrame:
    """Rows to go: ``table``, ``partition`` (text), ``medium``, ``stage``, ``rows``."""
    parts = [
        pl.DataFrame(
            schema={
                "medium": pl.String,
                "stage": pl.String,
                "rows": pl.Int64,
                "table": pl.String,
                "partition": pl.String,
            }
        )
    ]
    for table in ZONES:
        for partition in todo.partitions(table):
            doomed = todo.doomed(table, partition).group_by("medium", stage="keep").agg(rows=pl.len().cast(pl.Int64))
            named = doomed.with_columns(table=pl.lit(table.name), partition=pl.lit(_text(partition), pl.String))
            parts.append(named.collect(engine="streaming"))
    return pl.concat(parts)


def _exported(todo: Plan) -> pl.DataFrame:
    """Rows that would go but for files: ``table``, ``medium``, ``stage``, ``rows``."""
    parts = [pl.DataFrame(schema={"table": pl.String, "medium": pl.String, "stage": pl.String, "rows": pl.Int64})]
    for table in filter(todo.holds, ZONES):
        for partition in todo.partitions(table):
            held = todo.exported(table, partition).group_by("medium").agg(rows=pl.len().cast(pl.Int64))
            parts.append(
                held.select(
                    pl.lit(table.name).alias("table"), "medium", pl.lit(EXPORTED).alias("stage"), "rows"
                ).collect(engine="streaming")
            )
    return pl.concat(parts)


def _summed(counted: pl.DataFrame) -> pl.DataFrame:
    by = ["table", "medium", "stage"]
    return counted.group_by(by).agg(pl.col("rows").sum()).sort(by)


def _partitions(counted: pl.DataFrame, table: Table) -> list[str | date | None]:
    texts = counted.filter(pl.col("table") == table.name)["partition"].unique().sort().to_list()
    is_date = bool(table.partition_by) and table.schema[table.partition_by[0]] == pl.Date
    return [date.fromisoformat(text) if is_date else text for text in texts]


def _text(partition: str | date | None) -> str | None:
    return None if partition is None else str(partition)


def _height(house: Installation, table: Table) -> int:
    mine = house.lake.scan(table).filter(pl.col("organisation") == house.organisation)
    return int(mine.select(pl.len()).collect(engine="streaming").item())


def _redact(house: Installation, todo: Plan, table: Table, landed_day: str | date | None) -> None:
    """Takes the frames, or the rejected lines, of an arrival day out of the landing archive.

    Which member of a zip archive a rejected line is of, nobody has noted: it goes with the last frame of its file.
    """
    judged = todo.judged(table, landed_day)
    if table is RECEPTIONS:
        judged = places(judged).with_columns(is_last=(~pl.col("stays")).all().over("source_sha256"))
    else:
        judged = judged.with_columns(position=pl.col("source_line").cast(pl.String), is_last=pl.lit(value=False))
    lines = judged.select("source_sha256", "position", "is_last", "stays").collect()
    redact_lines(house, lines.filter(~pl.col("stays")))


def _days(todo: Plan, counted: pl.DataFrame) -> pl.DataFrame:
    """Days to be frozen: ``metering_point`` or ``meter_id``, ``first_day``, ``last_day``, ``figures_last_day``."""
    names = {"metering_point": pl.String, "meter_id": pl.String} | dict.fromkeys(_SPAN, pl.Date)
    begun, ended = (local_day(pl.col(name), todo.zone) for name in ("installed_at", "removed_at"))
    parts = [pl.DataFrame(schema=names)]
    for table, key in _FREEZING.items():
        for partition in _partitions(counted, table):
            doomed = todo.doomed(table, partition).filter(pl.col(key).is_not_null())
            first, last = pl.col("aged_on").min(), pl.col("aged_on").max()
            figures = last if ZONES[table] == "interval" else pl.lit(None, pl.Date)
            spans = doomed.group_by(key).agg(first_day=first, last_day=last, figures_last_day=figures).collect()
            parts.append(spans.rename({"judged_meter": "meter_id"}, strict=False))
            if table is READINGS:
                there = todo.installations.join(spans, on="meter_id").filter(
                    (begun <= pl.col("last_day")) & (ended >= pl.col("first_day")).fill_null(value=True)
                )
                parts.append(there.select("metering_point", *_SPAN))
    days = pl.concat(parts, how="diagonal").group_by("metering_point", "meter_id")
    return days.agg(pl.col("first_day").min(), pl.col("last_day").max(), pl.col("figures_last_day").max())


def _keep_gauges(house: Installation, todo: Plan, counted: pl.DataFrame, now: datetime) -> None:
    """Keeps what gauges showed on the days that readings go of; of a day that was thinned before, nothing changes."""
    zone, aged_on = todo.zone, todo.day_of(READINGS)
    doomed = [
        todo.doomed(READINGS, partition).select("meter_id", "aged_on").unique().collect(engine="streaming")
        for partition in _partitions(counted, READINGS)
    ]
    if not doomed:
        return
    days = pl.concat(doomed).unique()
    for (month,), mine in days.group_by(pl.col("aged_on").dt.strftime("%Y-%m"), maintain_order=True):
        rows = todo.readings_around(str(month)).select(*_MEASURED, *GAUGES).with_columns(aged_on=aged_on)
        known = house.lake.scan(GAUGES_DAILY).filter(pl.col("month") == str(month)).select(GAUGES_DAILY.key).collect()
        for some in todo.meter_ranges(rows):
            part = rows.filter(some).join(mine.lazy(), on=["meter_id", "aged_on"], how="semi").collect()
            fresh = gauges_daily(part, GAUGES, zone).join(known, on=GAUGES_DAILY.key, how="anti")
            fit = GAUGES_DAILY.conform(fresh.with_columns(known_from=pl.lit(now)))
            house.lake.append(GAUGES_DAILY, todo.stays(GAUGES_DAILY, str(month))(fit.lazy()).collect())
