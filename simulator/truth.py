"""What a correct system must find, reckoned by plain rules from what was delivered.

The boundary rule of ALGORITHMS §2.1 is written out here a second time, one value after the other in whole numbers, so
that an error in the system's own computation cannot hide.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from simulator.calendar import HOUR_MS
from simulator.kinds import Register

ALIGNED_GAP = 1.5
"""A boundary counts as measured if its bracket is no wider than this many transmission intervals."""

_ROLLOVER_SHARE = 10


@dataclass(frozen=True, slots=True)
class Boundary:
    """A register at a boundary, reckoned from the readings around it.

    Attributes:
        counts: The register, rounded to its resolution; counted on past roll-overs.
        before_ms: The reading at or before the boundary.
        after_ms: The reading at or after it.
    """

    counts: int
    before_ms: int
    after_ms: int


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one register of one meter, in order of time.

    Attributes:
        times: Reading times in milliseconds.
        counts: Register counts, continued over roll-overs.
        breaks: Reading times at which the register started again for no known reason.
    """

    times: list[int]
    counts: list[int]
    breaks: list[int]

    def boundary(self, at_ms: int) -> Boundary | None:
        """The register at an instant; None without readings on both sides."""
        after = bisect_left(self.times, at_ms)
        if after == len(self.times):
            return None
        if self.times[after] == at_ms:
            return Boundary(self.counts[after], at_ms, at_ms)
        if after == 0:
            return None
        start, end = self.times[after - 1], self.times[after]
        first, last = self.counts[after - 1], self.counts[after]
        rise = 2 * (last - first) * (at_ms - start) + (end - start)
        return Boundary(first + rise // (2 * (end - start)), start, end)

    def has_break(self, start_ms: int, end_ms: int) -> bool:
        """Whether the register started again between two instants."""
        return any(start_ms < instant <= end_ms for instant in self.breaks)


def make_series(times: Sequence[int], shown: Sequence[int], capacity: int | None, *, falls_are_flow: bool) -> Series:
    """Readings as a series that goes on over roll-overs.

    Args:
        times: Reading times in milliseconds, ascending.
        shown: Counts as sent.
        capacity: Counts at which the register starts again from 0, or None.
        falls_are_flow: Whether the meter counts back, so that a fall is no break.

    Returns:
        The series.
    """
    counts: list[int] = []
    breaks: list[int] = []
    added = 0
    for instant, value, previous in zip(times, shown, [*shown[:1], *shown[:-1]], strict=True):
        if value < previous and not falls_are_flow:
            if capacity and previous >= capacity - capacity // _ROLLOVER_SHARE and value <= capacity // _ROLLOVER_SHARE:
                added += capacity
            else:
                breaks.append(instant)
        counts.append(value + added)
    return Series(list(times), counts, breaks)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a metering point's history with one meter.

    Attributes:
        register: Register, for its resolution.
        series: Readings of the meter; None if none can be decoded.
        start_ms: Start of the stretch.
        end_ms: End of it.
        first: Register read by a person at the start; None where the stretch starts with the simulation.
        last: Register read at the end, likewise.
    """

    register: Register
    series: Series | None
    start_ms: int
    end_ms: int
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """Consumption of a period as the boundary rule gives it.

    Attributes:
        consumption: Base units; None where it cannot be known.
        start: Register at the start of the period, on the meter installed then.
        end: Register at the end.
        is_within_hour: Whether both boundaries have readings within the hour before and after.
        is_exact: Whether both boundaries are readings themselves.
    """

    consumption: Decimal | None
    start: Decimal | None
    end: Decimal | None
    is_within_hour: bool
    is_exact: bool


def expected_consumption(parts: Sequence[Part], start_ms: int, end_ms: int, interval_ms: int) -> Expected:
    """Consumption of a metering point between two instants.

    Args:
        parts: The point's meters, in order of time.
        start_ms: Start of the period.
        end_ms: End of the period.
        interval_ms: Time between transmissions.

    Returns:
        Consumption and how well its boundaries are measured.
    """
    resolution = parts[0].register.resolution
    total: int | None = 0
    ends: list[Boundary | None] = []
    for part in parts:
        if part.end_ms <= start_ms or part.start_ms >= end_ms:
            continue
        opening = closing = None
        if part.start_ms <= start_ms:
            opening = part.series.boundary(start_ms) if part.series else None
            ends.append(opening)
        if part.end_ms >= end_ms:
            closing = part.series.boundary(end_ms) if part.series else None
            ends.append(closing)
        first = opening.counts if opening else part.first
        last = closing.counts if closing else part.last
        is_broken = part.series is not None and part.series.has_break(start_ms, end_ms)
        total = None if total is None or first is None or last is None or is_broken else total + last - first
    start, end = ends
    near = (_is_within_hour(start, start_ms, interval_ms), _is_within_hour(end, end_ms, interval_ms))
    return Expected(
        consumption=None if total is None else total * resolution,
        start=_register(parts, start, resolution),
        end=_register(parts, end, resolution),
        is_within_hour=all(near),
        is_exact=all(boundary is not None and boundary.before_ms == boundary.after_ms for boundary in ends),
    )


def _register(parts: Sequence[Part], boundary: Boundary | None, resolution: Decimal) -> Decimal | None:
    if boundary is None:
        return None
    capacity = parts[0].register.capacity
    return (boundary.counts % capacity if capacity else boundary.counts) * resolution


def _is_within_hour(boundary: Boundary | None, at_ms: int, interval_ms: int) -> bool:
    if boundary is None:
        return False
    near = at_ms - boundary.before_ms <= HOUR_MS and boundary.after_ms - at_ms <= HOUR_MS
    return near and boundary.after_ms - boundary.before_ms <= ALIGNED_GAP * interval_ms


def performance(
    times: Sequence[int], active: tuple[int, int], midnights: Sequence[int]
) -> list[tuple[int, str, int, int]]:
    """Expected and received slots of a meter (ALGORITHMS §6), counted by hand.

    Args:
        times: Reading times in milliseconds, ascending.
        active: When the meter is installed.
        midnights: Boundaries of the local days.

    Returns:
        Per day: its number, criterion (``hourly`` or ``daily``), slots fully inside the active time, and those of them
        with a reading.
    """
    rows: list[tuple[int, str, int, int]] = []
    for number, (start, end) in enumerate(pairwise(midnights)):
        for criterion, step in (("hourly", HOUR_MS), ("daily", end - start)):
            slots = range(start, end, step)
            judged = [slot for slot in slots if slot >= active[0] and min(slot + step, end) <= active[1]]
            received = sum(bisect_left(times, min(slot + step, end)) > bisect_left(times, slot) for slot in judged)
            rows.append((number, criterion, len(judged), received))
    return rows


def info_code_episodes(
    times: Sequence[int], words: Sequence[int], bits: Mapping[str, int]
) -> list[tuple[str, int, int, int | None]]:
    """Episodes of info codes as the readings show them (ALGORITHMS §8.2).

    Args:
        times: Reading times in milliseconds, ascending.
        words: Info code words of the readings.
        bits: Bit of each code.

    Returns:
        Code, first and last reading with it, first reading without it again or None.
    """
    episodes: list[tuple[str, int, int, int | None]] = []
    for code, bit in bits.items():
        first = last = None
        for instant, word in zip(times, words, strict=True):
            if word >> bit & 1:
                first, last = instant if first is None else first, instant
            elif first is not None and last is not None:
                episodes.append((code, first, last, instant))
                first = last = None
        if first is not None and last is not None:
            episodes.append((code, first, last, None))
    return episodes
