"""Reading rounds: the meters of chosen groups, no more than a reader's device takes."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.frames import read_frame
from registry.groups.builtin import ALL_METERS
from registry.groups.errors import GroupError
from registry.groups.evaluation import evaluate, present
from registry.models import Installation, Meter

COLUMNS = ("metering_point", "meter_id", "manufacturer", "serial", "version", "device_type", "medium", "model")
_ADVISED = 10
"""Groups that the advice names."""


def reading_round(
    session: Session, organisation: str, groups: Sequence[str], *, at: datetime, limit: int
) -> pl.DataFrame:
    """The meters that one round reads.

    Args:
        session: A transaction.
        organisation: Whose meters.
        groups: Groups to read; none means all meters.
        at: When the round begins; who belongs to a group then is read.
        limit: Most meters that a round may have.

    Returns:
        ``group`` and what a reader needs to know of each meter that is installed, by group in the order given, each
        meter once. No address and no key.

    Raises:
        GroupError: A group does not exist, nothing is installed in any, or there are more meters than the limit; the
            message then names groups that fit.
    """
    evaluated = evaluate(session, organisation)
    names = list(dict.fromkeys(groups)) or [ALL_METERS]
    unknown = [name for name in names if name not in evaluated.groups["group"]]
    if unknown:
        raise GroupError(f"There is no group {', '.join(unknown)}; `meterhouse group list` names them.")
    members = present(evaluated.members, at).filter(pl.col("metering_point").is_not_null())
    installed = _installed(session, organisation)
    order = pl.DataFrame({"group": names}).with_row_index("order")
    route = (
        members.select("group", "metering_point")
        .unique()
        .join(order, on="group")
        .join(installed, on="metering_point")
        .sort("order", "metering_point", "meter_id")
        .unique("meter_id", keep="first", maintain_order=True)
        .select("group", *COLUMNS)
    )
    if route.is_empty():
        raise GroupError(f"No meter is installed in {', '.join(names)}: there is nothing to read.")
    if route.height > limit:
        raise GroupError(
            f"{', '.join(names)}: {route.height} meters are more than the {limit} that one round takes. "
            f"{_advice(evaluated.groups, members, limit)}"
        )
    return route


def _advice(groups: pl.DataFrame, members: pl.DataFrame, limit: int) -> str:
    made = groups.filter(pl.col("kind") != "built-in").select("group")
    sizes = members.join(made, on="group").group_by("group").agg(points=pl.col("metering_point").n_unique())
    fitting = sizes.filter(pl.col("points") <= limit).sort("points", "group", descending=[True, False])
    if fitting.is_empty():
        return "Make smaller groups, and choose some of them."
    named = ", ".join(f"{name} ({points})" for name, points in fitting.head(_ADVISED).rows())
    return f"Choose groups, one round each or several together, such as {named}."


def _installed(session: Session, organisation: str) -> pl.DataFrame:
    i, m = Installation, Meter
    statement = (
        select(i.metering_point, *(getattr(m, name) for name in COLUMNS[1:]))
        .join(m, (m.organisation == i.organisation) & (m.meter_id == i.meter_id))
        .where(i.organisation == organisation, i.known_to.is_(None), i.removed_at.is_(None))
    )
    return read_frame(session, statement, dict.fromkeys(COLUMNS, pl.String))
