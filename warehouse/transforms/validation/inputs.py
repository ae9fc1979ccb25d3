"""What rules over readings look at: each reading with its point, and each register with the readings around it."""

from collections.abc import Sequence

import polars as pl

from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.exact import MICRO, millionths
from warehouse.transforms.flags import stands_still
from warehouse.transforms.validation.rules import group_column, role_of

_DEFAULT_COUNT = 1 / 1000  # of readings that came without their layout


def placed(
    readings: pl.DataFrame,
    installations: pl.DataFrame,
    media: pl.DataFrame,
    members: pl.DataFrame,
    groups: Sequence[str] = (),
) -> pl.DataFrame:
    """Readings with what rules and their scopes ask about.

    Args:
        readings: Rows of ``readings``.
        installations: Rows of ``installations``, all of these meters' points.
        media: ``meter_id`` and ``medium``.
        members: Rows of ``group_members``.
        groups: Groups that scopes name.

    Returns:
        The readings sorted by meter and time, with ``at``, ``medium``, ``role``, ``metering_point`` (null where the
        meter was installed nowhere), ``first_installed_at`` and a column per group.
    """
    first = installations.group_by("meter_id").agg(first_installed_at=pl.col("installed_at").min())
    ordered = readings.with_columns(at="measured_at", role=role_of(pl.col("source"), pl.col("quality"))).sort(
        "meter_id", "at"
    )
    spots = installations.select("meter_id", "metering_point", "installed_at", "removed_at").sort("installed_at")
    found = ordered.join_asof(
        spots,
        left_on="at",
        right_on="installed_at",
        by="meter_id",
        strategy="backward",
        check_sortedness=False,
    )
    removed = (pl.col("removed_at") <= pl.col("at")).fill_null(value=False)
    named = (
        found.with_columns(metering_point=pl.when(~removed).then("metering_point"))
        .join(media.select("meter_id", "medium"), on="meter_id", how="left", maintain_order="left")
        .join(first, on="meter_id", how="left", maintain_order="left")
        .drop("installed_at", "removed_at")
    )
    return with_groups(named, members, groups)


def with_groups(rows: pl.DataFrame, members: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
    """Adds a column per group: whether the row's point belongs to it at the row's time ``at``."""
    for group in groups:
        theirs = members.filter(pl.col("group") == group).select("metering_point", "valid_from", "valid_to").unique()
        numbered = rows.with_row_index("_row")
        inside = (
            numbered.select("_row", "metering_point", "at")
            .join(theirs, on="metering_point")
            .filter(pl.col("at") >= pl.col("valid_from"), (pl.col("at") < pl.col("valid_to")).fill_null(value=True))
        )
        rows = numbered.with_columns(pl.col("_row").is_in(inside["_row"].implode()).alias(group_column(group))).drop(
            "_row"
        )
    return rows


def steps(rows: pl.DataFrame, layouts: pl.DataFrame) -> pl.DataFrame:
    """Cumulative registers, one row each, beside the readings before and after.

    Args:
        rows: As :func:`placed` gives them.
        layouts: Rows of ``layouts``.

    Returns:
        The rows' columns of identity and scope, ``register``, ``value`` (millionths), ``count`` (one count of the
        register, base units), and of the same meter at the same point ``value_before``, ``value_before_2``,
        ``value_after``, ``at_before``, ``at_before_2``; null where there is none. Sorted by meter, register and time.
        Registers that stood still for want of a sensor have no row.
    """
    scope = [name for name in rows.columns if name.startswith(group_column(""))]
    kept = ["organisation", "meter_id", "metering_point", "medium", "source", "role", "at", "layout_id", *scope]
    gauges = ["flow_m3h", "flow_temp_c", "return_temp_c"]
    parts = [
        rows.filter(pl.col(register).is_not_null() & ~stands_still(register)).select(
            *kept, *gauges, register=pl.lit(register), value=millionths(register)
        )
        for register in CUMULATIVE
        if rows[register].null_count() < rows.height
    ]
    if not parts:
        return pl.DataFrame(schema={**{n: rows.schema[n] for n in (*kept, *gauges)}, **_STEP})
    resolution = layouts.select(
        "layout_id", "register", count=pl.col("resolution_numerator") / pl.col("resolution_denominator")
    ).unique(["layout_id", "register"])
    long = (
        pl.concat(parts)
        .join(resolution, on=["layout_id", "register"], how="left", maintain_order="left")
        .with_columns(pl.col("count").fill_null(_DEFAULT_COUNT))
    )
    series = ("meter_id", "register", "metering_point")

    def near(name: str, by: int) -> pl.Expr:
        same = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(by)) for key in series)
        return pl.when(same).then(pl.col(name).shift(by))

    return long.with_columns(
        value_before=near("value", 1),
        value_before_2=near("value", 2),
        value_after=near("value", -1),
        at_before=near("at", 1),
        at_before_2=near("at", 2),
    )


_STEP: dict[str, pl.DataType | type[pl.DataType]] = {
    "register": pl.String,
    "value": pl.Int64,
    "count": pl.Float64,
    "value_before": pl.Int64,
    "value_before_2": pl.Int64,
    "value_after": pl.Int64,
    "at_before": pl.Datetime("us", "UTC"),
    "at_before_2": pl.Datetime("us", "UTC"),
}


def amount(value: pl.Expr) -> pl.Expr:
    """Millionths as base units, for statistics and evidence."""
    return value / MICRO


def hours_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Time between two instants in hours."""
    return (end - start).dt.total_microseconds() / 3_600_000_000
