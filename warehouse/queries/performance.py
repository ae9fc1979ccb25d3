"""Reading performance of meters and groups over days (§6; FEATURES PERF-01…03)."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.queries.extents import first_and_last_day
from warehouse.queries.readings import among
from warehouse.schemas import INSTALLATIONS, LINK_DAILY, METERS, MISSING_CAUSES_DAILY, READING_PERFORMANCE_DAILY
from warehouse.transforms.slots import CRITERIA, DAILY, HOURLY, SCHEDULE

RSR, BSR = "rsr", "bsr"
"""Success rates of the field: reads stored per scheduled read, and days complete from midnight to midnight."""
ASKED = (*CRITERIA, RSR, BSR)


@dataclass(frozen=True, slots=True)
class Summary:
    """A group at a glance.

    Attributes:
        meters: Meters of which something was expected.
        with_missing: Those that miss a reading.
        poor: Those below the threshold.
        mean: Mean of the meters' performance [%]; ``None`` where nothing was expected.
        pooled: Received of all expected readings [%]; likewise.
        mean_on_time: Mean of the meters' on-time performance [%]; likewise.
        as_of: Since when the youngest of the figures is known.
    """

    meters: int
    with_missing: int
    poor: int
    mean: float | None
    pooled: float | None
    mean_on_time: float | None
    as_of: datetime | None


def by_meter(
    lake: Readable,
    organisation: str,
    criterion: str,
    first: date,
    last: date,
    *,
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Performance per meter over local days.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        criterion: One of :data:`ASKED`. ``rsr`` takes the polls of a schedule where there is one, else hours; ``bsr``
            the days in which the meter was active throughout.
        first: First local day.
        last: Last local day, inclusive.
        points: ``metering_point`` of those that count; ``None`` for all.

    Returns:
        ``metering_point`` (its last one in the period), ``meter_id``, ``serial``, ``expected``, ``received``,
        ``received_on_time``, ``performance`` and ``performance_on_time`` (%, two decimals; null where nothing was
        expected), ``last_missing`` (start of the last expected slot without a reading, UTC; null where none is),
        ``known_from``; the worst first, those of whom nothing is expected last.
    """
    days = _days(lake, organisation, first, last)
    rows = _complete_days(days) if criterion == BSR else _rated(days, criterion)
    sums = rows.group_by("meter_id").agg(
        pl.col("expected", "received", "received_on_time").sum().cast(pl.Int64),
        pl.col("last_missing", "known_from").max(),
    )
    summed = sums.collect(engine="streaming")
    places = _places(lake, organisation, summed["meter_id"])
    serials = lake.scan(METERS).filter(organisation=organisation).select("meter_id", "serial").collect()
    found = summed.join(places, on="meter_id", how="left").join(serials, on="meter_id", how="left")
    if points is not None:
        found = found.join(points.select("metering_point").unique(), on="metering_point", how="semi")
    return (
        found.with_columns(performance=_share("received"), performance_on_time=_share("received_on_time"))
        .select(
            *("metering_point", "meter_id", "serial", "expected", "received", "received_on_time", "performance"),
            *("performance_on_time", "last_missing", "known_from"),
        )
        .sort("performance", "meter_id", nulls_last=True)
    )


def judged(meters: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """The rows of :func:`by_meter` with ``poor``: whether their performance is below a threshold [%]."""
    return meters.with_columns(poor=(pl.col("performance") < threshold).fill_null(value=False))


def summary(meters: pl.DataFrame) -> Summary:
    """Sums up the rows of :func:`judged`."""
    rated = meters.filter(pl.col("expected") > 0)
    if rated.is_empty():
        return Summary(0, 0, 0, None, None, None, None)
    numbers = rated.select(
        missing=(pl.col("received") < pl.col("expected")).sum(),
        poor=pl.col("poor").sum(),
        mean=pl.col("performance").mean().round(2, mode="half_away_from_zero"),
        pooled=(100 * pl.col("received").sum() / pl.col("expected").sum()).round(2, mode="half_away_from_zero"),
        on_time=pl.col("performance_on_time").mean().round(2, mode="half_away_from_zero"),
        known=pl.col("known_from").max(),
    ).row(0)
    return Summary(rated.height, *numbers)


def extent(lake: Readable, organisation: str) -> tuple[date, date] | None:
    """First and last local day on which anything was expected; ``None`` where nothing ever was."""
    return first_and_last_day(lake, READING_PERFORMANCE_DAILY, organisation)


def by_day(
    lake: Readable, organisation: str, criterion: str, first: date, last: date, *, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Performance of all meters together, day by day.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        criterion: One of :data:`ASKED`.
        first: First local day.
        last: Last local day, inclusive.
        points: ``metering_point`` of those that count; ``None`` for all.

    Returns:
        ``day``, ``meters`` (of which something was expected), ``expected``, ``received``, ``received_on_time``,
        ``performance`` and ``performance_on_time`` (% of all expected readings, two decimals), by day; days on which
        nothing was expected have no row.
    """
    days = _days(lake, organisation, first, last)
    rows = (_complete_days(days) if criterion == BSR else _rated(days, criterion)).filter(pl.col("expected") > 0)
    if points is not None:
        meters = rows.select("meter_id").unique().collect()["meter_id"]
        there = _places(lake, organisation, meters).join(
            points.select("metering_point"), on="metering_point", how="semi"
        )
        rows = rows.join(there.lazy(), on="meter_id", how="semi")
    return (
        rows.group_by("day")
        .agg(
            meters=pl.len().cast(pl.Int64),
            expected=pl.col("expected").sum().cast(pl.Int64),
            received=pl.col("received").sum().cast(pl.Int64),
            received_on_time=pl.col("received_on_time").sum().cast(pl.Int64),
        )
        .with_columns(performance=_share("received"), performance_on_time=_share("received_on_time"))
        .sort("day")
        .collect()
    )


def causes(
    lake: Readable, organisation: str, criterion: str, first: date, last: date, *, points: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Why readings are missing, per cause and collector.

    What no collector heard counts for the collector that hears the meter best in the period.

    Args:
        lake: Where the tables are.
        organisation: Whose meters.
        criterion: ``hourly``, ``daily``, ``schedule`` or ``billing``.
        first: First local day.
        last: Last local day, inclusive.
        points: ``metering_point`` of those that count; ``None`` for all.

    Returns:
        ``collector`` (empty where nobody ever heard the meter), ``cause``, ``meters`` and ``slots``, the most frequent
        first.
    """
    rows = (
        lake.scan(MISSING_CAUSES_DAILY)
        .filter(organisation=organisation, criterion=criterion)
        .filter(_in_days(first, last))
        .group_by("meter_id", "cause", "collector")
        .agg(pl.col("slots").sum())
        .collect()
    )
    if points is not None:
        places = _places(lake, organisation, rows["meter_id"])
        rows = rows.join(places.join(points.select("metering_point"), on="metering_point"), on="meter_id", how="semi")
    best = (
        lake.scan(LINK_DAILY)
        .filter(organisation=organisation)
        .filter(_in_days(first, last), among("meter_id", rows["meter_id"].unique()))
        .group_by("meter_id", "collector")
        .agg(pl.col("telegrams").sum())
        .sort("meter_id", "telegrams", "collector", descending=[False, True, False])
        .unique("meter_id", keep="first", maintain_order=True)
        .select("meter_id", best="collector")
        .collect()
    )
    heard = pl.when(pl.col("cause") == "no_frame").then(pl.col("best").fill_null("")).otherwise("collector")
    return (
        rows.join(best, on="meter_id", how="left")
        .group_by("cause", collector=heard)
        .agg(meters=pl.col("meter_id").n_unique().cast(pl.Int64), slots=pl.col("slots").sum().cast(pl.Int64))
        .select("collector", "cause", "meters", "slots")
        .sort("slots", "collector", "cause", descending=[True, False, False])
    )


def _in_days(first: date, last: date) -> pl.Expr:
    """Days of a period; the months say which files to read."""
    months = pl.col("month").is_between(pl.lit(f"{first:%Y-%m}"), pl.lit(f"{last:%Y-%m}"))
    return months & pl.col("day").is_between(first, last)


def _days(lake: Readable, organisation: str, first: date, last: date) -> pl.LazyFrame:
    return lake.scan(READING_PERFORMANCE_DAILY).filter(organisation=organisation).filter(_in_days(first, last))


def _rated(days: pl.LazyFrame, criterion: str) -> pl.LazyFrame:
    if criterion != RSR:
        return days.filter(pl.col("criterion") == criterion)
    rated = days.filter(pl.col("criterion").is_in([HOURLY, SCHEDULE]))
    own = rated.filter(pl.col("criterion") == SCHEDULE).select("meter_id", "day")
    return pl.concat(
        [
            rated.filter(pl.col("criterion") == SCHEDULE),
            rated.filter(pl.col("criterion") == HOURLY).join(own, on=["meter_id", "day"], how="anti"),
        ]
    )


def _complete_days(days: pl.LazyFrame) -> pl.LazyFrame:
    """One slot per whole day; received where every reading of the day is."""
    whole = days.filter(pl.col("criterion") == DAILY, pl.col("expected") > 0).select("meter_id", "day")
    full = {name: (pl.col(name) == pl.col("expected")).cast(pl.Int32) for name in ("received", "received_on_time")}
    return (
        _rated(days, RSR)
        .join(whole, on=["meter_id", "day"], how="semi")
        .with_columns(expected=pl.lit(1, pl.Int32), **full)
    )


def _places(lake: Readable, organisation: str, meters: pl.Series) -> pl.DataFrame:
    return (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .filter(among("meter_id", meters))
        .sort("installed_at")
        .group_by("meter_id")
        .agg(pl.col("metering_point").last())
        .collect()
    )


def _share(name: str) -> pl.Expr:
    share = (100 * pl.col(name) / pl.col("expected")).round(2, mode="half_away_from_zero")
    return pl.when(pl.col("expected") > 0).then(share)
