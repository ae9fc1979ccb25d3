"""What can be looked at: metering points, meters and groups.

A subject is a frame of ``metering_point``, ``valid_from`` and ``valid_to``: the points it consists of, each with the
time it belongs to it. Either end is null where there is none.
"""

from datetime import datetime

import polars as pl

from warehouse.excerpt import Readable
from warehouse.schemas import GROUP_MEMBERS, GROUPS, INSTALLATIONS, INSTANT, METERING_POINTS, METERS

_SUBJECT = ("metering_point", "valid_from", "valid_to")


def metering_points(lake: Readable, organisation: str) -> pl.DataFrame:
    """All metering points with the meter that is, or last was, installed.

    Returns:
        ``metering_point``, ``medium``, ``role``, ``meter_id`` (null where none ever was) and ``installed_at``, by name.
    """
    last = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .sort("installed_at")
        .group_by("metering_point")
        .agg(pl.col("meter_id", "installed_at").last())
    )
    return (
        lake.scan(METERING_POINTS)
        .filter(organisation=organisation)
        .join(last, on="metering_point", how="left")
        .select("metering_point", "medium", "role", "meter_id", "installed_at")
        .sort("metering_point")
        .collect()
    )


def meters(lake: Readable, organisation: str) -> pl.DataFrame:
    """All meters with the point where they are, or last were, installed.

    Returns:
        ``meter_id``, ``serial``, ``medium``, ``model``, ``state``, ``key_status`` and ``metering_point`` (null where it
        was never installed), by meter.
    """
    last = (
        lake.scan(INSTALLATIONS)
        .filter(organisation=organisation)
        .sort("installed_at")
        .group_by("meter_id")
        .agg(pl.col("metering_point").last())
    )
    return (
        lake.scan(METERS)
        .filter(organisation=organisation)
        .join(last, on="meter_id", how="left")
        .select("meter_id", "serial", "medium", "model", "state", "key_status", "metering_point")
        .sort("meter_id")
        .collect()
    )


def groups(lake: Readable, organisation: str) -> pl.DataFrame:
    """All groups.

    Returns:
        ``group``, ``kind`` and ``members`` (points, or meters, that belong or belonged to it), by name.
    """
    members = (
        lake.scan(GROUP_MEMBERS)
        .filter(organisation=organisation)
        .group_by("group")
        .agg(members=pl.coalesce("meter_id", "metering_point").n_unique().cast(pl.Int64))
    )
    return (
        lake.scan(GROUPS)
        .filter(organisation=organisation)
        .join(members, on="group", how="left")
        .select("group", "kind", pl.col("members").fill_null(0))
        .sort("group")
        .collect()
    )


def find(points: pl.DataFrame, known_meters: pl.DataFrame, text: str) -> list[str]:
    """The metering points that a person means.

    Args:
        points: From :func:`metering_points`.
        known_meters: From :func:`meters`.
        text: Name of a metering point, a meter's id or its serial number.

    Returns:
        The points; none where nothing has this name or the meter was never installed, several where meters of several
        kinds share the serial number.
    """
    if text in points["metering_point"]:
        return [text]
    meant = (pl.col("meter_id") == text) | (pl.col("serial") == text)
    return known_meters.filter(meant)["metering_point"].drop_nulls().unique().sort().to_list()


def is_point(lake: Readable, organisation: str, name: str) -> bool:
    """Whether an organisation has a metering point of a name."""
    rows = lake.scan(METERING_POINTS).filter(organisation=organisation, metering_point=name)
    return not rows.head(1).collect().is_empty()


def point(*names: str) -> pl.DataFrame:
    """Single metering points as a subject."""
    points = pl.DataFrame({"metering_point": list(names)}, schema={"metering_point": pl.String})
    return points.with_columns(valid_from=pl.lit(None, INSTANT), valid_to=pl.lit(None, INSTANT))


def group(lake: Readable, organisation: str, name: str) -> pl.DataFrame:
    """The metering points of a group as a subject."""
    return (
        lake.scan(GROUP_MEMBERS)
        .filter(organisation=organisation, group=name)
        .filter(pl.col("metering_point").is_not_null())
        .select(_SUBJECT)
        .sort("metering_point", "valid_from")
        .collect()
    )


def members(lake: Readable, organisation: str, name: str, at: datetime) -> pl.DataFrame:
    """The metering points that belong to a group at an instant: ``metering_point``."""
    points = group(lake, organisation, name)
    begun = (pl.col("valid_from") <= at).fill_null(value=True)
    return points.filter(begun, (pl.col("valid_to") > at).fill_null(value=True)).select("metering_point")
