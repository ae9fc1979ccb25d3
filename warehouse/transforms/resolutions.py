"""How finely meters are meant to be read: the resolution class that retention asks for (ALGORITHMS §4.1).

The class is what was decided, not what is stored: of a month that was thinned to days the readings say ``day``, and a
second run would judge it by other rules than the first one did (§4.5).
"""

from datetime import timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.calendar import local_day

Resolution = Literal["5min", "15min", "hour", "day"]

PRIORITY: Resolution = "5min"
"""Class of priority meters, which are read every five minutes whatever else is noted of them."""

_LONGEST_S: dict[Resolution, int] = {"5min": 300, "15min": 900, "hour": 3600}
_REST: Resolution = "day"

RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)
"""Classes, the finest first; ``day`` has all that is coarser than an hour."""


def class_of(interval_s: pl.Expr) -> pl.Expr:
    """Gives the finest class that a time between two readings (s) fits in; null where that is null."""
    found = pl.lit(_REST)
    for name, longest in reversed(_LONGEST_S.items()):
        found = pl.when(interval_s <= longest).then(pl.lit(name)).otherwise(found)
    return pl.when(interval_s.is_not_null()).then(found)


def stretches(
    configurations: pl.DataFrame, priority: pl.DataFrame, installations: pl.DataFrame, key: str, zone: ZoneInfo
) -> pl.DataFrame:
    """Finds from which local day on which class holds, where something is noted of a meter or a point.

    Args:
        configurations: Rows of ``meter_configurations``.
        priority: ``organisation``, ``metering_point``, ``valid_from``, ``valid_to`` of points with priority meters.
        installations: Rows of ``installations``; they carry what is said of a meter to its point, and back.
        key: ``meter_id`` or ``metering_point``.
        zone: The utility's zone.

    Returns:
        ``organisation``, the key, ``aged_on`` (first local day) and ``resolution`` (null from where nothing is noted
        any more), one row per key and day, by day. What holds at the end of a day holds for all of it; of several
        that do, the finest does.
    """
    named = configurations.filter(pl.col("interval_s").is_not_null()).select(
        "organisation", "meter_id", "valid_from", "valid_to", resolution=class_of(pl.col("interval_s"))
    )
    chosen = priority.select(
        "organisation", "metering_point", "valid_from", "valid_to", resolution=pl.lit(PRIORITY, pl.String)
    )
    there = installations.select("organisation", "metering_point", "meter_id", "installed_at", "removed_at")
    own, others, other_key = (named, chosen, "metering_point") if key == "meter_id" else (chosen, named, "meter_id")
    carried = others.join(there, on=["organisation", other_key]).with_columns(
        valid_from=pl.max_horizontal("valid_from", "installed_at"),
        valid_to=pl.min_horizontal("valid_to", "removed_at"),
    )
    names = ["organisation", key, "valid_from", "valid_to", "resolution"]
    rank = pl.col("resolution").replace_strict({name: rank for rank, name in enumerate(RESOLUTIONS)}, default=None)
    spans = pl.concat([own.select(names), carried.select(names)]).select(
        "organisation",
        key,
        first=local_day(pl.col("valid_from"), zone),
        until=local_day(pl.col("valid_to"), zone),
        rank=rank.cast(pl.Int8),
    )
    spans = spans.filter((pl.col("first") < pl.col("until")).fill_null(value=True))
    owner = ["organisation", key]
    days = pl.concat([spans.select(*owner, aged_on=pl.col(name)) for name in ("first", "until")]).drop_nulls().unique()
    holds = (pl.col("first") <= pl.col("aged_on")) & (pl.col("aged_on") < pl.col("until")).fill_null(value=True)
    finest = days.join(spans, on=owner).filter(holds).group_by(*owner, "aged_on").agg(pl.col("rank").min())
    names_of = pl.col("rank").replace_strict(dict(enumerate(RESOLUTIONS)), default=None, return_dtype=pl.String)
    return (
        days.join(finest, on=[*owner, "aged_on"], how="left")
        .select(*owner, "aged_on", resolution=names_of)
        .sort("aged_on", *owner)
    )


def with_resolutions(rows: pl.LazyFrame, noted: pl.DataFrame, key: str, usual: timedelta) -> pl.LazyFrame:
    """Adds ``resolution``, the class of each row's meter or point on the day the row is of.

    Args:
        rows: ``organisation``, the key and ``aged_on`` (local day), with whatever else.
        noted: As :func:`stretches` gives them for this key.
        key: ``meter_id`` or ``metering_point``.
        usual: Time between two readings where nothing is noted.

    Returns:
        The rows, in any order; ``resolution`` is null where the key is.
    """
    by = ["organisation", key]
    common = pl.select(class_of(pl.lit(round(usual.total_seconds())))).item()
    found = rows.sort("aged_on").join_asof(
        noted.lazy().sort("aged_on"), on="aged_on", by=by, strategy="backward", check_sortedness=False
    )
    own = pl.when(pl.col(key).is_not_null()).then(pl.coalesce("resolution", pl.lit(common)))
    return found.with_columns(own.alias("resolution"))
