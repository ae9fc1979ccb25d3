"""When flow counts as a leak or a burst, and what lost water costs."""

from typing import Annotated, Literal

from pydantic import Field

from warehouse.policies.model import PolicyModel
from warehouse.transforms.leaks.limits import Limits

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class LeakPolicy(PolicyModel):
    """What a utility may decide about leaks and bursts (ALGORITHMS §9).

    Attributes:
        media: Media of the points that are looked at.
        roles: Roles of these points; bulk meters run all the time.
        least_rate_lh: Flow below which an hour is dry, where the register resolves more [l/h].
        window_h: Hours without a dry one that make a leak [h].
        least_hours: Measured hours that such a window needs.
        confirmed_h: Duration from which a leak is confirmed [h].
        chronic_days: Days with a leak in the last 30 from which it is chronic.
        night_from: First local hour of the night.
        night_to: Local hour at which the night ends.
        step_days: Nights that are compared with those before [d].
        step_reference_days: Nights before [d].
        step_deviations: Deviations (1.4826 MAD) from which a rise is more than chance.
        step_least_lh: Smallest rise that counts [l/h].
        burst_factor: Times the usual peak from which an hour is a burst.
        burst_lh: Flow that is a burst at quarter-hourly data or finer, by model; ``any`` for others [l/h].
        burst_least_min: How long that flow must last [min].
        least_counts: Counts of the register from which a statistic says something.
        slow_longest_gap_h: Longest time without a count of the register that a slow leak leaves [h].
        slow_days: Days in a row without a longer one that make a slow leak.
        draw_largest_l: Largest hour of a night of small draws [l].
        draw_correlation: Autocorrelation from which a night's draws come in even steps.
        draw_nights: Nights of seven with the same step that make periodic draws.
        price_per_m3: What a cubic metre costs.
        currency: In which currency.
    """

    media: frozenset[Literal["water", "warm_water"]]
    roles: frozenset[str]
    least_rate_lh: Annotated[float, Field(ge=0)]
    window_h: Count
    least_hours: Count
    confirmed_h: Positive
    chronic_days: Positive
    night_from: Annotated[int, Field(ge=0, le=23)]
    night_to: Annotated[int, Field(ge=1, le=24)]
    step_days: Count
    step_reference_days: Count
    step_deviations: Positive
    step_least_lh: Positive
    burst_factor: Annotated[float, Field(gt=1)]
    burst_lh: dict[str, Positive]
    burst_least_min: Count
    least_counts: Annotated[float, Field(ge=0)]
    slow_longest_gap_h: Annotated[float, Field(ge=2, le=12)] = 5
    slow_days: Annotated[int, Field(ge=2, le=7)] = 3
    draw_largest_l: Positive = 15
    draw_correlation: Annotated[float, Field(gt=0, lt=1)] = 0.6
    draw_nights: Annotated[int, Field(ge=3, le=7)] = 5
    price_per_m3: Annotated[float, Field(ge=0)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]

    def limits(self) -> Limits:
        """What the reckoning takes."""
        return Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__})
