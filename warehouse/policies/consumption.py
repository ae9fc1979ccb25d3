"""How consumption is reckoned: which rises and falls of a register are credible, and which gaps are filled."""

from datetime import timedelta
from typing import Annotated, TypeVar

from pydantic import Field, field_validator

from warehouse.policies.model import PolicyModel
from warehouse.schemas.registers import CUMULATIVE
from warehouse.transforms.policy import Policy

Registers = TypeVar("Registers", dict[str, float], frozenset[str])
Rate = Annotated[float, Field(gt=0)]
Device = Annotated[str, Field(pattern=r"^[A-Z]{3}-[0-9a-f]{2}-[0-9a-f]{2}$")]


class ConsumptionPolicy(PolicyModel):
    """What a utility may decide about the way consumption is reckoned.

    Attributes:
        gap_limit_days: Longest gap whose inner boundaries are filled; of longer ones only the total is known [d].
        largest_rates: Largest credible rate of each register in its unit per hour: overload flow, power, fuses.
        reversible: Registers that run backwards with reverse flow, in meters not named by ``never_backwards``.
        never_backwards: Manufacturers whose legal registers never fall.
        reverse_share: Share of the largest rate that reverse flow may reach.
        digits: Digits before a register rolls over, by device (manufacturer-version-type) and register.
    """

    gap_limit_days: Annotated[float, Field(ge=0, le=3660)]
    largest_rates: dict[str, Rate]
    reversible: frozenset[str]
    never_backwards: frozenset[Annotated[str, Field(pattern="^[A-Z]{3}$")]]
    reverse_share: Annotated[float, Field(ge=0, le=1)]
    digits: dict[Device, dict[str, Annotated[int, Field(ge=1, le=12)]]]

    @field_validator("largest_rates", "reversible")
    @classmethod
    def _known_registers(cls, value: Registers) -> Registers:
        if unknown := sorted(set(value) - set(CUMULATIVE)):
            raise ValueError(f"{unknown[0]} is no register; there are {', '.join(CUMULATIVE)}")
        return value

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
