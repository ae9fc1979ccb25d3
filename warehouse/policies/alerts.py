"""How many consumption alerts there may be."""

from typing import Annotated

from pydantic import Field

from warehouse.policies.model import PolicyModel


class AlertPolicy(PolicyModel):
    """What a utility may decide about consumption alerts.

    Attributes:
        max_active: Alerts that may be active at a time.
    """

    max_active: Annotated[int, Field(ge=0, le=1_000_000)]
