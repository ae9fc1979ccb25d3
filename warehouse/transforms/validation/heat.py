"""Heat: V15, energy against volume and temperatures. V16 and V17 look at gauges of single readings."""

import polars as pl

from warehouse.phrases import phrase
from warehouse.transforms.enthalpy import INLET_TYPES, device_type, heat_coefficient
from warehouse.transforms.validation.rules import Rules


def judge_energy(days: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Compares heat with what volume and mean temperatures give (V15, §7.4).

    Args:
        days: One row per point and period with the columns of scopes, ``at``, and the differences of the registers
            ``volume_m3``, ``energy_kwh``, ``cooling_energy_kwh`` (null counts as none), ``volume_temp_flow_m3c`` and
            ``volume_temp_return_m3c`` (doubles), ``count`` (one count of energy, kWh) and
            ``count_vt`` (one count of volume times temperature, m3*degC).
        rules: The rules.

    Returns:
        Findings; periods with less heat than ``least_counts`` are not judged (§2.7).
    """
    volume = pl.col("volume_m3")
    flow, back = pl.col("volume_temp_flow_m3c") / volume, pl.col("volume_temp_return_m3c") / volume
    k = heat_coefficient(flow, back, is_inlet=device_type(pl.col("meter_id")).is_in(INLET_TYPES))
    carried = k * (pl.col("volume_temp_flow_m3c") - pl.col("volume_temp_return_m3c"))
    metered = pl.col("energy_kwh") - pl.col("cooling_energy_kwh").fill_null(0.0)
    tolerance = pl.max_horizontal(
        rules.parameter("V15", "counts") * pl.col("count"), rules.parameter("V15", "share") * metered.abs()
    )
    # Either sum of volume times temperature may be one count off (§7.1).
    tolerance += 2 * k * pl.col("count_vt")
    enough = pl.max_horizontal(metered.abs(), carried.abs()) >= rules.parameter("V15", "least_counts") * pl.col("count")
    return rules.found(
        days,
        "V15",
        enough & (volume > 0) & ((metered - carried).abs() > tolerance),
        register=pl.lit("energy_kwh"),
        reason=phrase("Metered {} kWh; volume and temperatures give {} kWh.", metered, carried.round(3)),
        evidence={"metered_kwh": metered, "carried_kwh": carried, "k": k, "flow_c": flow, "return_c": back},
    )
