"""What estimates rest on besides the readings around a gap."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from warehouse.schemas import CONSUMPTION_DAILY, CONSUMPTION_HOURLY, REGISTER

_COURSE = {"metering_point": pl.String, "register": pl.String}
_PROFILE = {
    "medium": pl.String,
    "customer_class": pl.String,
    "register": pl.String,
    "local_month": pl.Date,
    "day_class": pl.Int8,
    "hour": pl.Int8,
    "weight": pl.Int64,
}
PROFILES = pl.Schema(_PROFILE)
"""Columns of the profiles of groups."""

CLASS: dict[str, pl.DataType | type[pl.DataType]] = {"medium": pl.String, "customer_class": pl.String}
"""What tells points apart whose hours make one profile."""


def _empty(columns: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema=columns)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Frames of one organisation; each may be empty, then the methods that need it give way to the next.

    Attributes:
        hours: Rows of ``consumption_hourly`` before the asked days, at least ``metering_point``, ``register``, ``day``,
            ``period_start``, ``period_end``, ``consumption`` and ``quality``; those of asked days do not count, since
            they are reckoned. At least the policy's ``reach`` before each gap; more do not change the result.
        days: Rows of ``consumption_daily``, likewise.
        holidays: ``day`` (local date); holidays count as Sundays.
        classes: ``metering_point``, ``medium`` and ``customer_class``; a point that is not named is of medium and
            class "".
        profiles: Profiles of groups, see ``profiles.group_profiles``; a gap takes that of ``profiles.profile_month``.
        temperatures: ``day`` and ``temperature_c``, the mean outdoor temperature of the local day.
        signatures: Energy signatures: ``metering_point``, ``a_kw_per_k``, ``b_kw`` and ``t0_c``.
        annual: Annual estimates: ``metering_point``, ``register`` and ``annual_estimate`` (register's unit).
        ends: ``metering_point`` and ``open_to`` (local day): points whose latest readings are at hand and whose
            days up to ``open_to`` may be estimated provisionally.
        finals: Provisional days that a person made final: ``metering_point``, ``register``, ``first_day``,
            ``last_day``.
        as_of: Instant up to which readings should be here; ``None`` estimates no open gap.
    """

    hours: pl.DataFrame = field(default_factory=CONSUMPTION_HOURLY.empty)
    days: pl.DataFrame = field(default_factory=CONSUMPTION_DAILY.empty)
    holidays: pl.DataFrame = field(default_factory=lambda: _empty({"day": pl.Date}))
    classes: pl.DataFrame = field(default_factory=lambda: _empty({"metering_point": pl.String, **CLASS}))
    profiles: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PROFILES))
    temperatures: pl.DataFrame = field(default_factory=lambda: _empty({"day": pl.Date, "temperature_c": pl.Float64}))
    signatures: pl.DataFrame = field(
        default_factory=lambda: _empty(
            {"metering_point": pl.String, "a_kw_per_k": pl.Float64, "b_kw": pl.Float64, "t0_c": pl.Float64}
        )
    )
    annual: pl.DataFrame = field(default_factory=lambda: _empty({**_COURSE, "annual_estimate": REGISTER}))
    ends: pl.DataFrame = field(default_factory=lambda: _empty({"metering_point": pl.String, "open_to": pl.Date}))
    finals: pl.DataFrame = field(default_factory=lambda: _empty({**_COURSE, "first_day": pl.Date, "last_day": pl.Date}))
    as_of: datetime | None = None
