"""Heat beyond the day: the check of energy, energy signatures and faults of substations, of what was touched.

A heating year of a point is reckoned anew when one of its days or one of its station's temperatures changes; faults of
a year always for the whole fleet, since substations are compared with one another. Days count once they are over: one
that goes on would have everything reckoned again with each delivery.
"""

from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased
from assets.steps.touched import done, pending
from assets.steps.unseen import Unseen, note_seen, unseen
from assets.steps.weather import stations_of
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
    METERING_POINTS,
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

WORK = "heating"
_MEASURED = ("M", "A", "X")
_THERMAL = ("heat", "cooling", "heat_cooling")
_LAST_DAY = "heating:last_day"
_WEATHER = "heating:temperatures"
_DAYS = "heating:days"
_DAY = timedelta(days=1)
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
    with house.alone(WORK):
        spans, newest = pending(house, WORK)
        look = unseen(house, WORK, (HEAT_DAILY, OUTDOOR_TEMPERATURES))
        news, cursors = _news(house, look, spans, now)
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
        note_seen([look], now)
        done(house, WORK, newest, now)
    return changed


def _news(
    house: Installation, look: Unseen, spans: pl.DataFrame, now: datetime
) -> tuple[pl.DataFrame, dict[str, date | datetime]]:
    """First days of the months of which something changed, by ``metering_point``, and how far that reaches."""
    zone, last = house.settings.zone, _last_day(house, now)
    before = read_cursor(house.registry, house.organisation, _LAST_DAY)
    cursors: dict[str, date | datetime] = {_LAST_DAY: last}
    ends = spans.select(
        "meter_id", first=local_day(pl.col("first_at"), zone), last=local_day(pl.col("last_at"), zone).clip(None, last)
    ).filter(pl.col("first") <= last)
    touched = (
        _owned(house, INSTALLATIONS)
        .select("metering_point", "meter_id")
        .unique()
        .join(ends, on="meter_id")
        .filter(pl.col("metering_point").is_in(_points(house).implode()))
        .with_columns(day=pl.date_ranges(pl.col("first").dt.month_start(), "last", "1mo"))
        .explode("day", empty_as_null=False)
        .select("metering_point", "day")
    )
    parts = [touched]
    day = pl.col("day")
    if before is None or date.fromisoformat(before) < last:
        since = date.fromisoformat(before) if before else date.min
        over = house.lake.scan(HEAT_DAILY).filter(pl.col("organisation") == house.organisation, day > since)
        if before:
            over = over.filter(pl.col("month") >= f"{since:%Y-%m}")
        parts.append(over.filter(day <= last).select("metering_point", day.dt.month_start()).collect())
    changed = _since(house, look, HEAT_DAILY, _DAYS, cursors).filter(day <= last)
    parts.append(changed.select("metering_point", day.dt.month_start()))
    weather = _since(house, look, OUTDOOR_TEMPERATURES, _WEATHER, cursors).select("station", day.dt.month_start())
    if weather.height:
        months = (weather["day"].sort() - _DAY).dt.strftime("%Y-%m"), weather["day"].sort().dt.strftime("%Y-%m")
        there = house.lake.scan(HEAT_DAILY).filter(
            pl.col("organisation") == house.organisation,
            pl.col("month").is_between(pl.lit(months[0][0]), pl.lit(months[1][-1])),
        )
        points = there.select("metering_point").unique().collect()["metering_point"].sort()
        served = stations_of(house, points, now).join(weather.unique(), on="station")
        parts.append(served.select("metering_point", "day"))
    return pl.concat(parts).unique(), cursors


def _points(house: Installation) -> pl.Series:
    """Points of heat and cooling, and those of which something was reckoned before."""
    thermal = _owned(house, METERING_POINTS).filter(pl.col("medium").is_in(_THERMAL))
    tables = (thermal, *(_owned(house, table) for table in (ENERGY_SIGNATURES, HEAT_CHECKS)))
    return pl.concat([rows["metering_point"] for rows in tables]).unique().sort()


def _last_day(house: Installation, now: datetime) -> date:
    """The last local day that is over."""
    return now.astimezone(house.settings.zone).date() - _DAY


def _since(
    house: Installation, look: Unseen, table: Table, cursor: str, cursors: dict[str, date | datetime]
) -> pl.DataFrame:
    """Rows that are newer than the ones seen before; notes the newest."""
    seen = read_cursor(house.registry, house.organisation, cursor)
    rows = look.rows(table).filter(pl.col("organisation") == house.organisation)
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
    stations = stations_of(house, points, now)
    changed = 0
    for some in stations.iter_slices(POINTS_AT_ONCE):
        days = _days(house, year, now, some["metering_point"]).join(hours, on="day").join(some, on="metering_point")
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
    days = _days(house, year, now)
    points = days["metering_point"].unique().sort()
    weather = without_small_gaps(_owned(house, OUTDOOR_TEMPERATURES), policy.longest_gap_days)
    temperatures = stations_of(house, points, now).join(weather.drop_nulls("mean_temp_c"), on="station")
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


def _owned(house: Installation, table: Table) -> pl.DataFrame:
    return house.lake.scan(table).filter(pl.col("organisation") == house.organisation).collect()


def _days(house: Installation, year: date, now: datetime, points: pl.Series | None = None) -> pl.DataFrame:
    """Days of a heating year that are over, of some points or all."""
    last = min(last_day_of(year), _last_day(house, now))
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
