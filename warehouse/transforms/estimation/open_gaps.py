"""Open gaps: local days after the last reading, estimated provisionally until a register arrives (§3.5)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms import calendar
from warehouse.transforms.estimation.evidence import Evidence
from warehouse.transforms.estimation.methods import rounded
from warehouse.transforms.estimation.policy import ADU, ANNUAL, SIGNATURE, EstimationPolicy
from warehouse.transforms.estimation.profiles import day_class
from warehouse.transforms.exact import MICRO, millionths

PROLONGED = "PROLONGED_ESTIMATION"
"""Kind of the exceptions about registers that have not been read for long (V21)."""

_COURSE = ("metering_point", "register")
_DAYS_A_YEAR = 365


def open_ends(ends: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy) -> pl.DataFrame:
    """Those last readings after which days are estimated.

    Args:
        ends: Last reading of each register: ``metering_point``, ``at`` (UTC) and any other columns.
        evidence: Points whose latest readings are at hand, and the instant up to which there should be readings.
        policy: Time without a reading that makes a gap.

    Returns:
        The rows with ``open_to``, the last local day that may be estimated.
    """
    if evidence.as_of is None:
        return ends.clear().with_columns(open_to=pl.lit(None, pl.Date))
    return ends.join(evidence.ends, on="metering_point").filter(pl.col("at") < evidence.as_of - policy.open_after)


def open_boundaries(
    ends: pl.DataFrame, days: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy, *, zone: ZoneInfo
) -> pl.DataFrame:
    """Estimates registers at the ends of the local days after the last reading.

    Args:
        ends: As :func:`open_ends` gives them, with ``course``, ``register``, ``value`` (millionths), ``numerator`` and
            ``denominator`` (one count in base units) and ``until`` (end of the installation, null while it lasts).
        days: Measured days: ``course``, ``day`` and ``consumption`` (millionths).
        evidence: Signatures with temperatures, annual estimates, days that a person made final.
        policy: Reach, limit, when a day is final.
        zone: The utility's zone.

    Returns:
        The columns of ``ends`` and ``day`` (estimated), ``end`` (UTC), ``estimate`` (register at the end, millionths),
        ``estimated_by`` (code of the method) and ``is_final``. A course ends before the first day that nothing is known
        about.
    """
    spans = ends.with_columns(first_day=calendar.local_day(pl.col("at"), zone)).with_columns(
        last_day=pl.min_horizontal("open_to", pl.col("first_day") + policy.open_limit)
    )
    spans = spans.filter(pl.col("last_day") >= pl.col("first_day"))
    if spans.is_empty():
        return ends.clear().with_columns(
            day=pl.lit(None, pl.Date),
            end=pl.col("at"),
            estimate=pl.lit(None, pl.Int64),
            estimated_by=pl.lit(None, pl.Int8),
            is_final=pl.lit(value=False),
        )
    first, last = spans.select(first=pl.col("first_day").min(), last=pl.col("last_day").max()).row(0)
    listed = (
        spans.with_columns(day=pl.date_ranges("first_day", "last_day"))
        .explode("day", empty_as_null=False)
        .join(calendar.local_days(first, last, zone), on="day")
        .filter(pl.col("end") > pl.col("at"), (pl.col("end") <= pl.col("until")).fill_null(value=True))
        .with_columns(day_class(pl.col("day"), evidence.holidays))
    )
    guessed = _daily(listed, _averages(spans, days, evidence, policy), evidence).sort("course", "day")
    whole = (pl.col("end") - pl.col("start")).dt.total_microseconds()
    after = (pl.col("end") - pl.max_horizontal("start", "at")).dt.total_microseconds()
    used = rounded(pl.col("daily").cast(pl.Int128) * after, whole)
    n, d = pl.col("numerator").cast(pl.Int128) * MICRO, pl.col("denominator").cast(pl.Int128)
    register = (rounded((pl.col("value") + pl.col("used")) * d, n) * n // d).cast(pl.Int64)
    return (
        guessed.filter(pl.col("daily").is_not_null().cum_min().over("course"))
        .with_columns(used=used.cum_sum().over("course"))
        .with_columns(estimate=pl.max_horizontal(register, "value"))
        .join(_made_final(evidence), on=[*_COURSE, "day"], how="left")
        .with_columns(is_final=pl.col("decided").fill_null(value=False) | _too_old(evidence, policy))
        .sort("course", "day")
        .select(*ends.columns, "day", "end", "estimate", "estimated_by", "is_final")
    )


def prolonged(ends: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy) -> pl.DataFrame:
    """Registers whose last reading is too old for estimates to go on without a person (V21).

    Args:
        ends: As :func:`open_ends` gives them, with ``organisation``, ``meter_id``, ``register`` and ``until``.
        evidence: The instant up to which there should be readings.
        policy: Time without a reading.

    Returns:
        Rows of ``vee_exceptions`` without ``known_from``.
    """
    limit = policy.prolonged_after
    late = ends.filter(pl.col("until").is_null())
    if evidence.as_of is not None:
        late = late.filter(pl.col("at") < evidence.as_of - limit)
    return late.select(
        "organisation",
        "meter_id",
        "metering_point",
        "register",
        "at",
        rule=pl.lit("V21"),
        kind=pl.lit(PROLONGED),
        reason=pl.lit(f"No reading for more than {limit // timedelta(days=1)} days; estimates rest on older use."),
        state=pl.lit("open"),
    )


def _averages(
    spans: pl.DataFrame, days: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Average measured day before each last reading: per class (``by_class``), and over all classes (``overall``)."""
    since = pl.col("first_day") - policy.reach
    near = days.join(spans.select("course", "first_day"), on="course").filter(
        pl.col("day").is_between(since, pl.col("first_day"), closed="left")
    )
    classed = near.with_columns(day_class(pl.col("day"), evidence.holidays))
    mean = rounded(pl.col("consumption").sum(), pl.len().cast(pl.Int64)).clip(lower_bound=0)
    return (
        classed.group_by("course", "day_class").agg(by_class=mean),
        classed.group_by("course").agg(overall=mean),
    )


def _daily(listed: pl.DataFrame, averages: tuple[pl.DataFrame, pl.DataFrame], evidence: Evidence) -> pl.DataFrame:
    """Adds ``daily``, the estimate of each whole day (millionths), and ``estimated_by``."""
    by_class, overall = averages
    hours = (pl.col("end") - pl.col("start")) / calendar.HOUR
    degrees = (pl.col("t0_c") - pl.col("temperature_c")).clip(lower_bound=0)
    power = pl.col("a_kw_per_k").clip(lower_bound=0) * degrees + pl.col("b_kw").clip(lower_bound=0)
    heat = pl.when(pl.col("register") == "energy_kwh").then((power * hours * MICRO).round().cast(pl.Int64))
    flat = rounded(pl.col("annual_millionths"), pl.lit(_DAYS_A_YEAR, pl.Int64))
    average = pl.coalesce("by_class", "overall")
    annual = evidence.annual.select(*_COURSE, annual_millionths=millionths("annual_estimate"))
    return (
        listed.join(by_class, on=["course", "day_class"], how="left")
        .join(overall, on="course", how="left")
        .join(evidence.temperatures.unique("day"), on="day", how="left")
        .join(evidence.signatures.unique("metering_point"), on="metering_point", how="left")
        .join(annual.unique(_COURSE), on=_COURSE, how="left")
        .with_columns(by_heat=heat, average=average, flat=flat)
        .with_columns(
            daily=pl.coalesce("by_heat", "average", "flat"),
            estimated_by=pl.when(pl.col("by_heat").is_not_null())
            .then(SIGNATURE)
            .when(pl.col("average").is_not_null())
            .then(ADU)
            .otherwise(ANNUAL)
            .cast(pl.Int8),
        )
    )


def _made_final(evidence: Evidence) -> pl.DataFrame:
    """Days that a person made final, one row each, marked ``decided``."""
    return (
        evidence.finals.select(*_COURSE, day=pl.date_ranges("first_day", "last_day"))
        .explode("day", empty_as_null=False)
        .unique()
        .with_columns(decided=pl.lit(value=True))
    )


def _too_old(evidence: Evidence, policy: EstimationPolicy) -> pl.Expr:
    if policy.final_after is None or evidence.as_of is None:
        return pl.lit(value=False)
    return pl.col("end") <= evidence.as_of - policy.final_after
