"""Registers at the boundaries of the asked periods: measured, filled inside gaps, continued after the last reading."""

from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms import calendar
from warehouse.transforms.arranged import Arranged
from warehouse.transforms.boundaries import TOTALS, A, E, F, I, N, boundary_registers
from warehouse.transforms.estimation.choice import fill
from warehouse.transforms.estimation.evidence import Evidence
from warehouse.transforms.estimation.open_gaps import open_boundaries, open_ends, prolonged
from warehouse.transforms.estimation.profiles import MEASURED, day_class
from warehouse.transforms.exact import millionths
from warehouse.transforms.periods import CROSSED, difference, judgement
from warehouse.transforms.policy import Policy

_POINT = "metering_point"


def registers_at_hours(arranged: Arranged, evidence: Evidence, *, zone: ZoneInfo, policy: Policy) -> pl.DataFrame:
    """Registers at the boundaries of the asked hours.

    Args:
        arranged: Readings in order.
        evidence: What fills of gaps rest on.
        zone: The utility's zone.
        policy: Limits and methods.

    Returns:
        Marks sorted by course and time, as ``boundary_registers`` gives them, with ``day`` and ``opens_day``.
    """
    marks = _marks(arranged.asked, arranged.parts, arranged.courses)
    return _filled(boundary_registers(marks, arranged.brackets, policy), arranged, evidence, zone, policy)


def periods(marks: pl.DataFrame) -> pl.DataFrame:
    """Periods between each mark and the next one.

    Args:
        marks: As :func:`registers_at_hours` gives them; some of them make longer periods.

    Returns:
        One row per mark with a ``day``: ``course``, ``day``, ``meter_id``, ``period_start``, ``period_end``,
        ``consumption`` (millionths, null where unknown) and ``rank``, with register, rank, method and gap of both ends.
    """
    passed = {total: pl.col(total).shift(-1) - pl.col(total) for total in ("breaks", "exchanges", "estimates")}
    gap_hours = (pl.col("gap_to") - pl.col("gap_from")) / calendar.HOUR
    return (
        marks.with_columns(
            period_start="at",
            period_end=pl.col("at").shift(-1),
            end_value=pl.col("register_value").shift(-1),
            end_rank=pl.col("rank").shift(-1),
            end_method=pl.col("method").shift(-1),
            end_gap=pl.col("gap_from").shift(-1),
            start_gap_hours=gap_hours,
            end_gap_hours=gap_hours.shift(-1),
            correction=pl.col("corrections").shift(-1) - pl.col("corrections"),
            unknown=(passed["breaks"] != 0).fill_null(value=True),
            exchanged=(passed["exchanges"] != 0).fill_null(value=False),
            estimated=(passed["estimates"] != 0).fill_null(value=False),
        )
        .filter(pl.col("day").is_not_null())
        .select(
            "course",
            "day",
            "meter_id",
            "period_start",
            "period_end",
            *CROSSED,
            start_value="register_value",
            end_value="end_value",
            start_rank="rank",
            end_rank="end_rank",
            start_method="method",
            end_method="end_method",
            start_gap="gap_from",
            end_gap="end_gap",
            start_gap_hours="start_gap_hours",
            end_gap_hours="end_gap_hours",
        )
        .with_columns(difference())
        .with_columns(judgement())
    )


def continued(
    day_marks: pl.DataFrame, arranged: Arranged, evidence: Evidence, zone: ZoneInfo, policy: Policy
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Continues the marks of days after the last reading.

    Args:
        day_marks: The marks that open days.
        arranged: Readings in order.
        evidence: What estimates of days rest on.
        zone: The utility's zone.
        policy: Limits and methods.

    Returns:
        The marks with those of days that are estimated, and the exceptions about readings that are long awaited (rows
        of ``vee_exceptions`` without ``known_from``).
    """
    asked_ends = arranged.ends.with_columns(day=calendar.local_day(pl.col("at"), zone)).join(
        arranged.asked, on=[_POINT, "day"], how="semi"
    )
    ends = open_ends(asked_ends.drop("day"), evidence, policy.estimation)
    exceptions = prolonged(ends, evidence, policy.estimation)
    if ends.is_empty():
        return day_marks, exceptions
    stored = _stored(evidence.days, ends, arranged, "day")
    reckoned = periods(day_marks.join(ends, on="course", how="semi", maintain_order="left"))
    days = pl.concat([reckoned.filter(pl.col("rank") <= A).select(stored.columns), stored])
    estimates = open_boundaries(ends, days, evidence, policy.estimation, zone=zone)
    if estimates.is_empty():
        return day_marks, exceptions
    follows = pl.col("course") == pl.col("course").shift(-1)
    added = estimates.select(
        "course",
        "meter_id",
        *TOTALS,
        at="end",
        next_day=pl.when(follows).then(pl.col("day").shift(-1)),
        register_value="estimate",
        rank=pl.when("is_final").then(F).otherwise(E).cast(pl.Int8),
        method="estimated_by",
        gap_from="at",
    )
    joined = day_marks.join(added, on=["course", "at"], how="full", coalesce=True, suffix="_added")
    taken = pl.col("register_value_added").is_not_null()
    replaced = ("register_value", "rank", "method", "gap_from", *TOTALS)
    continued = joined.with_columns(
        *(pl.when(taken).then(f"{name}_added").otherwise(name).alias(name) for name in replaced),
        gap_to=pl.when(~taken).then("gap_to"),
        day=pl.coalesce("day", "next_day"),
        meter_id=pl.coalesce("meter_id", "meter_id_added"),
    )
    return continued.select(day_marks.columns).sort("course", "at"), exceptions


def _filled(
    marks: pl.DataFrame, arranged: Arranged, evidence: Evidence, zone: ZoneInfo, policy: Policy
) -> pl.DataFrame:
    """Marks with the registers inside gaps that a straight line is not the answer to."""
    inside = marks.with_row_index("place").filter(pl.col("rank") == I).select("place", "course", "at", "gap_from")
    gaps = arranged.gaps.join(inside, left_on=["course", "from_at"], right_on=["course", "gap_from"], how="semi")
    if gaps.is_empty():
        return marks
    # Hours that were measured do not depend on how gaps are filled.
    reckoned = periods(marks.join(gaps, on="course", how="semi", maintain_order="left")).filter(pl.col("rank") <= A)
    times = ("day", "period_start", "period_end")
    stored = _stored(evidence.hours, gaps, arranged, *times)
    hours = pl.concat([reckoned.select(stored.columns), stored]).with_columns(
        day_class(pl.col("day"), evidence.holidays)
    )
    fills = fill(gaps, hours, evidence, policy.estimation, zone=zone)
    found = inside.join(fills, on=["course", "at"]).with_columns(
        rank=pl.when(pl.col("filled").is_null()).then(N).otherwise(I).cast(pl.Int8)
    )
    # Few places of many: far cheaper than to join all marks.
    changes = {"register_value": found["filled"], "rank": found["rank"], "method": found["filled_by"].fill_null(0)}
    return marks.with_columns(marks[name].scatter(found["place"], values) for name, values in changes.items())


def _stored(figures: pl.DataFrame, courses: pl.DataFrame, arranged: Arranged, *columns: str) -> pl.DataFrame:
    """Measured figures of some courses on days that are not asked for: ``course``, columns, ``consumption``."""
    named = courses.select(_POINT, "register", "course").unique()
    asked = arranged.asked.select(_POINT, "day").join(named, on=_POINT)
    # One register at a time: joining by one text is far cheaper than by two.
    return pl.concat(
        figures.lazy()
        .filter(pl.col("register") == register, pl.col("quality").is_in(MEASURED))
        .join(of_one.lazy().select(_POINT, "course"), on=_POINT)
        .join(asked.lazy(), on=["course", "day"], how="anti")
        .select("course", *columns, millionths("consumption"))
        for (register,), of_one in named.group_by("register")
    ).collect()


def _marks(asked: pl.DataFrame, parts: pl.DataFrame, courses: pl.DataFrame) -> pl.DataFrame:
    """Every boundary of the asked hours, sorted by course and time.

    A mark with a ``day`` begins an hour that ends at the next mark; one without ends the last hour before a day that is
    not asked for.
    """
    cut = calendar.hours(asked.select("day", start="day_start", end="day_end").unique())
    hours = cut.group_by("day", maintain_order=True).agg("start", "end")
    days = _meter_at(asked, parts, "day_end").rename({"meter_id": "day_meter_id"})
    # Sorted by days, which are far fewer than hours.
    rows = (
        courses.select("course", _POINT)
        .join(days, on=_POINT)
        .sort("course", "day_start")
        .join(hours, on="day", maintain_order="left")
        .explode("start", "end", empty_as_null=False)
    )
    rows = rows.select(
        "course",
        "day",
        _meter_of_hours(rows, parts),
        "day_meter_id",
        at="start",
        end="end",
        opens_day=pl.col("start") == pl.col("day_start"),
    )
    goes_on = (pl.col("course") == pl.col("course").shift(-1)) & (pl.col("end") == pl.col("at").shift(-1))
    closing = rows.filter(~goes_on.fill_null(value=False)).select("course", at="end", opens_day=pl.lit(value=True))
    return pl.concat([rows.drop("end"), closing], how="diagonal").sort("course", "at")


def _meter_of_hours(rows: pl.DataFrame, parts: pl.DataFrame) -> pl.Series:
    """``meter_id`` of hours of days: that of the day but where a point has had several meters."""
    meters = rows["day_meter_id"].alias("meter_id")
    several = parts.filter(pl.col(_POINT).is_duplicated())
    theirs = rows.select(_POINT, "end").with_row_index("row").join(several, on=_POINT, how="semi")
    found = _meter_at(theirs, several, "end")
    return meters.scatter(found["row"], found["meter_id"]) if found.height else meters


def _meter_at(periods: pl.DataFrame, parts: pl.DataFrame, end: str) -> pl.DataFrame:
    """Adds ``meter_id``: the last meter installed before the period's end, or the first one to come."""
    began = parts.select(_POINT, "meter_id", "since").sort("since")
    first = began.group_by(_POINT).agg(first_meter_id=pl.col("meter_id").first())
    return (
        periods.sort(end)
        .join_asof(
            began,
            left_on=end,
            right_on="since",
            by=_POINT,
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .join(first, on=_POINT)
        .with_columns(pl.coalesce("meter_id", "first_meter_id").alias("meter_id"))
        .drop("since", "first_meter_id")
    )
