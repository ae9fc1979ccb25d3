"""Vectors of Skive's published tariff; caps and rounding."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from warehouse.policies import MotivationTariffPolicy, PolicyError, read_policy, shipped_document
from warehouse.transforms.motivation_tariff import Tariff, expected_tenths, mean_tenths, tariff

SKIVE = Tariff(
    expected=((Decimal(60), Decimal("39.1")), (Decimal(68), Decimal("40.7")), (Decimal(80), Decimal("43.1"))),
    neutral_k=Decimal(5),
    discount_percent_per_k=Decimal(2),
    surcharge_percent_per_k=Decimal(1),
    largest_discount_percent=Decimal(14),
    largest_surcharge_percent=Decimal(25),
    price_per_mwh=Decimal(545),
)


def bill(supply: int | None, back: int | None, kwh: int | None = 18_000, terms: Tariff = SKIVE) -> dict[str, Any]:
    energy = None if kwh is None else kwh * 1_000_000
    columns = ("supply_tenths", "return_tenths", "energy_millionths")
    years = pl.DataFrame({name: [value] for name, value in zip(columns, (supply, back, energy), strict=True)})
    return tariff(years.cast(pl.Int64), terms).row(0, named=True)


@pytest.mark.parametrize(
    ("back", "amount", "whole"), [(380, "-529.74", -530), (430, "0.00", 0), (480, "716.13", 716), (407, "0.00", 0)]
)
def test_discount_neutral_zone_and_surcharge(back: int, amount: str, whole: int) -> None:
    found = bill(680, back)
    assert found["amount"] == Decimal(amount)
    assert round(found["amount"]) == whole
    assert found["expected_c"] == Decimal("40.7")
    assert found["deviation_k"] == Decimal(back - 407) / 10


def test_the_neutral_zone_ends_above_its_last_tenth() -> None:
    assert bill(680, 457)["amount"] == 0
    assert bill(680, 458)["percent"] == Decimal("5.1")


def test_discount_and_surcharge_are_capped() -> None:
    assert bill(680, 200)["percent"] == -14
    assert bill(680, 800)["percent"] == 25
    assert bill(680, 800)["amount"] == Decimal("2452.50")


def test_amounts_are_rounded_once_and_alike_on_both_sides() -> None:
    terms = replace(SKIVE, discount_percent_per_k=Decimal(1), neutral_k=Decimal(0), price_per_mwh=Decimal("0.50"))
    assert bill(680, 397, 1000, terms)["amount"] == Decimal("-0.01")
    assert bill(680, 417, 1000, terms)["amount"] == Decimal("0.01")


@pytest.mark.parametrize("missing", [(None, 400, 1), (680, None, 1), (680, 400, None)])
def test_nothing_is_said_without_temperatures_or_energy(missing: tuple[int | None, int | None, int | None]) -> None:
    assert bill(*missing)["amount"] is None


@pytest.mark.parametrize(
    ("supply", "expected"), [(500, 391), (600, 391), (640, 399), (645, 400), (680, 407), (740, 419), (900, 431)]
)
def test_expected_returns_lie_on_the_line_and_stay_at_the_ends(supply: int, expected: int) -> None:
    assert pl.select(expected_tenths(pl.lit(supply), SKIVE.expected)).item() == expected


def test_mean_temperatures_are_whole_tenths() -> None:
    million = 1_000_000
    sums = pl.DataFrame({"vt": [28113 * million, 10, -10, 5], "v": [297_390_000, 40, 40, 0]})
    assert sums.select(mean_tenths(pl.col("vt"), pl.col("v"))).to_series().to_list() == [945, 3, -2, None]


def test_the_shipped_policy_reckons_nothing_before_a_price_is_named() -> None:
    shipped = read_policy("motivation_tariff", shipped_document("motivation_tariff"))
    assert isinstance(shipped, MotivationTariffPolicy)
    with pytest.raises(PolicyError, match="names no price_per_mwh"):
        shipped.terms()
    priced = read_policy(
        "motivation_tariff", shipped_document("motivation_tariff").replace("price_per_mwh: null", "price_per_mwh: 545")
    )
    assert isinstance(priced, MotivationTariffPolicy)
    assert priced.terms() == SKIVE


@pytest.mark.parametrize("change", [("supply_c: 80", "supply_c: 60"), ("neutral_k: 5", "neutral_k: 5.25")])
def test_a_tariff_that_makes_no_sense_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(PolicyError, match="not understood"):
        read_policy("motivation_tariff", shipped_document("motivation_tariff").replace(*change))
