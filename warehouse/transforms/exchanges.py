"""Installations of a metering point, one after another, and the readings taken when its meter is exchanged.

An exchange gives two readings at its instant: the old meter's last and the new meter's first. They end one
installation's series and open the next one's, so nothing is ever interpolated across an exchange.
"""

import polars as pl

from warehouse.transforms.exact import millionths

_POINT = "metering_point"


def spans(installations: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """Orders the installations of each metering point and bounds them by the exchanges.

    Args:
        installations: Rows of ``installations``.
        exchanges: Rows of ``exchanges``.

    Returns:
        ``organisation``, ``metering_point``, ``part`` (0, 1, … in time), ``meter_id``, ``since`` and ``until`` (UTC,
        half-open; null while installed), ``exchanged_at`` (null where no exchange tells how the part began). An
        exchange counts where it names the meters of two installations that follow each other.
    """
    following = pl.col("installed_at").shift(-1).over(_POINT)
    ordered = (
        installations.sort(_POINT, "installed_at")
        .with_columns(
            part=pl.int_range(pl.len(), dtype=pl.Int32).over(_POINT),
            old_meter_id=pl.col("meter_id").shift(1).over(_POINT),
            removed_at=pl.min_horizontal("removed_at", following),
        )
        .select("organisation", _POINT, "part", "meter_id", "old_meter_id", "installed_at", "removed_at")
    )
    instants = exchanges.select(_POINT, "old_meter_id", "exchanged_at", meter_id="new_meter_id").unique()
    begun = (
        ordered.join(instants, on=[_POINT, "old_meter_id", "meter_id"])
        .filter(
            pl.col("exchanged_at") >= pl.col("installed_at"),
            (pl.col("exchanged_at") < pl.col("removed_at")).fill_null(value=True),
        )
        .group_by(_POINT, "part")
        .agg(pl.col("exchanged_at").max())
    )
    bounded = ordered.join(begun, on=[_POINT, "part"], how="left").sort(_POINT, "part")
    next_exchange = pl.col("exchanged_at").shift(-1).over(_POINT)
    return bounded.select(
        "organisation",
        _POINT,
        "part",
        "meter_id",
        since=pl.coalesce("exchanged_at", "installed_at"),
        until=pl.coalesce(next_exchange, "removed_at"),
        exchanged_at="exchanged_at",
    )


def exchange_rows(spans: pl.DataFrame, exchanges: pl.DataFrame) -> pl.DataFrame:
    """The registers read at the exchanges that count.

    Returns:
        ``metering_point``, ``register``, ``part`` (of the new meter), ``meter_id``, ``old_meter_id``, ``at``,
        ``old_final`` (nullable) and ``new_initial`` (null where it was erased), both in millionths.
    """
    return spans.join(
        exchanges,
        left_on=[_POINT, "exchanged_at", "meter_id"],
        right_on=[_POINT, "exchanged_at", "new_meter_id"],
    ).select(
        _POINT,
        "register",
        "part",
        "meter_id",
        "old_meter_id",
        pl.col("exchanged_at").alias("at"),
        millionths("old_final"),
        millionths("new_initial"),
    )


def exchange_knots(rows: pl.DataFrame) -> pl.DataFrame:
    """Turns the registers read at exchanges into readings.

    Args:
        rows: As :func:`exchange_rows` gives them.

    Returns:
        ``metering_point``, ``register``, ``part``, ``meter_id``, ``at``, ``value`` (millionths), ``role`` (``final``
        of the old meter, ``initial`` of the new one).
    """
    final = rows.filter(pl.col("old_final").is_not_null()).select(
        _POINT,
        "register",
        part=pl.col("part") - 1,
        meter_id="old_meter_id",
        at="at",
        value="old_final",
        role=pl.lit("final"),
    )
    initial = rows.filter(pl.col("new_initial").is_not_null()).select(
        _POINT, "register", "part", "meter_id", "at", value="new_initial", role=pl.lit("initial")
    )
    return pl.concat([final, initial])


def exchange_events(
    courses: pl.DataFrame, spans: pl.DataFrame, rows: pl.DataFrame, corrections: pl.DataFrame
) -> pl.DataFrame:
    """One event per change of meter and register, also where nobody wrote down the registers.

    Args:
        courses: ``course``, ``metering_point`` and ``register``.
        spans: As :func:`spans` gives them.
        rows: As :func:`exchange_rows` gives them.
        corrections: ``course``, ``part`` and ``correction`` (millionths) of the exchanges that join two series.

    Returns:
        Columns of the events of ``classify_falls``. ``before`` is null where the old meter's last register is not
        known, then the correction rests on its last reading; both are null where nothing joins the meters.
    """
    changes = (
        spans.filter(pl.col("part") > 0)
        .join(courses, on=_POINT)
        .join(
            rows.select(_POINT, "register", "part", "old_final", "new_initial"),
            on=[_POINT, "register", "part"],
            how="left",
        )
        .join(corrections, on=["course", "part"], how="left")
    )
    return changes.select(
        "course",
        "part",
        "meter_id",
        at="since",
        kind=pl.lit("EXCHANGE"),
        before="old_final",
        after="new_initial",
        correction="correction",
    )
