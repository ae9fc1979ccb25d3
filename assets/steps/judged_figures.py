"""Figures that validation judges, those they are held against, and what is known of their meters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import polars as pl

from assets.installation import Installation
from assets.steps.judging import Judging
from registry.residences import vacancies
from warehouse.policies import EstimationRules
from warehouse.schemas import CONSUMPTION_DAILY, CONSUMPTION_HOURLY, INSTALLATIONS, INSTANT, READINGS, Table
from warehouse.transforms.calendar import local_days
from warehouse.transforms.estimation.profiles import day_class
from warehouse.transforms.heat import register_resolutions
from warehouse.transforms.validation.rules import role_of

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SERIES = ("metering_point", "register")
_DEFAULT_COUNT = 1 / 1000


@dataclass(frozen=True, slots=True)
class Period:
    """Days to be judged.

    Attributes:
        first: First local day.
        last: Last one, inclusive.
        usual: Days before it that each of its days is held against.
        before: Days that rules look back where nothing was used.
        after: Days after it whose findings of :data:`_LASTING` rules may change with it.
        run: Days before it in which a run of equal hours may begin that ends in it.
        ends_within: Time after it within which a run of equal hours is as long as is asked.
    """

    first: date
    last: date
    usual: timedelta
    before: timedelta
    after: timedelta
    run: timedelta
    ends_within: timedelta


def judged_period(judging: Judging, first: date, last: date) -> Period:
    """The days from ``first`` to ``last``, with what their rules look at."""
    unused, still, usual, like, hours = (
        int(max(judging.rules.values(*name)))
        for name in (
            ("V10", "days_d"),
            ("V11", "days_d"),
            ("V11", "history_d"),
            ("V23", "history_d"),
            ("V18", "hours"),
        )
    )
    return Period(
        first,
        last,
        usual=timedelta(days=like),
        before=timedelta(days=max(usual, like) + max(unused, still) + 1),
        after=timedelta(days=max(unused, usual + still, like)),
        run=timedelta(days=(hours - 1) // 24),
        ends_within=timedelta(hours=hours),
    )


def places_of(house: Installation) -> pl.DataFrame:
    """Rows of ``installations`` of the installation's organisation."""
    return house.lake.scan(INSTALLATIONS).filter(pl.col("organisation") == house.organisation).collect()


def days_of(house: Installation, points: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Days of a period, with those that they are held against: the most before it where nothing was used in it."""
    since = period.first - period.usual
    days = figures_of(house, CONSUMPTION_DAILY, points, since, period.last + period.after)
    unused = days.filter(pl.col("day") >= period.first, pl.col("consumption") == 0).select(_SERIES).unique()
    if unused.is_empty():
        return days
    theirs = unused.select("metering_point").unique()
    earlier = figures_of(house, CONSUMPTION_DAILY, theirs, period.first - period.before, since - _DAY)
    return pl.concat([earlier.join(unused, on=_SERIES, how="semi"), days])


def hours_of(house: Installation, points: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Hours of a period, with those beside it that tell where runs of equal hours begin and how long they are."""
    first, last = period.first - period.run, period.last
    bounds = local_days(first, last, house.settings.zone)
    start, end = bounds["start"][0] - 2 * _HOUR, bounds["end"][-1] + period.ends_within
    apart = period.ends_within + _DAY
    return figures_of(
        house,
        CONSUMPTION_HOURLY,
        points,
        first - _DAY,
        last + apart,
        pl.col("period_start").is_between(pl.lit(start), pl.lit(end)),
    )


def figures_of(
    house: Installation, table: Table, points: pl.DataFrame, first: date, last: date, *conditions: pl.Expr
) -> pl.DataFrame:
    """Figures of points as rules ask about them.

    Args:
        house: The installation.
        table: A table of consumption.
        points: ``metering_point``.
        first: First local day, or the first one of a month.
        last: Last one, inclusive.
        conditions: On the table's rows.

    Returns:
        Rows with ``consumption`` and ``register_start`` as doubles, and ``at``: their start.
    """
    names = points["metering_point"].sort()
    day = pl.col("day")
    condition = (pl.col("organisation") == house.organisation) & pl.col("metering_point").is_between(
        pl.lit(names[0]), pl.lit(names[-1])
    )
    if first > date.min:
        low, high = (first - _DAY).strftime("%Y-%m"), (last + _DAY).strftime("%Y-%m")
        condition &= day.is_between(first, last) & pl.col("month").is_between(pl.lit(low), pl.lit(high))
    columns = ("organisation", "metering_point", "meter_id", "register", "day", "quality")
    return (
        house.lake.scan(table)
        .filter(condition, *conditions)
        .join(points.lazy(), on="metering_point", how="semi")
        .select(*columns, "register_start", "consumption", at="period_start")
        .with_columns(pl.col("consumption", "register_start").cast(pl.Float64))
        .collect()
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What is read once, however many parts are judged.

    Attributes:
        places: Rows of ``installations``.
        counts: One count of each register of meters: ``meter_id``, ``register`` and ``count`` (base units).
        vacancies: ``metering_point``, ``vacant_from``, ``vacant_to`` (UTC; null: still).
    """

    places: pl.DataFrame
    counts: pl.DataFrame
    vacancies: pl.DataFrame

    @classmethod
    def of(cls, house: Installation, judging: Judging, parts: Sequence[tuple[pl.DataFrame, Period]]) -> Self:
        """Reads it.

        Args:
            house: The installation.
            judging: What is judged by.
            parts: Points (``metering_point``) and what is judged of them: counts are those of meters that were read in
                the months of that.
        """
        places = places_of(house)
        return cls(places, _counts(house, judging, places, parts), vacancies_of(house))


def _counts(
    house: Installation, judging: Judging, places: pl.DataFrame, parts: Sequence[tuple[pl.DataFrame, Period]]
) -> pl.DataFrame:
    """Counts by the layouts of days near the newest judged ones; of meters without any then, by those of the months."""
    if not parts:
        return pl.DataFrame(schema={"meter_id": pl.String, "register": pl.String, "count": pl.Float64})
    ends = [(period.first - _DAY, period.last + period.after + _DAY) for _, period in parts]
    newest = max((period for _, period in parts), key=lambda period: (period.last, period.first))
    near = local_days(newest.first - _DAY, newest.last + _DAY, house.settings.zone)
    start, end = near["start"][0], near["end"][-1]
    months = pl.col("month").is_between(pl.lit(f"{start:%Y-%m}"), pl.lit(f"{end:%Y-%m}"))
    found = _layouts(house, months & pl.col("measured_at").is_between(start, end, closed="left"))
    bounds = [local_days(*days, house.settings.zone) for days in ends]
    asked = [
        points.select("metering_point", low=pl.lit(days["start"][0]), high=pl.lit(days["end"][-1]))
        for (points, _), days in zip(parts, bounds, strict=True)
    ]
    there = places.join(pl.concat(asked), on="metering_point").filter(
        pl.col("installed_at") < pl.col("high"), (pl.col("removed_at") > pl.col("low")).fill_null(value=True)
    )
    others = there.select("meter_id").unique().join(found, on="meter_id", how="anti")
    if others.height:
        names = {name for days in ends for name in pl.date_range(*days, eager=True).dt.strftime("%Y-%m")}
        theirs = pl.col("meter_id").is_in(others["meter_id"].implode())
        found = pl.concat([found, _layouts(house, pl.col("month").is_in(sorted(names)) & theirs)])
    return register_resolutions(found, judging.layouts).select("meter_id", "register", count="resolution")


def _layouts(house: Installation, condition: pl.Expr) -> pl.DataFrame:
    """``organisation``, ``meter_id`` and ``layout_id`` of some readings by telegrams."""
    return (
        house.lake.scan(READINGS)
        .filter((pl.col("organisation") == house.organisation) & condition & pl.col("layout_id").is_not_null())
        .select("organisation", "meter_id", "layout_id")
        .unique()
        .collect(engine="streaming")
    )


def prepared(rows: pl.DataFrame, judging: Judging, counts: pl.DataFrame) -> pl.DataFrame:
    """Figures with role, count, class of the day and what scopes ask about."""
    named = judging.scoped(rows.with_columns(role=role_of(pl.lit(None, pl.String), pl.col("quality"))))
    holidays = judging.house.policy(EstimationRules).holiday_days()
    return named.join(counts, on=["meter_id", "register"], how="left").with_columns(
        pl.col("count").fill_null(_DEFAULT_COUNT), day_class(pl.col("day"), holidays)
    )


def vacancies_of(house: Installation) -> pl.DataFrame:
    """``metering_point``, ``vacant_from``, ``vacant_to`` (UTC; null: still); who lives where stays in the registry."""
    with house.registry.begin(readonly=True) as session:
        found = vacancies(session, house.organisation)
    return pl.DataFrame(
        found, schema={"metering_point": pl.String, "vacant_from": INSTANT, "vacant_to": INSTANT}, orient="row"
    )
