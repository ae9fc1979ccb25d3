"""How consumption is reckoned: which rises and falls of a register are credible, and which gaps are filled."""

from datetime import timedelta
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from warehouse.policies.model import PolicyModel
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.policy import Policy

Registers = TypeVar("Registers", dict[str, float], frozenset[str])
Rate = Annotated[float, Field(gt=0)]
Device = Annotated[str, Field(pattern=r"^[A-Z]{3}-[0-9a-f]{2}-[0-9a-f]{2}$")]


def _of_registers(value: Registers) -> Registers:
    if unknown := sorted(set(value) - set(CUMULATIVE)):
        raise ValueError(f"{unknown[0]} is no register; there are {', '.join(CUMULATIVE)}")
    return value


class SomeMeters(PolicyModel):
    """Which meters something holds for.

    Attributes:
        medium: Of the meter; left out: any.
        model: Model name of the meter, e.g. ``MULTICAL 21 DN15``; left out: any.
        device: Manufacturer, version and type, e.g. ``KAM-1b-16``; left out: any.
        group: Group of the metering point where it hangs, or was last; left out: any.
    """

    medium: str | None = None
    model: str | None = None
    device: Device | None = None
    group: str | None = None

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.medium is None and self.model is None and self.device is None and self.group is None:
            raise ValueError("what holds for some meters names a medium, a model, a device or a group")
        return self


class RatesOfMeters(SomeMeters):
    """Largest credible rates of some meters.

    Attributes:
        largest_rates: As in the policy, of some registers.
    """

    largest_rates: Annotated[dict[str, Rate], AfterValidator(_of_registers)]


class CountsOfMeters(SomeMeters):
    """What one count of some meters is.

    Attributes:
        counts: One count of a register in its unit, as the master data have it.
    """

    counts: Annotated[dict[str, Rate], AfterValidator(_of_registers)]


class LearnedRates(PolicyModel):
    """Largest credible rates from what a meter measured before.

    Attributes:
        share: Quantile of its measured hours.
        times: Times this quantile is the largest credible rate.
        least_hours: Hours it takes [h]; of meters with fewer nothing is learned.
        history_d: How far back hours are looked at [d].
    """

    share: Annotated[float, Field(gt=0.5, le=1)] = 0.999
    times: Annotated[float, Field(ge=1, le=1000)] = 10
    least_hours: Annotated[int, Field(ge=24, le=87600)] = 720
    history_d: Annotated[int, Field(ge=1, le=3660)] = 90


class ConsumptionPolicy(PolicyModel):
    """What a utility may decide about the way consumption is reckoned.

    Attributes:
        gap_limit_days: Longest gap whose inner boundaries are filled; of longer ones only the total is known [d].
        largest_rates: Largest credible rate of each register in its unit per hour: overload flow, power, fuses.
        rates: Rates of some meters; a later one wins.
        learned_rates: How rates of meters that ``rates`` does not name are learned; left out: not at all.
        counts: What one count of some meters is; V14 questions registers that come in others. A later one wins.
        reversible: Registers that run backwards with reverse flow, in meters not named by ``never_backwards``.
        never_backwards: Manufacturers whose legal registers never fall.
        reverse_share: Share of the largest rate that reverse flow may reach.
        digits: Digits before a register rolls over, by device (manufacturer-version-type) and register.
    """

    gap_limit_days: Annotated[float, Field(ge=0, le=3660)]
    largest_rates: Annotated[dict[str, Rate], AfterValidator(_of_registers)]
    rates: tuple[RatesOfMeters, ...] = ()
    learned_rates: LearnedRates | None = None
    counts: tuple[CountsOfMeters, ...] = ()
    reversible: Annotated[frozenset[str], AfterValidator(_of_registers)]
    never_backwards: frozenset[Annotated[str, Field(pattern="^[A-Z]{3}$")]]
    reverse_share: Annotated[float, Field(ge=0, le=1)]
    digits: dict[Device, dict[str, Annotated[int, Field(ge=1, le=12)]]]

    def limits(self, expected_interval: timedelta) -> Policy:
        """What the reckoning takes.

        Args:
            expected_interval: Time between two readings of the source.
        """
        return Policy(
            expected_interval=expected_interval,
            gap_limit=timedelta(days=self.gap_limit_days),
            largest_rates=self.largest_rates,
            reversible=self.reversible,
            never_backwards=self.never_backwards,
            reverse_share=self.reverse_share,
            digits={(device, name): count for device, named in self.digits.items() for name, count in named.items()},
        )
