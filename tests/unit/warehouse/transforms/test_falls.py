from datetime import date, timedelta

import polars as pl
import pytest

from tests.unit.warehouse.transforms.metering import (
    HOURLY,
    LONG_AGO,
    METER,
    NEXT_METER,
    REVERSIBLE_METER,
    at,
    column,
    exchanged,
    figures,
    installed,
    readings,
)
from warehouse.transforms.consumption import Figures, Policy

DAY = date(2025, 6, 1)


def course(*values: str | None, meter: str = METER, **options: object) -> pl.DataFrame:
    """Readings on the hour from midnight."""
    rows = [(at("06-01 00:00") + timedelta(hours=hour), value) for hour, value in enumerate(values)]
    return readings([row for row in rows if row[1] is not None], meter, **options)  # type: ignore[arg-type]


def events(figures: Figures) -> list[tuple[str, int, str | None]]:
    """Kind, hour and correction."""
    rows = figures.events.select("kind", pl.col("at").dt.hour(), "correction").sort("at").rows()
    return [(kind, hour, None if number is None else f"{number.normalize():f}") for kind, hour, number in rows]


def test_a_rising_register_has_no_events() -> None:
    result = figures(course("1", "1", "2.5"), DAY)
    assert result.events.is_empty()
    assert column(result.hourly, "consumption") == ["0", "1.5"]


def test_roll_over() -> None:
    result = figures(course("99999.700", "99999.800", "0.350", "0.400"), DAY)
    assert column(result.hourly, "consumption")[:3] == ["0.1", "0.55", "0.05"]
    assert events(result) == [("ROLLOVER", 2, "100000")]
    assert result.events.select("before", "after", "meter_id").row(0)[2] == METER


def test_roll_over_between_two_hours_is_interpolated_along_the_continued_register() -> None:
    rows = readings([(at("06-01 00:30"), "99999.800"), (at("06-01 01:30"), "0.350"), (at("06-01 02:30"), "0.450")])
    result = figures(rows, DAY)
    assert column(result.hourly, "register_end") == ["100000.075", "0.4"]
    assert column(result.hourly, "consumption")[1] == "0.325"


def test_no_roll_over_without_known_digits() -> None:
    unknown = course("99999.70", "99999.80", "0.35", "0.40", layout="ten litres")
    result = figures(unknown, DAY)
    assert events(result) == [("RESET", 2, None)]
    told = Policy(expected_interval=timedelta(hours=1), digits={("KAM-1b-16", "volume_m3"): 7})
    assert events(figures(unknown, DAY, policy=told)) == [("ROLLOVER", 2, "100000")]


def test_no_roll_over_that_is_not_plausible() -> None:
    result = figures(course("99980.000", "99980.000", "5.000", "6.000"), DAY)
    assert events(result) == [("RESET", 2, None)]
    assert column(result.hourly, "consumption")[:3] == ["0", None, "1"]


def test_no_roll_over_from_the_middle_of_the_register() -> None:
    result = figures(course("84.000", "85.000", "5.000", "6.000", layout="litres, short"), DAY)
    assert events(result) == [("UNEXPLAINED_FALL", 2, None)]


def test_a_register_beyond_its_capacity_did_not_roll_over() -> None:
    result = figures(course("100000.400", "100000.500", "0.300", "0.400"), DAY)
    assert events(result) == [("RESET", 2, None)]


def test_spike_down_is_ignored() -> None:
    result = figures(course("10.000", "7.000", "10.200"), DAY)
    assert events(result) == [("SPIKE_DOWN", 1, "0")]
    assert column(result.hourly, "consumption")[:2] == ["0.1", "0.1"]
    assert column(result.hourly, "end_quality")[0] == "I"
    assert column(result.daily, "quality") == ["N"]


def test_spike_up_is_ignored() -> None:
    result = figures(course("10.000", "90.000", "10.200", "10.300"), DAY)
    assert events(result) == [("SPIKE_UP", 1, "0")]
    assert result.events.select("before", "after").cast(pl.Float64).row(0) == (10, 90)
    assert column(result.hourly, "consumption")[:3] == ["0.1", "0.1", "0.1"]


def test_a_spike_needs_a_plausible_way_past_it() -> None:
    # 30 m³ in two hours are more than 10 m³/h and a quarter.
    result = figures(course("10.000", "7.000", "40.000"), DAY)
    assert events(result) == [("UNEXPLAINED_FALL", 1, None)]
    assert column(result.hourly, "consumption")[:2] == [None, "33"]


def test_a_rejected_reading_is_no_evidence_against_another() -> None:
    result = figures(course("100.000", "45.000", "100.100", "50.000", "50.100"), DAY)
    assert events(result) == [("SPIKE_DOWN", 1, "0"), ("UNEXPLAINED_FALL", 3, None)]


def test_reset() -> None:
    result = figures(course("10.000", "10.500", "0.000", "0.200"), DAY)
    assert events(result) == [("RESET", 2, None)]
    assert column(result.hourly, "consumption")[:3] == ["0.5", None, "0.2"]
    assert column(result.hourly, "quality")[:3] == ["M", "N", "M"]


def test_a_register_that_falls_on_was_not_reset() -> None:
    result = figures(course("10.000", "10.500", "0.050", "0.010"), DAY)
    assert events(result) == [("UNEXPLAINED_FALL", 2, None), ("UNEXPLAINED_FALL", 3, None)]


def test_nothing_is_interpolated_into_a_reset() -> None:
    rows = readings([(at("06-01 00:30"), "10"), (at("06-01 02:30"), "0"), (at("06-01 03:30"), "1")])
    result = figures(rows, DAY)
    assert column(result.hourly, "register_end") == [None, None, "0.5"]


def test_unexplained_fall() -> None:
    result = figures(course("10.000", "10.500", "4.000", "4.200"), DAY)
    assert events(result) == [("UNEXPLAINED_FALL", 2, None)]
    assert column(result.hourly, "consumption")[:3] == ["0.5", None, "0.2"]


def test_reverse_flow_stays_signed() -> None:
    flows_back = course("10.000", "10.500", "10.300", "10.200", "10.250", meter=REVERSIBLE_METER)
    result = figures(flows_back, DAY)
    assert events(result) == [("REVERSE", 2, "0"), ("REVERSE", 3, "0")]
    assert column(result.hourly, "consumption")[:4] == ["0.5", "-0.2", "-0.1", "0.05"]


def test_a_meter_whose_legal_register_never_falls_does_not_run_backwards() -> None:
    result = figures(course("10.000", "10.500", "10.300", "10.200", "10.250"), DAY)
    assert events(result) == [("SPIKE_UP", 1, "0"), ("UNEXPLAINED_FALL", 3, None)]


def test_reverse_flow_has_a_limit() -> None:
    result = figures(course("10.000", "10.500", "9.000", "9.100", meter=REVERSIBLE_METER), DAY)
    assert events(result) == [("UNEXPLAINED_FALL", 2, None)]


def test_reverse_flow_does_not_go_on_for_days() -> None:
    rows = readings([(at("05-22 01:00"), "200.000"), (at("06-01 01:00"), "100.000")], REVERSIBLE_METER)
    assert events(figures(rows, DAY)) == [("UNEXPLAINED_FALL", 1, None)]
    rows = readings([(at("05-22 01:00"), "200.000"), (at("06-01 01:00"), "180.000")], REVERSIBLE_METER)
    assert events(figures(rows, DAY)) == [("REVERSE", 1, "0")]


def test_the_register_read_at_an_exchange_discredits_no_reading() -> None:
    when = at("06-01 02:30")
    result = figures(
        course("11.000", "11.100", "11.200"),
        DAY,
        installations=installed((METER, LONG_AGO, when), (NEXT_METER, when, None)),
        exchanges=exchanged(when, "11.150", "0"),
    )
    assert result.events["kind"].to_list() == ["EXCHANGE", "UNEXPLAINED_FALL"]
    assert column(result.hourly, "consumption") == ["0.1", "0.1"]


def test_a_register_without_a_rate_is_never_plausible() -> None:
    policy = Policy(expected_interval=timedelta(hours=1), largest_rates={})
    result = figures(course("10.000", "7.000", "10.200"), DAY, policy=policy)
    assert events(result) == [("UNEXPLAINED_FALL", 1, None)]


def test_a_reading_the_meter_made_earlier_is_stale() -> None:
    late = {at("06-01 02:00"): at("06-01 00:10")}
    result = figures(course("10.000", "11.000", "10.100", device_times=late), DAY)
    assert events(result) == [("OUT_OF_ORDER", 2, "0")]
    # With the next reading below it, too, the clock went back together with the register: that is no stale reading.
    result = figures(course("10.000", "11.000", "0.000", "0.100", device_times=late), DAY)
    assert events(result) == [("RESET", 2, None)]


@pytest.mark.parametrize("finer", [True, False])
def test_a_new_resolution_continues_the_series(finer: bool) -> None:
    coarse = course("10.00", "10.12", layout="ten litres")
    fine = course(None, None, "10.119", "10.200")
    if not finer:
        fine = course("10.00", "10.129")
        coarse = course(None, None, "10.12", "10.20", layout="ten litres")
    result = figures(pl.concat([coarse, fine]), DAY)
    assert events(result) == [("UNIT_CHANGE", 2, "0")]
    assert sum(map(float, column(result.hourly, "consumption")[:3])) == pytest.approx(0.2)


def test_each_meter_is_judged_by_itself() -> None:
    one, other = course("10.000", "11.000"), course("3.000", "4.000", meter=REVERSIBLE_METER)
    points = pl.concat([installed((METER, LONG_AGO, None)), installed((REVERSIBLE_METER, LONG_AGO, None), point="P2")])
    result = figures(pl.concat([one, other]), DAY, installations=points, policy=HOURLY)
    assert result.events.is_empty()
    assert column(result.hourly, "consumption") == ["1", "1"]
