"""Largest credible rates and counts of meters: what the policy says of their kind, and what they measured before."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl

from assets.installation import Installation
from warehouse.policies import ConsumptionPolicy
from warehouse.policies.consumption import LearnedRates, SomeMeters
from warehouse.schemas import CONSUMPTION_HOURLY, INSTALLATIONS, METERS
from warehouse.transforms.policy import Policy

_RATES = {"meter_id": pl.String, "register": pl.String, "largest_rate": pl.Float64}
_COUNTS = {"meter_id": pl.String, "register": pl.String, "expected_count": pl.Float64}
_EACH = ["meter_id", "register"]


def rates_by_policy(house: Installation, policy: ConsumptionPolicy, members: pl.DataFrame) -> pl.DataFrame:
    """Rates of the meters that the policy names.

    Args:
        house: The installation.
        policy: The policy of consumption.
        members: Rows of ``group_members``.

    Returns:
        ``meter_id``, ``register`` and ``largest_rate`` (unit of the register per hour).
    """
    return _by_meter(house, [(rates, rates.largest_rates) for rates in policy.rates], members, _RATES)


def counts_by_policy(house: Installation, policy: ConsumptionPolicy, members: pl.DataFrame) -> pl.DataFrame:
    """What one count of the meters is that the policy names: ``meter_id``, ``register`` and ``expected_count``."""
    return _by_meter(house, [(counts, counts.counts) for counts in policy.counts], members, _COUNTS)


def _by_meter(
    house: Installation,
    said: Sequence[tuple[SomeMeters, Mapping[str, float]]],
    members: pl.DataFrame,
    schema: Mapping[str, type[pl.DataType]],
) -> pl.DataFrame:
    """Values by meter and register from what is said of some meters; what is said later wins."""
    parts = [pl.DataFrame(schema=schema)]
    if not said:
        return parts[0]
    own, value = pl.col("organisation") == house.organisation, list(schema)[-1]
    meters = house.lake.scan(METERS).filter(own).select("meter_id", "medium", "model").collect()
    places = house.lake.scan(INSTALLATIONS).filter(own).sort("installed_at").collect()
    newest = places.unique("meter_id", keep="last", maintain_order=True).select("meter_id", "metering_point")
    meters = meters.join(newest, on="meter_id", how="left").with_columns(
        device=pl.concat_str(pl.col("meter_id").str.slice(0, 3), pl.col("meter_id").str.slice(-6))
    )
    for some, values in said:
        wanted = {"medium": some.medium, "model": some.model, "device": some.device}
        theirs = meters.filter(*(pl.col(name) == text for name, text in wanted.items() if text is not None))
        if some.group is not None:
            lasting = (pl.col("group") == some.group) & pl.col("valid_to").is_null()
            theirs = theirs.join(members.filter(lasting), on="metering_point", how="semi")
        parts += [
            theirs.select("meter_id", pl.lit(register).alias("register"), pl.lit(number, pl.Float64).alias(value))
            for register, number in values.items()
        ]
    return pl.concat(parts).unique(_EACH, keep="last", maintain_order=True)


def with_learned_rates(
    house: Installation, limits: Policy, learned: LearnedRates | None, points: pl.DataFrame
) -> Policy:
    """Limits with the rates of points' meters that hours before tell, where the policy names none.

    What late readings change of those hours changes rates from the next time on: nothing is judged again for it.

    Args:
        house: The installation.
        limits: Limits with the rates that the policy names.
        learned: How rates are learned; ``None``: not at all.
        points: ``metering_point`` and ``first_day``: the first day that is reckoned.

    Returns:
        The limits.
    """
    if learned is None or points.is_empty():
        return limits
    names, days = points["metering_point"].sort(), points["first_day"].sort()
    reach = timedelta(days=learned.history_d)
    low, high = days[0] - reach, days[-1]
    months = pl.col("month").is_between(pl.lit(f"{low:%Y-%m}"), pl.lit(f"{high:%Y-%m}"))
    use = pl.col("consumption").cast(pl.Float64)
    found = (
        house.lake.scan(CONSUMPTION_HOURLY)
        .filter(
            (pl.col("organisation") == house.organisation)
            & pl.col("metering_point").is_between(pl.lit(names[0]), pl.lit(names[-1]))
            & months
            & pl.col("day").is_between(low, high)
            & (pl.col("quality") == "M")
            & pl.col("consumption").is_not_null()
        )
        .join(points.lazy().select("metering_point", "first_day"), on="metering_point")
        .filter((pl.col("day") < pl.col("first_day")) & (pl.col("day") >= pl.col("first_day") - reach))
        .group_by(_EACH)
        .agg(largest_rate=use.quantile(learned.share, "higher") * learned.times, hours=pl.len())
        .filter((pl.col("hours") >= learned.least_hours) & (pl.col("largest_rate") > 0))
        .select(list(_RATES))
        .collect()
    )
    named = pl.DataFrame(schema=_RATES) if limits.own_rates is None else limits.own_rates
    return replace(limits, own_rates=pl.concat([named, found.join(named, on=_EACH, how="anti")]))
