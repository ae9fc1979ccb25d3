"""What files for billing are made of, as it was known at an instant: places, meters and who belongs to a group.

Rows come from :mod:`warehouse.queries.exported_readings` and :mod:`warehouse.queries.exported_figures`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.errors import WarehouseError
from warehouse.excerpt import Readable
from warehouse.schemas import GROUP_MEMBERS, GROUPS, INSTALLATIONS, INSTANT, METERING_POINTS, METERS, REGISTER, Table
from warehouse.schemas.registers import UNITS
from warehouse.versions import Past

FIELD = "field:"
"""What columns of the utility's own fields begin with."""

ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "metering_point": pl.String,
    "meter_id": pl.String,
    "register": pl.String,
    "unit": pl.String,
    "measured_at": INSTANT,
    "period_start": INSTANT,
    "period_end": INSTANT,
    "value": REGISTER,
    "quality": pl.String,
    "method": pl.String,
    "source": pl.String,
    "received_at": INSTANT,
    "known_from": INSTANT,
}
"""Columns of rows of readings and of figures before anything is told of places, meters and people."""

KEY = ("metering_point", "meter_id", "register", "measured_at", "period_start")
"""What tells rows apart, and their order; meters that are installed nowhere come last."""

_NAMES = r'[{ ]"([a-z][a-z0-9_]{0,47})": '
"""Names in the JSON of ``custom_fields``: a quotation mark inside a value has a backslash before it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows.

    Attributes:
        organisation: Whose.
        zone: The utility's zone.
        start: Start of the period, UTC.
        end: End of the period, exclusive, UTC.
        as_of: Instant at which the rows were known, UTC.
        known_after: Only what became known after it, whatever its time; ``None``: of the period.
        registers: Canonical registers; ``None`` for all.
    """

    organisation: str
    zone: ZoneInfo
    start: datetime
    end: datetime
    as_of: datetime
    known_after: datetime | None = None
    registers: tuple[str, ...] | None = None

    def of(self, names: Sequence[str]) -> list[str]:
        """Those of some registers that are asked for."""
        return [name for name in names if self.registers is None or name in self.registers]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a lake: the rows of every table that a condition on one column holds for.

    Attributes:
        whole: What the rows are taken from.
        column: Column that the tables asked for have.
        condition: The condition.
    """

    whole: Readable
    column: str
    condition: pl.Expr

    @classmethod
    def parts(cls, whole: Readable, counts: pl.DataFrame, column: str, most: int) -> Iterator[Self]:
        """Cuts a lake into parts of a bounded number of rows, each of some names alone.

        Args:
            whole: The lake.
            counts: The names and ``len``, one row each.
            column: Column with the names.
            most: Rows of a part, but for a single name that has more.
        """
        for low, high in ranges(counts, column, most):
            # The range lets files be skipped, the names rows of others that lie in it.
            between = pl.col(column).is_between(pl.lit(low), pl.lit(high))
            names = counts.filter(between)[column]
            yield cls(whole, column, between & pl.col(column).is_in(names.implode()))

    def scan(self, table: Table) -> pl.LazyFrame:
        """The section's rows of a table."""
        rows = self.whole.scan(table)
        return rows.filter(self.condition) if self.column in table.schema else rows

    def partitions(self, table: Table) -> list[str]:
        """Those of the whole."""
        return self.whole.partitions(table)


@dataclass(frozen=True, slots=True)
class Places:
    """Metering points and meters that are asked for.

    Attributes:
        points: ``metering_point``, ``role`` and the utility's own fields, by name.
        meters: ``meter_id``, ``manufacturer``, ``serial``, ``meter_number``, ``model``, ``medium`` and own fields.
        spots: ``metering_point``, ``meter_id``, ``installed_at`` and ``removed_at``, by meter and time.
        fields: Columns of the own fields, in order.
        members: Members of the group (``metering_point``, ``meter_id``, sorted); ``None`` where none is named.
    """

    points: pl.DataFrame
    meters: pl.DataFrame
    spots: pl.DataFrame
    fields: tuple[str, ...]
    members: pl.DataFrame | None

    @classmethod
    def known(cls, lake: Readable, asked: Asked, group: str | None, media: Sequence[str] | None) -> Self:
        """Reads them as of the asked instant.

        Args:
            lake: Where the tables are.
            asked: Which rows.
            group: Points that belong to it at the end of the period, or meters where it is a group of meters.
            media: Media of the meters; ``None`` for all.

        Raises:
            WarehouseError: No such group was known.
        """
        past = Past(lake, asked.as_of)
        tables = [past.scan(table).filter(organisation=asked.organisation).collect() for table in _TABLES]
        points, meters, spots = tables
        fields = _fields(points, meters)
        told = meters.select(*_METER, *_unpacked(fields))
        if media is not None:
            told = told.filter(pl.col("medium").is_in(list(media)))
            spots = spots.join(told, on="meter_id", how="semi")
        members = None if group is None else group_members(lake, asked, group)
        if members is not None:
            of_points = members.filter(pl.col("meter_id").is_null())
            of_meters = members.filter(pl.col("meter_id").is_not_null())
            spots = pl.concat(
                [
                    spots.join(of_points, on="metering_point", how="semi"),
                    spots.join(of_points, on="metering_point", how="anti").join(
                        of_meters, on=["metering_point", "meter_id"], how="semi"
                    ),
                ]
            )
            points = points.join(spots, on="metering_point", how="semi")
        elif media is not None:
            points = points.join(spots, on="metering_point", how="semi")
        return cls(
            points=points.select("metering_point", "role", *_unpacked(fields)).sort("metering_point"),
            meters=told.sort("meter_id"),
            spots=spots.select("metering_point", "meter_id", "installed_at", "removed_at").sort(
                "meter_id", "installed_at"
            ),
            fields=tuple(f"{FIELD}{name}" for name in fields),
            members=members,
        )

    def placed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds to rows of meters where these were installed.

        Args:
            rows: ``meter_id`` and ``measured_at``.

        Returns:
            The rows with ``metering_point``; null where the meter was installed nowhere, and such rows are left out
            where a group is asked for.
        """
        begun = self.spots.rename({"installed_at": "measured_at"})
        found = rows.sort("measured_at").join_asof(
            begun.sort("measured_at"), on="measured_at", by="meter_id", strategy="backward", check_sortedness=False
        )
        inside = (pl.col("measured_at") < pl.col("removed_at")).fill_null(value=True)
        named = found.with_columns(metering_point=pl.when(inside).then("metering_point")).drop("removed_at")
        return named if self.members is None else named.filter(pl.col("metering_point").is_not_null())

    def installed(self, start: datetime, end: datetime) -> int:
        """How many of the meters were installed at any time of a period, UTC, end exclusive."""
        lasted = (pl.col("removed_at") > start).fill_null(value=True)
        return self.spots.filter(pl.col("installed_at") < end, lasted)["meter_id"].n_unique()

    def covered(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of some rows of points and meters that are asked for."""
        inside = rows.join(self.spots, on="metering_point", how="semi").join(self.meters, on="meter_id", how="semi")
        if self.members is None or self.members["meter_id"].null_count() == self.members.height:
            return inside
        return inside.join(self.spots, on=["metering_point", "meter_id"], how="semi")

    def described(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Adds to rows what is known of their points and meters; a field of the point goes before one of the meter."""
        both = rows.join(self.points, on="metering_point", how="left", maintain_order="left").join(
            self.meters, on="meter_id", how="left", maintain_order="left", suffix=_OF_METER
        )
        return both.with_columns(pl.coalesce(name, f"{name}{_OF_METER}").alias(name) for name in self.fields).drop(
            f"{name}{_OF_METER}" for name in self.fields
        )


def group_members(lake: Readable, asked: Asked, group: str) -> pl.DataFrame:
    """Who belongs to a group at the last instant of the period, as it was known.

    Args:
        lake: Where the tables are.
        asked: Which rows.
        group: Name of the group.

    Returns:
        ``metering_point`` and ``meter_id`` (null in groups of points), sorted.

    Raises:
        WarehouseError: No such group was known.
    """
    past, mine = Past(lake, asked.as_of), {"organisation": asked.organisation, "group": group}
    if past.scan(GROUPS).filter(**mine).select(pl.len()).collect().item() == 0:
        raise WarehouseError(f"There is no group {group}: name one of 'meterhouse group list' in the job.")
    return (
        past.scan(GROUP_MEMBERS)
        .filter(**mine)
        .filter(pl.col("valid_from") < asked.end, (pl.col("valid_to") >= asked.end).fill_null(value=True))
        .select("metering_point", "meter_id")
        .unique()
        .sort("metering_point", "meter_id")
        .collect()
    )


def ranges(counts: pl.DataFrame, column: str, most: int) -> list[tuple[str, str]]:
    """Cuts names into parts of a bounded number of rows.

    Args:
        counts: The names and ``len``, one row each.
        column: Column with the names.
        most: Rows of a part, but for a single name that has more.

    Returns:
        First and last name of each part, in order.
    """
    ordered = counts.sort(column)
    share = (pl.col("len").cum_sum() - 1) // most
    parts = ordered.group_by(share.alias("part"), maintain_order=True).agg(
        low=pl.col(column).first(), high=pl.col(column).last()
    )
    return parts.select("low", "high").rows()


def shaped(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in all columns, null where they say nothing."""
    named = rows.with_columns(unit=pl.col("register").replace_strict(UNITS, default=None, return_dtype=pl.String))
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in ROWS.items() if name not in named.columns]
    return named.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in ROWS.items())


def in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows by point, meter, register and time."""
    # Names are few beside rows: their places in the order of names sort far faster than they do.
    names = [name for name in KEY if rows.schema[name] == pl.String]
    places = [pl.col(name).cast(pl.Enum(rows[name].drop_nulls().unique().sort())).to_physical() for name in names]
    return rows.sort(*places, *(name for name in KEY if name not in names), nulls_last=True)


_TABLES = (METERING_POINTS, METERS, INSTALLATIONS)
_METER = ("meter_id", "manufacturer", "serial", "meter_number", "model", "medium")
_OF_METER = " of the meter"


def _fields(*tables: pl.DataFrame) -> list[str]:
    """Names of the utility's own fields that anything has a value of."""
    names = [table["custom_fields"].drop_nulls().unique().str.extract_all(_NAMES) for table in tables]
    found = pl.concat(names).explode(empty_as_null=False).str.extract(_NAMES)
    return found.drop_nulls().unique().sort().to_list()


def _unpacked(fields: Sequence[str]) -> list[pl.Expr]:
    """Values of the utility's own fields, one column each."""
    if not fields:
        return []
    decoded = pl.col("custom_fields").str.json_decode(pl.Struct(dict.fromkeys(fields, pl.String)))
    return [decoded.struct.field(name).alias(f"{FIELD}{name}") for name in fields]
