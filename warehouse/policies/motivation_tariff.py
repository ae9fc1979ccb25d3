"""The motivation tariff: what a warm return costs, and what a cold one earns."""

import itertools
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from warehouse.policies.errors import PolicyError
from warehouse.policies.model import PolicyModel
from warehouse.transforms.motivation_tariff import Tariff

Degrees = Annotated[Decimal, Field(ge=0, le=150, decimal_places=1)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=3)]


class Expected(PolicyModel):
    """One line of the table.

    Attributes:
        supply_c: Mean supply temperature of the year (degC).
        return_c: Return temperature that is expected then (degC).
    """

    supply_c: Degrees
    return_c: Degrees


class MotivationTariffPolicy(PolicyModel):
    """The tariff.

    Attributes:
        expected: Expected return by supply temperature: on the straight line between two lines of the table, that of
            the end beyond them.
        neutral_k: Degrees above the expected return that cost nothing (K).
        discount_percent_per_k: Discount for each degree below.
        surcharge_percent_per_k: Surcharge for each degree above, once it is beyond the neutral zone.
        largest_discount_percent: Cap.
        largest_surcharge_percent: Cap.
        price_per_mwh: Price of energy that the percentages are of; ``None`` until the utility has said.
        currency: Its name.
        least_days: Days of the year that must be known [d].
    """

    expected: Annotated[tuple[Expected, ...], Field(min_length=1)]
    neutral_k: Degrees
    discount_percent_per_k: Percent
    surcharge_percent_per_k: Percent
    largest_discount_percent: Percent
    largest_surcharge_percent: Percent
    price_per_mwh: Annotated[Decimal, Field(gt=0, decimal_places=2)] | None
    currency: Annotated[str, Field(max_length=8)]
    least_days: Annotated[int, Field(ge=1, le=366)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        supplies = [line.supply_c for line in self.expected]
        if any(low >= high for low, high in itertools.pairwise(supplies)):
            raise ValueError("expected is not ascending by supply_c")
        return self

    def terms(self) -> Tariff:
        """What the reckoning takes.

        Raises:
            PolicyError: Nobody has decided about a price yet.
        """
        if self.price_per_mwh is None:
            raise PolicyError(
                "The policy motivation_tariff names no price_per_mwh: put the utility's own tariff in force with "
                "'meterhouse policy set motivation_tariff FILE'."
            )
        return Tariff(
            expected=tuple((line.supply_c, line.return_c) for line in self.expected),
            neutral_k=self.neutral_k,
            discount_percent_per_k=self.discount_percent_per_k,
            surcharge_percent_per_k=self.surcharge_percent_per_k,
            largest_discount_percent=self.largest_discount_percent,
            largest_surcharge_percent=self.largest_surcharge_percent,
            price_per_mwh=self.price_per_mwh,
        )
