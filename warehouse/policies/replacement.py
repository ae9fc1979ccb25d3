"""Which corrections are worth telling others: what has been sent is replaced by what differs enough."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from warehouse.policies.model import PolicyModel

Least = Annotated[Decimal, Field(ge=0)]


class ReplacementPolicy(PolicyModel):
    """Least difference of a correction that is sent again (ALGORITHMS §2.6).

    Attributes:
        least_absolute: By unit of consumption; a unit that is not named has none.
        least_percent: Of the old consumption [%].
        better_quality: Whether a better quality alone is enough, such as measured instead of estimated.
    """

    least_absolute: dict[str, Least]
    least_percent: Annotated[Decimal, Field(ge=0, le=100)]
    better_quality: bool
