"""Consumption alerts: evaluated where consumption was touched, or somebody changed them."""

from datetime import datetime, timedelta

import polars as pl

from assets.installation import Installation
from assets.steps.erasing import without_erased
from assets.steps.frozen import thawed
from assets.steps.judging import Counting
from assets.steps.touched import done, extent, pending
from registry.ledger import read_cursor, write_cursor
from warehouse.schemas import (
    ALERT_EVENTS,
    ALERT_USAGE,
    CONSUMPTION_ALERTS,
    CONSUMPTION_DAILY,
    INSTALLATIONS,
    INSTANT,
    READINGS,
    REGISTER,
    REGISTER_EVENTS,
)
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.alerts import COURSE, continued, evaluate, window_start
from warehouse.transforms.exact import millionths
from warehouse.transforms.flags import DISPUTED, says, stands_still

WORK = "alerts"
_CHANGED = "alerts:changed"
"""Cursor: up to which change by people alerts are evaluated."""

LOOK_BACK = timedelta(days=31)
"""Windows that end this long before what was touched stand: what is judged late is judged within this time."""

_BACK = (timedelta(days=2), timedelta(days=62), None)
"""How far before a window the reading is looked for that it began with; in the end from the installation on."""

_DAY = timedelta(days=1)
_NEVER = "0001-01-01T00:00:00+00:00"
_ALERT = ("organisation", "alert_no")
_READ = ("organisation", "meter_id", "measured_at", "layout_id", "source", "flags", "quality")
_NO_READINGS = pl.DataFrame(
    schema={
        **dict.fromkeys((*COURSE, "meter_id"), pl.String), "at": INSTANT, "value": REGISTER, "disputed": pl.Boolean
    }
)  # fmt: skip
TRIGGERED, RETRACTED = "triggered", "retracted"


def evaluate_alerts(house: Installation, now: datetime) -> dict[str, int]:
    """Brings the events and the usage of touched and changed alerts up to date.

    Returns:
        Rows inserted or replaced per table.
    """
    changed = {ALERT_EVENTS.name: 0, ALERT_USAGE.name: 0}
    with house.alone(WORK):
        spans, newest = pending(house, WORK, after="figures")
        owned = pl.col("organisation") == house.organisation
        every = house.lake.scan(CONSUMPTION_ALERTS).filter(owned).collect()
        seen = read_cursor(house.registry, house.organisation, _CHANGED)
        touched = (
            house.lake.scan(INSTALLATIONS)
            .filter(owned)
            .join(spans.lazy(), on="meter_id")
            .group_by("metering_point")
            .agg(pl.col("first_at").min())
            .collect()
        )
        asked = _asked(every.join(touched, on="metering_point", how="left"), datetime.fromisoformat(seen or _NEVER))
        if asked.height:
            changed = _evaluate(house, asked, now)
        gone = house.lake.scan(ALERT_USAGE).filter(owned).join(every.lazy(), on=_ALERT, how="anti").collect()
        if gone.height:
            stale = gone.select(ALERT_USAGE.key)
            house.lake.merge(ALERT_USAGE, ALERT_USAGE.empty(), stale=stale, superseded_at=now)
        last = every["changed_at"].max()
        if isinstance(last, datetime):
            write_cursor(house.registry, house.organisation, _CHANGED, last.isoformat(), now)
        done(house, WORK, newest, now)
    return changed


def _asked(every: pl.DataFrame, seen: datetime) -> pl.DataFrame:
    """The alerts to be evaluated; ``first_at`` is null where it must be from their base on."""
    # The days of others make days of a silent meter provisional.
    anew = pl.col("include_estimates") | (pl.col("changed_at") > seen)
    ended = (pl.col("ends_at") <= pl.col("first_at") - LOOK_BACK).fill_null(value=False)
    return every.filter(anew | (pl.col("first_at").is_not_null() & ~ended)).with_columns(
        first_at=pl.when(~anew).then("first_at")
    )


def _evaluate(house: Installation, asked: pl.DataFrame, now: datetime) -> dict[str, int]:
    based = asked.with_columns(base=pl.max_horizontal("starts_at", "last_reset"), at=pl.col("first_at") - LOOK_BACK)
    near = based.filter(pl.col("at").is_not_null())
    near = near.with_columns(base=window_start(near, house.settings.zone))
    measured = _courses(house, near)
    within = (pl.col("at_right") > pl.col("base")) & (pl.col("at_right") < pl.col("ends_at")).fill_null(value=True)
    told = near.join(measured.select(*COURSE, "at"), on=COURSE).filter(within)
    near = near.join(told, on=_ALERT, how="semi")
    # Where nothing counts of late, it must be found how much was used before, and up to when.
    whole = based.join(near, on=_ALERT, how="anti")
    alerts = pl.concat([near, whole]).drop("at", "first_at")
    deeper = _courses(house, alerts.join(whole, on=COURSE, how="semi"))
    measured = pl.concat([measured.join(whole, on=COURSE, how="anti"), deeper])
    parts = [
        evaluate(alerts.filter(~pl.col("include_estimates")), measured, house.settings.zone),
        evaluate(alerts.filter("include_estimates"), _with_estimates(house, alerts, measured), house.settings.zone),
    ]
    crossings = pl.concat([part.crossings for part in parts])
    usage = without_erased(house, ALERT_USAGE, pl.concat([part.usage for part in parts]))
    stored = house.lake.scan(ALERT_EVENTS).join(alerts.lazy().select(*_ALERT, "base"), on=_ALERT).collect()
    fresh = without_erased(
        house, ALERT_EVENTS, crossings.with_columns(state=pl.lit(TRIGGERED), retracted_at=pl.lit(None, INSTANT))
    )
    # Of thinned days too little is left to tell when a limit was reached; what was told of them stands.
    movable = thawed(house, ALERT_EVENTS, stored)
    kept = stored.join(movable, on=ALERT_EVENTS.key, how="anti")
    fresh = thawed(house, ALERT_EVENTS, fresh).join(kept, on=ALERT_EVENTS.key, how="anti")
    # A window that begins before the base was closed by a reset; what it told stands.
    open_now = movable.filter((pl.col("window_start") >= pl.col("base")) & (pl.col("state") == TRIGGERED))
    back = open_now.join(fresh, on=ALERT_EVENTS.key, how="anti").with_columns(
        state=pl.lit(RETRACTED), retracted_at=pl.lit(now)
    )
    back = without_erased(house, ALERT_EVENTS, back)
    rows = pl.concat([fresh, back.select(fresh.columns)]).with_columns(known_from=pl.lit(now))
    nothing = ALERT_EVENTS.empty().select(ALERT_EVENTS.key)
    events = house.lake.merge(ALERT_EVENTS, rows, stale=nothing, superseded_at=now)
    usage = usage.with_columns(known_from=pl.lit(now))
    used = house.lake.merge(ALERT_USAGE, usage, stale=alerts.select(_ALERT), superseded_at=now)
    return {
        ALERT_EVENTS.name: events.inserted + events.replaced,
        ALERT_USAGE.name: used.inserted + used.replaced,
    }


def _courses(house: Installation, alerts: pl.DataFrame) -> pl.DataFrame:
    """Continued registers of the alerts' points from the reading before each base on, or from their first one."""
    parts, left = [continued(_NO_READINGS, REGISTER_EVENTS.empty())], alerts
    for back in _BACK:
        if left.is_empty():
            break
        places = _places(house, left, back)
        found = continued(_readings(house, left, places), _events(house, left))
        parts.append(found)
        reached = found.group_by(COURSE).agg(reached=pl.col("at").min())
        earlier = places.group_by(COURSE[:2]).agg(pl.col("installed_at").min(), pl.col("from_at").min())
        wanting = (
            left.group_by(COURSE)
            .agg(pl.col("base").min())
            .join(reached, on=COURSE, how="left")
            .join(earlier, on=COURSE[:2])
            .filter(
                (pl.col("reached") > pl.col("base")).fill_null(value=True), pl.col("installed_at") < pl.col("from_at")
            )
        )
        parts[-1] = found.join(wanting, on=COURSE, how="anti")
        left = left.join(wanting, on=COURSE, how="semi")
    return pl.concat(parts)


def _places(house: Installation, alerts: pl.DataFrame, back: timedelta | None) -> pl.DataFrame:
    """Installations at the alerts' points, with ``from_at``: since when readings are looked at."""
    bases = alerts.group_by(COURSE[:2]).agg(pl.col("base").min())
    there = house.lake.scan(INSTALLATIONS).join(bases.lazy(), on=COURSE[:2]).collect()
    begun = pl.col("installed_at").min().over(COURSE[:2])
    return there.with_columns(from_at=begun if back is None else pl.col("base") - back)


def _readings(house: Installation, alerts: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Measured registers of the alerts' points."""
    registers = [name for name in CUMULATIVE if name in alerts["register"]]
    months = places.group_by(month=pl.col("from_at").dt.strftime("%Y-%m"))
    read = [READINGS.empty().select(*_READ, *registers)]
    read += [
        house.lake.scan(READINGS)
        .filter(
            pl.col("organisation") == house.organisation,
            pl.col("month") >= pl.lit(month),
            pl.col("meter_id").is_in(some["meter_id"].unique().implode()),
        )
        .join(some.lazy().select("organisation", "meter_id", "from_at").unique(), on=["organisation", "meter_id"])
        .filter(pl.col("measured_at") >= pl.col("from_at"))
        .select(*_READ, *registers)
        .collect()
        for (month,), some in months
    ]
    rows = (
        Counting.of(house)
        .apply(pl.concat(read).unique(list(_READ[:3])))
        .lazy()
        .filter(pl.col("quality").is_in(["M", "X"]))
        .join(places.lazy(), on=["organisation", "meter_id"])
        .filter(
            pl.col("measured_at") >= pl.max_horizontal("installed_at", "from_at"),
            (pl.col("measured_at") < pl.col("removed_at")).fill_null(value=True),
        )
    )
    parts = [
        rows.filter(pl.col(name).is_not_null(), ~stands_still(name)).select(
            *COURSE[:2],
            "meter_id",
            register=pl.lit(name),
            at="measured_at",
            value=name,
            disputed=says(DISPUTED, name),
        )
        for name in registers
    ]
    return pl.concat(parts).join(alerts.lazy(), on=COURSE, how="semi").collect()


def _events(house: Installation, alerts: pl.DataFrame) -> pl.DataFrame:
    return house.lake.scan(REGISTER_EVENTS).join(alerts.lazy(), on=COURSE, how="semi").collect()


def _with_estimates(house: Installation, alerts: pl.DataFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """Continued registers with the provisional days after the last reading: they end at midnight, and have no hours.

    The day of the last reading counts from that reading on; where another meter was installed since, as a whole.
    """
    wanted = alerts.filter("include_estimates")
    last = measured.join(wanted, on=COURSE, how="semi").group_by(COURSE, maintain_order=True).last()
    if last.is_empty():
        return measured
    points = last["metering_point"].unique()
    own = (pl.col("meter_id") == pl.col("last_meter_id")) & (pl.col("period_start") < pl.col("last_at"))
    estimated = (
        house.lake.scan(CONSUMPTION_DAILY)
        .filter(
            pl.col("organisation") == house.organisation,
            pl.col("month") >= f"{extent(last['at'])[0] - _DAY:%Y-%m}",
            pl.col("metering_point").is_between(pl.lit(points.min()), pl.lit(points.max())),
            pl.col("end_quality").is_in(["E", "F"]),
        )
        .join(
            last.lazy().select(*COURSE, "raw", last_meter_id="meter_id", last_at="at", last_value="value"),
            on=list(COURSE),
        )
        .filter(pl.col("period_end") > pl.col("last_at"))
        .with_columns(
            step=pl.when(own).then(millionths("register_end") - pl.col("raw")).otherwise(millionths("consumption"))
        )
        .drop_nulls("step")
        .sort(*COURSE, "period_end")
        .select(
            *COURSE,
            "meter_id",
            at="period_end",
            value=pl.col("last_value") + pl.col("step").cum_sum().over(COURSE),
        )
        .collect()
    )
    both = pl.concat([measured.select(estimated.columns), estimated]).sort(*COURSE, "at")
    same = pl.struct(COURSE) == pl.struct(COURSE).shift(1)
    return both.with_columns(
        before_at=pl.when(same).then(pl.col("at").shift(1)), before=pl.when(same).then(pl.col("value").shift(1))
    )
