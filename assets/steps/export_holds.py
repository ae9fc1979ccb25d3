"""What files for billing hold from retention: the days of which their rows were, for as long as bills can be disputed.

A file of all points holds days for everybody. One of a group holds them for all that ever were its members, which is
at least what the file was made of; points of the same groups share their days.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Self

import polars as pl
from sqlalchemy import select

from assets.installation import Installation
from exports.base import Content
from exports.manifest import Manifest
from registry.models import ExportRun
from warehouse.schemas import (
    CONSUMPTION_DAILY,
    CONSUMPTION_HOURLY,
    CONSUMPTION_MONTHLY,
    CONSUMPTION_YEARLY,
    GROUP_MEMBERS,
    INFO_CODE_EVENTS,
    INSTALLATIONS,
    READINGS,
    VEE_EXCEPTIONS,
    Table,
)
from warehouse.transforms.retention import cut_off

Stretch = tuple[date, date]
"""First and last local day."""

_KEYS = ("metering_point", "meter_id")
_PERIODS: tuple[Content, ...] = ("hourly", "daily", "monthly", "yearly")
_CONTENTS: dict[Table, tuple[Content, ...]] = {
    READINGS: ("readings",),
    VEE_EXCEPTIONS: ("readings",),
    INFO_CODE_EVENTS: ("readings",),
    CONSUMPTION_HOURLY: ("hourly",),
    CONSUMPTION_DAILY: ("daily",),
    CONSUMPTION_MONTHLY: ("monthly",),
    CONSUMPTION_YEARLY: _PERIODS,
}
"""Tables that retention reaches and files are made of, with the contents of these files."""
_AND = "\n"
"""Between names of groups, none of which has it."""
_SENT_NOTHING = ("failed", "cancelled")
"""States of runs whose file never left."""


@dataclass(frozen=True, slots=True)
class ExportHold:
    """Days that files hold.

    Attributes:
        everybody: Days held for all.
        classes: Days held for members of the same groups, by number of the class.
        members: Points (``metering_point``) and their meters (``meter_id``), each with ``held_as``, by column.
    """

    everybody: tuple[Stretch, ...]
    classes: tuple[tuple[Stretch, ...], ...]
    members: dict[str, pl.DataFrame]

    @classmethod
    def of(cls, house: Installation, manifests: Iterable[Manifest]) -> Self:
        """What files hold together."""
        days = defaultdict[str | None, list[Stretch]](list)
        for manifest in manifests:
            days[manifest.members.group if manifest.members else None] += manifest.contents.days
        everybody = joined(days.pop(None, []))
        return cls(everybody, *_classes(house, {str(group): found for group, found in sorted(days.items(), key=str)}))

    def over(self, rows: pl.LazyFrame, key: str | None, first: pl.Expr, last: pl.Expr) -> pl.LazyFrame:
        """Says of rows whether a file holds them.

        Args:
            rows: Rows of a table.
            key: ``metering_point`` or ``meter_id``; ``None`` of rows that are of neither.
            first: First local day that a row is about.
            last: Last one.

        Returns:
            The rows with ``exported``.
        """
        held = _within(self.everybody, first, last)
        if key is None or not self.classes:
            return rows.with_columns(exported=held)
        for number, days in enumerate(self.classes):
            held |= (pl.col("held_as") == number).fill_null(value=False) & _within(days, first, last)
        named = rows.join(self.members[key].lazy(), on=key, how="left")
        return named.with_columns(exported=held).drop("held_as")


def export_holds(house: Installation, months: int, today: date) -> dict[Table, ExportHold]:
    """What files hold of each table that one was made of.

    Args:
        house: The installation.
        months: Age of a file, in calendar months, up to which it holds anything.
        today: Local day of the run.
    """
    manifests = _manifests(house, months, today)
    holds: dict[Table, ExportHold] = {}
    for contents in dict.fromkeys(_CONTENTS.values()):
        if mine := [manifest for manifest in manifests if manifest.content in contents]:
            hold = ExportHold.of(house, mine)
            holds |= {each: hold for table, told in _CONTENTS.items() if told == contents for each in _versions(table)}
    return holds


def joined(days: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Stretches of days, those that touch or overlap as one."""
    found: list[Stretch] = []
    for first, last in sorted(days):
        if found and first.toordinal() <= found[-1][1].toordinal() + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _manifests(house: Installation, months: int, today: date) -> list[Manifest]:
    """Manifests of the files that are young enough and left, or may."""
    if not months:
        return []
    since = datetime.combine(cut_off(today, months), time(), house.settings.zone).astimezone(UTC)
    statement = select(ExportRun.manifest).where(
        ExportRun.organisation == house.organisation,
        ExportRun.manifest.is_not(None),
        ExportRun.as_of >= since,
        ExportRun.state.not_in(_SENT_NOTHING),
    )
    with house.registry.begin(readonly=True) as session:
        return [Manifest.read(document) for document in session.scalars(statement) if document]


def _classes(
    house: Installation, days: dict[str, list[Stretch]]
) -> tuple[tuple[tuple[Stretch, ...], ...], dict[str, pl.DataFrame]]:
    """Days by class of groups, and who is in which class."""
    nobody = {key: pl.DataFrame(schema={key: pl.String, "held_as": pl.Int32}) for key in _KEYS}
    if not days:
        return (), nobody
    owned = pl.col("organisation") == house.organisation
    lake, named = house.lake, pl.col("group").is_in(list(days))
    history = GROUP_MEMBERS.history
    assert history is not None  # noqa: S101  members keep their versions
    ever = pl.concat(
        [lake.scan(table).filter(owned, named).select("group", *_KEYS) for table in (GROUP_MEMBERS, history)]
    )
    points = ever.select("group", "metering_point").drop_nulls().unique().collect()
    spots = lake.scan(INSTALLATIONS).filter(owned).select(_KEYS).unique().collect()
    # A meter that was at several points is held with all of them: its rows name no point.
    meters = spots.join(points, on="metering_point").select("group", "meter_id").unique()
    found = {"metering_point": _with_groups(points, "metering_point"), "meter_id": _with_groups(meters, "meter_id")}
    listed = sorted({groups for members in found.values() for groups in members["groups"]})
    held_as = pl.col("groups").replace_strict({each: n for n, each in enumerate(listed)}, return_dtype=pl.Int32)
    classes = tuple(joined(day for group in groups.split(_AND) for day in days[group]) for groups in listed)
    return classes, {key: members.select(key, held_as=held_as) for key, members in found.items()}


def _with_groups(members: pl.DataFrame, key: str) -> pl.DataFrame:
    """The groups that each point or meter was in, as one text."""
    return members.group_by(key).agg(groups=pl.col("group").sort().str.join(_AND))


def _versions(table: Table) -> list[Table]:
    return [table] if table.history is None else [table, table.history]


def _within(days: Sequence[Stretch], first: pl.Expr, last: pl.Expr) -> pl.Expr:
    inside = [(first <= pl.lit(end)) & (last >= pl.lit(begin)) for begin, end in days]
    return pl.any_horizontal(pl.lit(value=False), *inside).fill_null(value=False)
