"""How a heat point's day goes: the share of the night, and flow that turns back and forth (§14.4, rules 3 and 4)."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.calendar import HOUR

TURN = 0.5
"""Change of the flow from one hour to the next, as a share of the mean of both, from which on it is a turn."""
LEAST_COUNTS = 5
"""Counts of the volume register that such a change needs: less may be the register's own steps (§2.7)."""
MORNING = 6
"""Hour at which the night ends; it begins at midnight."""

_VOLUME, _HEAT = "volume_m3", "energy_kwh"
_SUMS = ("volume_temp_flow_m3c", "volume_temp_return_m3c")
_DAY = ("organisation", "metering_point", "day")
_MEASURED = ("M", "A", "X")
_LEAST_HOURS = 23


def patterns(hourly: pl.DataFrame, resolutions: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Reckons the patterns of days from their hours; nothing outside of a day counts.

    Args:
        hourly: Rows of ``consumption_hourly``; only measured and aligned hours count.
        resolutions: As :func:`warehouse.transforms.heat.register_resolutions` gives them; where the volume's is not
            known, a count is taken for nothing.
        zone: The utility's zone.

    Returns:
        ``organisation``, ``metering_point``, ``day``; ``night_energy_share`` (null unless all hours of heat are known
        and there is some), ``hours_counted`` and ``hunting_hours`` (null without volumes).
    """
    known = hourly.filter(
        pl.col("quality").is_in(_MEASURED),
        pl.col("consumption").is_not_null(),
        pl.col("register").is_in([_VOLUME, _HEAT]),
    ).with_columns(pl.col("consumption").cast(pl.Float64))
    heat = known.filter(pl.col("register") == _HEAT)
    is_night = pl.col("period_start").dt.convert_time_zone(zone.key).dt.hour() < MORNING
    value = pl.col("consumption")
    nights = heat.group_by(_DAY).agg(
        night_energy_share=pl.when((pl.len() >= _LEAST_HOURS) & (value.sum() > 0)).then(
            value.filter(is_night).sum() / value.sum()
        )
    )
    volumes = (
        known.filter(pl.col("register") == _VOLUME)
        .join(heat.select(_DAY).unique(), on=_DAY, how="semi")
        .join(counts_of(resolutions), on=["organisation", "meter_id"], how="left")
        .sort(*_DAY, "period_start")
    )
    before = value.shift(1).over(_DAY)
    follows = pl.col("period_start") == pl.col("period_start").shift(1).over(_DAY) + HOUR
    step = value - before
    least = LEAST_COUNTS * pl.col("count_v").fill_null(0.0)
    large = follows & (step.abs() > TURN * (value + before) / 2) & (step.abs() >= least)
    direction = pl.when(large).then(step.sign())
    volumes = volumes.with_columns(follows=follows.fill_null(value=False), direction=direction)
    last = pl.col("direction").forward_fill().shift(1).over(_DAY)
    turns = (pl.col("direction") * last < 0).fill_null(value=False)
    hours = (
        volumes.with_columns(turns=turns)
        .group_by(_DAY)
        .agg(
            hours_counted=pl.col("follows").sum().cast(pl.Int32),
            hunting_hours=pl.col("turns").sum().cast(pl.Int32),
        )
    )
    return nights.join(hours, on=_DAY, how="left")


def counts_of(resolutions: pl.DataFrame) -> pl.DataFrame:
    """One row per meter: ``count_v`` (m3) and ``count_vt`` (m3*degC), the coarser of E8 and E9."""
    register, resolution = pl.col("register"), pl.col("resolution").cast(pl.Float64)
    return resolutions.group_by("organisation", "meter_id").agg(
        count_v=resolution.filter(register == _VOLUME).max(),
        count_vt=resolution.filter(register.is_in(_SUMS)).max(),
    )
