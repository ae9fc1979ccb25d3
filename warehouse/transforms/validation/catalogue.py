"""The catalogue of validation rules: what each one checks, and which parameters it takes."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["pass", "warn", "reject", "estimate"]
Role = Literal["initial", "manual", "estimated"]
Discredits = Literal["value", "step", "consumption", "figure"]

EXCLUDING: tuple[Severity, ...] = ("reject", "estimate")
"""Severities under which a value does not count until somebody decides otherwise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        code: V01 to V24.
        name: Its short name.
        meaning: What it looks for, for people.
        parameters: Meaning of each parameter by name; names end in their unit (``_min`` minutes, ``_d`` days, ``_k``
            kelvin, ``_c`` degC, ``_counts`` counts of the register; ``share`` and ``ratio`` have none).
        discredits: What does not count under an excluding severity: the ``value``; the ``step`` to it, so that
            consumption across it is unknown; ``consumption``, which is unknown whatever the severity; or nothing, since
            the rule looks at a ``figure`` and not at a reading.
    """

    code: str
    name: str
    meaning: str
    parameters: dict[str, str]
    discredits: Discredits = "figure"


RULES = {
    rule.code: rule
    for rule in (
        Rule("V01", "DUP", "The same reading again at another time.", {}, discredits="value"),
        Rule("V02", "FUTURE", "Time after the receipt.", {"ahead_min": "Tolerance"}, discredits="value"),
        Rule(
            "V03",
            "OLD",
            "Time before the installation, or long before the receipt.",
            {"before_install_d": "Tolerance before the installation", "before_receipt_d": "Age at the receipt"},
            discredits="value",
        ),
        Rule(
            "V04",
            "CLOCK",
            "The meter's clock is wrong.",
            {
                "latency_min": "Least usual delay of the receipt",
                "latency_most_min": "Longest delay that the days before make usual; what is more is the clock",
                "warn_min": "Difference of a day that is noted",
                "fail_min": "Difference of a reading from which the severity holds; below it is a warning",
                "slope_d": "Days before that give the usual delay, and the drift per day",
                "slope_s_d": "Seconds a day, either way, that are noted",
                "least_days_d": "Least days with readings among them",
            },
            discredits="value",
        ),
        Rule("V05", "MONO", "A register fell, and nothing explains it.", {}, discredits="consumption"),
        Rule(
            "V06",
            "HIGHREG",
            "A register rose faster than it can.",
            {"margin_ratio": "Times the largest credible rate"},
            discredits="step",
        ),
        Rule(
            "V07",
            "SPIKE",
            "An hour far above the rest of the day.",
            {"above_percent": "Highest over third-highest hour", "floor_counts": "Least highest hour"},
        ),
        Rule(
            "V08",
            "SUM",
            "Intervals do not sum to the register.",
            {"counts": "Tolerance", "share": "Tolerance, share of the difference"},
        ),
        Rule(
            "V09",
            "HILO",
            "Use far above or below that of the same month last year, or of the month before.",
            {"ratio": "Times more or less", "least_counts": "Least use of either"},
        ),
        Rule("V10", "ZERO", "No use for long where somebody lives.", {"days_d": "Days without use"}),
        Rule(
            "V11",
            "STUCK",
            "A register stands still while use is expected.",
            {
                "days_d": "Days without use",
                "expected_counts": "Least use expected",
                "history_d": "Days before",
                "least_k": "Difference of temperatures above which flow carries heat",
            },
        ),
        Rule("V12", "GAP", "Expected readings are missing.", {"intervals": "Expected intervals without a reading"}),
        Rule("V13", "NEG", "A register below zero.", {}, discredits="value"),
        Rule(
            "V14",
            "UNIT",
            "A register differs from before, or from the master data, in its count or by its medium.",
            {},
            discredits="step",
        ),
        Rule(
            "V15",
            "ENERGY",
            "Heat differs from what volume and temperatures give.",
            {"counts": "Tolerance", "share": "Tolerance, share of the heat", "least_counts": "Least heat compared"},
        ),
        Rule(
            "V16",
            "TEMP",
            "Temperatures that a heating system cannot have.",
            {"above_k": "Return above flow", "low_c": "Lowest flow temperature", "high_c": "Highest"},
            discredits="value",
        ),
        Rule(
            "V17",
            "RANGE",
            "A gauge outside its range.",
            {
                "low_c": "Lowest temperature",
                "high_c": "Highest temperature",
                "flow_m3h": "Largest flow either way",
                "power_kw": "Largest power either way",
                "pressure_low_bar": "Lowest pressure",
                "pressure_high_bar": "Highest pressure",
            },
            discredits="value",
        ),
        Rule(
            "V18",
            "CONSEC",
            "The same use hour after hour.",
            {"hours": "Equal hours in a row", "least_counts": "Least use of each"},
        ),
        Rule(
            "V19",
            "SIB",
            "A reading lacks a register that the meter sends together with another.",
            {},
            discredits="value",
        ),
        Rule(
            "V20",
            "INACTIVE",
            "A meter that is installed nowhere counts.",
            {"counts": "Rise that is none"},
            discredits="consumption",
        ),
        Rule(
            "V21",
            "PROLEST",
            "No measured reading for long.",
            {"days_d": "Days after the installation"},
        ),
        Rule("V22", "REVERSE", "Water or energy flows backwards.", {}, discredits="step"),
        Rule(
            "V23",
            "DYN",
            "A day far from what the point uses on such days, or an hour far from such hours.",
            {
                "deviations": "Robust standard deviations",
                "history_d": "Days before",
                "least_days_d": "Least days of the same class among them",
                "least_counts": "Least use of those days together; of an hour, the least of it or of what is usual",
                "by_hour": "1: by hours of the day where hours are measured, else by days; 0: by days",
            },
        ),
        Rule(
            "V24", "EXCH", "Another meter follows without registers read at an exchange.", {}, discredits="consumption"
        ),
    )
}

OF_EVENTS = ("V05", "V14", "V24")
"""Rules over events of registers; V22 with the event ``REVERSE``, too."""

OF_READINGS = ("V01", "V02", "V03", "V04", "V06", "V12", "V13", "V16", "V17", "V19")
"""Rules over readings; those of the kinds below, too, and not those about days. All others look at figures."""

READING_KINDS = ("STUCK_WITH_FLOW", "FLOW_BACKWARDS", "REVERSE_CODE", "UNIT_OF_DEVICE")
"""Kinds of findings of V11, V14 and V22 that readings show by themselves."""

DAY_KINDS = ("CLOCK_DRIFT", "CLOCK_SLOPE")
"""Kinds of findings of V04 about days."""

WHOLE = "*"
"""In place of a register: a finding about a reading as a whole."""
