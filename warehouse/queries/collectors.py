"""Collectors as a list: those that are registered and those that are heard, with what is known of each."""

from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import CoveragePolicy
from warehouse.queries import coverage
from warehouse.schemas import COLLECTOR_DAILY, COLLECTORS

State = Literal["heard", "silent", "never"]
STATES: tuple[State, ...] = ("heard", "silent", "never")
"""Delivers; has not delivered for the hours that the policy calls a gap; delivered nothing in the period.

What counts as now is the last reception of any, so that periods of the past are judged like the present one. That none
delivers any more, the clock tells: see :func:`registry.outages.outage_since`.
"""


def extent(lake: Readable, organisation: str) -> tuple[date, date] | None:
    """First and last local day on which any collector delivered; ``None`` where none ever did."""
    rows = lake.scan(COLLECTOR_DAILY).filter(organisation=organisation)
    first, last = rows.select(first=pl.col("day").min(), last=pl.col("day").max()).collect().row(0)
    return None if first is None else (first, last)


def collectors(
    lake: Readable, organisation: str, policy: CoveragePolicy, first: date, last: date, *, zone: ZoneInfo
) -> pl.DataFrame:
    """All collectors.

    Args:
        lake: Where the tables are.
        organisation: Whose collectors.
        policy: What they can carry, and what a gap is.
        first: First local day.
        last: Last local day, inclusive.
        zone: The utility's zone.

    Returns:
        ``collector``, ``comment`` (nullable), ``state`` (one of :data:`STATES`) and the columns of
        :func:`warehouse.queries.coverage.collectors` (null where nothing was delivered); silent ones first, then those
        that most meters rest on.
    """
    lasting = coverage.gaps(lake, organisation, policy, first, last, zone=zone).filter("lasts")["collector"]
    found = coverage.collectors(lake, organisation, policy, first, last, zone=zone)
    state = (
        pl.when(pl.col("last_contact").is_null())
        .then(pl.lit("never"))
        .when(pl.col("collector").is_in(lasting.implode()))
        .then(pl.lit("silent"))
        .otherwise(pl.lit("heard"))
    )
    rows = (
        lake.scan(COLLECTORS)
        .filter(organisation=organisation)
        .select("collector", "comment")
        .collect()
        .join(found, on="collector", how="full", coalesce=True)
        .with_columns(state=state)
    )
    rank = pl.col("state").replace_strict({"silent": 0, "heard": 1, "never": 2}, return_dtype=pl.Int8)
    return rows.select("collector", "comment", "state", *found.columns[1:]).sort(
        rank, "only_for", "collector", descending=[False, True, False], nulls_last=True
    )


def whereabouts(meters: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Where collectors are: where somebody noted them; else about in the middle of the meters that each hears best.

    Args:
        meters: ``collector`` (that hears the meter best; nullable), ``latitude`` and ``longitude`` (degrees; nullable).
        known: From :func:`registry.collectors.noted`.

    Returns:
        ``collector``, ``latitude`` and ``longitude`` (medians of its meters where nobody noted them), by collector;
        those of which neither is known are left out.
    """
    middle = (
        meters.drop_nulls(["collector", "latitude", "longitude"])
        .group_by("collector")
        .agg(pl.col("latitude", "longitude").median())
    )
    own = known.drop_nulls(["latitude", "longitude"]).select("collector", "latitude", "longitude")
    return pl.concat([own, middle.join(own, on="collector", how="anti")]).sort("collector")
