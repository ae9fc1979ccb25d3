"""How gaps are estimated: which methods by their length, which sources have a schedule, which days are holidays."""

from datetime import date, timedelta
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from warehouse.policies.model import PolicyModel
from warehouse.transforms.estimation.policy import EstimationPolicy

Fill = Literal["LIN", "PCHIP", "PROF_OWN", "LIKE_DAY", "PROF_GRP", "PROF_HDD"]
Days = Annotated[int, Field(gt=0, le=3660)]


class EstimationRules(PolicyModel):
    """What a utility may decide about estimation.

    Attributes:
        intervals_s: Expected time between two readings of each source (``readings.source``) [s]; ``None`` where a
            source has no schedule, then nothing is estimated between two of its readings. Sources that are not named
            have the installation's ``expected_interval_s``.
        drive_by_collectors: Collectors that pass by; what they hear is of the source ``drive_by`` from then on.
        short_gap_intervals: Longest short gap, in expected intervals.
        medium_gap_hours: Longest gap of medium length [h]; longer ones are filled up to the consumption policy's limit.
        short: Methods for short gaps; the first counts for which there is enough evidence.
        medium: Methods for gaps of medium length.
        long: Methods for longer gaps.
        reach_days: Days before a gap whose measured values make profiles and daily averages.
        least_values: Least number of hours that a value of an hourly profile rests on.
        open_after_days: Days without a reading after which days are estimated provisionally.
        open_limit_days: Days after the last reading up to which they are.
        final_after_days: Days after which a provisional day is a final estimate; never where ``None``.
        prolonged_after_days: Days without a reading after which a person has to look at it.
        holidays: Local days that count as Sundays.
        class_field: Custom field of metering points that holds their customer class.
        class_groups: Groups that are customer classes; of several that a point is in now, the first named. Counts
            where the field says nothing.
        profile_settle_days: Days after a month until its readings have arrived and profiles of groups are learned.
        profile_least_meters: Least number of metering points that such a profile rests on; never less
            than three, so that it tells of nobody.
        profile_most_meters: Number of metering points of a class beyond which a part of them stands for all.
        annual_field: Custom field of metering points with the annual estimate of their main register, in base units.
    """

    intervals_s: dict[str, Annotated[int, Field(gt=0)] | None]
    drive_by_collectors: frozenset[str]
    short_gap_intervals: Annotated[int, Field(ge=1)]
    medium_gap_hours: Annotated[int, Field(ge=1)]
    short: tuple[Fill, ...]
    medium: tuple[Fill, ...]
    long: tuple[Fill, ...]
    reach_days: Days
    least_values: Annotated[int, Field(ge=1)]
    open_after_days: Days
    open_limit_days: Days
    final_after_days: Days | None
    prolonged_after_days: Days
    holidays: frozenset[date]
    class_field: str | None = None
    class_groups: tuple[str, ...] = ()
    profile_settle_days: Days = 7
    profile_least_meters: Annotated[int, Field(ge=3)] = 10
    profile_most_meters: Annotated[int, Field(ge=1)] = 1000
    annual_field: str | None = None

    def holiday_days(self) -> pl.DataFrame:
        """The holidays as transforms take them: ``day``."""
        return pl.DataFrame({"day": sorted(self.holidays)}, schema={"day": pl.Date})

    def methods(self) -> EstimationPolicy:
        """What the reckoning takes."""
        return EstimationPolicy(
            intervals={
                source: None if seconds is None else timedelta(seconds=seconds)
                for source, seconds in self.intervals_s.items()
            },
            short_gap=self.short_gap_intervals,
            medium_gap=timedelta(hours=self.medium_gap_hours),
            short=self.short,
            medium=self.medium,
            long=self.long,
            reach=timedelta(days=self.reach_days),
            least_values=self.least_values,
            open_after=timedelta(days=self.open_after_days),
            open_limit=timedelta(days=self.open_limit_days),
            final_after=None if self.final_after_days is None else timedelta(days=self.final_after_days),
            prolonged_after=timedelta(days=self.prolonged_after_days),
            settle=timedelta(days=self.profile_settle_days),
            least_meters=self.profile_least_meters,
            most_meters=self.profile_most_meters,
        )
