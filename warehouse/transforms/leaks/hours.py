"""Measured hours of water points as flows: what all evidence rests on."""

import polars as pl

from warehouse.ordering import sort_rows

MEASURED = ("M", "A", "X")
"""Qualities that are evidence; interpolated and estimated hours are none."""

TINY_L = 1e-6
"""Litres that doubles may err by."""

POINT = ("organisation", "metering_point")


def flows(hours: pl.DataFrame, resolutions: pl.DataFrame) -> pl.DataFrame:
    """Reads hourly consumption as flow.

    Args:
        hours: Rows of ``consumption_hourly`` of the register ``volume_m3``.
        resolutions: ``organisation``, ``meter_id`` and ``resolution`` of that register (m3).

    Returns:
        Of each measured hour ``organisation``, ``metering_point``, ``meter_id``, ``day``, ``start``, ``end`` (UTC),
        ``litres``, ``rate_lh`` and ``count_l`` (one count of the register; a litre where it is not known), by point and
        time. Where clocks change by half an hour, the last hour of that day is the shorter one.
    """
    measured = (
        hours.filter(pl.col("quality").is_in(MEASURED), pl.col("consumption").is_not_null())
        .join(resolutions, on=["organisation", "meter_id"], how="left")
        .select(
            *POINT,
            "meter_id",
            "day",
            start="period_start",
            end="period_end",
            litres=pl.col("consumption").cast(pl.Float64) * 1000,
            count_l=(pl.col("resolution") * 1000).fill_null(1.0),
        )
        .with_columns(
            rate_lh=pl.col("litres") / ((pl.col("end") - pl.col("start")).dt.total_microseconds() / 3_600_000_000)
        )
    )
    return sort_rows(measured, [*POINT, "start"])
