"""Which faults of substations are looked for, and from which limits on."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from warehouse.policies.model import PolicyModel
from warehouse.transforms.heat_fault_rules import FaultRules

Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1, le=366)]
Name = Literal[
    "low_cooling",
    "weak_weather_dependence",
    "load_pattern",
    "control",
    "return_outlier",
    "signature_shift",
    "cooling_outlier",
]


class Band(PolicyModel):
    """What is usual.

    Attributes:
        low: Least.
        high: Most.
    """

    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low is not below high")
        return self


class SupplyLimit(PolicyModel):
    """A limit of cooling for warm supplies.

    Attributes:
        supply_c: Mean supply temperature from which on it counts (degC).
        cooling_k: The limit (K).
    """

    supply_c: float
    cooling_k: Annotated[float, Field(gt=0)]


class HeatFaultsPolicy(PolicyModel):
    """Limits of the rules; :class:`warehouse.transforms.heat_fault_rules.FaultRules` says what each means."""

    rules: frozenset[Name]
    least_days: Days
    lowest_cooling_k: Annotated[float, Field(gt=0)]
    cooling_by_supply: tuple[SupplyLimit, ...]
    heating_limit_c: Annotated[float, Field(ge=-20, le=30)]
    least_heating_days: Days
    largest_correlation: Annotated[float, Field(ge=-1, lt=1)]
    recent_days: Days
    night_share: Band
    weekend_ratio: Band
    largest_hunting: Annotated[float, Field(ge=0, lt=1)]
    least_hours: Annotated[int, Field(ge=1)]
    neighbours: Annotated[int, Field(ge=5, le=100)]
    return_sigmas: Annotated[float, Field(gt=0)]
    return_days: Annotated[int, Field(ge=1, le=7)]
    least_return_k: Annotated[float, Field(ge=0)]
    outlier_sigmas: Annotated[float, Field(gt=0)]
    outlier_below_k: Annotated[float, Field(gt=0)]
    price_per_m3: Annotated[float, Field(ge=0)] | None

    def limits(self) -> FaultRules:
        """What the rules take."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        bands = {name: (named[name].low, named[name].high) for name in ("night_share", "weekend_ratio")}
        supplies = sorted((limit.supply_c, limit.cooling_k) for limit in self.cooling_by_supply)
        return FaultRules(**{**named, **bands, "cooling_by_supply": tuple(supplies)})
