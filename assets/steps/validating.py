"""Validation of figures: what rules question in hours, days and months, in silence, and in meters installed nowhere."""

from datetime import date, datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.clocks import find_clocks
from assets.steps.erasing import without_erased
from assets.steps.figures import reckoned_days
from assets.steps.judged_figures import (
    Known,
    Period,
    days_of,
    figures_of,
    hours_of,
    judged_period,
    places_of,
    prepared,
    vacancies_of,
)
from assets.steps.judging import BY_FIGURES, Judging
from assets.steps.side_by_side import side_by_side
from assets.steps.touched import done, extent, pending
from assets.steps.weather import degree_days_of_months, stations_of
from warehouse.policies import EstimationRules, WeatherPolicy
from warehouse.schemas import (
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    READING_PERFORMANCE_DAILY,
    READINGS,
    VEE_EXCEPTIONS,
)
from warehouse.transforms.calendar import local_day
from warehouse.transforms.validation.catalogue import RULES
from warehouse.transforms.validation.gaps import judge_silence
from warehouse.transforms.validation.heat import judge_energy
from warehouse.transforms.validation.inputs import placed, steps
from warehouse.transforms.validation.registers import judge_inactive
from warehouse.transforms.validation.rules import findings
from warehouse.transforms.validation.statistics import judge_courses, judge_days, judge_hours, judge_months, judge_sums

POINTS_AT_ONCE = 10_000
"""Points judged and committed together; bounds the memory."""

_DAY = timedelta(days=1)
_WEIGHTED = ("volume_temp_flow_m3c", "volume_temp_return_m3c")
_HEAT = ("volume_m3", "energy_kwh", "cooling_energy_kwh", *_WEIGHTED)
_NEAR = timedelta(days=2)
_YEAR_AND_MONTH = timedelta(days=397)
_BESIDE = (1, 4, 10, 35, 100)
"""Days judged beside a touched stretch; of so many numbers the least that holds all days whose figures may change."""

_LASTING = ("V10", "V11", "V23")
"""Rules that judge a day by days before it."""


def validate_figures(house: Installation, now: datetime) -> int:
    """Judges the figures of everything touched since the last time, and how long points have been silent.

    Args:
        house: The installation.
        now: Instant of the run, UTC; becomes ``known_from`` of what changes.

    Returns:
        Exceptions inserted or replaced.
    """
    with house.alone("validation"):
        now = house.stamp(now)
        spans, newest = pending(house, "validation")
        if spans.is_empty():
            return 0
        judging = Judging.of(house)
        parts = _parts(house, pl.concat([spans, _since_vacant(house, judging)]), judging)
        known = Known.of(house, judging, parts)

        def judged(part: tuple[pl.DataFrame, Period]) -> int:
            points, period = part
            return _keep(house, judging, *find_in_figures(house, judging, points, period, known, now), now)

        changed = sum(side_by_side(judged, parts))
        changed += _keep(house, judging, *find_clocks(house, judging, spans), now)
        changed += _keep(house, judging, *find_inactive(house, judging, spans), now)
        changed += _keep(house, judging, *find_silent(house, judging), now)
        done(house, "validation", newest, now)
    return changed


def _parts(house: Installation, spans: pl.DataFrame, judging: Judging) -> list[tuple[pl.DataFrame, Period]]:
    """Touched points by the days whose figures may have changed: most of them by the same ones."""
    zone = house.settings.zone
    touched = spans.select("meter_id", of=local_day(pl.col("first_at"), zone), to=local_day(pl.col("last_at"), zone))
    of_points = (
        places_of(house)
        .join(touched, on="meter_id")
        .group_by("metering_point")
        .agg(pl.col("of").min(), pl.col("to").max())
    )
    reckoned = reckoned_days(house, spans, house.policy(EstimationRules))
    before, after = pl.col("of") - pl.col("first_day"), pl.col("last_day") - pl.col("to")
    points = of_points.join(reckoned, on="metering_point", how="left").select(
        "metering_point", first_day=pl.col("of") - _rounded(before), last_day=pl.col("to") + _rounded(after)
    )
    parts = []
    # In order of points, as figures lie in their files: each part reads its own stretch of them.
    for (first, last), some in points.sort("metering_point").group_by("first_day", "last_day", maintain_order=True):
        assert isinstance(first, date)  # noqa: S101  the columns are dates
        assert isinstance(last, date)  # noqa: S101  the columns are dates
        period = judged_period(judging, first, last)
        parts += [(part, period) for part in some.select("metering_point").iter_slices(POINTS_AT_ONCE)]
    return parts


def _rounded(apart: pl.Expr) -> pl.Expr:
    """Days beside a touched stretch that are judged: not each number of its own, lest every point stands alone."""
    days = apart.dt.total_days().fill_null(1)
    rounded = pl.coalesce(*(pl.when(days <= most).then(most) for most in _BESIDE), days)
    return pl.duration(days=rounded)


def find_in_figures(
    house: Installation,
    judging: Judging,
    points: pl.DataFrame,
    period: Period,
    known: Known,
    now: datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the rules over figures find.

    Args:
        house: The installation.
        judging: What is judged by.
        points: ``metering_point``.
        period: The days.
        known: What is read once for all parts.
        now: Instant of the run; groups are those of then.

    Returns:
        Findings, and the exceptions in the place of which they stand.
    """
    first, last = period.first, period.last + period.after
    days = days_of(house, points, period)
    around = (period.first - _YEAR_AND_MONTH, period.last + _YEAR_AND_MONTH)  # compared, and compared with
    months = figures_of(house, CONSUMPTION_MONTHLY, points, *around)
    days, months = (prepared(rows, judging, known.counts) for rows in (days, months))
    hours = prepared(hours_of(house, points, period), judging, known.counts)
    totals = hours.group_by("metering_point", "register", "day").agg(
        total=pl.when(pl.col("consumption").null_count() == 0).then(pl.col("consumption").sum())
    )
    inside = pl.col("day").is_between(period.first, period.last)
    summed = days.filter(inside).join(totals, on=["metering_point", "register", "day"])
    courses, by_hour = _find_courses(house, judging, points, known.counts, period)
    lengths = _with_weather(house, months, now).with_columns(days=pl.col("day").dt.days_in_month())
    plain = ~pl.col("register").is_in(_WEIGHTED)
    found = findings(
        judge_hours(hours.filter(plain), judging.rules),
        judge_sums(summed, judging.rules),
        courses,
        judge_days(_with_vacancies(house, days.filter(plain), known.vacancies), judging.rules, first, last, by_hour),
        judge_energy(_abreast(days.filter(inside)), judging.rules),
        judge_months(lengths.filter(plain), judging.rules, house.policy(WeatherPolicy).least_degree_days),
    )
    asked = _asked(period, local_day(pl.col("at"), house.settings.zone))
    of_points = BY_FIGURES & ~pl.col("rule").is_in(["V04", "V20", "V21"])
    meters = known.places.join(days, on="metering_point", how="semi").select("meter_id").unique()
    before = judging.stored(meters).filter(of_points & asked).join(points, on="metering_point", how="semi")
    return found.filter(asked), before


def _find_courses(
    house: Installation, judging: Judging, points: pl.DataFrame, counts: pl.DataFrame, period: Period
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Hours held against those of days before (V23), where the policy wants it: four weeks of hours are read."""
    first, last = period.first, period.last + period.after
    before = timedelta(days=int(max(judging.rules.values("V23", "history_d"))))
    if max(judging.rules.values("V23", "by_hour")) < 1:
        return findings(), pl.DataFrame(schema={"metering_point": pl.String, "register": pl.String, "day": pl.Date})
    rows = figures_of(house, CONSUMPTION_HOURLY, points, first - before, last)
    plain = rows.filter(~pl.col("register").is_in(_WEIGHTED), pl.col("consumption").is_not_null())
    local = pl.col("at").dt.convert_time_zone(house.settings.timezone).dt.hour()
    return judge_courses(prepared(plain, judging, counts).with_columns(hour=local), judging.rules, first, last)


def _asked(period: Period, on: pl.Expr) -> pl.Expr:
    """Whether a finding on a day is one that is judged now; what else is stored of a rule stands."""
    rule = pl.col("rule")
    return (
        pl.when(rule == "V09")
        .then(on.is_between(period.first.replace(day=1), period.last + _YEAR_AND_MONTH))
        .when(rule == "V18")
        .then(on.is_between(period.first - period.run, period.last))
        .when(rule.is_in(_LASTING))
        .then(on.is_between(period.first, period.last + period.after))
        .otherwise(on.is_between(period.first, period.last))
    )


def find_inactive(house: Installation, judging: Judging, spans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Meters that count though they are installed nowhere (V20).

    Args:
        house: The installation.
        judging: What is judged by.
        spans: ``meter_id``, ``first_at``, ``last_at`` (UTC, both inclusive).

    Returns:
        Findings, and the exceptions in the place of which they stand.
    """
    installed = places_of(house)
    covered = installed.join(spans, on="meter_id").filter(
        pl.col("installed_at") <= pl.col("first_at"),
        (pl.col("removed_at") > pl.col("last_at")).fill_null(value=True),
    )
    loose = spans.join(covered, on="meter_id", how="anti")
    if loose.is_empty():
        return findings(), VEE_EXCEPTIONS.empty()
    start, end = extent(loose["first_at"])[0] - _NEAR, extent(loose["last_at"])[1] + _NEAR
    readings = (
        house.lake.scan(READINGS)
        .filter(
            (pl.col("organisation") == house.organisation)
            & (pl.col("month") >= start.strftime("%Y-%m"))
            & (pl.col("month") <= end.strftime("%Y-%m"))
            & pl.col("measured_at").is_between(start, end)
        )
        .join(loose.lazy(), on="meter_id", how="semi")
        .collect()
    )
    rows = placed(readings, installed, judging.media, judging.members, judging.rules.groups)
    found = judge_inactive(steps(rows, judging.layouts), judging.rules).join(loose, on="meter_id")
    inside = pl.col("at").is_between(pl.col("first_at"), pl.col("last_at"))
    before = judging.stored(loose.select("meter_id")).filter(pl.col("rule") == "V20").join(loose, on="meter_id")
    names = ("first_at", "last_at")
    return found.filter(inside).drop(names), before.filter(inside).drop(names)


def find_silent(house: Installation, judging: Judging) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Meters of which no reading ever came (V21), as of the newest day that is reckoned.

    Those of which readings came once are found where their estimates are reckoned.

    Returns:
        Findings, and all exceptions about such meters.
    """
    own = pl.col("organisation") == house.organisation
    received = house.lake.scan(READING_PERFORMANCE_DAILY).filter(own & (pl.col("criterion") == "daily"))
    month = received.select(pl.col("month").max()).collect().item()
    recent = received.filter(pl.col("month").eq_missing(pl.lit(month))).select("meter_id", "day", "received").collect()
    as_of = recent["day"].max()
    never = (pl.col("rule") == "V21") & (pl.col("kind") == RULES["V21"].name)
    before = house.lake.scan(VEE_EXCEPTIONS).filter(own & never).collect()
    if not isinstance(as_of, date):
        return findings(), before
    zone = house.settings.zone
    heard = pl.col("received") > 0
    quiet = (
        places_of(house).filter(pl.col("removed_at").is_null()).join(recent.filter(heard), on="meter_id", how="anti")
    )
    # The past is asked about few: those of whom nothing came this month.
    ever = received.filter(heard, pl.col("meter_id").is_in(quiet["meter_id"].unique().implode()))
    last = (
        quiet.join(ever.select("meter_id").unique().collect(), on="meter_id", how="anti")
        .with_columns(day=local_day(pl.col("installed_at"), zone))
        .with_columns(
            organisation=pl.lit(house.organisation),
            role=pl.lit("estimated"),
            at=(pl.col("day") + _DAY)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone(zone.key, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC"),
        )
        .filter(pl.col("at").is_not_null())
    )
    return judge_silence(judging.scoped(last), judging.rules, as_of), before


def _keep(house: Installation, judging: Judging, found: pl.DataFrame, before: pl.DataFrame, now: datetime) -> int:
    rows = without_erased(house, VEE_EXCEPTIONS, judging.standing(found, before))
    stale = without_erased(house, VEE_EXCEPTIONS, before)
    if rows.is_empty() and stale.is_empty():
        return 0
    fresh = rows.with_columns(known_from=pl.lit(now))
    merged = house.lake.merge(VEE_EXCEPTIONS, fresh, stale=stale.select(VEE_EXCEPTIONS.key), superseded_at=now)
    return merged.inserted + merged.replaced


def _since_vacant(house: Installation, judging: Judging) -> pl.DataFrame:
    """Open findings of V10 where, as was noted later, nobody lived: ``meter_id``, ``first_at``, ``last_at``."""
    days = timedelta(days=int(max(judging.rules.values("V10", "days_d"))))
    ended = (pl.col("vacant_to") < pl.col("at") - days).fill_null(value=False)
    return (
        house.lake.scan(VEE_EXCEPTIONS)
        .filter(organisation=house.organisation, rule="V10", state="open")
        .join(vacancies_of(house).lazy(), on="metering_point")
        .filter((pl.col("vacant_from") <= pl.col("at") + _DAY) & ~ended)
        .group_by("meter_id")
        .agg(first_at=pl.col("at").min(), last_at=pl.col("at").max())
        .collect()
    )


def _with_vacancies(house: Installation, days: pl.DataFrame, vacant: pl.DataFrame) -> pl.DataFrame:
    """Days with ``is_vacant``."""
    zone, day = house.settings.zone, pl.col("day")
    ended = (day > local_day(pl.col("vacant_to"), zone)).fill_null(value=False)
    inside = (
        days.select("metering_point", "day")
        .unique()
        .join(vacant, on="metering_point")
        .filter((day >= local_day(pl.col("vacant_from"), zone)) & ~ended)
        .select("metering_point", "day", is_vacant=pl.lit(value=True))
        .unique()
    )
    return days.join(inside, on=["metering_point", "day"], how="left", maintain_order="left").with_columns(
        pl.col("is_vacant").fill_null(value=False)
    )


def _with_weather(house: Installation, months: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Months with ``degree_days`` of their points' stations; null where they are not known."""
    degree_days = degree_days_of_months(house)
    if degree_days.is_empty():
        return months.with_columns(degree_days=pl.lit(None, pl.Float64))
    stations = stations_of(house, months["metering_point"].unique(), now)
    named = months.join(stations, on="metering_point", how="left", maintain_order="left")
    return named.join(degree_days, on=["station", "day"], how="left", maintain_order="left").drop("station")


def _abreast(days: pl.DataFrame) -> pl.DataFrame:
    """One row per point and day with the registers of heat."""
    heat = days.filter(pl.col("register").is_in(_HEAT))
    with_energy = (
        heat.filter(pl.col("register") == "energy_kwh")
        .drop("register", "register_start")
        .rename({"consumption": "energy_kwh"})
    )
    for register in _HEAT:
        if register != "energy_kwh":
            one = heat.filter(pl.col("register") == register).select("metering_point", "day", consumption="consumption")
            with_energy = with_energy.join(
                one.rename({"consumption": register}), on=["metering_point", "day"], how="left"
            )
    counts = heat.filter(pl.col("register") == _WEIGHTED[0]).select("metering_point", "day", count_vt="count")
    return with_energy.join(counts, on=["metering_point", "day"], how="left")
