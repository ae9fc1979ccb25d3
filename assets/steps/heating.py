"""Heat beyond the day: the check of energy, energy signatures and faults of substations, of what was touched.

A heating year of a point is reckoned anew when one of its days or one of its station's temperatures changes; faults of
a year always for the whole fleet, since substations are compared with one another.
"""

from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased
from assets.steps.touched import done, pending
from registry.ledger import read_cursor, write_cursor
from warehouse.policies import HeatFaultsPolicy, HeatPolicy, RatingsPolicy, WeatherPolicy
from warehouse.schemas import (
    CONSUMPTION_MONTHLY,
    ENERGY_SIGNATURES,
    GROUP_MEMBERS,
    HEAT_CHECKS,
    HEAT_DAILY,
    HEAT_FAULTS,
    INSTALLATIONS,
    OUTDOOR_TEMPERATURES,
    Table,
)
from warehouse.transforms import assignments
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.degree_days import without_small_gaps
from warehouse.transforms.figures import shape
from warehouse.transforms.heat_checks import cross_check
from warehouse.transforms.heat_faults import find_faults
from warehouse.transforms.heating_years import before, bounds, following, last_day_of, year_of
from warehouse.transforms.signature_rows import POWER, signature_rows

POINTS_AT_ONCE = 20_000
"""Metering points of which a year's days are held at once; bounds the memory."""

_AROUND = timedelta(days=2)
"""Neighbours of a touched reading change with it; farther ones are found by ``known_from``."""
_MEASURED = ("M", "A", "X")
_WEATHER = "heating:temperatures"
_DAYS = "heating:days"
_SECONDS_PER_HOUR = 3600


def reckon_heating(house: Installation, now: datetime) -> dict[str, int]:
    """Reckons what rests on heating years and months of everything that changed since the last time.

    Args:
        house: The installation.
        now: Instant of the run, UTC; becomes ``known_from`` of what changes.

    Returns:
        Rows inserted or replaced per table.
    """
    changed = dict.fromkeys((HEAT_CHECKS.name, ENERGY_SIGNATURES.name, HEAT_FAULTS.name), 0)
    with house.alone("heating"):
        spans, newest = pending(house, "heating")
        news, cursors = _news(house, spans, now)
        if news.height:
            changed[HEAT_CHECKS.name] = _check(house, news, now)
            first_month = house.policy(WeatherPolicy).first_month
            news = news.with_columns(year=year_of(pl.col("day"), first_month))
            touched: list[date] = news["year"].unique().sort().to_list()
            for year in touched:
                points = news.filter(year=year)["metering_point"].unique().sort()
                changed[ENERGY_SIGNATURES.name] += _sign(house, year, points, now)
            for year in sorted({*touched, *map(following, touched)}):
                changed[HEAT_FAULTS.name] += _find_faults(house, year, now)
        for name, value in cursors.items():
            write_cursor(house.registry, house.organisation, name, value.isoformat(), now)
        done(house, "heating", newest, now)
    return changed


def _news(house: Installation, spans: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, dict[str, datetime]]:
    """First days of the months of which something changed, by ``metering_point``, and how far that reaches."""
    zone = house.settings.zone
    ends = spans.select(
        "meter_id",
        first=local_day(pl.col("first_at") - _AROUND, zone).dt.month_start(),
        last=local_day(pl.col("last_at") + _AROUND, zone),
    )
    touched = (
        _owned(house, INSTALLATIONS)
        .select("metering_point", "meter_id")
        .unique()
        .join(ends, on="meter_id")
        .with_columns(day=pl.date_ranges("first", "last", "1mo"))
        .explode("day", empty_as_null=False)
        .select("metering_point", "day")
    )
    cursors: dict[str, datetime] = {}
    days = _since(house, HEAT_DAILY, _DAYS, cursors).select("metering_point", pl.col("day").dt.month_start())
    weather = _since(house, OUTDOOR_TEMPERATURES, _WEATHER, cursors).select("station", pl.col("day").dt.month_start())
    points = pl.concat([
        _column(house, table, "metering_point") for table in (HEAT_DAILY, ENERGY_SIGNATURES, HEAT_CHECKS)
    ]).unique()  # fmt: skip
    served = _stations(house, points, now).join(weather.unique(), on="station").select("metering_point", "day")
    return (
        pl.concat([touched, days, served]).unique().filter(pl.col("metering_point").is_in(points.implode())),
        cursors,
    )


def _since(house: Installation, table: Table, cursor: str, cursors: dict[str, datetime]) -> pl.DataFrame:
    """Rows that are newer than the ones seen before; notes the newest."""
    seen = read_cursor(house.registry, house.organisation, cursor)
    rows = house.lake.scan(table).filter(pl.col("organisation") == house.organisation)
    if seen:
        rows = rows.filter(pl.col("known_from") > datetime.fromisoformat(seen))
    found = rows.collect()
    newest = found["known_from"].max()
    if isinstance(newest, datetime):
        cursors[cursor] = newest
    return found


def _check(house: Installation, months: pl.DataFrame, now: datetime) -> int:
    """Checks the energy of the months that changed."""
    policy = house.policy(HeatPolicy)
    theirs = _of(house, CONSUMPTION_MONTHLY, months)
    fresh = cross_check(theirs, tolerance=policy.energy_tolerance, least_kwh=policy.least_energy_kwh)
    return _replace(house, HEAT_CHECKS, fresh, _of(house, HEAT_CHECKS, months), now)


def _sign(house: Installation, year: date, points: pl.Series, now: datetime) -> int:
    """Fits the signatures of some points' heating year."""
    policy, zone = house.policy(WeatherPolicy), house.settings.zone
    known = policy.signature
    period = bounds(year, zone)
    weather = without_small_gaps(_owned(house, OUTDOOR_TEMPERATURES), policy.longest_gap_days)
    hours = local_days(year, last_day_of(year), zone).select(
        "day", hours=(pl.col("end") - pl.col("start")).dt.total_seconds() / _SECONDS_PER_HOUR
    )
    stations = _stations(house, points, now)
    changed = 0
    for some in stations.iter_slices(POINTS_AT_ONCE):
        days = _days(house, year, some["metering_point"]).join(hours, on="day").join(some, on="metering_point")
        fresh = signature_rows(
            days,
            weather,
            period=period,
            t0s=(known.t0_from_c, known.t0_to_c, known.t0_step_c),
            least_heating_days=known.least_heating_days,
            least_r2=known.least_r2,
            bootstrap_days=known.bootstrap_days,
            samples=known.bootstrap_samples,
            seed=known.seed,
        )
        standing = _of_year(house, ENERGY_SIGNATURES, period[0]).join(some, on="metering_point", how="semi")
        changed += _replace(house, ENERGY_SIGNATURES, fresh, standing, now)
    return changed


def _find_faults(house: Installation, year: date, now: datetime) -> int:
    """Looks for faults of a heating year in the whole fleet."""
    policy, zone = house.policy(WeatherPolicy), house.settings.zone
    period = bounds(year, zone)
    days = _days(house, year)
    points = days["metering_point"].unique().sort()
    weather = without_small_gaps(_owned(house, OUTDOOR_TEMPERATURES), policy.longest_gap_days)
    temperatures = _stations(house, points, now).join(weather.drop_nulls("mean_temp_c"), on="station")
    power = pl.col("quantity") == POWER
    signatures = pl.concat([
        _of_year(house, ENERGY_SIGNATURES, start).filter(power).with_columns(is_last=pl.lit(is_last))
        for start, is_last in ((period[0], False), (bounds(before(year), zone)[0], True))
    ])  # fmt: skip
    members = assignments.members_at(_owned(house, GROUP_MEMBERS), now)
    ratings = house.policy(RatingsPolicy)
    targets = assignments.assigned(
        points,
        members,
        [(of.group, of.heating.target_k) for of in ratings.groups if of.heating],
        ratings.heating.target_k,
    ).rename({"value": "target_k"})
    found = find_faults(days, temperatures, signatures, targets, house.policy(HeatFaultsPolicy).limits())
    fresh = shape(
        HEAT_FAULTS,
        found.with_columns(
            organisation=pl.lit(house.organisation), period_start=pl.lit(period[0]), period_end=pl.lit(period[1])
        ),
    )
    return _replace(house, HEAT_FAULTS, fresh, _of_year(house, HEAT_FAULTS, period[0]), now)


def _stations(house: Installation, points: pl.Series, now: datetime) -> pl.DataFrame:
    policy = house.policy(WeatherPolicy)
    members = assignments.members_at(_owned(house, GROUP_MEMBERS), now)
    return assignments.stations(
        points, members, of_points=policy.points, of_groups=policy.groups, default=policy.station
    )


def _owned(house: Installation, table: Table) -> pl.DataFrame:
    return house.lake.scan(table).filter(pl.col("organisation") == house.organisation).collect()


def _column(house: Installation, table: Table, name: str) -> pl.Series:
    rows = house.lake.scan(table).filter(pl.col("organisation") == house.organisation)
    return rows.select(name).unique().collect()[name].sort()


def _days(house: Installation, year: date, points: pl.Series | None = None) -> pl.DataFrame:
    """Days of a heating year, of some points or all."""
    last = last_day_of(year)
    # What was interpolated or estimated follows the weather, or a profile, by construction.
    rows = house.lake.scan(HEAT_DAILY).filter(
        (pl.col("organisation") == house.organisation)
        & (pl.col("month") >= f"{year:%Y-%m}")
        & (pl.col("month") <= f"{last:%Y-%m}")
        & pl.col("day").is_between(year, last)
        & pl.col("quality").is_in(_MEASURED)
    )
    if points is not None:
        low, high = points.min(), points.max()
        rows = rows.filter(pl.col("metering_point").is_between(pl.lit(low), pl.lit(high))).join(
            points.to_frame().lazy(), on="metering_point", how="semi"
        )
    return rows.collect()


def _of(house: Installation, table: Table, months: pl.DataFrame) -> pl.DataFrame:
    """Rows of a table of months, of some points' months."""
    if months.is_empty():
        return table.empty()
    first, last = months["day"].min(), months["day"].max()
    rows = house.lake.scan(table).filter(
        (pl.col("organisation") == house.organisation) & pl.col("day").is_between(first, last)
    )
    return rows.join(months.lazy(), on=["metering_point", "day"], how="semi").collect()


def _of_year(house: Installation, table: Table, start: datetime) -> pl.DataFrame:
    rows = house.lake.scan(table).filter(pl.col("organisation") == house.organisation)
    return rows.filter(pl.col("period_start") == start).collect()


def _replace(house: Installation, table: Table, fresh: pl.DataFrame, standing: pl.DataFrame, now: datetime) -> int:
    fresh, standing = (without_erased(house, table, rows) for rows in (fresh, standing))
    rows = fresh.with_columns(known_from=pl.lit(now))
    merged = house.lake.merge(table, rows, stale=standing.select(table.key), superseded_at=now)
    return merged.inserted + merged.replaced
