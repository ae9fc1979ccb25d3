"""Heat of months as it would have been in the weather of a reference period (§14.2)."""

import polars as pl

from warehouse.transforms.degree_days import degree_days, normalised

SUMMER = "13mo"
"""A month's summer: the months up to a year before it, and itself."""

SIGNATURE, OF_SUMMER = "signature", "summer"


def degree_days_of_months(days: pl.DataFrame, rule: str, base_c: float) -> pl.DataFrame:
    """Degree days of whole months.

    Args:
        days: ``station``, ``day`` and ``mean_temp_c``, each day once, small gaps filled.
        rule: Rule of degree days.
        base_c: Base of the rule ``simple`` (degC).

    Returns:
        ``station``, ``day`` (first of the month) and ``degree_days``, by both. Months of which a day is not known are
        left out.
    """
    cold = degree_days(pl.col("mean_temp_c"), rule, base_c)
    return (
        days.drop_nulls("mean_temp_c")
        .sort("station", "day")
        .group_by("station", month=pl.col("day").dt.month_start(), maintain_order=True)
        .agg(degree_days=cold.sum(), known=pl.len())
        .filter(pl.col("known") == pl.col("month").dt.days_in_month())
        .select("station", day="month", degree_days="degree_days")
    )


def references(months: pl.DataFrame, year: int | None = None) -> pl.DataFrame:
    """Degree days that a month of each name is referred to.

    Args:
        months: As :func:`degree_days_of_months` gives them.
        year: Year that is the reference; ``None`` for the mean of all years that are known, of which there must be two.

    Returns:
        ``station``, ``month_of_year``, ``reference_degree_days`` and ``reference_years``.
    """
    kept = months if year is None else months.filter(pl.col("day").dt.year() == year)
    return (
        kept.sort("station", "day")
        .group_by("station", month_of_year=pl.col("day").dt.month(), maintain_order=True)
        .agg(reference_degree_days=pl.col("degree_days").mean(), reference_years=pl.len().cast(pl.Int32))
        .filter((pl.col("reference_years") > 1) | pl.lit(year is not None))
    )


def summer_use(least_degree_days: float) -> pl.Expr:
    """What is used a day where no heating runs: hot water and losses.

    Args:
        least_degree_days: Degree days below which a month is one of summer.

    Returns:
        Median, per ``metering_point`` and ``register``, of ``use`` (a day) in the months of summer among the twelve
        before a month (``day``, its first) and itself; null where none is known. Takes ``degree_days``, nullable.
    """
    in_summer = pl.when(pl.col("degree_days") < least_degree_days).then("use")
    return in_summer.rolling_median_by("day", SUMMER, closed="right", min_samples=1).over(
        "metering_point", "register", order_by="day"
    )


def normalised_months(months: pl.DataFrame, signatures: pl.DataFrame, least_degree_days: float) -> pl.DataFrame:
    """Normalises the heat of months.

    Args:
        months: Per ``metering_point``, ``register`` and ``day`` (first of the month), each once: ``period_start``,
            ``period_end`` (UTC), ``consumption`` (kWh, nullable), ``degree_days`` and ``reference_degree_days``
            (nullable); with those of the year before, which tell of summer.
        signatures: ``metering_point``, ``period_start`` (UTC) and ``b_kw`` of usable signatures of power.
        least_degree_days: Degree days below which nothing is normalised.

    Returns:
        The months with ``base_kwh`` (what no weather changes: the intercept of the signature of the month's heating
        year, else of the nearest one before, else after; without any what summer tells; never more than the
        consumption), ``base_from`` (``signature`` or ``summer``), ``normalised_kwh`` and ``reason``, which says why
        that is null.
    """
    hours = (pl.col("period_end") - pl.col("period_start")).dt.total_seconds() / 3600
    used = pl.col("consumption").cast(pl.Float64)
    with_use = months.with_columns(use=used * 24 / hours).with_columns(summer=summer_use(least_degree_days))
    by_signature = pl.col("b_kw").clip(lower_bound=0) * hours
    known = _with_signatures(with_use, signatures).with_columns(
        base_kwh=pl.min_horizontal(pl.coalesce(by_signature, pl.col("summer") * hours / 24), used),
        base_from=pl.when(pl.col("b_kw").is_not_null())
        .then(pl.lit(SIGNATURE))
        .when(pl.col("summer").is_not_null())
        .then(pl.lit(OF_SUMMER)),
    )
    actual, reference = pl.col("degree_days"), pl.col("reference_degree_days")
    reason = (
        pl.when(used.is_null())
        .then(pl.lit("no_consumption"))
        .when(actual.is_null())
        .then(pl.lit("no_degree_days"))
        .when(actual < least_degree_days)
        .then(pl.lit("few_degree_days"))
        .when(reference.is_null())
        .then(pl.lit("no_reference"))
        .when(pl.col("base_from").is_null())
        .then(pl.lit("no_base"))
    )
    base = pl.when(pl.col("base_from").is_not_null()).then("base_kwh")
    return known.with_columns(
        base_kwh=base,
        normalised_kwh=normalised(used, base, reference, actual, least_degree_days),
        reason=reason,
    ).drop("use", "summer", "b_kw")


def _with_signatures(months: pl.DataFrame, signatures: pl.DataFrame) -> pl.DataFrame:
    """Months with ``b_kw`` of the signature that stands nearest, those before first."""
    ordered = signatures.select("metering_point", "period_start", "b_kw").drop_nulls().sort("period_start")
    found = months.sort("period_start")
    for name, strategy in (("before", "backward"), ("after", "forward")):
        found = found.join_asof(
            ordered.rename({"b_kw": name}),
            on="period_start",
            by="metering_point",
            strategy=strategy,  # type: ignore[arg-type]
            check_sortedness=False,
        )
    return (
        found.with_columns(b_kw=pl.coalesce("before", "after"))
        .drop("before", "after")
        .sort("metering_point", "register", "day")
    )
