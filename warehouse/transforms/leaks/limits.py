"""What tells a leak from use."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of :class:`warehouse.policies.leaks.LeakPolicy`, which says what each means."""

    least_rate_lh: float = 0
    window_h: int = 24
    least_hours: int = 20
    confirmed_h: float = 72
    chronic_days: float = 21
    night_from: int = 2
    night_to: int = 5
    step_days: int = 7
    step_reference_days: int = 28
    step_deviations: float = 3
    step_least_lh: float = 2
    burst_factor: float = 5
    burst_lh: Mapping[str, float] = field(default_factory=lambda: {"any": 1500.0})
    burst_least_min: int = 30
    least_counts: float = 20
    slow_longest_gap_h: float = 5
    slow_days: int = 3
    draw_largest_l: float = 15
    draw_correlation: float = 0.6
    draw_nights: int = 5
