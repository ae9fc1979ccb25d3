"""Weather: which station a point belongs to, degree days, heating years and energy signatures."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from warehouse.policies.model import PolicyModel

Station = Annotated[str, Field(min_length=1, max_length=64)]
Outdoor = Annotated[float, Field(ge=-50, le=50)]


class SignaturePolicy(PolicyModel):
    """How energy signatures are fitted.

    Attributes:
        t0_from_c: Lowest outdoor temperature at which the dependence may begin (degC).
        t0_to_c: Highest one.
        t0_step_c: Step between the candidates (K).
        least_heating_days: Days colder than that which a fit needs.
        least_r2: Share of the variance that a usable fit explains.
        bootstrap_samples: Resamples of the band that next year's signature is compared with.
        bootstrap_days: Days of a heating year from which on it has such a band.
        seed: What the resamples are drawn from.
    """

    t0_from_c: Outdoor
    t0_to_c: Outdoor
    t0_step_c: Annotated[float, Field(ge=0.05, le=5)]
    least_heating_days: Annotated[int, Field(ge=10, le=366)]
    least_r2: Annotated[float, Field(ge=0, le=1)]
    bootstrap_samples: Annotated[int, Field(ge=20, le=2000)]
    bootstrap_days: Annotated[int, Field(ge=30, le=366)]
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.t0_from_c >= self.t0_to_c:
            raise ValueError("t0_from_c is not below t0_to_c")
        return self


class WeatherPolicy(PolicyModel):
    """What a utility may decide about weather.

    Attributes:
        station: Station of points that nothing else is said about.
        groups: Station by group; of a point in several the first counts.
        points: Station by metering point; goes before those of groups.
        degree_days: Rule of degree days.
        base_c: Base of the rule ``simple`` (degC).
        longest_gap_days: Longest run of missing days that is filled on a straight line [d].
        least_degree_days: Degree days below which nothing is normalised.
        first_month: Month with which a heating year begins.
        signature: How energy signatures are fitted.
    """

    station: Station
    groups: dict[str, Station]
    points: dict[str, Station]
    degree_days: Literal["simple", "heizgradtage_15", "gradtagzahl_20_15", "hgt_20_12"]
    base_c: Outdoor
    longest_gap_days: Annotated[int, Field(ge=0, le=31)]
    least_degree_days: Annotated[float, Field(gt=0)]
    first_month: Annotated[int, Field(ge=1, le=12)]
    signature: SignaturePolicy
