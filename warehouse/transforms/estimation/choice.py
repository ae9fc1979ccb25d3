"""Which method fills a gap: by its length, and by what there is evidence for (§3.3)."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.transforms.estimation.evidence import Evidence
from warehouse.transforms.estimation.methods import cubic, linear, shown, slopes
from warehouse.transforms.estimation.policy import CODES, EstimationPolicy
from warehouse.transforms.estimation.profiles import weights

ALIGNED = 1.5
"""Expected intervals between two readings up to which what lies between them is no gap."""

_PROFILES = ("PROF_OWN", "LIKE_DAY", "PROF_GRP", "PROF_HDD")


@dataclass(frozen=True, slots=True)
class _Tier:
    """Gaps of one length: whether a gap is of it, and its methods from the first choice to the last."""

    holds: pl.Expr
    methods: tuple[str, ...]


def closed_gaps(brackets: pl.DataFrame, policy: EstimationPolicy, limit: timedelta) -> pl.DataFrame:
    """The gaps that a straight line is not the answer to from the start.

    Args:
        brackets: As ``boundaries.brackets`` gives them.
        policy: Lengths and methods.
        limit: Longest gap that is filled.

    Returns:
        Their rows with ``from_at`` in the place of ``at``, with ``slope`` and ``next_slope`` for cubics.
    """
    tiers = (policy.short, policy.medium, policy.long)
    if all(methods == ("LIN",) for methods in tiers):
        return brackets.clear().rename({"at": "from_at"})
    width = (pl.col("next_at") - pl.col("from_at")).dt.total_microseconds()
    shortest = policy.short_gap if policy.short == ("LIN",) else ALIGNED
    wanted = (width > pl.col("expected_us") * shortest) & (width <= limit // timedelta(microseconds=1))
    named = brackets.rename({"at": "from_at"})
    known = named
    if any("PCHIP" in methods for methods in tiers):
        # A step into another resolution says nothing about the slope beside it.
        known = slopes(named.with_columns(next_value=pl.when(~pl.col("changes")).then("next_value")))
    return known.filter(pl.col("next_value").is_not_null() & wanted)


def fill(
    gaps: pl.DataFrame, hours: pl.DataFrame, evidence: Evidence, policy: EstimationPolicy, *, zone: ZoneInfo
) -> pl.DataFrame:
    """Fills gaps at the boundaries of their hours.

    Args:
        gaps: As :func:`closed_gaps` gives them, with ``metering_point`` and ``register``; at least one row.
        hours: Measured hours, as ``profiles.own_profile`` takes them.
        evidence: What profiles rest on.
        policy: Lengths and methods.
        zone: The utility's zone.

    Returns:
        ``course``, ``at`` (UTC) and the ``filled`` register (millionths) with the ``filled_by`` code of its method, one
        row per boundary inside a gap; both null where no method of the policy applies.
    """
    numbered = gaps.with_row_index("gap")
    cut = weights(numbered, hours, evidence, policy, zone)
    have = cut.group_by("gap").agg(pl.col(name).is_not_null().all() for name in _PROFILES)
    smooth = pl.lit(value=False)
    if "slope" in gaps.columns:
        smooth = pl.col("slope").is_not_null() & pl.col("next_slope").is_not_null()
    chosen = numbered.join(have, on="gap").with_columns(PCHIP=smooth, LIN=True).with_columns(method=_choice(policy))
    method = pl.col("method")
    weight = pl.coalesce(pl.when(method == CODES[name]).then(pl.col(f"{name}_weight")) for name in _PROFILES)
    known = cut.rename({name: f"{name}_weight" for name in _PROFILES}).join(chosen, on="gap", maintain_order="left")
    by = pl.when(method.is_in([CODES[name] for name in _PROFILES])).then(shown(pl.col("passed"), pl.col("whole")))
    filled = by.when(method == CODES["LIN"]).then(linear("end"))
    if "slope" in gaps.columns:
        filled = filled.when(method == CODES["PCHIP"]).then(cubic("end"))
    return (
        known.with_columns(weight=weight.fill_null(0))
        .with_columns(passed=pl.col("weight").cum_sum().over("gap"), whole=pl.col("weight").sum().over("gap"))
        .with_columns(pl.when(pl.col("whole") > 0).then("whole").alias("whole"))
        .filter(pl.col("end") < pl.col("next_at"))
        .select("course", at="end", filled=filled, filled_by=method)
    )


def _choice(policy: EstimationPolicy) -> pl.Expr:
    """Code of the first method of the gap's tier that there is evidence for."""
    width = pl.col("next_at") - pl.col("from_at")
    short = width <= pl.duration(microseconds=pl.col("expected_us") * policy.short_gap)
    tiers = (
        _Tier(short, policy.short),
        _Tier(~short & (width <= policy.medium_gap), policy.medium),
        _Tier(~short & (width > policy.medium_gap), policy.long),
    )
    return pl.coalesce(
        pl.when(tier.holds & pl.col(name)).then(pl.lit(CODES[name], pl.Int8)) for tier in tiers for name in tier.methods
    )
