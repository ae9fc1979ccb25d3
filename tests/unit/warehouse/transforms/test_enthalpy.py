"""Vectors of IAPWS-IF97 at 16 bar, and of meters whose telegrams are published."""

import polars as pl
import pytest

from warehouse.transforms.enthalpy import density, device_type, enthalpy, heat_coefficient


def k(flow: float, back: float, *, is_inlet: bool) -> float | None:
    found = pl.select(heat_coefficient(pl.lit(flow), pl.lit(back), is_inlet=pl.lit(is_inlet))).item()
    return None if found is None else float(found)


@pytest.mark.parametrize(
    ("flow", "back", "inlet", "outlet"),
    [
        (70, 30, 1.13540, 1.15615),
        (90, 50, 1.12329, 1.14969),
        (60, 30, 1.14129, 1.15574),
        (95, 45, 1.11953, 1.15243),
        (6, 12, 1.16508, 1.16454),
    ],
)
def test_the_heat_coefficient_is_that_of_the_standard(flow: float, back: float, inlet: float, outlet: float) -> None:
    assert k(flow, back, is_inlet=True) == pytest.approx(inlet, rel=2e-4)
    assert k(flow, back, is_inlet=False) == pytest.approx(outlet, rel=2e-4)


def test_water_at_twenty_degrees() -> None:
    found = pl.select(density(pl.lit(20.0)).alias("density"), enthalpy(pl.lit(20.0)).alias("enthalpy"))
    assert found.row(0) == pytest.approx((998.9, 85.4), abs=0.1)


@pytest.mark.parametrize(("flow", "back"), [(200.0, 50.0), (70.0, -3.0), (50.0, 50.0), (50.05, 50.0)])
def test_there_is_no_coefficient_beyond_the_fit_or_without_a_difference(flow: float, back: float) -> None:
    assert k(flow, back, is_inlet=True) is None


def test_a_meters_name_tells_its_device_type() -> None:
    assert pl.select(device_type(pl.lit("KAM-91234567-1B-0C"))).item() == "0c"
