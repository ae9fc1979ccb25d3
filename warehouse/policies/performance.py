"""What is expected of readings, and from which share on they are poor."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from warehouse.policies.model import PolicyModel
from warehouse.schemas.registers import CUMULATIVE, GAUGES, MAIN_REGISTER_OF
from warehouse.transforms.slots import Schedule

Share = Annotated[float, Field(ge=0, le=100)]


class ReadingSchedule(PolicyModel):
    """Which meters are read when.

    Attributes:
        collectors: Collectors, e.g. M-Bus masters: the schedule holds for the groups that they are expected to read.
        groups: Groups that it holds for, whoever reads them.
        every_min: Minutes between two readings, e.g. 15, 60 or 1440 (one per local day).
        at: Local times at which readings are taken, instead.
        within_min: Minutes that reading takes from these times.
        nothing: Nothing is expected: these meters are read by whoever drives by.
    """

    collectors: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    every_min: Annotated[int, Field(ge=1, le=1440)] | None = None
    at: tuple[time, ...] = ()
    within_min: Annotated[int, Field(ge=1, le=1440)] = 60
    nothing: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if [self.every_min is not None, bool(self.at), self.nothing].count(True) != 1:
            raise ValueError("a schedule has either every_min, or at, or nothing: true")
        minutes = sorted(one.hour * 60 + one.minute for one in self.at)
        apart = (
            [later - earlier for earlier, later in zip(minutes, [*minutes[1:], minutes[0] + 1440], strict=True)]
            if minutes
            else []
        )
        if any(minutes_apart < self.within_min for minutes_apart in apart):
            raise ValueError("the times of a schedule are at least within_min apart")
        return self

    @property
    def slots(self) -> Schedule:
        """When readings are expected."""
        every = timedelta(minutes=self.every_min) if self.every_min else None
        return Schedule(every=every, at=sorted(self.at), within=timedelta(minutes=self.within_min))


class PerformancePolicy(PolicyModel):
    """What a utility may decide about reading performance.

    Attributes:
        deadline: Local time of the next day until which a reading is on time.
        thresholds: Per criterion the share below which a meter's performance is poor [%].
        billing_day: Day of the month whose start is a billing boundary.
        billing_within_h: Hours from the boundary within which a reading measures it.
        schedules: Schedules by name.
        registers: By medium the register that a reading must have, where it is not the medium's main one.
    """

    deadline: time
    thresholds: Mapping[str, Share]
    billing_day: Annotated[int, Field(ge=1, le=28)]
    billing_within_h: Annotated[float, Field(gt=0, le=24)]
    schedules: Mapping[str, ReadingSchedule]
    registers: Mapping[str, str] = {}

    @property
    def registers_by_medium(self) -> dict[str, str]:
        """The register that a reading must have to count, by medium; of others any value will do."""
        return MAIN_REGISTER_OF | dict(self.registers)

    @field_validator("registers")
    @classmethod
    def _known_registers(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted({*value.values()} - {*CUMULATIVE, *GAUGES}):
            raise ValueError(f"{unknown[0]} is no register; there are {', '.join((*CUMULATIVE, *GAUGES))}")
        return value
