"""Pressure: head, loss between sensors, statistics, events, resistance of pipes (ALGORITHMS §13).

Pressures are samples: a surge is a step between two of them, and water hammer, which lasts for seconds, is not seen.
"""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.policies.districts import DistrictsPolicy, Pressure
from warehouse.schemas import PRESSURE_EVENTS
from warehouse.transforms.calendar import local_day
from warehouse.transforms.water_balance import shaped

HEAD_OF_A_BAR = 10.197
"""Metres of water of 1000 kg/m³ under standard gravity."""

_GRAVITY = 9.80665
_PASCAL = 1e5
_DENSITY = (999.83952, 16.945176, -7.9870401e-3, -4.6170461e-5, 1.0556302e-7, -2.8054253e-10)
_DIVISOR = 1.687985e-2
"""Density of water under one atmosphere by temperature (Kell, J. Chem. Eng. Data 20 (1975) 97)."""

STEP = "5m"
EXPONENT = 1.852
"""Head loss over flow by Hazen and Williams."""

_POINT = "metering_point"
_COURSE = ["district", _POINT, "day"]
_USED = {"district": pl.String, _POINT: pl.String, "day": pl.Date, "used_m3": pl.Float64}
PRESSURE_METHODS = ("consumption", "weights", "plain")
"""What weighs the sensors of a district, best first."""

_DROP_WEIGHT = 0.3
"""Weight of the newest sample in smoothed head."""


def head_of_a_bar(water_temp_c: float | None) -> float:
    """Head of one bar in water under standard gravity (ALGORITHMS §13) [m].

    Args:
        water_temp_c: The water's temperature, 0 to 100 [degC]; ``None`` takes water of 1000 kg/m³.
    """
    if water_temp_c is None:
        return HEAD_OF_A_BAR
    sums = sum(coefficient * water_temp_c**power for power, coefficient in enumerate(_DENSITY))
    return _PASCAL * (1 + _DIVISOR * water_temp_c) / (sums * _GRAVITY)


def sensors_of(policy: DistrictsPolicy) -> pl.DataFrame:
    """``district``, ``metering_point``, ``elevation_m`` and ``weight`` of every sensor."""
    rows = [
        (name, point, sensor.elevation_m, sensor.weight)
        for name, one in policy.districts.items()
        for point, sensor in one.sensors.items()
    ]
    schema = {"district": pl.String, _POINT: pl.String, "elevation_m": pl.Float64, "weight": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def stretches_of(policy: DistrictsPolicy) -> pl.DataFrame:
    """``district``, ``upstream``, ``downstream``, ``flow``, ``upstream_z`` and ``downstream_z`` of every stretch."""
    rows = [
        (
            name,
            stretch.upstream,
            stretch.downstream,
            stretch.flow,
            one.sensors[stretch.upstream].elevation_m,
            one.sensors[stretch.downstream].elevation_m,
        )
        for name, one in policy.districts.items()
        for stretch in one.stretches
    ]
    names = ("district", "upstream", "downstream", "flow")
    schema = dict.fromkeys(names, pl.String) | dict.fromkeys(("upstream_z", "downstream_z"), pl.Float64)
    return pl.DataFrame(rows, schema=schema, orient="row")


def pressure_5min(samples: pl.DataFrame) -> pl.DataFrame:
    """Statistics of samples on a grid of five minutes.

    Args:
        samples: ``metering_point``, ``at`` (UTC) and ``pressure_bar``.

    Returns:
        ``metering_point``, ``at`` (start of the five minutes), ``samples``, ``min_bar``, ``mean_bar``, ``max_bar`` and
        ``range_bar``, by point and time.
    """
    bar = pl.col("pressure_bar")
    return (
        samples.drop_nulls("pressure_bar")
        .group_by(_POINT, pl.col("at").dt.truncate(STEP))
        .agg(
            samples=pl.len(), min_bar=bar.min(), mean_bar=bar.mean(), max_bar=bar.max(), range_bar=bar.max() - bar.min()
        )
        .sort(_POINT, "at")
    )


def consumption_weights(served: pl.DataFrame, consumption: pl.DataFrame) -> pl.DataFrame:
    """What the points that sensors stand for used on local days.

    Args:
        served: ``district``, ``sensor``, ``metering_point``, ``start`` and ``end`` (UTC; null for ever) of each time
            that a point belonged to a sensor.
        consumption: ``metering_point``, ``day``, ``period_start`` and ``consumption`` (m³, nullable).

    Returns:
        ``district``, ``metering_point`` (the sensor), ``day`` and ``used_m3``, where all of its points of the day are
        known.
    """
    begun = (pl.col("start") <= pl.col("period_start")).fill_null(value=True)
    lasts = (pl.col("end") > pl.col("period_start")).fill_null(value=True)
    days = consumption.group_by("day").agg(pl.col("period_start").min())
    return (
        served.join(days, how="cross")
        .filter(begun, lasts)
        .unique(["district", "sensor", _POINT, "day"])
        .join(consumption.select(_POINT, "day", "consumption"), on=[_POINT, "day"], how="left")
        .sort("district", "sensor", "day", _POINT)
        .group_by("district", "sensor", "day", maintain_order=True)
        .agg(used_m3=pl.col("consumption").cast(pl.Float64).sum(), unknown=pl.col("consumption").null_count())
        .filter(pl.col("unknown") == 0)
        .select("district", pl.col("sensor").alias(_POINT), "day", "used_m3")
    )


def zone_pressures(
    samples: pl.DataFrame, policy: DistrictsPolicy, zone: ZoneInfo, used: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Average pressure of districts by hour: the mean of their sensors, each with the consumption it stands for.

    Args:
        samples: ``metering_point``, ``at`` (UTC) and ``pressure_bar``.
        policy: The districts.
        zone: The utility's zone.
        used: From :func:`consumption_weights`; ``None`` where nothing is known.

    Returns:
        ``district``, ``day`` (local), ``hour_start`` (UTC), ``pressure_m`` (metres of head) and ``pressure_method``, by
        district and hour: ``consumption`` of the day of all sensors that sent, else the ``weights`` of the policy where
        they differ, else a ``plain`` mean.
    """
    hour = pl.col("at").dt.convert_time_zone(zone.key).dt.truncate("1h").dt.convert_time_zone("UTC")
    by_sensor = (
        samples.drop_nulls("pressure_bar")
        .sort(_POINT, "at")
        .group_by(_POINT, hour_start=hour, maintain_order=True)
        .agg(head=pl.col("pressure_bar").mean() * head_of_a_bar(policy.pressure.water_temp_c))
        .with_columns(day=local_day(pl.col("hour_start"), zone))
    )
    known = pl.DataFrame(schema=_USED) if used is None else used
    head, weight, amount = pl.col("head"), pl.col("weight"), pl.col("used_m3")
    measured = (amount.null_count() == 0) & (amount.sum() > 0)
    return (
        by_sensor.join(sensors_of(policy), on=_POINT)
        .join(known, on=["district", _POINT, "day"], how="left")
        .sort("district", "hour_start", _POINT)
        .group_by("district", "day", "hour_start", maintain_order=True)
        .agg(
            pressure_m=pl.when(measured)
            .then((head * amount).sum() / amount.sum())
            .otherwise((head * weight).sum() / weight.sum()),
            pressure_method=pl.when(measured)
            .then(pl.lit("consumption"))
            .when(weight.n_unique() > 1)
            .then(pl.lit("weights"))
            .otherwise(pl.lit("plain")),
        )
    )


def daily_pressures(hours: pl.DataFrame) -> pl.DataFrame:
    """Average pressure of districts by local day.

    Args:
        hours: From :func:`zone_pressures`.

    Returns:
        ``district``, ``day``, ``pressure_m`` and ``pressure_method``: the least good of the hours'.
    """
    rank = pl.col("pressure_method").replace_strict(PRESSURE_METHODS, range(len(PRESSURE_METHODS)))
    return hours.group_by("district", "day", maintain_order=True).agg(
        pl.col("pressure_m").mean(),
        pressure_method=rank.max().replace_strict(range(len(PRESSURE_METHODS)), PRESSURE_METHODS),
    )


def head_losses(samples: pl.DataFrame, stretches: pl.DataFrame, flows: pl.DataFrame, policy: Pressure) -> pl.DataFrame:
    """Head lost between the two sensors of a stretch at the same instant.

    Args:
        samples: ``metering_point``, ``at`` (UTC) and ``pressure_bar``.
        stretches: From :func:`stretches_of`.
        flows: ``metering_point``, ``period_start``, ``period_end`` (UTC) and ``flow_m3h``: mean flow of periods.
        policy: How far apart samples of the same instant may be, and how warm the water is.

    Returns:
        ``district``, ``upstream``, ``downstream``, ``at`` (of the downstream sample), ``loss_m``, ``downstream_bar``
        and ``flow_m3h`` (null where it is unknown), by stretch and time.
    """
    known = samples.drop_nulls("pressure_bar").select(_POINT, "at", "pressure_bar").sort("at")
    ends = stretches.join(known, left_on="downstream", right_on=_POINT).rename({"pressure_bar": "downstream_bar"})
    paired = ends.sort("at").join_asof(
        known.rename({_POINT: "upstream", "pressure_bar": "upstream_bar"}),
        on="at",
        by="upstream",
        strategy="nearest",
        tolerance=f"{policy.apart_s}s",
        check_sortedness=False,
    )
    flow = flows.rename({_POINT: "flow"}).sort("period_start")
    return (
        paired.drop_nulls("upstream_bar")
        .sort("at")
        .join_asof(flow, left_on="at", right_on="period_start", by="flow", check_sortedness=False)
        .with_columns(
            loss_m=pl.col("upstream_z")
            - pl.col("downstream_z")
            + (pl.col("upstream_bar") - pl.col("downstream_bar")) * head_of_a_bar(policy.water_temp_c),
            flow_m3h=pl.when(pl.col("at") < pl.col("period_end")).then("flow_m3h"),
        )
        .select("district", "upstream", "downstream", "at", "loss_m", "downstream_bar", "flow_m3h")
        .sort("district", "upstream", "downstream", "at")
    )


def resistances(losses: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Fits ``loss = R * flow ** 1.852`` per stretch and local day, by least absolute deviations.

    The fit is the median of the ratios, weighted by ``flow ** 1.852``: a tenth of wild samples does not move it.

    Args:
        losses: From :func:`head_losses`.
        zone: The utility's zone.

    Returns:
        ``district``, ``upstream``, ``downstream``, ``day``, ``resistance``, ``samples``, ``loss_m`` (median),
        ``usual`` (median of the resistances of the seven days before) and ``change_percent`` against it. A rising one
        tells of a blockage or a closed valve.
    """
    stretch = ["district", "upstream", "downstream"]
    power = pl.col("flow_m3h").pow(EXPONENT)
    weighed = (
        losses.filter(pl.col("flow_m3h") > 0)
        .with_columns(weight=power, ratio=pl.col("loss_m") / power, day=local_day(pl.col("at"), zone))
        .sort(*stretch, "day", "ratio")
        .with_columns(passed=pl.col("weight").cum_sum().over(*stretch, "day"))
    )
    half = pl.col("passed") >= pl.col("weight").sum() / 2
    daily = (
        weighed.group_by(*stretch, "day", maintain_order=True)
        .agg(resistance=pl.col("ratio").filter(half).first(), samples=pl.len(), loss_m=pl.col("loss_m").median())
        .sort(*stretch, "day")
    )
    usual = pl.col("resistance").rolling_median_by("day", "7d", closed="left").over(stretch)
    return daily.with_columns(usual=usual).with_columns(
        change_percent=100 * (pl.col("resistance") / pl.col("usual") - 1)
    )


def pressure_events(
    samples: pl.DataFrame, losses: pl.DataFrame, policy: DistrictsPolicy, zone: ZoneInfo
) -> pl.DataFrame:
    """Finds episodes of low and high pressure, surges, and drops that flow does not explain.

    Args:
        samples: ``metering_point``, ``at`` (UTC) and ``pressure_bar``.
        losses: From :func:`head_losses`.
        policy: The districts and their limits.
        zone: The utility's zone; each local day is looked at for itself.

    Returns:
        Rows of ``pressure_events`` without ``organisation`` and ``known_from``. A drop is where smoothed head loss
        exceeds what the flow through the stretch explains: a burst between the sensors, or a valve that was closed.
    """
    limits = policy.pressure
    bar = pl.col("pressure_bar")
    known = samples.drop_nulls("pressure_bar").join(sensors_of(policy).select("district", _POINT), on=_POINT)
    known = known.with_columns(day=local_day(pl.col("at"), zone)).sort("district", _POINT, "at")
    step = bar.diff().over(_COURSE).abs()
    near = pl.col("at").diff().over(_COURSE) <= pl.duration(seconds=limits.samples_apart_s)
    kinds = {
        "low": (known.with_columns(outside=bar < limits.low_bar, value=bar), "min"),
        "high": (known.with_columns(outside=bar > limits.high_bar, value=bar), "max"),
        "surge": (
            known.with_columns(outside=((step > limits.surge_bar) & near).fill_null(value=False), value=step),
            "max",
        ),
        "drop": (_drops(losses.with_columns(day=local_day(pl.col("at"), zone)), limits), "min"),
    }
    return shaped(
        PRESSURE_EVENTS, pl.concat([_episodes(rows, kind, extreme) for kind, (rows, extreme) in kinds.items()])
    )


def _drops(losses: pl.DataFrame, limits: Pressure) -> pl.DataFrame:
    """Samples of the downstream sensor with whether its smoothed head lies below what flow explains."""
    stretch = ["district", "upstream", "downstream", "day"]
    power = pl.col("flow_m3h").pow(EXPONENT)
    at_flow = losses.filter(pl.col("flow_m3h") > 0).sort(*stretch, "at")
    rest = pl.col("rest")
    middle = rest.median().over(stretch)
    spread = (rest - middle).abs().median().over(stretch) * 1.4826
    return (
        at_flow.with_columns(rest=pl.col("loss_m") - (pl.col("loss_m") / power).median().over(stretch) * power)
        .with_columns(smooth=rest.ewm_mean(alpha=_DROP_WEIGHT, adjust=False).over(stretch) - middle, spread=spread)
        .with_columns(
            outside=pl.col("smooth") > pl.max_horizontal(limits.drop_sigmas * pl.col("spread"), limits.least_drop_m)
        )
        .select("district", "day", "at", "outside", metering_point="downstream", value="downstream_bar")
        .sort(*_COURSE, "at")
    )


def _episodes(rows: pl.DataFrame, kind: str, extreme: str) -> pl.DataFrame:
    """Runs of samples outside."""
    outside = pl.col("outside")
    begins = outside & ~outside.shift(1, fill_value=False).over(_COURSE)
    value = pl.col("value").min() if extreme == "min" else pl.col("value").max()
    return (
        rows.with_columns(episode=begins.cast(pl.Int32).cum_sum())
        .filter("outside")
        .group_by(*_COURSE, "episode")
        .agg(at=pl.col("at").min(), until=pl.col("at").max(), samples=pl.len(), extreme_bar=value)
        .with_columns(kind=pl.lit(kind))
        .drop("episode", "day")
    )
