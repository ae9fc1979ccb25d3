"""How long what is kept: stages by age, by medium, source and part of the lake."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from warehouse.policies.model import PolicyModel
from warehouse.transforms import retention
from warehouse.transforms.resolutions import Resolution
from warehouse.transforms.retention import Rule, Survivor, Zone

Medium = Literal["water", "warm_water", "heat", "cooling", "heat_cooling", "electricity", "gas", "pressure", "other"]
Source = Literal["radio", "drive_by", "wired", "import", "manual", "logger"]


class Stage(PolicyModel):
    """What is kept from an age on.

    Attributes:
        after_months: Age in calendar months.
        keep: One reading per local ``day`` or ``month``, or ``none``.
    """

    after_months: Annotated[int, Field(ge=1, le=1200)]
    keep: Literal["day", "month", "none"]


class RetentionRule(PolicyModel):
    """Stages, and what they are about; a set that is left out stands for everything.

    Attributes:
        media: Media of meters and metering points.
        sources: Sources of readings. Frames, telegrams and records are of the source of the reading they gave, else of
            the source they were received by; figures and events come from readings of all sources, so that a rule
            with sources says nothing about them.
        resolutions: How often the meters are meant to be read: ``5min`` (priority meters, too), ``15min``, ``hour``,
            ``day`` (less often than hourly). By the configuration of the meter, else by the installation's expected
            interval. What is of no meter is of no class.
        zones: ``raw`` (frames, landed files, telegrams), ``reading`` (readings, their history, records), ``interval``
            (consumption, heat, gauges, performance, links), ``event`` (register events, info codes, exceptions,
            corrections, alerts).
        stages: Stages by rising age, each keeping less than the one before.
    """

    media: frozenset[Medium] = frozenset()
    sources: frozenset[Source] = frozenset()
    resolutions: frozenset[Resolution] = frozenset()
    zones: frozenset[Zone] = frozenset()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _falling(self) -> "RetentionRule":
        order = ("day", "month", "none")
        for earlier, later in zip(self.stages, self.stages[1:], strict=False):
            if later.after_months <= earlier.after_months or order.index(later.keep) <= order.index(earlier.keep):
                raise ValueError("stages: each one is older and keeps less than the one before")
        if self.sources and not self.zones <= {"raw", "reading"}:
            raise ValueError("sources: figures and events have none; name only the zones raw and reading")
        if self.sources and not self.zones:
            raise ValueError("sources: name the zones too, raw or reading")
        return self


class RetentionPolicy(PolicyModel):
    """What a utility decides about the age of its data.

    Attributes:
        automatic: Whether the nightly schedule applies the policy; else only who approves a run does.
        survivor: Which reading stands for its day or month: the ``last``, the one nearest to the midnight that ends it
            (``nearest_boundary``), or both ends of it (``first_last``).
        rules: The first one that is about something decides; what none is about is kept.
        hold_exported_months: Age in months up to which nothing goes that a file for billing was made of, counted from
            the making of the file: as long as a bill can be disputed. By default three years, the limitation period of
            such claims in Denmark and Germany; 0 holds nothing.
    """

    automatic: bool
    survivor: Survivor
    rules: tuple[RetentionRule, ...]
    hold_exported_months: Annotated[int, Field(ge=0, le=1200)] = 36

    def stages(self) -> tuple[Rule, ...]:
        """The rules as the reckoning takes them."""
        return tuple(
            Rule(
                rule.media,
                rule.sources,
                rule.zones,
                tuple(retention.Stage(stage.after_months, stage.keep) for stage in rule.stages),
                rule.resolutions,
            )
            for rule in self.rules
        )
