"""What a notification rule says: what it is about, whom it tells, and when."""

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from registry.errors import RegistryError
from registry.mail import check_address, check_number
from registry.mail.kinds import DEFAULT_LANGUAGE, known_language
from registry.mail.outbox import Channel
from warehouse.plain_yaml import read_settings, understood

Topic = Literal["info_codes", "consumption_alerts", "silent_collectors", "exports"]
Weekday = Annotated[int, Field(ge=1, le=7)]
"""1 is Monday."""

Name = Annotated[str, Field(min_length=1, max_length=100)]
MOST_RECIPIENTS = 1_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class NotificationError(RegistryError):
    """A rule is not as it must be, or there is none; the message says what to do."""


class Model(BaseModel):
    """A part of a rule; what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class InfoCodes(Model):
    """Which info codes a rule is about.

    Attributes:
        codes: Names such as ``LEAK``; none for all that the policy info_codes does not ignore.
        only_high: Only codes of high priority.
    """

    codes: tuple[Name, ...] = ()
    only_high: bool = False


class Frequency(Model):
    """When digests and reports are made, in the utility's zone: each day, on some weekdays, or once a month.

    Attributes:
        at: Local time. On the day that it does not exist it is as much later as clocks jump; of two, the first counts.
        weekdays: Only on these days; none for every day.
        day: Only on this day of the month, the last one where the month has fewer.
    """

    at: time
    weekdays: tuple[Weekday, ...] = ()
    day: Annotated[int, Field(ge=1, le=31)] | None = None

    @field_validator("at", mode="before")
    @classmethod
    def _clock_time(cls, value: object) -> object:
        """Takes ``12:20`` without quotes, which YAML reads as a number of minutes."""
        if not isinstance(value, int | float):
            return value
        if isinstance(value, float) or not 0 <= value < 24 * 60:
            raise ValueError("is a clock time such as 12:20")
        return time(*divmod(value, 60))

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.weekdays and self.day is not None:
            raise ValueError("weekdays and day: only one of them can be given")
        if self.at.tzinfo is not None:
            raise ValueError("at: is a time of the utility's zone, without an offset")
        return self

    def __str__(self) -> str:
        """As lists show it: ``Daily 12:20``, ``Mon, Tue 12:20``, ``Monthly 1. 06:00``."""
        when = f"Monthly {self.day}." if self.day else ", ".join(_DAYS[day - 1] for day in sorted(set(self.weekdays)))
        return f"{when or 'Daily'} {self.at:%H:%M}"


class Report(Model):
    """A report that is sent at each time of the frequency, about the day, week or month before.

    Attributes:
        kind: Which one.
        format: As which file.
    """

    kind: Literal["consumption", "info_codes", "performance", "water_loss"]
    format: Literal["csv", "xlsx", "pdf"] = "xlsx"


class Rule(Model):
    """A rule.

    Attributes:
        name: What people call it.
        subject: How its messages begin; its name where it is empty.
        active: Whether it holds.
        info_codes: Info codes it tells of.
        consumption_alerts: Whether it tells of consumption alerts that were triggered or retracted.
        silent_collectors: Whether it tells of collectors that deliver nothing while others do, and of an outage of all.
        exports: Whether it tells of exports that failed or were withheld.
        report: A report it sends instead.
        group: Only metering points and meters of this group.
        recipients: E-mail addresses and telephone numbers, which begin with ``+``; any number of either.
        immediately: Whether each event is told as soon as it is known.
        frequency: When what was not told yet is told in one message.
        remind_days: After so many days it is told again, while it lasts.
        language: Language of the messages.
        shows_address: Whether messages hold the address of the metering point.
    """

    name: Name
    subject: Annotated[str, Field(max_length=100)] = ""
    active: bool = True
    info_codes: InfoCodes | None = None
    consumption_alerts: bool = False
    silent_collectors: bool = False
    exports: bool = False
    report: Report | None = None
    group: Name | None = None
    recipients: Annotated[tuple[str, ...], Field(max_length=MOST_RECIPIENTS)] = Field(default=(), repr=False)
    immediately: bool = True
    frequency: Frequency | None = None
    remind_days: Annotated[int, Field(ge=1, le=365)] | None = None
    language: str = DEFAULT_LANGUAGE
    shows_address: bool = False

    @field_validator("name", "subject", "group")
    @classmethod
    def _one_line(cls, value: str | None) -> str | None:
        if value is not None and (not value.isprintable() or value != value.strip()):
            raise ValueError("has characters that are not printable, or blanks at an end")
        return value

    @field_validator("recipients")
    @classmethod
    def _reachable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(dict.fromkeys(checked(address) for address in value))
        except RegistryError as exc:
            raise ValueError(str(exc)) from None

    @field_validator("language")
    @classmethod
    def _spoken(cls, value: str) -> str:
        try:
            return known_language(value)
        except RegistryError as exc:
            raise ValueError(str(exc)) from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        topics = self.topics
        if self.report is None and not topics:
            raise ValueError(
                "it tells of nothing: give info_codes, consumption_alerts, silent_collectors, exports or report"
            )
        if self.report is not None:
            if topics:
                raise ValueError("report: a rule sends a report or tells of events, not both")
            if self.frequency is None:
                raise ValueError("report: needs a frequency")
            if any(channel_of(address) == "sms" for address in self.recipients):
                raise ValueError("report: goes by e-mail alone, and a recipient is a telephone number")
        elif not self.immediately and self.frequency is None:
            raise ValueError("it is never told: set immediately, or give a frequency")
        if self.group and {"silent_collectors", "exports"} & set(topics):
            raise ValueError("group: collectors and exports belong to none; make a rule of their own")
        return self

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What it tells of."""
        flags: dict[Topic, bool] = {
            "info_codes": self.info_codes is not None,
            "consumption_alerts": self.consumption_alerts,
            "silent_collectors": self.silent_collectors,
            "exports": self.exports,
        }
        return tuple(topic for topic, chosen in flags.items() if chosen)

    @property
    def title(self) -> str:
        """How its messages begin."""
        return self.subject or self.name


def read_rule(content: bytes) -> Rule:
    """Reads a rule.

    Args:
        content: YAML, as :class:`Rule` has it.

    Raises:
        NotificationError: It is none; the message names the place and never an address.
    """
    with understood("The rule", NotificationError):
        return Rule.model_validate(read_settings(content))


def rule_of(settings: Mapping[str, object]) -> Rule:
    """A rule of its settings, as :func:`read_rule` finds them in a document."""
    with understood("The rule", NotificationError):
        return Rule.model_validate(settings)


def channel_of(address: str) -> Channel:
    """How somebody is reached."""
    return "sms" if address.startswith("+") else "mail"


def checked(address: str) -> str:
    """An e-mail address or telephone number as messages are sent to it.

    Raises:
        RegistryError: It is neither; the text does not repeat it.
    """
    return check_number(address) if channel_of(address) == "sms" else check_address(address)
