"""Frozen figures: days whose readings were thinned are never reckoned again (ALGORITHMS §4.4)."""

from datetime import date, datetime

import polars as pl

from assets.installation import Installation
from warehouse.schemas import (
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    FROZEN_PERIODS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    READINGS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.calendar import local_day

LATE = "LATE_AFTER_THINNING"
"""Rule that questions a reading which came after its day was thinned."""

_POINT = "metering_point"


_ENDS = (("period_start", "period_end"), ("first_seen", "last_seen"))
"""Columns in which a row's period begins and ends."""


def frozen_periods(house: Installation) -> pl.DataFrame:
    """Rows of ``frozen_periods`` of the installation's organisation."""
    return house.lake.scan(FROZEN_PERIODS).filter(pl.col("organisation") == house.organisation).collect()


def freeze(house: Installation, days: pl.DataFrame, now: datetime) -> None:
    """Freezes figures of metering points, before anything of their days is removed.

    Args:
        house: The installation.
        days: ``metering_point`` or ``meter_id``, ``first_day``, ``last_day`` and ``figures_last_day`` (null where no
            figures go) of what is going to be removed.
        now: Instant of the run.
    """
    before = frozen_periods(house)
    both = pl.concat([before.select(days.columns), days])
    periods = both.group_by(_POINT, "meter_id").agg(
        pl.col("first_day").min(), pl.col("last_day").max(), pl.col("figures_last_day").max()
    )
    rows = periods.with_columns(organisation=pl.lit(house.organisation), known_from=pl.lit(now))
    nothing = FROZEN_PERIODS.empty().select(FROZEN_PERIODS.key)
    house.lake.merge(FROZEN_PERIODS, rows, stale=nothing, superseded_at=now)


def days_of(table: Table, zone: str) -> tuple[pl.Expr, pl.Expr]:
    """First and last local day of the rows of a table of figures or events."""
    ends = next((pair for pair in _ENDS if pair[0] in table.schema), None)
    if ends is not None:
        first = pl.col(ends[0]).dt.convert_time_zone(zone).dt.date()
        last = (pl.col(ends[1]) - pl.duration(microseconds=1)).dt.convert_time_zone(zone).dt.date()
        return first, last
    day = pl.col("day") if "day" in table.schema else pl.col("at").dt.convert_time_zone(zone).dt.date()
    return day, day


def outside(house: Installation, table: Table, rows: pl.DataFrame, periods: pl.DataFrame, around: int) -> pl.DataFrame:
    """Rows of figures that lie in none of the periods of their metering points.

    Args:
        house: The installation.
        table: A table of figures or events of metering points, or of meters and days.
        rows: Its rows.
        periods: ``metering_point`` or, for tables of meters, ``meter_id``; ``first_day``, ``last_day`` (local,
            inclusive).
        around: Days on either side that count as inside, too: what they began or ended with may be gone.

    Returns:
        The rows outside, in their order.
    """
    if periods.is_empty() or rows.is_empty():
        return rows
    days = pl.duration(days=around)
    wide = periods.with_columns(pl.col("first_day") - days, pl.col("last_day") + days).unique()
    key = _POINT if _POINT in table.schema else "meter_id"
    if key not in wide.columns:
        owned = house.lake.scan(INSTALLATIONS).filter(pl.col("organisation") == house.organisation)
        wide = wide.join(owned.select(_POINT, "meter_id").collect(), on=_POINT)
    first, last = days_of(table, house.settings.zone.key)
    numbered = rows.with_row_index("row_no").with_columns(_first=first, _last=last)
    hit = numbered.join(wide.select(key, "first_day", "last_day"), on=key).filter(
        (pl.col("_first") <= pl.col("last_day")) & (pl.col("_last") >= pl.col("first_day"))
    )
    return numbered.join(hit, on="row_no", how="anti").select(rows.columns)


def thawed(house: Installation, table: Table, rows: pl.DataFrame, *, around: int = 1) -> pl.DataFrame:
    """Rows of figures that may be reckoned again.

    Months and years are made of days, so that they are frozen only where days were removed.

    Args:
        house: The installation.
        table: A table of figures or events of metering points, or of meters and days.
        rows: Its rows.
        around: Days on either side that count as frozen, too.
    """
    key = _POINT if _POINT in table.schema else "meter_id"
    periods = frozen_periods(house).drop_nulls(key)
    if table in (CONSUMPTION_MONTHLY, CONSUMPTION_YEARLY):
        periods = periods.with_columns(last_day="figures_last_day").drop_nulls("last_day")
    return outside(house, table, rows, periods.select(key, "first_day", "last_day"), around)


def keep_frozen(house: Installation, table: Table, fresh: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Puts the stored rows of frozen days in the place of those that were reckoned again.

    Args:
        house: The installation.
        table: A table of meters and days.
        fresh: Its rows to come, with ``known_from``.
        first: First local day they are of.
        last: Last one.

    Returns:
        What is to be stored of these days.
    """
    if frozen_periods(house).filter((pl.col("first_day") <= last) & (pl.col("last_day") >= first)).is_empty():
        return fresh
    mine = (pl.col("organisation") == house.organisation) & pl.col("day").is_between(first, last)
    stored = house.lake.scan(table).filter(mine).collect()
    frozen = stored.join(thawed(house, table, stored, around=0), on=table.key, how="anti")
    again = thawed(house, table, table.conform(fresh), around=0)
    return pl.concat([again, frozen])


def late_readings(house: Installation, readings: pl.DataFrame, installations: pl.DataFrame) -> pl.DataFrame:
    """Exceptions about readings that came after their day was thinned: they are noted and not reckoned.

    Args:
        house: The installation.
        readings: ``organisation``, ``meter_id``, ``measured_at`` and the cumulative registers.
        installations: Rows of ``installations`` of their meters.

    Returns:
        Rows of ``vee_exceptions`` without ``known_from``.
    """
    periods = frozen_periods(house).drop_nulls(_POINT)
    if periods.is_empty():
        return VEE_EXCEPTIONS.empty().drop("known_from")
    day = local_day(pl.col("measured_at"), house.settings.zone)
    inside = (
        readings.join(installations.select(_POINT, "meter_id", "installed_at", "removed_at"), on="meter_id")
        .filter(
            pl.col("measured_at") >= pl.col("installed_at"),
            (pl.col("measured_at") < pl.col("removed_at")).fill_null(value=True),
        )
        .join(periods.select(_POINT, "first_day", "last_day", frozen_from="known_from"), on=_POINT)
        .filter(day.is_between("first_day", "last_day"))
    )
    if inside.is_empty():
        return VEE_EXCEPTIONS.empty().drop("known_from")
    arrived = (
        house.lake.scan(READINGS)
        .filter(
            pl.col("organisation") == house.organisation,
            pl.col("landed_at") > inside["frozen_from"].min(),
            pl.col("measured_at").is_between(inside["measured_at"].min(), inside["measured_at"].max()),
        )
        .select("meter_id", "measured_at", "landed_at")
        .collect()
    )
    late = inside.join(arrived, on=["meter_id", "measured_at"]).filter(pl.col("landed_at") > pl.col("frozen_from"))
    return late.unpivot(
        CUMULATIVE, index=["organisation", "meter_id", _POINT, "measured_at"], variable_name="register"
    ).drop_nulls("value").select(
        "organisation",
        "meter_id",
        _POINT,
        "register",
        at="measured_at",
        rule=pl.lit(LATE),
        reason=pl.lit("The reading came after its day had been thinned; the figures stay as they were."),
        state=pl.lit("open"),
    )  # fmt: skip


def joined_episodes(house: Installation, fresh: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Episodes of info codes as they may be stored where their readings were thinned.

    An episode that lies in a frozen period stays as it was. One that goes on after it keeps its beginning, which the
    readings that are left do not show any more.

    Args:
        house: The installation.
        fresh: Rows of ``info_code_events`` as reckoned from the readings there are.
        before: Stored rows that they take the place of.

    Returns:
        Rows to be stored in the place of ``before``.
    """
    until = frozen_periods(house).drop_nulls("meter_id").select("meter_id", "first_day", "last_day")
    if until.is_empty():
        return fresh
    zone = house.settings.zone
    begun, ended = (local_day(pl.col(name), zone) for name in ("first_seen", "last_seen"))
    is_frozen = begun.is_between("first_day", "last_day") & (ended <= pl.col("last_day"))
    is_cleared = (local_day(pl.col("cleared_at"), zone) <= pl.col("last_day")).fill_null(value=False)
    key = ["organisation", "meter_id", "code"]
    known = before.join(until, on="meter_id", how="left")
    standing = known.filter((is_frozen & is_cleared).fill_null(value=False)).select(before.columns)
    going_on = known.filter(begun.is_between("first_day", "last_day").fill_null(value=False), ~(is_frozen & is_cleared))
    again = fresh.join(until, on="meter_id", how="left").filter(~(is_frozen & is_cleared).fill_null(value=False))
    told = going_on.select(
        *key, "cleared_at", begun_at="first_seen", seen_until="last_seen", known_class="max_class", known_m3="volume_m3"
    )
    overlapping = again.join(told, on=key, suffix="_before").filter(
        (pl.col("first_seen") <= pl.col("seen_until")) & (pl.col("last_seen") >= pl.col("begun_at"))
    )
    # The register at the beginning may be gone: what flowed is known where the beginning or the end is as before.
    is_over = pl.col("cleared_at").is_not_null() & pl.col("cleared_at").eq(pl.col("cleared_at_before"))
    volume = pl.when(pl.col("first_seen") == pl.col("begun_at")).then("volume_m3").when(is_over).then("known_m3")
    # One that did not go on stays as it is: what is left of its readings says less than was known.
    is_same = (pl.col("last_seen") == pl.col("seen_until")) & pl.col("cleared_at").eq_missing(
        pl.col("cleared_at_before")
    )
    joined = overlapping.filter(~is_same).with_columns(
        first_seen=pl.min_horizontal("first_seen", "begun_at"),
        max_class=pl.max_horizontal("max_class", "known_class"),
        volume_m3=volume,
    )
    others = again.filter(~is_frozen.fill_null(value=False)).join(overlapping, on=[*key, "first_seen"], how="anti")
    # What began in thinned days and has no reading left that shows it stays, too.
    lost = going_on.join(
        overlapping.filter(~is_same), left_on=[*key, "first_seen"], right_on=[*key, "begun_at"], how="anti"
    )
    names = INFO_CODE_EVENTS.schema.names()
    rows = pl.concat([standing.select(names), others.select(names), joined.select(names), lost.select(names)])
    return rows.unique(INFO_CODE_EVENTS.key, keep="last", maintain_order=True)


def note_late(house: Installation, late: pl.DataFrame, now: datetime) -> None:
    """Stores exceptions about late readings; those that somebody has dealt with stay as they are."""
    if late.is_empty():
        return
    known = house.lake.scan(VEE_EXCEPTIONS).select(VEE_EXCEPTIONS.key).collect()
    news = late.join(known, on=VEE_EXCEPTIONS.key, how="anti")
    if news.height:
        rows = news.with_columns(known_from=pl.lit(now))
        house.lake.merge(VEE_EXCEPTIONS, rows, stale=VEE_EXCEPTIONS.empty().select(VEE_EXCEPTIONS.key))
