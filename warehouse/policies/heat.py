"""How temperatures and cooling are judged: errors, energy checks, ratings and targets."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from warehouse.policies.model import PolicyModel

Kelvin = Annotated[float, Field(gt=0, le=100)]


class HeatPolicy(PolicyModel):
    """What a utility may decide about mean temperatures.

    Attributes:
        largest_error_k: Resolution error beyond which E8 and E9 say nothing of a period (K).
        beyond_it: What a report then does: show no value (``na``), or look further back (``widen``).
        widest_days: Longest period that a report looks at when it widens one [d].
        least_share: Share of a day's volume that hours with temperatures must hold to stand for the day.
        energy_tolerance: Share by which counted energy may differ from what volume and temperatures say.
        least_energy_kwh: Energy of a month below which this is not checked [kWh].
    """

    largest_error_k: Kelvin
    beyond_it: Literal["na", "widen"]
    widest_days: Annotated[int, Field(ge=1, le=400)]
    least_share: Annotated[float, Field(ge=0, le=1)]
    energy_tolerance: Annotated[float, Field(gt=0, lt=0.5)]
    least_energy_kwh: Annotated[float, Field(ge=0)]


class Rating(PolicyModel):
    """What cooling is good or poor.

    Attributes:
        good_k: Cooling from which on it is good (K).
        poor_k: Cooling below which it is poor (K).
        target_k: Cooling that excess volume is reckoned against (K).
    """

    good_k: Kelvin
    poor_k: Kelvin
    target_k: Kelvin

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.poor_k > self.good_k:
            raise ValueError("poor_k is above good_k")
        return self


class GroupRating(PolicyModel):
    """Ratings of one group.

    Attributes:
        group: Name of the group.
        heating: Ratings of points that heat.
        cooling: Ratings of points that cool.
    """

    group: Annotated[str, Field(min_length=1, max_length=100)]
    heating: Rating | None = None
    cooling: Rating | None = None


class RatingsPolicy(PolicyModel):
    """Ratings by group.

    Attributes:
        heating: Ratings of points that heat and are in none of the groups.
        cooling: Ratings of points that cool and are in none of the groups.
        groups: Ratings of groups; of a point in several the first counts.
    """

    heating: Rating
    cooling: Rating
    groups: tuple[GroupRating, ...]

    def rating_of(self, medium: Literal["heating", "cooling"], group: str = "") -> Rating | None:
        """The rating of a group, or of all that are in none; ``None`` where the group has no own."""
        if not group:
            return getattr(self, medium)  # type: ignore[no-any-return]
        return next((getattr(of, medium) for of in self.groups if of.group == group), None)

    def with_rating(
        self, medium: Literal["heating", "cooling"], rating: Rating | None, group: str = ""
    ) -> "RatingsPolicy":
        """The policy with another rating.

        Args:
            medium: Of points that heat, or that cool.
            rating: The rating; ``None`` lets the group have none of its own.
            group: The group; empty for all that are in none, whose rating cannot be left out.
        """
        if not group:
            return self.model_copy(update={medium: rating or getattr(self, medium)})
        before = next((of for of in self.groups if of.group == group), None)
        changed = (before or GroupRating(group=group)).model_copy(update={medium: rating})
        kept = [changed if of is before else of for of in self.groups]
        every = kept if before else [*kept, changed]
        return self.model_copy(update={"groups": tuple(of for of in every if of.heating or of.cooling)})
