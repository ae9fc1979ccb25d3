"""How a frame came: by wire, to a collector that passes by, or by radio."""

from datetime import timedelta

import polars as pl

from assets.installation import Installation
from decoders.link import begins_as_wired
from warehouse.policies import EstimationRules
from warehouse.schemas import READINGS, RECEPTIONS
from warehouse.transforms.transmissions import SAME_ACCESS_NUMBER

_MARGIN = timedelta(days=2)
"""How far the partitions that are looked at reach beyond the frames: a copy's reading is at most a day away."""


def is_wired() -> pl.Expr:
    """Whether a reception came by wire; over ``frame`` and ``transport`` of ``receptions``."""
    return begins_as_wired(pl.col("frame")) & pl.col("transport").ne_missing("lorawan")


def passing(house: Installation) -> list[str]:
    """Collectors that pass by without a schedule."""
    return sorted(house.policy(EstimationRules).drive_by_collectors)


def with_sources(house: Installation, rows: pl.LazyFrame, receptions: pl.Expr, frame: str) -> pl.LazyFrame:
    """Adds where frames come from: as their transmission's reading says, else as their reception does.

    A copy has the source of the reading, whatever collector heard it: what is kept of the one is kept of the other.

    Args:
        house: The installation.
        rows: ``telegram_key`` (null where the frame was not read that far), ``received_at`` and the frame's id.
        receptions: Among which receptions the frames are.
        frame: Column with the frame's id.

    Returns:
        The rows with ``source``; null where the reception is gone.
    """
    own = pl.col("organisation") == house.organisation
    extent = rows.select(first=pl.col("received_at").min(), last=pl.col("received_at").max()).collect()
    if extent["first"][0] is None:
        return rows.with_columns(source=pl.lit(None, pl.String))
    near = pl.col("measured_at").is_between(extent["first"][0] - _MARGIN, extent["last"][0] + _MARGIN)
    months = pl.col("month").is_between(
        pl.lit(f"{extent['first'][0] - _MARGIN:%Y-%m}"), pl.lit(f"{extent['last'][0] + _MARGIN:%Y-%m}")
    )
    readings = house.lake.scan(READINGS).filter(own, months, near, pl.col("telegram_key").is_not_null())
    told = readings.select("telegram_key", "received_at", told="source").sort("received_at")
    heard = (
        pl.when(is_wired())
        .then(pl.lit("wired"))
        .when(pl.col("collector").is_in(pl.Series(passing(house), dtype=pl.String).implode()))
        .then(pl.lit("drive_by"))
        .otherwise(pl.lit("radio"))
    )
    came = house.lake.scan(RECEPTIONS).filter(own, receptions).select(frame_id=pl.col("frame_id"), heard=heard)
    return (
        rows.sort("received_at")
        .join_asof(
            told,
            on="received_at",
            by="telegram_key",
            strategy="nearest",
            tolerance=SAME_ACCESS_NUMBER,
            check_sortedness=False,
        )
        .join(came, left_on=frame, right_on="frame_id", how="left")
        .with_columns(source=pl.when(pl.col("heard").is_not_null()).then(pl.coalesce("told", "heard")))
        .drop("told", "heard")
    )
