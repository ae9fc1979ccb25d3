"""Erasure on request: a metering point's data of a period leave every layer.

The tombstone comes first, in the registry: from then on no step reckons anything of the period. Then the lines in the
landing archive go, the rows, table by table, with the table versions and files that still held them, and the registers
that somebody read. Each step finds less to do when it is repeated, so an erasure that dies in the middle is simply
asked for again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.catalogue import refresh_catalogue
from assets.steps.export_files import forget_all
from assets.steps.frozen import outside
from assets.steps.publishing import publish_registry
from assets.steps.redaction import places, redact_lines, settle_files, unsettled_days
from assets.steps.water import reckon_without
from registry import decisions, erasures
from registry.comments import erase_comments
from registry.heat_faults import erase_reviews
from registry.inventory.erasing import erase_registers, registers_between
from registry.ledger import read_cursor, write_cursor
from registry.people.rights import ORCHESTRATOR
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    CORRECTIONS,
    ENERGY_SIGNATURES,
    EXCHANGES,
    FINAL_ESTIMATES,
    FINAL_READINGS,
    FLOW_DAILY,
    GAUGES_DAILY,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULT_REVIEWS,
    HEAT_FAULTS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    INSTANT,
    LEAK_EVENTS,
    LINK_DAILY,
    METER_LINKS,
    MISSING_CAUSES_DAILY,
    OUTCOMES,
    PRESSURE_EVENTS,
    READING_PERFORMANCE_DAILY,
    READINGS,
    READINGS_HISTORY,
    RECEPTIONS,
    RECORDS,
    REGISTER_EVENTS,
    TELEGRAMS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.transforms.calendar import local_days

_SHARES: dict[str, pl.DataType | type[pl.DataType]] = {
    "erasure": pl.Int64,
    "meter_id": pl.String,
    "start": INSTANT,
    "end": INSTANT,
}

_WAITING = "erasures of arrivals"
"""Cursor with the numbers of erasures whose periods something has arrived of."""

_BY_TIME = {
    TELEGRAMS: "received_at",
    READINGS: "measured_at",
    READINGS_HISTORY: "measured_at",
    RECORDS: "measured_at",
    INFO_CODE_EVENTS: "first_seen",
}
_BY_DAY = (READING_PERFORMANCE_DAILY, MISSING_CAUSES_DAILY, LINK_DAILY, METER_LINKS, GAUGES_DAILY)
_BY_PERIOD = (
    *(CONSUMPTION_HOURLY, CONSUMPTION_DAILY, CONSUMPTION_MONTHLY, CONSUMPTION_YEARLY, CORRECTIONS),
    *(HEAT_CHECKS, HEAT_FAULTS, ENERGY_SIGNATURES),
)
_YEAR = timedelta(days=366)
_BY_EVENT = (REGISTER_EVENTS, VEE_EXCEPTIONS, ALERT_EVENTS, ALERT_USAGE, PRESSURE_EVENTS)


def _kept(*tables: Table) -> Iterator[Table]:
    """The tables and their histories, which have the same columns."""
    for table in tables:
        yield table
        if table.versioned and table.history is not None:
            yield table.history


@dataclass(frozen=True, slots=True)
class _Span:
    """The period, and which meters were there when.

    Attributes:
        start: Start of the first day (UTC).
        end: End of the last day (UTC).
        meters: ``meter_id``, ``start`` and ``end`` of each meter's share of the period (UTC, half open).
    """

    start: datetime
    end: datetime
    meters: pl.DataFrame


def erase(
    house: Installation, request: erasures.Request, *, identity: str, now: datetime, dry_run: bool = False
) -> dict[str, int]:
    """Erases a metering point's data of a period of local days.

    A month or a year that the period touches goes whole from the point's figures. Districts that the point had a part
    in are reckoned anew without it.

    Args:
        house: The installation.
        request: What is to be erased.
        identity: Who does it.
        now: When.
        dry_run: Whether only to count.

    Returns:
        Rows per table, and lines of the landing archive, that went, or would go.

    Raises:
        HeldError: A legal hold forbids it.
        RegistryError: The metering point is not known.
    """
    erasures.check(house.registry, request)
    span, zone = _span(house, request), house.settings.zone
    place = (request.organisation, request.metering_point)
    with house.registry.begin(readonly=True) as session:
        told = {"customers": len(erasures.former_occupancies(session, request, zone))}
        told |= registers_between(session, *place, span.start, span.end).counts
    if dry_run:
        counts = {table.name: rows.height for table, rows in _rows(house, request, span)} | told
        return {name: count for name, count in counts.items() if count}
    number = erasures.begin(house.registry, request, identity=identity, now=now)
    counts = _remove(house, request, span, now)
    with house.registry.begin() as session:
        told |= {"decisions": decisions.erase(session, request.organisation, span.meters)}
        erase_registers(session, *place, registers_between(session, *place, span.start, span.end))
        erase_reviews(session, *place, span.start - _YEAR, span.end)
        erase_comments(session, request.organisation, span.meters["meter_id"].to_list())
    publish_registry(house)
    with house.alone("publishing"):
        for table in _kept(EXCHANGES, FINAL_READINGS, HEAT_FAULT_REVIEWS):
            house.lake.purge(table)
    counts = {name: count for name, count in (counts | told).items() if count}
    erasures.finish(house.registry, request, number, counts, vault=house.vault, zone=zone, identity=identity, now=now)
    publish_registry(house)
    refresh_catalogue(house)  # the one before names files that are gone
    forget_all(house)
    return counts


def _remove(house: Installation, request: erasures.Request, span: _Span, now: datetime) -> dict[str, int]:
    """Takes what there is of the period out of archive and lake; returns rows per table."""
    counts = {}
    with house.undisturbed():  # files that no version names yet would be taken for left-overs
        doomed = list(_rows(house, request, span))
        for table, rows in doomed:
            if table is RECEPTIONS:
                redact_lines(house, rows.lazy().pipe(places).collect())
                counts["landing archive"] = rows.height
        # The outcomes say which receptions are the meter's, so they go last: a repeated erasure still finds them.
        for table, rows in sorted(doomed, key=lambda item: item[0] is OUTCOMES):
            if rows.height:
                house.lake.merge(table, table.empty(), stale=rows.select(table.key), forget=True)
            counts[table.name] = rows.height
            house.lake.purge(table)
        days = unsettled_days(house)["landed_day"].to_list()
        with house.registry.begin() as session:
            settle_files(house, session, days)
        reckon_without(house, request.metering_point, (request.first_day, request.last_day), now)
    return counts


def note_arrivals(house: Installation, heard: pl.DataFrame, now: datetime) -> None:
    """Notes which erasures receptions fall under, to be called before these are written.

    Args:
        house: The installation.
        heard: ``meter_id`` (may be null) and ``received_at`` of receptions.
        now: Instant of the pass.
    """
    periods = erasures.erased_periods(house.registry, house.organisation)
    if periods.is_empty():
        return
    hit = heard.join(meter_shares(house, periods), on="meter_id").filter(
        pl.col("received_at").is_between(pl.col("start"), pl.col("end"), closed="left")
    )
    if numbers := set(hit["erasure"]):
        _keep_waiting(house, _waiting(house) | numbers, now)


def erase_arrivals(house: Installation, now: datetime) -> int:
    """Applies erasures to what has arrived of their periods since; a run that died left the note of them.

    An erasure that a legal hold forbids by now waits until it is released, one that is not finished until it is.

    Args:
        house: The installation.
        now: When.

    Returns:
        Receptions that went.
    """
    waiting = _waiting(house)
    gone, left = 0, set[int]()
    for erasure in erasures.erasures(house.registry, house.organisation) if waiting else ():
        if erasure.id not in waiting:
            continue
        request = erasures.Request(
            erasure.organisation, erasure.metering_point, erasure.first_day, erasure.last_day, erasure.reason
        )
        try:
            erasures.check(house.registry, request)
        except erasures.HeldError:
            left.add(erasure.id)
            continue
        if erasure.finished_at is None:
            left.add(erasure.id)
            continue
        counts = {name: count for name, count in _remove(house, request, _span(house, request), now).items() if count}
        erasures.add_rows(house.registry, erasure.id, counts, identity=ORCHESTRATOR, now=now)
        gone += counts.get(RECEPTIONS.name, 0)
    if waiting != left:
        _keep_waiting(house, left, now)
    return gone


def _waiting(house: Installation) -> set[int]:
    """Numbers of erasures that are to be applied again."""
    return set(json.loads(read_cursor(house.registry, house.organisation, _WAITING) or "[]"))


def _keep_waiting(house: Installation, numbers: set[int], now: datetime) -> None:
    write_cursor(house.registry, house.organisation, _WAITING, json.dumps(sorted(numbers)), now)


def without_erased(house: Installation, table: Table, rows: pl.DataFrame, *, around: int = 1) -> pl.DataFrame:
    """Rows of figures of which nothing was erased.

    Args:
        house: The installation.
        table: A table of figures or events of metering points, or of meters and days.
        rows: Its rows.
        around: Days on either side that count as erased, too: what they began or ended with may be gone.

    Returns:
        The others.
    """
    periods = erasures.erased_periods(house.registry, house.organisation)
    return outside(house, table, rows, periods, around)


def without_erased_readings(house: Installation, readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Readings of which nothing was erased, such as may be stored.

    Args:
        house: The installation.
        readings: Rows of ``readings``.

    Returns:
        The others in their order, and of each row that was given whether it lies in an erased period.
    """
    shares = meter_shares(house, erasures.erased_periods(house.registry, house.organisation))
    numbered = readings.select("meter_id", "measured_at").with_row_index("row_no")
    hit = numbered.join(shares, on="meter_id").filter(
        pl.col("measured_at").is_between(pl.col("start"), pl.col("end"), closed="left")
    )
    erased = numbered["row_no"].is_in(hit["row_no"].implode())
    return readings.filter(~erased), erased


def _span(house: Installation, request: erasures.Request) -> _Span:
    days = local_days(request.first_day, request.last_day, house.settings.zone)
    asked = (None, request.metering_point, request.first_day, request.last_day)
    shares = meter_shares(house, pl.DataFrame([asked], schema=erasures.ERASED, orient="row"))
    return _Span(days["start"][0], days["end"][-1], shares.drop("erasure"))


def meter_shares(house: Installation, periods: pl.DataFrame) -> pl.DataFrame:
    """Which meters were at points in periods of local days, and when.

    Args:
        house: The installation.
        periods: As :func:`registry.erasures.erased_periods` gives them.

    Returns:
        ``erasure``, ``meter_id``, ``start`` and ``end`` of each meter's share of a period (UTC, half open).
    """
    if periods.is_empty():
        return pl.DataFrame(schema=_SHARES)
    first, last = periods.select(pl.col("first_day").min(), pl.col("last_day").max()).row(0)
    days = local_days(first, last, house.settings.zone)
    # By the nearest day, since a zone may have skipped the first or the last one.
    begun = periods.sort("first_day").join_asof(days, left_on="first_day", right_on="day", strategy="forward")
    bounded = (
        begun.drop("day", "end")
        .sort("last_day")
        .join_asof(days.drop("start"), left_on="last_day", right_on="day", strategy="backward")
    )
    removed = pl.col("removed_at").fill_null(pl.col("end"))
    return (
        house.lake.scan(INSTALLATIONS)
        .filter(pl.col("organisation") == house.organisation)
        .join(bounded.lazy(), on="metering_point")
        .filter((pl.col("installed_at") < pl.col("end")) & (removed > pl.col("start")))
        .select(
            "erasure",
            "meter_id",
            start=pl.max_horizontal("installed_at", "start"),
            end=pl.min_horizontal(removed, "end"),
        )
        .collect()
    )


def _rows(house: Installation, request: erasures.Request, span: _Span) -> Iterator[tuple[Table, pl.DataFrame]]:
    """What is to go of each table; of receptions their place in the archive, too."""
    first, last = pl.lit(span.start), pl.lit(span.end)
    judged = _of_meters(house, OUTCOMES, span, "received_at")
    yield OUTCOMES, judged
    frames = house.lake.scan(RECEPTIONS).join(judged.select("frame_id").unique().lazy(), on="frame_id", how="semi")
    yield RECEPTIONS, frames.select(*RECEPTIONS.key, "source_sha256").collect()
    for table, at in _BY_TIME.items():
        for kept in _kept(table):
            yield kept, _of_meters(house, kept, span, at)
    for table in _kept(*_BY_DAY):
        mine = house.lake.scan(table).filter(
            (pl.col("organisation") == request.organisation)
            & pl.col("meter_id").is_in(span.meters["meter_id"].implode())
            & pl.col("day").is_between(request.first_day, request.last_day)
        )
        yield table, mine.collect()
    overlapping = {
        table: (pl.col("period_start") < last) & (pl.col("period_end") > first) for table in _kept(*_BY_PERIOD)
    }
    overlapping |= {table: pl.col("at").is_between(first, last, closed="left") for table in _kept(*_BY_EVENT)}
    of_days = pl.col("day").is_between(request.first_day, request.last_day)
    overlapping |= dict.fromkeys(_kept(HEAT_DAILY, FLOW_DAILY), of_days)
    reaching = (pl.col("first_seen") < last) & (pl.col("last_seen") > first)
    overlapping |= dict.fromkeys(_kept(LEAK_EVENTS), reaching)
    overlapping[FINAL_ESTIMATES] = (pl.col("first_day") <= request.last_day) & (pl.col("last_day") >= request.first_day)
    for table, condition in overlapping.items():
        mine = house.lake.scan(table).filter(
            (pl.col("organisation") == request.organisation)
            & (pl.col("metering_point") == request.metering_point)
            & condition
        )
        yield table, mine.collect()


def _of_meters(house: Installation, table: Table, span: _Span, at: str) -> pl.DataFrame:
    return (
        house.lake.scan(table)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col(at).is_between(pl.lit(span.start), pl.lit(span.end), closed="left")
        )
        .join(span.meters.lazy(), on="meter_id")
        .filter(pl.col(at).is_between(pl.col("start"), pl.col("end"), closed="left"))
        .select(table.schema.names())
        .collect()
    )
