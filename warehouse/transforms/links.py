"""How well collectors hear meters (§12)."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.schemas import LINK_DAILY
from warehouse.transforms.calendar import local_day
from warehouse.transforms.figures import shape


def link_daily(receptions: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    """Counts receptions and sums up the signal per meter, collector and local day of reception.

    Args:
        receptions: ``organisation``, ``meter_id`` (rows without one are left out), ``collector`` (null where the
            source names none), ``received_at``, ``rssi_dbm`` (dBm; null where not delivered), ``telegram_id`` (null
            where the frame was not read that far: counted as a reception of no known transmission).
        zone: The utility's zone.

    Returns:
        Rows of ``link_daily`` without ``known_from``. A receiver with two antennas that hears a transmission twice
        counts two receptions and one telegram.
    """
    counted = (
        receptions.filter(pl.col("meter_id").is_not_null())
        .with_columns(pl.col("collector").fill_null(""), day=local_day(pl.col("received_at"), zone))
        .group_by("organisation", "meter_id", "collector", "day")
        .agg(
            receptions=pl.len(),
            telegrams=pl.col("telegram_id").drop_nulls().n_unique(),
            rssi_p50_dbm=pl.col("rssi_dbm").median(),
        )
    )
    return shape(LINK_DAILY, counted)
