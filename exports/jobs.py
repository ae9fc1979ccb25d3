"""Jobs: which rows go out in which format, when, where to, and what must hold before they do."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from exports.base import Model, Name
from exports.errors import ExportError
from exports.file_names import FileName
from warehouse.plain_yaml import read_settings, understood

Interval = Literal["hourly", "daily", "weekly", "monthly"]
Readings = Literal["all", "last", "final", "since_last"]
"""All of the period; the last of it per register; final settlements; what became known since the last delivery."""

Weekday = Annotated[int, Field(ge=1, le=7)]
"""1 is Monday."""

Percent = Annotated[float, Field(ge=0, le=100)]


class Schedule(Model):
    """When a job runs, in the utility's zone, and which period it is about (EXP-03, EXP-06).

    Attributes:
        interval: How often.
        minute: Minutes past the hour; of hourly jobs only.
        at: Local time of the others.
        weekday: Day on which a weekly job runs.
        day: Day on which a monthly job runs; the month's last where it has fewer.
        last_24_hours: An hourly job sends the last 24 hours instead of the hour before.
        first_day_of_week: A weekly job's weeks begin on this day.
        day_of_month: A monthly job's months begin on this day.
        month_to_date: A monthly job sends the current month so far instead of the month before.
    """

    interval: Interval = "daily"
    minute: Annotated[int, Field(ge=0, le=59)] = 0
    at: time = time(6)
    weekday: Weekday = 1
    day: Annotated[int, Field(ge=1, le=31)] = 1
    last_24_hours: bool = False
    first_day_of_week: Weekday = 1
    day_of_month: Annotated[int, Field(ge=1, le=28)] = 1
    month_to_date: bool = False

    @field_validator("at", mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        if isinstance(value, int | float):  # YAML takes 16:30 without quotes for a number
            raise ValueError("write the time in quotes, such as '16:30'")  # noqa: TRY004  pydantic wants this one
        return value

    @field_validator("at")
    @classmethod
    def _of_minutes(cls, value: time) -> time:
        if value.second or value.microsecond or value.tzinfo:
            raise ValueError("is a local time of whole minutes, such as '16:30'")
        return value


class Gate(Model):
    """Shares of a file's values above which it is withheld [%]; ``None`` for no limit.

    Attributes:
        missing: Without a value (``N``).
        estimated: Estimated (``E``).
        interpolated: Interpolated (``I``).
        rejected: Rejected by validation (``R``).
    """

    missing: Percent | None = None
    estimated: Percent | None = None
    interpolated: Percent | None = None
    rejected: Percent | None = None


class Retry(Model):
    """How delivery is tried again: after a pause that doubles up to an hour.

    Attributes:
        first_pause_min: Pause after the first failure [min].
        give_up_after_h: After so long the run has failed [h].
    """

    first_pause_min: Annotated[int, Field(ge=1, le=1440)] = 5
    give_up_after_h: Annotated[int, Field(ge=1, le=24 * 30)] = 72


class Job(Model):
    """A job of exports.

    Attributes:
        name: What people call it; stands in file names.
        format: Name of the format.
        destination: Name of the destination.
        schedule: When, and about which period.
        active: Whether the schedule holds; a job can always be run by hand.
        readings: Which rows per meter.
        group: Metering points that belong to this group at the end of the period; ``None`` for all.
        media: Media of the meters; ``None`` for all.
        interpolate: Whether what was interpolated or estimated goes out, with its quality; otherwise it is missing.
        interpolate_drive_by: Whether that is also done for meters that are read by passing by.
        file_name: Template instead of the format's.
        gate: What must hold before the file leaves.
        retry: How delivery is tried again.
    """

    name: Name
    format: Name
    destination: Name
    schedule: Schedule = Schedule()
    active: bool = True
    readings: Readings = "all"
    group: str | None = None
    media: tuple[str, ...] | None = None
    interpolate: bool = False
    interpolate_drive_by: bool = False
    file_name: FileName | None = None
    gate: Gate = Gate()
    retry: Retry = Retry()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.interpolate_drive_by and not self.interpolate:
            raise ValueError("interpolate_drive_by: without interpolate it does nothing")
        return self


def read_job(document: str) -> Job:
    """Reads a job's document.

    Args:
        document: YAML.

    Raises:
        ExportError: It is not understood; the message names the places.
    """
    with understood("The job", ExportError):
        return Job.model_validate(read_settings(document.encode()))


def job_of(settings: Mapping[str, object]) -> Job:
    """A job of its settings, as :func:`read_job` finds them in a document."""
    with understood("The job", ExportError):
        return Job.model_validate(settings)
