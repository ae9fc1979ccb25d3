"""Figures against figures: V07 to V11, V18 and V23. All need windows of at least some counts (§2.7)."""

from datetime import date, timedelta

import polars as pl

from warehouse.ordering import sort_rows
from warehouse.phrases import phrase
from warehouse.transforms.degree_days import normalised
from warehouse.transforms.normalisation import summer_use
from warehouse.transforms.validation.rules import Rules, findings

_SERIES = ("metering_point", "register")
_MAD = 1.4826


def judge_hours(hours: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Judges the hours of days (V07, V18).

    Args:
        hours: Rows of hours with the columns of scopes, ``register``, ``day``, ``at`` (start), ``consumption``
            (double, nullable) and ``count``; all hours of each day, in any order, with those before and after the
            judged ones that a run of equal hours may begin or end in.
        rules: The rules.

    Returns:
        Findings: V07 at the highest hour, V18 at the first of the equal hours. How many more than the rule's follow is
        not told: it would depend on how much is there yet.
    """
    ordered = sort_rows(hours, [*_SERIES, "at"])
    return findings(_spikes(ordered, rules), _repeated(ordered, rules))


def _spikes(hours: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    use = pl.col("consumption")
    ranked = hours.lazy().with_columns(
        rank=use.rank("ordinal", descending=True).over(*_SERIES, "day"),
        third=use.top_k(3).min().over(*_SERIES, "day"),
        known=use.count().over(*_SERIES, "day"),
    )
    above = (use - pl.col("third")) / pl.col("third") * 100
    high = (
        (pl.col("rank") == 1)
        & (pl.col("known") >= 3)
        & (pl.col("third") > 0)
        & (use >= rules.parameter("V07", "floor_counts") * pl.col("count"))
        & (above > rules.parameter("V07", "above_percent"))
    )
    return rules.found(
        ranked,
        "V07",
        high,
        reason=phrase("{} in an hour; the third-highest of the day is {}.", use, "third"),
        evidence={"highest": use, "third": pl.col("third"), "above_percent": above},
    )


def _repeated(hours: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    use = pl.col("consumption")
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in (*_SERIES, "consumption"))
    runs = (
        hours.with_row_index("row")
        .filter(~same.fill_null(value=False))
        .with_columns(length=pl.col("row").shift(-1, fill_value=hours.height) - pl.col("row"))
    )
    least = rules.parameter("V18", "hours").cast(pl.Int64)
    equal = (use > 0) & (use >= rules.parameter("V18", "least_counts") * pl.col("count")) & (pl.col("length") >= least)
    return rules.found(
        runs,
        "V18",
        equal,
        reason=phrase("{} in each of {} hours in a row, or more.", use, least),
        evidence={"consumption": use, "hours": least},
    )


def judge_sums(days: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Compares the sum of intervals with the register (V08).

    Args:
        days: Rows of days with the columns of scopes, ``register``, ``at``, ``consumption`` (difference of the
            register), ``total`` (sum of all intervals; null where one is unknown) and ``count``.
        rules: The rules.

    Returns:
        Findings.
    """
    apart = (pl.col("total") - pl.col("consumption")).abs()
    tolerance = pl.max_horizontal(
        rules.parameter("V08", "counts") * pl.col("count"),
        rules.parameter("V08", "share") * pl.col("consumption").abs(),
    )
    return rules.found(
        days,
        "V08",
        apart > tolerance,
        reason=phrase("The intervals sum to {}, the register gives {}.", "total", "consumption"),
        evidence={"total": pl.col("total"), "difference": pl.col("consumption"), "tolerance": tolerance},
    )


def judge_days(
    days: pl.DataFrame, rules: Rules, first: date, last: date, by_hour: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Judges days by those before them (V10, V11, V23).

    Args:
        days: Rows of days with the columns of scopes, ``register``, ``day``, ``day_class``, ``at``, ``consumption``
            (double, nullable), ``register_start`` (double, nullable), ``count`` and ``is_vacant`` (whether nobody
            lived there at some time of the day), each day once, with as many days before the judged ones as the rules
            look back.
        rules: The rules.
        first: First judged day.
        last: Last judged day, inclusive.
        by_hour: ``metering_point``, ``register`` and ``day`` of the days whose hours :func:`judge_courses` judged.

    Returns:
        Findings on the judged days.
    """
    ordered = days.sort(*_SERIES, "day")
    still = findings(_unused(ordered, rules), _still(ordered, rules))
    starts = days.filter(pl.col("day").is_between(first, last))["at"].unique()
    on_days = still.filter(pl.col("at").is_in(starts.implode()))
    whole = days if by_hour is None else days.join(by_hour, on=[*_SERIES, "day"], how="anti")
    return findings(on_days, _unusual(days, whole, rules, first, last))


def _runs(days: pl.DataFrame, among: pl.Expr | None = None) -> pl.LazyFrame:
    """Days with ``place`` in their run of equal, consecutive days (from 1) and ``is_zero``, if they are ``among``."""
    zero = (pl.col("consumption") == 0).fill_null(value=False)
    zero = zero if among is None else zero & among
    follows = pl.all_horizontal(pl.col(key) == pl.col(key).shift(1) for key in _SERIES) & (
        pl.col("day") - pl.col("day").shift(1) == pl.duration(days=1)
    )
    return (
        days.lazy()
        .with_columns(is_zero=zero)
        .with_columns(run=(~(follows & (zero == zero.shift(1))).fill_null(value=False)).cum_sum())
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("run"))
    )


def _unused(days: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    used_before = (pl.col("register_start") > 0).fill_null(value=False)
    return rules.found(
        _runs(days, ~pl.col("is_vacant")),  # who moved out uses nothing
        "V10",
        pl.col("is_zero") & used_before & (pl.col("place") == rules.parameter("V10", "days_d")),
        reason=phrase("Nothing was used for {} days.", "place"),
        evidence={"days_d": pl.col("place"), "register": pl.col("register_start")},
    )


def _still(days: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    wanted, history = rules.parameter("V11", "days_d"), rules.parameter("V11", "history_d")
    before = pl.coalesce(
        pl.when(history == length).then(
            pl.col("consumption")
            .rolling_mean_by("day", window_size=timedelta(days=length), closed="left", min_samples=7)
            .over(_SERIES, order_by="day")
        )
        for length in rules.values("V11", "history_d")
    )
    # The mean before the run's first day is that of which the run was expected.
    runs = _runs(days.with_columns(usual=before)).with_columns(usual=pl.col("usual").first().over("run"))
    expected = pl.col("usual") * wanted / pl.col("count")
    return rules.found(
        runs,
        "V11",
        pl.col("is_zero") & (pl.col("place") == wanted) & (expected >= rules.parameter("V11", "expected_counts")),
        reason=phrase("The register stands still for {} days; {} a day were usual.", "place", pl.col("usual").round(3)),
        evidence={"usual": pl.col("usual"), "expected_counts": expected},
    )


def judge_courses(hours: pl.DataFrame, rules: Rules, first: date, last: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judges measured hours by the same hour of days of the same class before them (V23).

    Args:
        hours: Rows of hours with the columns of scopes, ``register``, ``day``, ``day_class``, ``hour`` (local, of the
            day), ``at``, ``consumption`` (double, nullable) and ``count``, with as many days before the judged ones as
            the rule looks back.
        rules: The rules.
        first: First judged day.
        last: Last judged day, inclusive.

    Returns:
        Findings, of each day the hour that is furthest off; and ``metering_point``, ``register`` and ``day`` of the
        days that were judged so, which need not be judged as a whole.
    """
    asked = rules.parameter("V23", "by_hour") == 1
    measured = hours.filter(asked & pl.col("consumption").is_not_null() & (pl.col("role") != "estimated"))
    judged = _against_like(measured, rules, first, last, "hour")
    least = rules.parameter("V23", "least_counts") * pl.col("count")
    known = pl.col("days") >= rules.parameter("V23", "least_days_d")
    enough = known & (pl.max_horizontal("consumption", "usual") >= least)
    furthest = pl.col("off") == pl.col("off").filter(enough).max().over(*_SERIES, "day")
    ranked = judged.with_columns(is_furthest=(enough & furthest).fill_null(value=False)).sort(*_SERIES, "at")
    once = pl.col("is_furthest") & (pl.col("is_furthest").cum_sum().over(*_SERIES, "day") == 1)
    return _far_off(ranked, rules, once, "{} in the hour; {} is usual."), judged.filter(known).select(
        *_SERIES, "day"
    ).unique()


def _unusual(days: pl.DataFrame, whole: pl.DataFrame, rules: Rules, first: date, last: date) -> pl.DataFrame:
    known = days.filter(pl.col("consumption").is_not_null())
    judged = _against_like(known, rules, first, last)
    if whole.height < days.height:
        judged = judged.join(whole, on=[*_SERIES, "day"], how="semi")
    enough = (pl.col("days") >= rules.parameter("V23", "least_days_d")) & (
        pl.col("together") >= rules.parameter("V23", "least_counts") * pl.col("count")
    )
    return _far_off(judged, rules, enough, "{} on the day; {} is usual.")


def _against_like(known: pl.DataFrame, rules: Rules, first: date, last: date, *hour: str) -> pl.DataFrame:
    """Judged rows with ``usual``, ``deviation``, ``off`` (deviations), ``days``, ``together`` of like ones before."""
    reach = pl.duration(days=rules.parameter("V23", "history_d").cast(pl.Int64))
    use, day = pl.col("consumption"), pl.col("day")
    judged = [known.clear().with_columns(usual=use, spread=use, days=pl.lit(0), together=use)]
    for one in known.filter(day.is_between(first, last))["day"].unique().sort():  # each day has a past of its own
        now = known.filter(day == one)
        like = known.filter(
            day < one,
            pl.lit(one) - day <= reach,
            pl.col("day_class").is_in(now["day_class"].unique().implode()),
        )
        middle = use.median()
        past = like.group_by(*_SERIES, "day_class", *hour).agg(
            usual=middle,
            spread=(use - middle).abs().median(),
            days=day.n_unique().cast(pl.Int32) if hour else pl.len().cast(pl.Int32),
            together=use.sum(),
        )
        judged.append(now.join(past, on=[*_SERIES, "day_class", *hour]))
    # A constant past has no spread; half a count is what rounding alone does.
    deviation = pl.max_horizontal(_MAD * pl.col("spread"), pl.col("count") / 2)
    return pl.concat(judged).with_columns(deviation=deviation, off=(use - pl.col("usual")).abs() / deviation)


def _far_off(judged: pl.DataFrame, rules: Rules, enough: pl.Expr, words: str) -> pl.DataFrame:
    use = pl.col("consumption")
    return rules.found(
        judged,
        "V23",
        enough & (pl.col("off") > rules.parameter("V23", "deviations")),
        reason=phrase(words, use, pl.col("usual").round(3)),
        evidence={
            "consumption": use,
            "usual": pl.col("usual"),
            "deviation": pl.col("deviation"),
            "deviations": pl.col("off"),
        },
    )


def judge_months(months: pl.DataFrame, rules: Rules, least_degree_days: float) -> pl.DataFrame:
    """Compares months with the same month last year, else with the one before (V09).

    Args:
        months: Rows of whole months with the columns of scopes, ``register``, ``day`` (first of the month), ``days``
            (its length), ``at``, ``consumption`` (double, nullable), ``count`` and ``degree_days`` (of the point's
            station, nullable); the compared ones among them.
        rules: The rules.
        least_degree_days: Degree days below which a month's weather scales nothing.

    Returns:
        Findings. What heat used before is scaled by degree days, but for what no weather changes: the median use of the
        months of summer up to a year before, nothing where none is known. That comes from months alone, so that a
        finding does not depend on when a signature was last fitted. Where degree days are not known for both months,
        heat is compared with last year as it is, and with the month before not at all, as cooling is: seasons differ.
    """
    medium = pl.col("medium").fill_null("")
    heat, seasonal = medium.is_in(["heat", "heat_cooling"]), medium.is_in(["heat", "cooling", "heat_cooling"])
    known = months.filter(pl.col("consumption").is_not_null()).with_columns(
        use=pl.col("consumption") / pl.col("days"),
        cold=pl.when(heat & (pl.col("degree_days") >= least_degree_days)).then(pl.col("degree_days") / pl.col("days")),
    )
    known = known.with_columns(base=summer_use(least_degree_days).fill_null(0.0))
    earlier = known.select(*_SERIES, "day", "use", "consumption", "cold")
    judged = known
    for name, back in (("last_year", "1y"), ("month_before", "1mo")):
        moved = earlier.with_columns(pl.col("day").dt.offset_by(back)).rename(
            {"use": name, "consumption": f"{name}_sum", "cold": f"{name}_cold"}
        )
        judged = judged.join(moved, on=[*_SERIES, "day"], how="left")
    in_this_weather = [
        normalised(pl.col(name), pl.min_horizontal("base", name), pl.col("cold"), pl.col(f"{name}_cold"), least=0)
        for name in ("last_year", "month_before")
    ]
    usual = pl.coalesce(in_this_weather[0], "last_year", in_this_weather[1], pl.when(~seasonal).then("month_before"))
    sums = pl.coalesce("last_year_sum", "month_before_sum")
    ratio = rules.parameter("V09", "ratio")
    enough = pl.max_horizontal("consumption", sums) >= rules.parameter("V09", "least_counts") * pl.col("count")
    return findings(
        rules.found(
            judged,
            "V09",
            enough & ((pl.col("use") > ratio * usual) | (pl.col("use") < usual / ratio)),
            reason=phrase("{} a day; {} before.", pl.col("use").round(3), usual.round(3)),
            evidence={"per_day": pl.col("use"), "before_per_day": usual},
        )
    )
