"""What makes radio coverage good, and when a meter or a collector is silent."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from warehouse.policies.model import PolicyModel

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class CollectorKind(PolicyModel):
    """What is known of a collector.

    Attributes:
        sensitivity_dbm: Weakest signal it decodes [dBm].
        most_meters: Meters that it can carry; ``None`` where nobody says.
    """

    sensitivity_dbm: float
    most_meters: Annotated[int, Field(gt=0)] | None = None


class Silence(PolicyModel):
    """When a meter is silent.

    Attributes:
        look_back_days: Days of history that its usual pauses are learned from.
        quantile: Share of its pauses that a silence exceeds.
        intervals: Multiple of its usual pause that a silence exceeds, too.
        fewest_pauses: Pauses of a kind of day from which on they are judged apart from the others.
        collector_share: Share of a collector's meters that are silent from which on the collector is down.
        fewest_meters: Meters that a collector must have for that.
    """

    look_back_days: Annotated[int, Field(ge=2, le=400)]
    quantile: Share
    intervals: Positive
    fewest_pauses: Annotated[int, Field(ge=2)]
    collector_share: Annotated[float, Field(gt=0, le=1)]
    fewest_meters: Annotated[int, Field(ge=1)]


class Battery(PolicyModel):
    """How long batteries live.

    Attributes:
        life_years: Type life by medium; a medium that is not named has no estimate.
        codes: Info codes that say that the battery is low.
        slower_by: Rise of the transmit interval that tells of a meter saving its battery.
    """

    life_years: Mapping[str, Positive]
    codes: frozenset[str]
    slower_by: Positive


class CoveragePolicy(PolicyModel):
    """What a utility may decide about coverage.

    Attributes:
        collector: What holds of a collector that is not named.
        collectors: What holds of single collectors.
        gap_h: Hours without any reception from which on a collector has a gap.
        step_db: Sudden change of a link's signal that is reported [dB].
        silence: When a meter is silent.
        battery: How long batteries live.
    """

    collector: CollectorKind
    collectors: Mapping[str, CollectorKind]
    gap_h: Annotated[int, Field(ge=1)]
    step_db: Positive
    silence: Silence
    battery: Battery
