"""Water loss and pressure of districts: balances, night flow, alarms and events of what changed."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import polars as pl

from assets.installation import Installation
from assets.steps.districts import Scope, check_scope, own, read_scope
from assets.steps.frozen import frozen_periods
from assets.steps.touched import done, pending
from registry.ledger import read_cursor, write_cursor
from warehouse.policies.districts import DistrictsPolicy
from warehouse.queries.water import samples_of
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    INSTALLATIONS,
    LOSS_ALARMS,
    NIGHT_FLOW_DAILY,
    PRESSURE_EVENTS,
    WATER_BALANCE_DAILY,
    WATER_BALANCE_MONTHLY,
    Table,
)
from warehouse.transforms.calendar import local_day, local_days
from warehouse.transforms.loss_alarms import loss_alarms
from warehouse.transforms.night_flow import in_window, night_flow_daily, nights
from warehouse.transforms.pressure import (
    consumption_weights,
    daily_pressures,
    head_losses,
    pressure_events,
    stretches_of,
    zone_pressures,
)
from warehouse.transforms.water_balance import water_balance_daily, water_balance_monthly

WATER = (WATER_BALANCE_DAILY, WATER_BALANCE_MONTHLY, NIGHT_FLOW_DAILY, LOSS_ALARMS, PRESSURE_EVENTS)

DAYS_AT_ONCE = 31
"""Local days reckoned together; bounds the memory of a back-fill."""

_REGISTER = "volume_m3"
_POINT = "metering_point"


def reckon_water(house: Installation, now: datetime) -> dict[str, int]:
    """Reckons the districts' figures of every day on which something they rest on changed.

    Args:
        house: The installation.
        now: Instant of the run, UTC; becomes ``known_from`` of what changes.

    Returns:
        Rows inserted or replaced per table.

    Raises:
        PolicyError: The policy names a point or a group that there is none of.
    """
    with house.alone("water"):
        spans, newest = pending(house, "water")
        scope = read_scope(house)
        changed = _withdraw_others(house, scope, now)
        if not scope.policy.districts:
            done(house, "water", newest, now)
            return changed
        check_scope(house, scope.policy)
        days, seen = _days_to_reckon(house, scope, spans)
        for first_and_last, names in _alike(days):
            _add(changed, reckon_days(house, scope.of(names), first_and_last, now))
        for name in scope.policy.districts:
            write_cursor(house.registry, house.organisation, _cursor(name), scope.digest(name), now)
        write_cursor(house.registry, house.organisation, _SEEN, seen.isoformat(), now)
        done(house, "water", newest, now)
    return changed


def reckon_days(house: Installation, scope: Scope, days: tuple[date, date], now: datetime) -> dict[str, int]:
    """Reckons the figures of some districts on a run of local days, and what rests on all days.

    Args:
        house: The installation; the caller does this work alone.
        scope: The districts.
        days: First and last day.
        now: Instant of the run, UTC.

    Returns:
        Rows inserted or replaced per table.
    """
    changed: dict[str, int] = {}
    zone, policy = house.settings.zone, scope.policy
    known_nights = [_stored(house, NIGHT_FLOW_DAILY, policy).filter(~pl.col("day").is_between(*days))]
    for first, last in _portions(*days):
        asked = local_days(first, last, zone)
        back = first - timedelta(days=policy.history_days)
        samples = _samples(house, scope, asked)
        daily = _consumption(house, CONSUMPTION_DAILY, scope, back, last)
        pressures = zone_pressures(samples, policy, zone, consumption_weights(scope.served, daily))
        by_day = daily_pressures(pressures)
        balances = water_balance_daily(asked, scope.flows, scope.members, daily, by_day, policy)
        _add(changed, {WATER_BALANCE_DAILY.name: _put(house, WATER_BALANCE_DAILY, balances, now)})
        hourly = _consumption(house, CONSUMPTION_HOURLY, scope, first, last)
        found = nights(asked, scope.flows, scope.members, hourly, pressures, policy, zone)
        known_nights.append(found)
        _add(changed, {PRESSURE_EVENTS.name: _events(house, scope, samples, hourly, asked, now)})
    flow = night_flow_daily(pl.concat(known_nights, how="diagonal_relaxed"), policy)
    all_days = _stored(house, WATER_BALANCE_DAILY, policy)
    touched = all_days.filter(pl.col("day").dt.truncate("1mo").is_between(days[0].replace(day=1), days[1]))
    alarms = loss_alarms(all_days, flow, policy)
    stale = pl.DataFrame({"district": list(policy.districts)}).with_columns(organisation=pl.lit(house.organisation))
    _add(changed, {
        NIGHT_FLOW_DAILY.name: _put(house, NIGHT_FLOW_DAILY, flow, now),
        WATER_BALANCE_MONTHLY.name: _put(
            house, WATER_BALANCE_MONTHLY, water_balance_monthly(touched, policy, zone), now
        ),
        LOSS_ALARMS.name: _put(house, LOSS_ALARMS, alarms, now, stale=stale),
    })  # fmt: skip
    return changed


def reckon_without(house: Installation, metering_point: str, days: tuple[date, date], now: datetime) -> dict[str, int]:
    """Reckons districts anew that a metering point had a part in, once its figures of some local days are erased.

    Args:
        house: The installation; the caller does this work alone.
        metering_point: The point.
        days: First and last day of what is erased.
        now: Instant of the erasure, UTC.

    Returns:
        Rows inserted or replaced per table; no older version of them is left. Figures of days that were thinned stay:
        what they were reckoned from is gone.
    """
    scope = read_scope(house)
    names = scope.points.filter(pl.col(_POINT) == metering_point)["district"].unique().sort().to_list()
    reach = timedelta(days=scope.policy.history_days)
    there = own(house, WATER_BALANCE_DAILY).filter(
        pl.col("district").is_in(names), pl.col("day").is_between(days[0], days[1] + reach)
    )
    extents = there.group_by("district").agg(low=pl.col("day").min(), high=pl.col("day").max()).collect()
    extents = _thawed(house, scope, extents)
    changed: dict[str, int] = {}
    for some, alike in _alike(extents):
        _add(changed, reckon_days(house, scope.of(alike), some, now))
    for table in WATER:
        if changed.get(table.name):
            house.lake.purge(table)
    return changed


_SEEN = "water:consumption"


def _days_to_reckon(house: Installation, scope: Scope, spans: pl.DataFrame) -> tuple[pl.DataFrame, datetime]:
    """First and last day to reckon of each district, and the newest consumption that this takes in.

    Figures of a day rest on those of the weeks before, by the estimates of missing members.
    """
    zone, points = house.settings.zone, scope.points
    flow_days = own(house, CONSUMPTION_DAILY).filter(
        pl.col("register") == _REGISTER, pl.col(_POINT).is_in(scope.flows[_POINT].unique().implode())
    )
    extents = (
        flow_days.join(scope.flows.lazy(), on=_POINT)
        .group_by("district")
        .agg(first=pl.col("day").min(), last=pl.col("day").max())
        .collect()
    )
    since = read_cursor(house.registry, house.organisation, _SEEN)
    before = datetime.fromisoformat(since) if since else datetime(1970, 1, 1, tzinfo=UTC)
    news = (
        own(house, CONSUMPTION_DAILY)
        .filter(pl.col("register") == _REGISTER, pl.col("known_from") > before)
        .select(_POINT, "day", "known_from")
        .join(points.lazy(), on=_POINT)
        .collect()
    )
    newest = news["known_from"].max()
    installed = own(house, INSTALLATIONS).select(_POINT, "meter_id").collect().unique()
    margin = pl.duration(days=1)
    touched = spans.join(installed, on="meter_id").join(points, on=_POINT).select(
        "district",
        low=local_day(pl.col("first_at"), zone) - margin,
        high=local_day(pl.col("last_at"), zone) + margin,
    )  # fmt: skip
    whole = [
        name
        for name in scope.policy.districts
        if read_cursor(house.registry, house.organisation, _cursor(name)) != scope.digest(name)
    ]
    everything = extents.filter(pl.col("district").is_in(whole)).select("district", low="first", high="last")
    changed = pl.concat([touched, news.select("district", low="day", high="day"), everything])
    ranges = (
        changed.group_by("district")
        .agg(pl.col("low").min(), pl.col("high").max())
        .join(extents, on="district")
        .select(
            "district",
            low=pl.max_horizontal("low", "first"),
            high=pl.min_horizontal(pl.col("high") + pl.duration(days=scope.policy.history_days), "last"),
        )
    )
    return _thawed(house, scope, ranges), max(before, newest) if isinstance(newest, datetime) else before


def _thawed(house: Installation, scope: Scope, ranges: pl.DataFrame) -> pl.DataFrame:
    """What is left of the days of districts after those that consumption or samples of pressure were removed of.

    Args:
        house: The installation.
        scope: The districts.
        ranges: ``district``, ``low`` and ``high``.
    """
    frozen = frozen_periods(house).drop_nulls(_POINT)
    figures = scope.points.join(frozen, on=_POINT).select("district", until="figures_last_day")
    samples = scope.sensors.join(frozen, on=_POINT).select("district", until="last_day")
    until = pl.concat([figures, samples]).group_by("district").agg(pl.col("until").max())
    after = pl.max_horizontal("low", pl.col("until") + pl.duration(days=1))
    left = ranges.join(until, on="district", how="left").with_columns(low=after).filter(pl.col("low") <= pl.col("high"))
    return left.select("district", "low", "high")


def _alike(ranges: pl.DataFrame) -> list[tuple[tuple[date, date], list[str]]]:
    """Districts with the same days together."""
    grouped = ranges.sort("district").group_by("low", "high", maintain_order=True).agg("district")
    return [((low, high), names) for low, high, names in grouped.rows()]


def _events(
    house: Installation,
    scope: Scope,
    samples: pl.DataFrame,
    hourly: pl.DataFrame,
    asked: pl.DataFrame,
    now: datetime,
) -> int:
    """Events of pressure on some days; an episode ends with its last sample of them."""
    if scope.sensors.is_empty():
        return 0
    length = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds() / 3600
    flows = hourly.select(
        _POINT, "period_start", "period_end", flow_m3h=pl.col("consumption").cast(pl.Float64) / length
    ).drop_nulls()
    losses = head_losses(samples, stretches_of(scope.policy), flows, scope.policy.pressure)
    found = pressure_events(samples, losses, scope.policy, house.settings.zone)
    start, end = asked["start"].min(), asked["end"].max()
    stale = (
        own(house, PRESSURE_EVENTS)
        .filter(
            pl.col("district").is_in(list(scope.policy.districts)), pl.col("at").is_between(start, end, closed="left")
        )
        .select(PRESSURE_EVENTS.key)
        .collect()
    )
    return _put(house, PRESSURE_EVENTS, found, now, stale=stale)


def _withdraw_others(house: Installation, scope: Scope, now: datetime) -> dict[str, int]:
    """Takes back the figures of districts that the policy does not name any more."""
    gone = {}
    for table in WATER:
        others = own(house, table).filter(~pl.col("district").is_in(list(scope.policy.districts)))
        stale = others.select(table.key).collect()
        if stale.height:
            house.lake.merge(table, table.empty(), stale=stale, superseded_at=now)
            gone[table.name] = stale.height
    return gone


def _consumption(house: Installation, table: Table, scope: Scope, first: date, last: date) -> pl.DataFrame:
    """Consumption of everything in some districts on some local days; of hours, what the night and stretches need."""
    columns = [_POINT, "day", "period_start", "period_end", "consumption", "quality", "share_interpolated"]
    needed = (scope.flows[_POINT], scope.members[_POINT], scope.served[_POINT], stretches_of(scope.policy)["flow"])
    points = pl.concat([of.rename(_POINT) for of in needed]).unique()
    rows = own(house, table).filter(
        pl.col("register") == _REGISTER,
        pl.col("month").is_between(pl.lit(f"{first - timedelta(days=1):%Y-%m}"), pl.lit(f"{last:%Y-%m}")),
        pl.col("day").is_between(first, last),
    )
    if table is CONSUMPTION_HOURLY:
        # Of members, who are many, the night alone.
        always = pl.col(_POINT).is_in(stretches_of(scope.policy)["flow"].unique().implode())
        rows = rows.filter(in_window(pl.col("period_start"), scope.policy, house.settings.zone) | always)
    return rows.select(columns).join(points.to_frame().lazy(), on=_POINT, how="semi").collect()


def _samples(house: Installation, scope: Scope, asked: pl.DataFrame) -> pl.DataFrame:
    """Pressures of the sensors on some days."""
    points = scope.sensors[_POINT].unique()
    return samples_of(house.lake, house.organisation, points, asked["start"][0], asked["end"][-1])


def _stored(house: Installation, table: Table, policy: DistrictsPolicy) -> pl.DataFrame:
    return own(house, table).filter(pl.col("district").is_in(list(policy.districts))).collect()


def _put(
    house: Installation, table: Table, rows: pl.DataFrame, now: datetime, stale: pl.DataFrame | None = None
) -> int:
    fresh = rows.with_columns(organisation=pl.lit(house.organisation), known_from=pl.lit(now))
    nothing = table.empty().select(table.key) if stale is None else stale
    merged = house.lake.merge(table, fresh, stale=nothing, superseded_at=now)
    return merged.inserted + merged.replaced


def _portions(first: date, last: date) -> list[tuple[date, date]]:
    starts = pl.date_range(first, last, f"{DAYS_AT_ONCE}d", eager=True).to_list()
    return [(start, min(last, start + timedelta(days=DAYS_AT_ONCE - 1))) for start in starts]


def _add(changed: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        changed[name] = changed.get(name, 0) + count


def _cursor(name: str) -> str:
    return f"water:{sha256(name.encode()).hexdigest()[:32]}"
