"""What a utility may decide about estimation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

METHODS = (
    *("EXACT", "LIN", "PCHIP", "PROF_OWN", "LIKE_DAY", "PROF_GRP", "PROF_HDD"),
    *("HOLD", "SIGNATURE", "ADU", "ANNUAL"),
)
"""How a boundary register came, from the closest to what was measured to the farthest; a period has the later one.

``HOLD``: the last register until an exchange whose final register is unknown. ``SIGNATURE``: energy signature and
outdoor temperature; ``ADU``: average daily use of the weekday class; ``ANNUAL``: annual estimate spread evenly.
"""
EXACT, LIN, PCHIP, PROF_OWN, LIKE_DAY, PROF_GRP, PROF_HDD, HOLD, SIGNATURE, ADU, ANNUAL = range(len(METHODS))
CODES = MappingProxyType({name: code for code, name in enumerate(METHODS)})

FILLS = frozenset({"LIN", "PCHIP", "PROF_OWN", "LIKE_DAY", "PROF_GRP", "PROF_HDD"})
"""Methods that can fill a closed gap."""

_NO_SCHEDULE: Mapping[str, timedelta | None] = MappingProxyType({"drive_by": None, "manual": None})


@dataclass(frozen=True, slots=True)
class EstimationPolicy:
    """How gaps are filled, by their length; of several methods the first counts for which there is enough evidence.

    Attributes:
        intervals: Expected time between two readings of each source (``readings.source``). A source that is not named
            has the policy's ``expected_interval``; one without a schedule has none (``None``), and nothing is estimated
            between two of its readings.
        short_gap: Longest short gap, in expected intervals.
        medium_gap: Longest gap of medium length. Longer ones are filled up to the policy's ``gap_limit``.
        short: Methods for short gaps.
        medium: Methods for gaps of medium length.
        long: Methods for longer gaps.
        reach: Time before a gap whose measured values make profiles and daily averages.
        least_values: Least number of measured hours that a value of an hourly profile rests on.
        open_after: Time without a reading after which days are estimated provisionally.
        open_limit: Time after the last reading up to which they are.
        final_after: Time after which a provisional day is a final estimate; never where ``None``.
        prolonged_after: Time without a reading after which a person has to look at it (V21).
        settle: Time after the end of a local month until its readings have arrived, and profiles of groups are learned.
        least_meters: Least number of metering points that a profile of a group rests on.
        most_meters: Number of metering points of a group beyond which a part of them stands for all.

    Raises:
        ValueError: A method cannot fill a gap.
    """

    intervals: Mapping[str, timedelta | None] = field(default_factory=lambda: _NO_SCHEDULE)
    short_gap: int = 2
    medium_gap: timedelta = timedelta(hours=72)
    short: tuple[str, ...] = ("LIN",)
    medium: tuple[str, ...] = ("PROF_OWN", "PROF_GRP", "LIN")
    long: tuple[str, ...] = ("PROF_HDD", "PROF_OWN", "PROF_GRP", "LIN")
    reach: timedelta = timedelta(days=28)
    least_values: int = 3
    open_after: timedelta = timedelta(days=2)
    open_limit: timedelta = timedelta(days=90)
    final_after: timedelta | None = None
    prolonged_after: timedelta = timedelta(days=60)
    settle: timedelta = timedelta(days=7)
    least_meters: int = 10
    most_meters: int = 1000

    @property
    def fills(self) -> frozenset[str]:
        """Methods that gaps of some length may be filled by."""
        return frozenset({*self.short, *self.medium, *self.long})

    def __post_init__(self) -> None:
        """Refuses methods that fill no gap."""
        if unknown := sorted(self.fills - FILLS):
            raise ValueError(f"{unknown[0]} fills no gap; there are {', '.join(sorted(FILLS))}.")
