"""Which stretches of which meters have news, and how far each consumer has come.

A decoding pass, an import of readings and a change of an installation append rows to ``touched``; every figure asset
keeps the number of the last batch it has worked off as a cursor in the registry, and reckons again exactly what later
batches name.
"""

from datetime import datetime

import polars as pl
from sqlalchemy.orm import Session

from assets.installation import Installation, keep_zone
from registry.ledger import read_cursor, write_cursor
from registry.models import Cursor
from warehouse.schemas import INSTALLATIONS, READING_PERFORMANCE_DAILY, READINGS, TOUCHED

_SERIES = "touched"
"""Series of the lake's batch numbers."""


def touch(
    house: Installation,
    times: pl.DataFrame,
    cause: str,
    identity: str | None = None,
    *,
    organisation: str | None = None,
) -> None:
    """Notes that readings of some meters changed.

    Args:
        house: The installation.
        times: ``meter_id`` and ``measured_at`` (UTC) of every reading that came, changed or went.
        cause: As ``touched`` declares it.
        identity: Who brought it; ``None`` where nobody did by hand.
        organisation: Owner of the meters; ``None`` for that of the installation.
    """
    if times.is_empty():
        return
    spans = times.group_by("meter_id").agg(first_at=pl.col("measured_at").min(), last_at=pl.col("measured_at").max())
    touch_spans(house, spans, cause, identity, organisation=organisation)


def touch_spans(
    house: Installation,
    spans: pl.DataFrame,
    cause: str,
    identity: str | None = None,
    *,
    organisation: str | None = None,
) -> None:
    """Notes that figures of some meters must be reckoned again.

    Args:
        house: The installation.
        spans: ``meter_id``, ``first_at``, ``last_at`` (UTC, both inclusive).
        cause: As ``touched`` declares it.
        identity: Who brought it; ``None`` where nobody did by hand.
        organisation: Owner of the meters; ``None`` for that of the installation.
    """
    with house.alone("touched"):
        number = newest_batch(house) + 1
        rows = spans.with_columns(
            organisation=pl.lit(organisation or house.organisation),
            batch_no=pl.lit(number),
            cause=pl.lit(cause),
            identity=pl.lit(identity, pl.String),
        )
        house.lake.append(TOUCHED, rows, batch=_SERIES, batch_no=number)


def newest_batch(house: Installation) -> int:
    """Number of the newest batch; 0 before the first."""
    return house.lake.applied(TOUCHED, _SERIES)


def pending(house: Installation, consumer: str, *, after: str | None = None) -> tuple[pl.DataFrame, int]:
    """What a consumer has not worked off yet.

    Args:
        house: The installation.
        consumer: Name of the asset.
        after: Another one whose figures it rests on: what that one has not worked off is not pending yet.

    Returns:
        ``meter_id``, ``first_at``, ``last_at`` with one row per meter, and the newest batch they come from.

    Raises:
        InstallationError: The zone of the figures was changed since the installation was opened.
    """
    keep_zone(house.registry, house.settings)
    seen = int(read_cursor(house.registry, house.organisation, _name(consumer)) or 0)
    batch = pl.col("batch_no")
    known = True if after is None else batch <= int(read_cursor(house.registry, house.organisation, _name(after)) or 0)
    rows = house.lake.scan(TOUCHED).filter(pl.col("organisation") == house.organisation, batch > seen, known).collect()
    spans = rows.group_by("meter_id").agg(pl.col("first_at").min(), pl.col("last_at").max())
    newest = rows.select(pl.col("batch_no").max()).item()
    return spans.sort("meter_id"), max(newest or 0, seen)


def causes(house: Installation, consumer: str) -> pl.LazyFrame:
    """Why a consumer has to reckon metering points again.

    Args:
        house: The installation.
        consumer: Name of the asset.

    Returns:
        ``metering_point``, ``first_at``, ``last_at``, ``batch_no``, ``cause`` and ``identity`` of what is pending.
    """
    seen = int(read_cursor(house.registry, house.organisation, _name(consumer)) or 0)
    owned = pl.col("organisation") == house.organisation
    places = house.lake.scan(INSTALLATIONS).filter(owned).select("meter_id", "metering_point").unique()
    rows = house.lake.scan(TOUCHED).filter(owned, pl.col("batch_no") > seen)
    return rows.join(places, on="meter_id").drop("organisation", "meter_id")


def done(house: Installation, consumer: str, batch_no: int, now: datetime) -> None:
    """Notes that a consumer has worked off everything up to a batch."""
    write_cursor(house.registry, house.organisation, _name(consumer), str(batch_no), now)


def extent(times: pl.Series) -> tuple[datetime, datetime]:
    """First and last of some instants.

    Args:
        times: Instants, at least one.

    Raises:
        ValueError: There is none.
    """
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise ValueError(f"no instants in {times.name}")  # noqa: TRY004  the type is right, the value is missing
    return first, last


def touch_days(house: Installation, start: datetime, end: datetime, identity: str | None = None) -> None:
    """Has the figures of every meter with readings in a stretch reckoned again.

    Args:
        house: The installation.
        start: Start of the stretch (UTC), inclusive.
        end: End of the stretch (UTC), exclusive.
        identity: Who asks for it.
    """
    readings = house.lake.scan(READINGS).filter(
        (pl.col("organisation") == house.organisation) & pl.col("measured_at").is_between(start, end, closed="left")
    )
    touch(house, readings.select("meter_id", "measured_at").collect(), "backfill", identity)


def touch_meters(house: Installation, meter_ids: pl.Series, cause: str) -> None:
    """Has the figures of meters that came, went or moved reckoned again, as far as there are readings.

    A meter that never was heard has no readings, and yet days on which readings were expected of it.

    Args:
        house: The installation.
        meter_ids: The meters.
        cause: ``registry`` or ``exchange``.
    """
    if meter_ids.is_empty():
        return
    noon = pl.col("day").cast(pl.Datetime("us")) + pl.duration(hours=12)
    expected_at = noon.dt.replace_time_zone(house.settings.timezone).dt.convert_time_zone("UTC")
    theirs = (pl.col("organisation") == house.organisation) & pl.col("meter_id").is_in(meter_ids.implode())
    times = (
        house.lake.scan(READINGS).filter(theirs).select("meter_id", at="measured_at"),
        house.lake.scan(READING_PERFORMANCE_DAILY).filter(theirs).select("meter_id", at=expected_at),
    )
    spans = pl.concat(times).group_by("meter_id").agg(first_at=pl.col("at").min(), last_at=pl.col("at").max()).collect()
    if spans.height:
        touch_spans(house, spans, cause)


def _name(consumer: str) -> str:
    return f"touched:{consumer}"


CONSUMERS = (
    "figures",
    "info_codes",
    "performance",
    "links",
    "leaks",
    "alerts",
    "water",
    "heating",
    "validation",
)
"""Assets that work off what was touched."""


def join_batches(house: Installation, kept_from: datetime | None) -> int:
    """Joins the batches that every consumer has seen in one: a row per meter, so that what was touched stays small.

    Args:
        house: The installation.
        kept_from: Rows that reach beyond this instant stay as they are; ``None`` leaves all.

    Returns:
        Rows that went.
    """
    if kept_from is None:
        return 0
    with house.alone("touched"):
        seen = (read_cursor(house.registry, house.organisation, _name(consumer)) for consumer in CONSUMERS)
        low = min(int(cursor or 0) for cursor in seen)
        rows = house.lake.scan(TOUCHED).collect()
        is_old = (pl.col("batch_no") <= low) & (pl.col("last_at") <= kept_from)
        is_old &= pl.col("organisation") == house.organisation
        joined = (
            rows.with_columns(batch_no=pl.when(is_old).then(low).otherwise("batch_no").cast(pl.Int64))
            .group_by(TOUCHED.key)
            .agg(pl.col("first_at").min(), pl.col("last_at").max(), pl.col("cause", "identity").last())
        )
        if joined.height < rows.height:
            house.lake.overwrite(TOUCHED, joined)
        return rows.height - joined.height


def start_again(session: Session, organisation: str, now: datetime) -> None:
    """Has every consumer work off all that was ever touched.

    Args:
        session: A writing transaction of the registry.
        organisation: Whose figures.
        now: When.
    """
    for consumer in CONSUMERS:
        session.merge(Cursor(organisation=organisation, name=_name(consumer), value="0", written_at=now))


def forget_progress(house: Installation, now: datetime) -> int:
    """Has consumers start again that have seen more than the lake holds: it was put back from an older back-up.

    Returns:
        How many consumers do.
    """
    newest = newest_batch(house)
    seen = [read_cursor(house.registry, house.organisation, _name(consumer)) for consumer in CONSUMERS]
    ahead = [cursor for cursor in seen if int(cursor or 0) > newest]
    if ahead:
        with house.registry.begin() as session:
            start_again(session, house.organisation, now)
    return len(ahead)


def behind(house: Installation) -> bool:
    """Whether any consumer has batches left."""
    newest = newest_batch(house)
    seen = (read_cursor(house.registry, house.organisation, _name(consumer)) for consumer in CONSUMERS)
    return any(int(cursor or 0) < newest for cursor in seen)
