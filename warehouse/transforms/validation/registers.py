"""Registers and gauges of a reading: V06, V11 (with flow), V13, V16, V17, V19, V22, and the events V05, V14, V24."""

import polars as pl

from warehouse.phrases import phrase
from warehouse.transforms.policy import Policy
from warehouse.transforms.validation.inputs import amount, hours_between
from warehouse.transforms.validation.rules import Rules, findings

UNEXPLAINED = ("RESET", "UNEXPLAINED_FALL")
"""Falls that a person has to look at (§2.3 h, i)."""

REVERSE_CODE = "REVERSE"
"""Info code of reverse flow."""

_SERIES = ("meter_id", "register")
_SAME_COUNT = 1e-9
_KWH_PER_M3_K = 1.1
"""What water carries, roughly and rather too little: 1.16 kWh per m³ and kelvin when cold, 1.13 at 90 degC."""


def judge_steps(steps: pl.DataFrame, rules: Rules, limits: Policy) -> pl.DataFrame:
    """Judges how registers moved (V06, V13, V11 where the meter itself says that there is flow).

    Args:
        steps: As :func:`~warehouse.transforms.validation.inputs.steps` gives them.
        rules: The rules.
        limits: Largest credible rates, and which registers run backwards.

    Returns:
        Findings.
    """
    return findings(_too_high(steps, rules, limits), _negative(steps, rules, limits), _stuck(steps, rules))


def _too_high(steps: pl.DataFrame, rules: Rules, limits: Policy) -> pl.DataFrame:
    limit = pl.col("largest_rate") * rules.parameter("V06", "margin_ratio")
    # A low reading before is a spike down (§2.3 d); a high one that the next does not keep is a spike up (e).
    dipped = (pl.col("value_before") < pl.col("value_before_2")).fill_null(value=False)
    base, since = (pl.when(dipped).then(f"{name}_before_2").otherwise(f"{name}_before") for name in ("value", "at"))
    hours = hours_between(since, pl.col("at"))
    rise = amount(pl.col("value") - base)
    keeps = (pl.col("value_after") >= pl.col("value")).fill_null(value=True)
    least = pl.max_horizontal(limit * hours, pl.col("count") * 1.5)
    return rules.found(
        limits.with_rates(steps),
        "V06",
        (rise > least) & keeps,
        reason=phrase("The register rose by {} in {} h.", rise, hours.round(2)),
        evidence={"rise": rise, "hours": hours, "limit_per_h": limit, "before": amount(base)},
    )


def _negative(steps: pl.DataFrame, rules: Rules, limits: Policy) -> pl.DataFrame:
    value = amount(pl.col("value"))
    # Reverse flow takes a register that runs backwards below zero soon after it began to count.
    return rules.found(
        steps,
        "V13",
        (pl.col("value") < 0) & ~limits.runs_backwards(),
        reason=phrase("The register shows {}.", value),
        evidence={"value": value},
    )


def _stuck(steps: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    flowed = pl.min_horizontal("flow_m3h", pl.col("flow_m3h").shift(1)) * hours_between(
        pl.col("at_before"), pl.col("at")
    )
    # Both readings tell the flow and the temperatures; the lesser of the two is taken for the time between them.
    cooled = pl.col("flow_temp_c") - pl.col("return_temp_c")
    heated = pl.min_horizontal(cooled, cooled.shift(1))
    chilled = pl.min_horizontal(-cooled, -cooled.shift(1))
    difference = (
        pl.when(pl.col("register") == "energy_kwh")
        .then(heated)
        .when(pl.col("register") == "cooling_energy_kwh")
        .then(chilled)
    )
    warm = pl.when(difference > rules.parameter("V11", "least_k")).then(difference)
    passed = pl.when(pl.col("register") == "volume_m3").then(flowed).otherwise(flowed * warm * _KWH_PER_M3_K)
    expected = passed / pl.col("count")
    return rules.found(
        steps,
        "V11",
        (pl.col("value") == pl.col("value_before")) & (expected >= rules.parameter("V11", "expected_counts")),
        reason=phrase("The register stands still while {} m3 flow.", flowed.round(3)),
        evidence={"flowed_m3": flowed, "difference_k": difference, "counts": expected},
        kind=pl.lit("STUCK_WITH_FLOW"),
        series=_SERIES,
    )


FOREIGN = {
    **dict.fromkeys(("water", "warm_water"), ("energy_kwh", "cooling_energy_kwh", "energy_import_kwh")),
    "electricity": ("volume_m3", "energy_kwh", "cooling_energy_kwh"),
}
"""Registers that no meter registered as of a medium has."""


def judge_units(steps: pl.DataFrame, rules: Rules, counts: pl.DataFrame) -> pl.DataFrame:
    """Holds registers against master data: the count of the device, and the medium (V14).

    Args:
        steps: As :func:`~warehouse.transforms.validation.inputs.steps` gives them.
        rules: The rules.
        counts: ``meter_id``, ``register`` and ``expected_count`` (base units), as far as somebody said so.

    Returns:
        Findings; of readings that differ one after another, the first.
    """
    rows = steps.join(counts, on=["meter_id", "register"], how="left", maintain_order="left")
    expected, count = pl.col("expected_count"), pl.col("count")
    # Readings without a layout, such as imported ones, tell no count.
    other = pl.col("layout_id").is_not_null() & ((count / expected - 1).abs() > _SAME_COUNT)
    foreign = pl.any_horizontal(
        (pl.col("medium") == medium) & pl.col("register").is_in(names) for medium, names in FOREIGN.items()
    )
    return rules.found(
        rows,
        "V14",
        other.fill_null(value=False) | foreign.fill_null(value=False),
        reason=pl.when(foreign.fill_null(value=False))
        .then(phrase("A meter of {} has no such register.", "medium"))
        .otherwise(phrase("One count is {}; by the master data it is {}.", count, expected)),
        evidence={"count": count, "expected_count": expected, "medium": pl.col("medium")},
        kind=pl.lit("UNIT_OF_DEVICE"),
        series=_SERIES,
    )


def judge_gauges(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Judges gauges and siblings (V16, V17, V19, V22).

    Args:
        rows: As :func:`~warehouse.transforms.validation.inputs.placed` gives them.
        rules: The rules.

    Returns:
        Findings.
    """
    return findings(_ranges(rows, rules), _temperatures(rows, rules), _siblings(rows, rules), _backwards(rows, rules))


RANGES: dict[str, tuple[str | None, str]] = {
    "flow_temp_c": ("low_c", "high_c"),
    "return_temp_c": ("low_c", "high_c"),
    "ambient_temp_c": ("low_c", "high_c"),
    "flow_m3h": (None, "flow_m3h"),
    "power_kw": (None, "power_kw"),
    "power_import_kw": (None, "power_kw"),
    "power_export_kw": (None, "power_kw"),
    "pressure_bar": ("pressure_low_bar", "pressure_high_bar"),
}
"""Lowest and highest value of gauges, as parameters of V17; without a lowest one, as far below zero."""


def _ranges(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    parts = []
    for gauge, (low, high) in RANGES.items():
        most = rules.parameter("V17", high)
        least = rules.parameter("V17", low) if low else -most
        value = pl.col(gauge)
        parts.append(
            rules.found(
                rows,
                "V17",
                ~value.is_between(least, most),
                register=pl.lit(gauge),
                reason=phrase("{} is outside of its range.", value),
                evidence={"value": value, "low": least, "high": most},
                series=("meter_id",),
            )
        )
    return findings(*parts)


def _temperatures(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    flow, back = pl.col("flow_temp_c"), pl.col("return_temp_c")
    heating = pl.col("medium").is_in(["heat", "heat_cooling"])
    crossed = (
        (pl.col("medium") == "heat") & (pl.col("flow_m3h") > 0) & (back > flow + rules.parameter("V16", "above_k"))
    ).fill_null(value=False)
    odd = ~flow.is_between(rules.parameter("V16", "low_c"), rules.parameter("V16", "high_c"))
    return rules.found(
        rows,
        "V16",
        heating & (crossed | odd),
        register=pl.lit("flow_temp_c"),
        reason=pl.when(crossed)
        .then(phrase("The return is {} degC, the flow {} degC.", back, flow))
        .otherwise(phrase("The flow temperature is {} degC.", flow)),
        evidence={"flow_temp_c": flow, "return_temp_c": back, "flow_m3h": pl.col("flow_m3h")},
        series=("meter_id",),
    )


def _siblings(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    volume, energy = pl.col("volume_m3").is_not_null(), pl.col("energy_kwh").is_not_null()
    heating = pl.col("medium").is_in(["heat", "heat_cooling"])
    near = [(volume & energy).shift(by) & (pl.col("meter_id") == pl.col("meter_id").shift(by)) for by in (-2, -1, 1, 2)]
    lacks = heating & (volume ^ energy) & pl.any_horizontal(near).fill_null(value=False)
    missing = pl.when(volume).then(pl.lit("energy_kwh")).otherwise(pl.lit("volume_m3"))
    return rules.found(
        rows,
        "V19",
        lacks & (pl.col("quality") != "X"),
        register=missing,
        reason=phrase("The reading lacks {}, which the meter sends at other times.", missing),
        evidence={"layout_id": pl.col("layout_id")},
        series=("meter_id",),
    )


def _backwards(rows: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    flow = pl.col("flow_m3h")
    return rules.found(
        rows,
        "V22",
        flow < 0,
        register=pl.lit("flow_m3h"),
        reason=phrase("The flow is {} m3/h.", flow),
        evidence={"flow_m3h": flow},
        kind=pl.lit("FLOW_BACKWARDS"),
        series=("meter_id",),
    )


def judge_codes(rows: pl.DataFrame, rules: Rules, bits: pl.DataFrame) -> pl.DataFrame:
    """Finds reverse flow that the meter itself tells of (V22).

    Args:
        rows: As :func:`~warehouse.transforms.validation.inputs.placed` gives them, with ``info_code`` and
            ``info_code_kind``.
        rules: The rules.
        bits: ``kind``, ``bit`` and ``code`` of info codes.

    Returns:
        Findings; of readings that tell so one after another, the first.
    """
    reverse = bits.filter(pl.col("code") == REVERSE_CODE)
    masks = reverse.group_by("kind").agg(mask=pl.lit(2, pl.Int64).pow(pl.col("bit").unique()).sum().cast(pl.Int64))
    mask = pl.col("info_code_kind").replace_strict(dict(masks.rows()), default=None, return_dtype=pl.Int64)
    return rules.found(
        rows,
        "V22",
        (pl.col("info_code") & mask) != 0,
        register=pl.lit("info_code"),
        reason=pl.lit("The meter says that the flow is, or lately was, reversed."),
        evidence={"info_code": pl.col("info_code"), "info_code_kind": pl.col("info_code_kind")},
        kind=pl.lit("REVERSE_CODE"),
        series=("meter_id",),
    )


def judge_events(events: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Names the events of registers that somebody has to look at (V05, V14, V22, V24).

    Args:
        events: Rows of ``register_events`` with the columns of scopes: ``medium``, ``source``, ``role``, groups.
        rules: The rules.

    Returns:
        Findings. Consumption across V05 and V24 is unknown whatever their severity.
    """
    kind, before, after = pl.col("kind"), pl.col("before"), pl.col("after")
    moved = {"before": before.cast(pl.String), "after": after.cast(pl.String)}
    told = {
        "V05": (kind.is_in(UNEXPLAINED), phrase("The register fell from {} to {}.", before, after)),
        "V14": (kind == "UNIT_CHANGE", pl.lit("The register's resolution differs from before.")),
        "V22": (kind == "REVERSE", phrase("The register ran back from {} to {}.", before, after)),
        "V24": (
            (kind == "EXCHANGE") & pl.col("correction").is_null(),
            pl.lit("Another meter follows, and its first register is not known."),
        ),
    }
    return findings(
        *(
            rules.found(events, rule, condition, reason=reason, evidence=moved, kind=kind)
            for rule, (condition, reason) in told.items()
        )
    )


def judge_inactive(steps: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Finds meters that count though they are installed nowhere (V20).

    Args:
        steps: As :func:`~warehouse.transforms.validation.inputs.steps` gives them, of times without installation.
        rules: The rules.

    Returns:
        Findings; their readings are in no consumption, whatever the severity.
    """
    rise = amount(pl.col("value") - pl.col("value_before"))
    counts = rise / pl.col("count")
    return rules.found(
        steps,
        "V20",
        pl.col("metering_point").is_null() & (counts > rules.parameter("V20", "counts")),
        reason=phrase("The meter is installed nowhere, and counted {} since its last reading.", rise),
        evidence={"rise": rise, "counts": counts},
        series=_SERIES,
    )
