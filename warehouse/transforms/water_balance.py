"""Water balance of districts per local day and month, with its uncertainty (ALGORITHMS §10.1 to §10.4).

Sums are of members whose boundary registers are measured; the others are estimated from their own past, or from the
district's, and make the loss uncertain. Nothing is scaled up silently.
"""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.policies.districts import DistrictsPolicy
from warehouse.schemas import WATER_BALANCE_DAILY, WATER_BALANCE_MONTHLY, Table
from warehouse.transforms.calendar import local_months
from warehouse.transforms.figures import shape
from warehouse.transforms.losses import index_warning, unavoidable_m3

MEASURED = ("M", "A", "X")
"""Qualities of consumption between measured boundary registers."""

WITHIN_A_GAP = "I"
PLACES = 6
"""Decimals kept: sums of doubles in another order differ beyond them."""

_POINT, _DAY = "metering_point", "day"
_KEY = ["district", _DAY]
_SUMMED = (
    *("input_m3", "output_m3", "storage_change_m3", "consumption_measured_m3", "consumption_estimated_m3"),
    *("billed_unmetered_m3", "unbilled_m3", "expected_m3", "sigma_meters_m3", "uarl_m3"),
)


def water_balance_daily(
    days: pl.DataFrame,
    flows: pl.DataFrame,
    members: pl.DataFrame,
    consumption: pl.DataFrame,
    pressures: pl.DataFrame,
    policy: DistrictsPolicy,
) -> pl.DataFrame:
    """Balances districts over local days.

    Args:
        days: ``day``, ``start`` and ``end`` of the days asked for, as ``calendar.local_days`` gives them.
        flows: ``district``, ``metering_point`` and ``term`` (``input``, ``output``, ``filling`` or ``drawing``).
        members: ``district``, ``metering_point``, ``start`` and ``end`` (UTC; null for ever) of each time that a meter
            was at a member.
        consumption: ``metering_point``, ``day``, ``consumption`` (m³), ``quality`` and ``share_interpolated`` of all of
            these points, of the days and of the policy's ``history_days`` before.
        pressures: ``district``, ``day``, ``pressure_m`` and ``pressure_method`` where it is measured.
        policy: The districts.

    Returns:
        Rows of ``water_balance_daily`` without ``organisation`` and ``known_from``, by district and day. A day on which
        no meter is at any member is unknown: all that flows in would be lost.
    """
    used = consumption.select(
        _POINT,
        _DAY,
        m3=pl.col("consumption").cast(pl.Float64),
        is_measured=pl.col("quality").is_in(MEASURED) & pl.col("consumption").is_not_null(),
        is_within=(pl.col("quality") == WITHIN_A_GAP) & pl.col("consumption").is_not_null(),
        guessed=pl.col("share_interpolated").fill_null(1.0),
    )
    everyone = _expectations(days, members, used, policy)
    grid = days.join(parameters(policy), how="cross")
    rows = (
        grid.join(_terms(days, flows, used, policy), on=_KEY, how="left")
        .join(_drawn(everyone, policy), on=_KEY, how="left")
        .join(pressures.rename({"pressure_m": "measured_m"}), on=_KEY, how="left")
        .with_columns(
            pl.col("members", "members_measured").fill_null(0),
            pl.col("consumption_measured_m3", "expected_m3", "member_variance", "estimate_variance").fill_null(0.0),
            pressure_m=pl.coalesce("measured_m", "average_m"),
            pressure_method=pl.when(pl.col("measured_m").is_not_null())
            .then("pressure_method")
            .when(pl.col("average_m").is_not_null())
            .then(pl.lit("given")),
            sigma_meters_m3=(pl.col("flow_variance") + pl.col("member_variance").fill_null(0.0)).sqrt(),
            sigma_estimates_m3=(pl.col("gap_variance") + pl.col("estimate_variance").fill_null(0.0)).sqrt(),
            uarl_m3=unavoidable_m3(
                pl.col("mains_km"),
                pl.col("connections"),
                pl.col("private_km"),
                pl.coalesce("measured_m", "average_m"),
            ),
            weak=(pl.col("coverage") < policy.coverage_limit).fill_null(value=False)
            | (pl.col("worst_gap") > 1 - policy.coverage_limit),
            days_counted=1,
            period_start="start",
            period_end="end",
        )
    )
    return shaped(WATER_BALANCE_DAILY, _judged(rows))


def water_balance_monthly(daily: pl.DataFrame, policy: DistrictsPolicy, zone: ZoneInfo) -> pl.DataFrame:
    """Balances local months from their days.

    Args:
        daily: Rows of ``water_balance_daily`` of whole months, as far as there are any.
        policy: The districts.
        zone: The utility's zone.

    Returns:
        Rows of ``water_balance_monthly`` without ``organisation`` and ``known_from``. Sums are of the days whose
        balance is not unknown; ``days_balanced`` tells how many these are. A meter's random error stays the same from
        day to day, so that its part of the uncertainty adds up; estimates' parts add as squares.
    """
    if daily.is_empty():
        return shaped(WATER_BALANCE_MONTHLY, WATER_BALANCE_MONTHLY.empty().drop("known_from", "organisation"))
    first, last = daily.select(first=pl.col(_DAY).min(), last=pl.col(_DAY).max()).row(0)
    months = local_months(first, last, zone).rename({"start": "period_start", "end": "period_end"})
    good = pl.col("state") != "unknown"
    methods = pl.col("pressure_method").filter(good).drop_nulls()
    sums = (
        daily.sort(_KEY)
        .group_by("district", pl.col(_DAY).dt.truncate("1mo"), maintain_order=True)
        .agg(
            pl.col(_SUMMED).filter(good).sum(),
            pl.col("members", "members_measured").max(),
            pl.col("pressure_m").filter(good).mean(),
            pressure_method=pl.when(methods.n_unique() > 1).then(pl.lit("mixed")).otherwise(methods.first()),
            sigma_estimates_m3=pl.col("sigma_estimates_m3").filter(good).pow(2).sum().sqrt(),
            covered=(pl.col("coverage") * pl.col("expected_m3")).filter(good).sum(),
            no_uarl=pl.col("uarl_m3").filter(good).null_count() > 0,
            weak=(pl.col("state") == "interval").any(),
            days_counted=good.sum(),
        )
        .join(months, on=_DAY)
        .join(parameters(policy), on="district")
        .with_columns(
            days=pl.col(_DAY).dt.days_in_month(),
            days_balanced="days_counted",
            coverage=pl.when(pl.col("expected_m3") > 0).then(pl.col("covered") / pl.col("expected_m3")).otherwise(1.0),
            uarl_m3=pl.when(~pl.col("no_uarl")).then("uarl_m3"),
        )
        .with_columns(weak=pl.col("weak") & (pl.col("coverage") < policy.coverage_limit))
    )
    none = pl.col("days_counted") == 0
    emptied = [pl.when(~none).then(name).alias(name) for name in ("input_m3", "output_m3", "storage_change_m3")]
    return shaped(WATER_BALANCE_MONTHLY, _judged(sums.with_columns(emptied)))


def parameters(policy: DistrictsPolicy) -> pl.DataFrame:
    """What the policy says of each district, one row each."""
    schema = {
        "district": pl.String,
        "mains_km": pl.Float64,
        "connections": pl.Int64,
        "private_km": pl.Float64,
        "average_m": pl.Float64,
        "unmetered_a_day": pl.Float64,
        "unbilled_a_day": pl.Float64,
        "apparent_share": pl.Float64,
        "tariff": pl.Float64,
    }
    rows = [
        (
            name,
            one.mains_km,
            one.connections,
            one.private_pipe_km,
            one.average_pressure_m,
            one.billed_unmetered_m3_per_day,
            one.unbilled_m3_per_day,
            one.apparent_loss_percent / 100,
            one.tariff,
        )
        for name, one in policy.districts.items()
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _terms(days: pl.DataFrame, flows: pl.DataFrame, used: pl.DataFrame, policy: DistrictsPolicy) -> pl.DataFrame:
    """Input, output and storage change per district and day; null where a point is unknown."""
    known = pl.col("is_measured") | pl.col("is_within")
    gap = pl.col("m3") * pl.when("is_within").then("guessed").otherwise(0.0)

    def total(*terms: str) -> pl.Expr:
        ours = pl.col("term").is_in(terms)
        sign = pl.when(pl.col("term") == "drawing").then(-1.0).otherwise(1.0)
        return (
            pl.when((ours & ~known.fill_null(value=False)).any())
            .then(None)
            .otherwise((pl.col("m3") * sign).filter(ours).sum())
        )

    return (
        flows.join(days.select(_DAY), how="cross")
        .join(used, on=[_POINT, _DAY], how="left")
        .sort("district", _DAY, _POINT)
        .group_by(_KEY, maintain_order=True)
        .agg(
            input_m3=total("input"),
            output_m3=total("output"),
            storage_change_m3=total("filling", "drawing"),
            flow_variance=(policy.input_uncertainty * pl.col("m3")).pow(2).sum(),
            gap_variance=gap.pow(2).sum(),
            worst_gap=pl.when("is_within").then("guessed").otherwise(0.0).max(),
        )
    )


def _expectations(
    days: pl.DataFrame, members: pl.DataFrame, used: pl.DataFrame, policy: DistrictsPolicy
) -> pl.DataFrame:
    """Every member and day with its value, and what its own last weeks let expect (§3.5)."""
    begun = (pl.col("start_right") < pl.col("end")).fill_null(value=True)
    lasting = (pl.col("end_right") > pl.col("start")).fill_null(value=True)
    asked = (
        days.join(members.rename({"start": "start_right", "end": "end_right"}), how="cross")
        .filter(begun & lasting)
        .select("district", _POINT, _DAY)
        .unique()
    )
    first = days[_DAY].min()
    # Numbers instead of names: what follows groups millions of rows.
    numbers = members.select(_POINT).unique().with_columns(number=pl.int_range(pl.len(), dtype=pl.Int32))
    value = used.join(numbers, on=_POINT)
    asked = asked.join(numbers, on=_POINT).join(value.drop(_POINT), on=["number", _DAY], how="left")
    measured = value.filter("is_measured", pl.col(_DAY) < first).select("number", _DAY, "m3")
    then = asked.select("number", _DAY, pl.when("is_measured").then("m3").alias("m3")).unique(["number", _DAY])
    course = pl.concat([measured, then]).sort("number", _DAY)
    span = f"{policy.history_days}d"
    mean = pl.col("m3").rolling_mean_by(_DAY, span, closed="left")
    spread = pl.col("m3").rolling_std_by(_DAY, span, min_samples=3, closed="left")
    own = course.with_columns(own=mean.over("number")).filter(pl.col(_DAY) >= first).drop("m3")
    # Few miss a reading, and only they are estimated.
    missing = then.filter(pl.col("m3").is_null()).select("number").unique()
    like = ["number", "day_class"]
    theirs = (
        course.join(missing, on="number", how="semi", maintain_order="left")
        .with_columns(day_class=pl.max_horizontal(pl.col(_DAY).dt.weekday(), 4))
        .with_columns(own_spread=spread.over("number"), like=mean.over(like), like_spread=spread.over(like))
        .filter(pl.col(_DAY) >= first)
        .drop("m3", "day_class")
    )
    key = ["number", _DAY]
    return asked.join(own, on=key, how="left").join(theirs, on=key, how="left")


def _drawn(everyone: pl.DataFrame, policy: DistrictsPolicy) -> pl.DataFrame:
    """Consumption of the members per district and day: measured, estimated, and how much of it was expected."""
    measured = pl.col("is_measured").fill_null(value=False)
    within = pl.col("is_within").fill_null(value=False)
    others = pl.col("m3").filter(measured).mean().over(_KEY)
    others_spread = pl.col("m3").filter(measured).std().over(_KEY)
    filled = everyone.sort("district", _DAY, _POINT).with_columns(
        expected=pl.coalesce("own", pl.when(measured | within).then("m3"), others, 1.0),
        estimate=pl.coalesce("m3", "like", "own", others),
    )
    spread = pl.coalesce("like_spread", "own_spread", others_spread, "estimate")
    filled = filled.with_columns(spread=pl.when(within).then(pl.col("m3") * pl.col("guessed")).otherwise(spread))
    return filled.group_by(_KEY, maintain_order=True).agg(
        members=pl.len(),
        members_measured=measured.sum(),
        consumption_measured_m3=pl.col("m3").filter(measured).sum(),
        consumption_estimated_m3=pl.when(pl.col("estimate").filter(~measured).null_count() == 0).then(
            pl.col("estimate").filter(~measured).sum()
        ),
        member_variance=(policy.consumption_uncertainty * pl.col("m3").filter(measured)).pow(2).sum(),
        estimate_variance=pl.col("spread").filter(~measured).pow(2).sum(),
        expected_m3=pl.col("expected").sum(),
        coverage=pl.when(pl.col("expected").sum() > 0)
        .then(pl.col("expected").filter(measured).sum() / pl.col("expected").sum())
        .otherwise(measured.mean()),
    )


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Loss, bounds and indicators of rows with their terms, ``weak`` and ``days_counted``."""
    count = pl.col("days_counted")
    supplied = pl.col("input_m3") - pl.col("output_m3") - pl.col("storage_change_m3")
    metered = pl.col("consumption_measured_m3") + pl.col("consumption_estimated_m3")
    rows = rows.with_columns(
        metered=metered,
        billed_unmetered_m3=pl.col("unmetered_a_day") * count,
        unbilled_m3=pl.col("unbilled_a_day") * count,
    ).with_columns(
        centre=supplied - pl.col("metered") - pl.col("billed_unmetered_m3") - pl.col("unbilled_m3"),
        sigma=(pl.col("sigma_meters_m3").pow(2) + pl.col("sigma_estimates_m3").pow(2)).sqrt(),
    )
    known = pl.col("state") == "known"
    return (
        rows.with_columns(
            state=pl.when(pl.col("centre").is_null())
            .then(pl.lit("unknown"))
            .when("weak")
            .then(pl.lit("interval"))
            .otherwise(pl.lit("known")),
            loss_low_m3=pl.col("centre") - 2 * pl.col("sigma"),
            loss_high_m3=pl.col("centre") + 2 * pl.col("sigma"),
        )
        .with_columns(loss_m3=pl.when(known).then("centre"))
        .with_columns(apparent_loss_m3=pl.when(known).then(pl.col("metered") * pl.col("apparent_share")))
        .with_columns(
            real_loss_m3=pl.col("loss_m3") - pl.col("apparent_loss_m3"),
            nrw_m3=pl.col("loss_m3") + pl.col("unbilled_m3"),
        )
        .with_columns(
            nrw_cost=pl.col("nrw_m3") * pl.col("tariff"),
            loss_l_per_connection_day=1000 * pl.col("real_loss_m3") / pl.col("connections") / count,
            loss_l_per_km_day=1000 * pl.col("real_loss_m3") / pl.col("mains_km") / count,
            ili=pl.col("real_loss_m3") / pl.col("uarl_m3"),
        )
        .with_columns(
            ili_warning=pl.when(pl.col("ili").is_not_null()).then(
                index_warning(pl.col("mains_km"), pl.col("connections"), pl.col("pressure_m"))
            )
        )
    )


def shaped(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """The table's columns, but ``organisation`` and ``known_from``; doubles to the decimals that are kept."""
    floats = [name for name, dtype in table.schema.items() if dtype == pl.Float64 and name in rows.columns]
    rounded = rows.with_columns(pl.col(floats).cast(pl.Float64).round(PLACES) + 0.0)
    return shape(table, rounded.with_columns(organisation=pl.lit(""))).drop("organisation")
