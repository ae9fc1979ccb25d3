"""Limits of the rules that find faults of substations; all are absolute, so that a bad fleet does not excuse itself."""

from dataclasses import dataclass

LOW_COOLING = "low_cooling"
WEATHER = "weak_weather_dependence"
LOAD = "load_pattern"
CONTROL = "control"
RETURN = "return_outlier"
SHIFT = "signature_shift"
OUTLIER = "cooling_outlier"

RULES = (LOW_COOLING, WEATHER, LOAD, CONTROL, RETURN, SHIFT, OUTLIER)


@dataclass(frozen=True, slots=True)
class FaultRules:
    """What a utility decides about faults.

    Attributes:
        rules: Rules that are in use.
        least_days: Days with temperatures that the cooling of a season needs.
        lowest_cooling_k: Cooling of the season below which a substation is at fault (K).
        cooling_by_supply: Supply temperature (degC) and the limit from it on, instead of ``lowest_cooling_k``.
        heating_limit_c: Outdoor temperature below which a day belongs to the heating season.
        least_heating_days: Such days that the dependence on weather needs.
        largest_correlation: Spearman's correlation of power and outdoor temperature above which it is too weak.
        recent_days: Local days, counted from the last, that load pattern, control and return are judged by.
        night_share: Least and largest share of the day's energy from midnight to six.
        weekend_ratio: Least and largest ratio of a weekend day's energy to a weekday's.
        largest_hunting: Largest share of hours in which the flow turns by more than half.
        least_hours: Hours that this share needs.
        neighbours: Substations of a reference group.
        return_sigmas: Robust standard deviations that a return temperature may be above its reference group's.
        return_days: Days of seven on which it is so that make a fault.
        least_return_k: Kelvin above the group that are needed as well.
        outlier_sigmas: Robust standard deviations that the cooling may be below the fleet's.
        outlier_below_k: Cooling above which nobody is an outlier (K).
        price_per_m3: What a cubic metre of excess volume costs; ``None`` where nobody knows.
    """

    rules: frozenset[str]
    least_days: int
    lowest_cooling_k: float
    cooling_by_supply: tuple[tuple[float, float], ...]
    heating_limit_c: float
    least_heating_days: int
    largest_correlation: float
    recent_days: int
    night_share: tuple[float, float]
    weekend_ratio: tuple[float, float]
    largest_hunting: float
    least_hours: int
    neighbours: int
    return_sigmas: float
    return_days: int
    least_return_k: float
    outlier_sigmas: float
    outlier_below_k: float
    price_per_m3: float | None
