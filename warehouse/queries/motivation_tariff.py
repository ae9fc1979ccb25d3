"""The motivation tariff of a year, point by point (§15)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl

from warehouse.excerpt import Readable
from warehouse.policies import MotivationTariffPolicy
from warehouse.schemas import CONSUMPTION_DAILY, HEAT_DAILY, INSTALLATIONS, REGISTER_EVENTS
from warehouse.transforms.exact import MICRO
from warehouse.transforms.heat_means import E8, E9, HEAT, REGISTERS, VOLUME, differences, means
from warehouse.transforms.motivation_tariff import mean_tenths, tariff

_NO_RESOLUTIONS = pl.DataFrame(
    schema={"organisation": pl.String, "meter_id": pl.String, "register": pl.String, "resolution": pl.Float64}
)


def report(
    lake: Readable,
    organisation: str,
    policy: MotivationTariffPolicy,
    *,
    year: int,
    zone: ZoneInfo,
    moved: frozenset[str] = frozenset(),
    points: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Discounts and surcharges of a year.

    Args:
        lake: Where the tables are.
        organisation: Whose rows count.
        policy: The tariff.
        year: Calendar year.
        zone: The utility's zone.
        moved: Metering points where somebody moved in or out in the year.
        points: ``metering_point`` of those that it is about; ``None`` for all.

    Returns:
        ``metering_point``, ``meter_id``, ``first_day``, ``last_day``, ``energy_kwh``, ``supply_c``, ``return_c``,
        ``expected_c``, ``deviation_k``, ``percent``, ``amount`` and ``excluded``: null, or why nothing is charged:
        ``moved``, ``new`` (the first meter came within the year), ``short`` (too few days are known), ``no_figures``
        (no flow, no energy, or temperatures that no volume weighs); by point. Points that cool are left out.

    Raises:
        PolicyError: The tariff names no price.
    """
    terms = policy.terms()
    first, last = date(year, 1, 1), date(year, 12, 31)
    inside = pl.col("day").is_between(first, last)
    heat = lake.scan(HEAT_DAILY).filter(pl.col("organisation") == organisation, inside)
    if points is not None:
        heat = heat.join(points.lazy().select("metering_point").unique(), on="metering_point", how="semi")
    of_days = heat.collect()
    chosen = of_days.select("metering_point").unique().lazy()
    ours = pl.col("organisation") == organisation
    daily = lake.scan(CONSUMPTION_DAILY).filter(ours, inside, pl.col("register").is_in(REGISTERS))
    events = lake.scan(REGISTER_EVENTS).filter(ours).join(chosen, on="metering_point", how="semi").collect()
    periods = differences(
        daily.join(chosen, on="metering_point", how="semi").collect(), events, first=first, last=last, zone=zone
    )
    found = means(periods, of_days, _NO_RESOLUTIONS).filter(~pl.col("is_cooling"))
    begun = (
        lake.scan(INSTALLATIONS)
        .filter(ours)
        .group_by("metering_point")
        .agg(begun=pl.col("installed_at").min())
        .collect()
    )
    weighed = pl.col("weighting").is_in(["registers", "intervals"])
    days = (pl.col("last_day") - pl.col("first_day")).dt.total_days() + 1
    start = datetime(year, 1, 1, tzinfo=zone).astimezone(UTC)
    reason = (
        pl.when(pl.col("metering_point").is_in(sorted(moved)))
        .then(pl.lit("moved"))
        .when(pl.col("begun") > start)
        .then(pl.lit("new"))
        .when(days < policy.least_days)
        .then(pl.lit("short"))
        .when(~weighed | pl.col("energy_kwh").is_null())
        .then(pl.lit("no_figures"))
    )
    judged = found.join(begun, on="metering_point", how="left").with_columns(excluded=reason)
    counts = pl.col("excluded").is_null()
    billed = tariff(
        judged.with_columns(
            supply_tenths=pl.when(counts).then(_tenths(E8, "flow_temp_c")),
            return_tenths=pl.when(counts).then(_tenths(E9, "return_temp_c")),
            energy_millionths=_millionths(HEAT),
        ),
        terms,
    )
    return billed.select(
        *("metering_point", "meter_id", "first_day", "last_day", "energy_kwh", "supply_c", "return_c"),
        *("expected_c", "deviation_k", "percent", "amount", "excluded"),
    ).sort("metering_point")


def summary(found: pl.DataFrame) -> dict[str, Decimal | int]:
    """What a report sums up to: ``discounts`` and ``surcharges`` (money, both positive), ``charged`` and ``excluded``.

    Args:
        found: From :func:`report`.
    """
    amount = pl.col("amount")
    return found.select(
        discounts=-amount.filter(amount < 0).sum(),
        surcharges=amount.filter(amount > 0).sum(),
        charged=pl.col("excluded").is_null().sum(),
        excluded=pl.col("excluded").is_not_null().sum(),
    ).row(0, named=True)


def _tenths(register: str, temperature: str) -> pl.Expr:
    """Mean temperature in tenths: exactly from the registers where they weigh it."""
    by_registers = mean_tenths(_millionths(register), _millionths(VOLUME))
    otherwise = (pl.col(temperature) * 10 + 0.5).floor().cast(pl.Int64)
    return pl.when(pl.col("weighting") == "registers").then(by_registers).otherwise(otherwise)


def _millionths(column: str) -> pl.Expr:
    """The whole number behind a difference that was divided to a double, which is exact up to a billion units."""
    return (pl.col(column) * MICRO).round(0).cast(pl.Int64)
